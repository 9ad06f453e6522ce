"""The concept "Loss surfaces and optimizers": claims, measurements against theory, and the script."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from page_scripts import printed
from strategies import NASTY, settings_of

from dlviz import catalog
from dlviz.concepts.loss_surfaces import descents, experiment, race, rates, scene
from dlviz.concepts.loss_surfaces.convergence import contraction, slowest_excess, theoretical_contraction
from dlviz.concepts.loss_surfaces.noise import noise_floor
from dlviz.concepts.loss_surfaces.settings import SWITCHES, OptimizerName, Settings, SurfaceName
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.links import unpack
from dlviz.provenance import read_settings, settings_json

FIGURES = catalog.concepts()["loss_surfaces"].figures.FIGURES
PRESETS = {preset.name: preset for preset in experiment.PRESETS}
ALL = OptimizerName.__args__


def test_a_claim_fails_where_the_phenomenon_is_absent():
    settings = PRESETS["below_limit"].settings.model_copy(update={"learning_rate": 0.22})
    assert not race.converges(experiment.run(settings)).holds
    settings = PRESETS["above_limit"].settings.model_copy(update={"learning_rate": 0.18})
    assert not race.diverges(experiment.run(settings)).holds


@pytest.mark.parametrize("surface", SurfaceName.__args__)
def test_every_optimizer_runs_on_every_surface(surface):
    result = experiment.run(Settings(surface=surface, optimizers=ALL, steps=20, learning_rate=0.001))
    assert [run.optimizer for run in result.race.descents] == list(ALL)
    for run in result.race.descents:
        assert run.w.shape == (21, 1, 2) and run.loss.shape == (21, 1)
        assert np.allclose(run.w[0, 0], result.race.start)
        assert np.isclose(run.loss[0, 0], result.race.start_loss, rtol=1e-9)


def test_equal_settings_give_equal_numbers():
    settings = Settings(surface="Breast cancer", optimizers=("SGD", "Adam"), stochastic_all=True, repeats=5, steps=50)
    first = experiment.run(settings)
    descents._descend.forget()
    second = experiment.run(settings)
    assert first.race.descents[0].w is not second.race.descents[0].w
    for one, other in zip(first.race.descents, second.race.descents, strict=True):
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
        times.append(race.escape_steps(experiment.run(settings).race)[0])
    slope = np.polyfit(-np.log(offsets), times, 1)[0]
    assert slope == pytest.approx(1 / np.log1p(2 * rate), rel=0.02)


@pytest.mark.parametrize(("rate", "batch"), [(0.2, 8), (0.2, 4), (0.3, 8), (0.3, 16)])
def test_sgd_noise_ball_has_the_predicted_size(rate, batch):
    settings = PRESETS["noise_ball"].settings.model_copy(
        update={"learning_rate": rate, "batch_size": batch, "steps": 1000}
    )
    measured, theory = noise_floor(experiment.run(settings).race)
    assert measured == pytest.approx(theory, rel=0.1)


def test_noise_ball_grows_with_rate_over_batch():
    base = PRESETS["noise_ball"].settings
    floors = [
        noise_floor(experiment.run(base.model_copy(update={"learning_rate": rate, "batch_size": batch})).race)[0]
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
    found = experiment.run(settings).race
    (run,) = found.descents
    assert contraction(found, run) == pytest.approx(theoretical_contraction(found, run), rel=0.01)


@pytest.mark.parametrize("rate", [0.02, 0.15, 0.19])
def test_the_excess_loss_of_gd_tends_to_its_slowest_part(rate):
    result = experiment.run(Settings(surface="Quadratic", optimizers=("GD",), learning_rate=rate, steps=100))
    (run,) = result.race.descents
    slowest = slowest_excess(result.race, run)
    assert (run.loss[:, 0] >= slowest * (1 - 1e-9)).all()
    assert run.loss[-1, 0] == pytest.approx(slowest[-1], rel=0.01)


def test_tuning_takes_the_best_rate_of_the_grid_and_changes_nothing_else():
    settings = Settings(
        surface="Rosenbrock", optimizers=("GD", "Adam"), tuned=True, panels=("Learning-rate sensitivity",)
    )
    result = experiment.run(settings)
    for run in result.race.descents:
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
    assert all(run.rate in rates.RATE_GRID for run in result.race.descents)


ALL_PANELS = Settings(
    panels=Settings.options("panels"), surface="Breast cancer", optimizers=("SGD", "Adam"), stochastic_all=True,
    repeats=3, steps=20, basin_resolution=16, basin_steps=10,
)  # fmt: skip


@pytest.mark.parametrize("tuned", [False, True])
def test_a_panel_shows_what_the_race_has_alone_and_what_another_panel_has(tuned):
    """So neither a panel nor what is kept of an earlier run changes a number of another."""
    together = experiment.run(ALL_PANELS.model_copy(update={"tuned": tuned, "basin_optimizer": "Adam"}))
    assert together.basins.rate == together.race.of("Adam").rate
    for panels in ((), *((name,) for name in Settings.options("panels"))):
        descents._descend.forget(), rates._scan.forget()
        alone = experiment.run(together.settings.model_copy(update={"panels": panels}))
        for one, other in zip(alone.race.descents, together.race.descents, strict=True):
            assert one.rate == other.rate and np.array_equal(one.w, other.w, equal_nan=True)
        assert (alone.inside is not None) == ("Inside the rule" in panels)
        if alone.inside is not None:
            run = together.race.of(together.inside.optimizer)
            assert alone.inside.rate == run.rate
            assert np.array_equal(alone.inside.gradient, together.inside.gradient, equal_nan=True)
            assert np.array_equal(alone.inside.step, np.abs(np.diff(run.w[:, 0], axis=0)), equal_nan=True)
        if alone.sensitivity is not None:
            for name, loss in alone.sensitivity.loss.items():
                assert np.array_equal(loss, together.sensitivity.loss[name], equal_nan=True)
        if alone.basins is not None:
            assert alone.basins.rate == together.basins.rate
            assert np.array_equal(alone.basins.minimum, together.basins.minimum)


def test_what_no_descent_depends_on_computes_none_again():
    kept = experiment.run(ALL_PANELS)
    for changed in ({"per_evaluation": True}, {"surface_3d": True}, {"basin_steps": 20}, {"basin_optimizer": "Lion"}):
        again = experiment.run(ALL_PANELS.model_copy(update=changed))
        assert again.race.descents is kept.race.descents and again.sensitivity is kept.sensitivity, changed
    other_rate = experiment.run(ALL_PANELS.model_copy(update={"learning_rate": 0.01, "repeats": 2}))
    assert other_rate.race.descents is not kept.race.descents and other_rate.sensitivity is kept.sensitivity


def test_a_formula_without_a_finite_value_is_refused_with_a_reason():
    with pytest.raises(ValueError, match="no finite value"):
        experiment.run(Settings(surface="Custom", expression="log(-1 - x^2 - y^2)"))


def test_basins_label_each_start_with_the_minimum_nearest_to_its_end():
    settings = Settings(
        surface="Himmelblau", panels=("Basins of attraction",), basin_optimizer="GD", learning_rate=0.01,
        basin_resolution=16,
    )  # fmt: skip
    result = experiment.run(settings)
    x_min, x_max, y_min, y_max = result.race.scene.domain
    row, column = 3, 12
    start = (x_min + (column + 0.5) / 16 * (x_max - x_min), y_min + (row + 0.5) / 16 * (y_max - y_min))
    single = experiment.run(
        Settings(
            surface="Himmelblau", optimizers=("GD",), learning_rate=0.01, start_x=start[0], start_y=start[1], steps=500
        )
    )
    distances = np.linalg.norm(result.race.scene.minima - single.race.descents[0].w[-1, 0], axis=1)
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
        for run in result.race.descents:
            assert run.left_at is None
            x, y, loss = (float(number) for number in numbers[run.optimizer].split())
            assert (x, y) == pytest.approx(run.w[-1, 0], rel=1e-7, abs=1e-9), (case, run.optimizer)
            assert loss == pytest.approx(run.loss[-1, 0], rel=1e-7, abs=1e-12), (case, run.optimizer)


@pytest.mark.parametrize("panels", [(), Settings.options("panels")], ids=["off", "on"])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_without_its_data(name, panels):
    """A figure that the settings did not ask for is a message, never a blank chart or an error."""
    result = experiment.run(Settings(optimizers=(), surface="Saddle", panels=panels))
    spec = FIGURES[name].draw([Run(result)], Look()).to_dict()
    assert spec["$schema"]
    assert FIGURES[name].alt(result, Look())


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
    assert experiment.run(chosen).race.scene.quadratic == quadratic
    if quadratic:
        ground = scene.surface_of(chosen)
        x, y = np.random.default_rng(0).normal(size=(2, 50))
        for part in ground.hessian(x, y):
            np.testing.assert_allclose(part, part[0], rtol=1e-12)


def test_the_regression_surfaces_are_quadratic_and_batches_are_looked_at_only_where_sgd_races():
    for surface, optimizers in (("Diabetes raw", ("GD",)), ("Diabetes standardised", ("GD", "SGD"))):
        result = experiment.run(Settings(surface=surface, optimizers=optimizers))
        assert result.race.scene.quadratic
        # It imports torch, which takes a second of the first visitor's time.
        assert (result.race.gradient_noise is not None) == ("SGD" in optimizers)


@pytest.mark.parametrize("text", ["1/sin(70x)/sin(70y)", "sin(99x)*sin(77y)", "tan(99x)*tan(99y)"])
def test_a_surface_folded_too_finely_for_isolines_is_drawn_and_says_so(text):
    result = experiment.run(Settings(surface="Custom", expression=text))
    spec = FIGURES["hero"].draw([Run(result)], Look()).to_dict()
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
    for run in result.race.descents:
        ends = np.where(run.diverged < 0, chosen.steps, run.diverged)
        for repeat, end in enumerate(ends):
            assert np.isfinite(run.w[: end if run.diverged[repeat] >= 0 else end + 1, repeat]).all()


TRUE, FALSE = ("true", "True", "1", "on", "yes", "t", "Y", True, 1), ("false", "0", "off", "No", "f", False, 0)


@pytest.mark.parametrize(
    ("given", "panels"),
    [
        *(({"inside": value}, ("Inside the rule",)) for value in TRUE),
        *(({"inside": value}, ()) for value in FALSE),
        ({"inside": "true", "basins": "true", "sensitivity": "1"}, Settings.options("panels")),
        ({"basins": "true", "inside": "false"}, ("Basins of attraction",)),
        ({"panels": "Basins of attraction", "inside": "1"}, ("Inside the rule", "Basins of attraction")),
        ({"panels": ["Inside the rule"], "inside": "1"}, ("Inside the rule",)),
        ({"panels": ["Inside the rule"], "inside": "0"}, ("Inside the rule",)),
        ({"panels": "", "sensitivity": "true"}, ("Learning-rate sensitivity",)),
    ],
)
def test_old_switches_are_the_panels_of_today(given, panels):
    assert Settings.lenient(given) == (Settings(panels=panels), [])
    link = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in given.items()}
    assert Settings.lenient(unpack(urlencode(link))) == (Settings(panels=panels), [])


def test_an_old_settings_file_opens_with_its_pinned_run():
    own = Settings(panels=("Inside the rule", "Basins of attraction"), inside_optimizer="GD", basin_resolution=32)
    pin = Settings(panels=("Learning-rate sensitivity",), steps=50)
    content = json.loads(settings_json("loss_surfaces", own, pin))
    for part in ("settings", "pin"):
        panels = content[part].pop("panels")
        content[part] |= {name: panel in panels for name, panel in SWITCHES.items()}
    _stem, values, pinned = read_settings(json.dumps(content).encode())
    assert values["basins"] is True and values["sensitivity"] is False and "panels" not in values
    assert Settings.lenient(values) == (own, [])
    assert Settings.lenient(pinned) == (pin, [])


@pytest.mark.parametrize("value", ["maybe", "", " true ", "2", 2, None, [], ["true", "false"], {}])
def test_an_old_switch_that_is_no_boolean_is_reported_and_the_rest_taken(value):
    settings_, rejected = Settings.lenient({"inside": value, "basins": "true", "steps": "50"})
    assert settings_ == Settings(panels=("Basins of attraction",), steps=50)
    assert [(item.name, item.given) for item in rejected] == [("inside", str(value))]


@given(st.dictionaries(st.sampled_from([*SWITCHES, "panels", "steps"]), NASTY))
def test_whatever_stands_in_an_old_link_opens(given_):
    chosen, _rejected = Settings.lenient(given_)
    assert Settings(**dict(chosen)) == chosen
