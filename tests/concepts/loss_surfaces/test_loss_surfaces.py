"""The concept "Loss surfaces and optimizers": claims, measurements against theory, and the script."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from page_scripts import printed
from strategies import settings_of

from dlviz.concepts.loss_surfaces import experiment, figures, measure, presets
from dlviz.concepts.loss_surfaces.settings import OptimizerName, Settings, SurfaceName
from dlviz.drawing.grammar.theme import Look
from dlviz.provenance import read_settings, settings_json

PRESETS = {preset.name: preset for preset in experiment.PRESETS}
ALL = OptimizerName.__args__


def test_a_claim_fails_where_the_phenomenon_is_absent():
    settings = PRESETS["below_limit"].settings.model_copy(update={"learning_rate": 0.22})
    assert not presets.converges(experiment.run(settings)).holds
    settings = PRESETS["above_limit"].settings.model_copy(update={"learning_rate": 0.18})
    assert not presets.diverges(experiment.run(settings)).holds


@pytest.mark.parametrize("surface", SurfaceName.__args__)
def test_every_optimizer_runs_on_every_surface(surface):
    result = experiment.run(Settings(surface=surface, optimizers=ALL, steps=20, learning_rate=0.001))
    assert [run.optimizer for run in result.runs] == list(ALL)
    for run in result.runs:
        assert run.w.shape == (21, 1, 2) and run.loss.shape == (21, 1)
        assert np.allclose(run.w[0, 0], result.start)
        assert np.isclose(run.loss[0, 0], result.start_loss, rtol=1e-9)


def test_equal_settings_give_equal_numbers():
    settings = Settings(surface="Breast cancer", optimizers=("SGD", "Adam"), stochastic_all=True, repeats=5, steps=50)
    first, second = experiment.run(settings), experiment.run(settings)
    for one, other in zip(first.runs, second.runs, strict=True):
        assert np.array_equal(one.w, other.w)


def test_settings_survive_the_file_that_the_export_panel_writes():
    settings = PRESETS["saddle"].settings
    pin = Settings(steps=50)
    stem, values, pinned = read_settings(settings_json("loss_surfaces", settings, pin))
    assert stem == "loss_surfaces"
    assert Settings(**values) == settings
    assert Settings(**pinned) == pin


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_saddle_escape_time_grows_with_minus_log_of_the_offset(rate):
    offsets = np.array([1e-2, 1e-4, 1e-6, 1e-8])
    times = []
    for offset in offsets:
        settings = Settings(surface="Saddle", optimizers=("GD",), start_y=offset, learning_rate=rate, steps=1000)
        times.append(presets.escape_steps(experiment.run(settings))[0])
    slope = np.polyfit(-np.log(offsets), times, 1)[0]
    assert slope == pytest.approx(1 / np.log1p(2 * rate), rel=0.02)


@pytest.mark.parametrize(("rate", "batch"), [(0.2, 8), (0.2, 4), (0.3, 8), (0.3, 16)])
def test_sgd_noise_ball_has_the_predicted_size(rate, batch):
    settings = PRESETS["noise_ball"].settings.model_copy(
        update={"learning_rate": rate, "batch_size": batch, "steps": 1000}
    )
    measured, theory = measure.noise_floor(experiment.run(settings))
    assert measured == pytest.approx(theory, rel=0.1)


def test_noise_ball_grows_with_rate_over_batch():
    base = PRESETS["noise_ball"].settings
    floors = [
        measure.noise_floor(experiment.run(base.model_copy(update={"learning_rate": rate, "batch_size": batch})))[0]
        for rate, batch in [(0.05, 32), (0.1, 32), (0.1, 16), (0.1, 8), (0.2, 8)]
    ]
    assert floors == sorted(floors) and floors[-1] > 8 * floors[0]


@pytest.mark.parametrize("condition", [5.0, 50.0])
@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_momentum_contracts_by_the_spectral_radius_of_its_iteration_matrix(condition, beta):
    settings = Settings(
        surface="Quadratic", condition=condition, optimizers=("Momentum",), learning_rate=0.5 / condition,
        momentum_momentum=beta, steps=1000,
    )  # fmt: skip
    result = experiment.run(settings)
    (run,) = result.runs
    assert measure.contraction(result, run) == pytest.approx(measure.theoretical_contraction(result, run), rel=0.01)


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.19])
def test_the_excess_loss_of_gd_tends_to_its_slowest_part(rate):
    result = experiment.run(Settings(surface="Quadratic", optimizers=("GD",), learning_rate=rate, steps=100))
    (run,) = result.runs
    slowest = measure.slowest_excess(result, run)
    assert (run.loss[:, 0] >= slowest * (1 - 1e-9)).all()
    assert run.loss[-1, 0] == pytest.approx(slowest[-1], rel=0.01)


def test_tuning_takes_the_best_rate_of_the_grid_and_changes_nothing_else():
    settings = Settings(surface="Rosenbrock", optimizers=("GD", "Adam"), tuned=True, sensitivity=True)
    result = experiment.run(settings)
    for run in result.runs:
        assert run.rate == result.sensitivity.best(run.optimizer)
        index = list(result.sensitivity.rates).index(run.rate)
        assert run.final_loss == pytest.approx(result.sensitivity.loss[run.optimizer][index], rel=1e-12)


def test_only_a_rate_that_was_not_found_is_said_to_be_missing():
    hopeless = Settings(surface="Custom", expression="10^12*(x^2 + y^2)", optimizers=("GD", "Adam"), tuned=True)
    keys = {note.key: note.values for note in experiment.notice(experiment.run(hopeless))}
    assert keys["not_tuned"]["optimizer"] == "GD"
    assert "GD" not in keys.get("tuned", {"rates": ""})["rates"]
    noisy = PRESETS["noise_ball"].settings.model_copy(update={"tuned": True, "batch_size": 1})
    result = experiment.run(noisy)
    assert "not_tuned" not in {note.key for note in experiment.notice(result)}
    assert all(run.rate in measure.RATE_GRID for run in result.runs)


def test_a_formula_without_a_finite_value_is_refused_with_a_reason():
    with pytest.raises(ValueError, match="no finite value"):
        experiment.run(Settings(surface="Custom", expression="log(-1 - x^2 - y^2)"))


def test_basins_label_each_start_with_the_minimum_nearest_to_its_end():
    settings = Settings(
        surface="Himmelblau", basins=True, basin_optimizer="GD", learning_rate=0.01, basin_resolution=16
    )
    result = experiment.run(settings)
    x_min, x_max, y_min, y_max = result.scene.domain
    row, column = 3, 12
    start = (x_min + (column + 0.5) / 16 * (x_max - x_min), y_min + (row + 0.5) / 16 * (y_max - y_min))
    single = experiment.run(
        Settings(
            surface="Himmelblau", optimizers=("GD",), learning_rate=0.01, start_x=start[0], start_y=start[1], steps=500
        )
    )
    distances = np.linalg.norm(result.scene.minima - single.runs[0].w[-1, 0], axis=1)
    assert result.basins.minimum[row, column] == distances.argmin()


CODE = {
    "default": Settings(),
    "every optimizer": Settings(surface="Himmelblau", optimizers=ALL, learning_rate=0.002),
    "no bias correction": PRESETS["bias_correction"].settings,
    "own rates": PRESETS["averaged_momentum"].settings,
    "tuned": Settings(surface="Rosenbrock", optimizers=("GD", "Adam"), tuned=True),
    "noise": Settings(
        surface="Himmelblau", optimizers=("GD", "SGD", "Adam"), noise=5.0, stochastic_all=True, learning_rate=0.01
    ),
    "typed": Settings(surface="Custom", expression="abs(x) + sqrt(1 + y^2) + exp(-x^2) * sin(pi*y)"),
    "mini-batches": Settings(
        surface="Diabetes standardised", optimizers=("GD", "SGD"), learning_rate=0.1, batch_size=16
    ),
    "raw regression": Settings(surface="Diabetes raw", optimizers=("GD", "Adam"), learning_rate=0.0005),
    "logistic": Settings(surface="Breast cancer", optimizers=("SGD", "Adam"), stochastic_all=True, batch_size=50),
    "network": Settings(surface="Digits network", optimizers=("GD", "SGD", "Adam"), learning_rate=0.05, steps=50),
}


def test_the_scripts_give_the_numbers_of_the_page_in_a_fresh_interpreter():
    results = {case: experiment.run(settings) for case, settings in CODE.items()}
    said = printed({case: experiment.code(result) for case, result in results.items()})
    for case, result in results.items():
        numbers = dict(line.rsplit(":", 1) for line in said[case])
        for run in result.runs:
            assert run.left_at is None
            x, y, loss = (float(number) for number in numbers[run.optimizer].split())
            assert (x, y) == pytest.approx(run.w[-1, 0], rel=1e-7, abs=1e-9), (case, run.optimizer)
            assert loss == pytest.approx(run.loss[-1, 0], rel=1e-7, abs=1e-12), (case, run.optimizer)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_draws_without_its_data(name):
    """A figure that the settings did not ask for is a message, never a blank chart or an error."""
    result = experiment.run(Settings(optimizers=(), inside=False))
    spec = figures.FIGURES[name].draw(result, Look()).to_dict()
    assert spec["$schema"]


@pytest.mark.parametrize(
    ("text", "quadratic"),
    [
        ("x^2 + 3x*y - y", True),
        ("(x + 2y)(x - y)/3 + (pi x - 1)^2", True),
        ("x - y", True),
        ("3", True),
        ("x^2*y", False),
        ("(x + y)^3", False),
        ("x^2 + 1/y", False),
        ("x^2 + abs(y)", False),
        ("sqrt(x^2)^2 + y^2", False),
        ("exp(x^2) + y^2", False),
        ("x^2 + sin(1e-9y)", False),
    ],
)
def test_a_quadratic_has_one_hessian_everywhere_and_nothing_else_is_taken_for_one(text, quadratic):
    chosen = Settings(surface="Custom", expression=text)
    assert experiment.run(chosen).scene.quadratic == quadratic
    if quadratic:
        ground = experiment._surface(chosen)
        x, y = np.random.default_rng(0).normal(size=(2, 50))
        for part in ground.hessian(x, y):
            np.testing.assert_allclose(part, part[0], rtol=1e-12)


def test_the_regression_surfaces_are_quadratic_and_batches_are_looked_at_only_where_sgd_races():
    for surface, optimizers in (("Diabetes raw", ("GD",)), ("Diabetes standardised", ("GD", "SGD"))):
        result = experiment.run(Settings(surface=surface, optimizers=optimizers))
        assert result.scene.quadratic
        # It imports torch, which takes a second of the first visitor's time.
        assert (result.gradient_noise is not None) == ("SGD" in optimizers)


@pytest.mark.parametrize("text", ["1/sin(70x)/sin(70y)", "sin(99x)*sin(77y)", "tan(99x)*tan(99y)"])
def test_a_surface_folded_too_finely_for_isolines_is_drawn_and_says_so(text):
    result = experiment.run(Settings(surface="Custom", expression=text))
    spec = figures.hero(result, Look()).to_dict()
    assert not spec["datasets"]["isolines"]
    assert "too finely" in str(spec["title"])


@given(settings_of("loss_surfaces"))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_path_is_finite_until_it_diverges(chosen):
    try:
        result = experiment.run(chosen)
    except ValueError as error:
        assert "finite" in str(error)
        return
    for run in result.runs:
        ends = np.where(run.diverged < 0, chosen.steps, run.diverged)
        for repeat, end in enumerate(ends):
            assert np.isfinite(run.w[: end if run.diverged[repeat] >= 0 else end + 1, repeat]).all()
