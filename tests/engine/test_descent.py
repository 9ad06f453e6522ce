"""Gradient descent of many runs: closed forms, divergence, randomness, basins."""

import numpy as np
import pytest
import torch

from dlviz.engine.descent import eager
from dlviz.engine.descent.descent import basins, descend, draw_batches, draw_noise, final_loss
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.optimizers import RULES
from dlviz.engine.surfaces.analytic import quadratic
from dlviz.engine.surfaces.named import surface

EXECUTORS = ("compiled", "torch")
both = pytest.mark.parametrize("executor", EXECUTORS)


# -- closed forms --------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("rate", "beta"), [(0.05, 0.9), (0.12, 0.5), (0.004, 0.0), (0.18, 0.95)])
def test_momentum_on_a_quadratic_follows_its_2x2_matrix(executor, rate, beta):
    # Along an eigenvector (Goh 2017): (m, w) -> (m, w) R^T with R = [[β, λ], [-ηβ, 1 - ηλ]].
    ground, steps = quadratic(10.0, 30.0), 200
    lanes = [Lanes(RULES["Momentum"], *ground.start, rate, {"momentum": beta})]
    (trace,) = descend(ground, lanes, steps, executor=executor)
    curvatures, axes = np.linalg.eigh([[float(h) for h in row] for row in _hessian(ground)])
    along = trace.w[:, 0] @ axes
    for axis, curvature in enumerate(curvatures):
        matrix = np.array([[beta, curvature], [-rate * beta, 1 - rate * curvature]])
        values, vectors = np.linalg.eig(matrix)
        parts = np.linalg.solve(vectors, np.array([0.0, along[0, axis]], dtype=complex))
        expected = ((values ** np.arange(steps + 1)[:, None]) * (vectors[1] * parts)).sum(1).real
        assert np.abs(along[:, axis] - expected).max() < 1e-10


def _hessian(ground):
    hxx, hxy, hyy = ground.hessian(np.zeros(1), np.zeros(1))
    return [[hxx[0], hxy[0]], [hxy[0], hyy[0]]]


@both
def test_gradient_descent_stands_or_falls_with_two_over_lambda_max(executor):
    ground = quadratic(25.0, 20.0)
    limit = 2 / ground.lambda_max
    lanes = [Lanes(RULES["GD"], *ground.start, np.array([0.99, 1.01]) * limit)]
    (final,) = final_loss(ground, lanes, 2000, executor=executor)
    assert final.diverged[0] == -1
    assert final.loss[0] < 1e-10
    assert final.diverged[1] > 0
    assert np.isnan(final.loss[1])


@both
def test_noise_gives_the_stationary_variance_of_a_quadratic(executor):
    # w' = (1 - ηλ)w - ησz has the variance η²σ²/(1 - (1 - ηλ)²) per eigenvector; here λ = 1 and 4.
    ground, count, rate, sigma = quadratic(4.0, 0.0), 8000, 0.1, 0.7
    noise = sigma * draw_noise(count, 150, seed=3)
    lanes = Lanes(RULES["SGD"], np.zeros(count), 0.0, rate, seed=np.arange(count), noisy=True)
    (trace,) = descend(ground, [lanes], 150, noise=noise, executor=executor)
    for axis, curvature in enumerate((1.0, 4.0)):
        expected = rate**2 * sigma**2 / (1 - (1 - rate * curvature) ** 2)
        # The standard error of a variance is sqrt(2/count) = 1.6 % of it: five of them.
        assert trace.w[-1, :, axis].var() == pytest.approx(expected, rel=0.08)
        assert abs(trace.w[-1, :, axis].mean()) < 5 * np.sqrt(expected / count)


# -- divergence ----------------------------------------------------------------------------------------------


@both
def test_a_diverged_lane_is_reported_and_frozen(executor):
    # On x² - y² with rate 1, y triples at every step: 0.5 · 3^t leaves 100 · 1.5 at t = 6; x flips sign.
    ground = surface("Saddle")
    lanes = [Lanes(RULES["GD"], np.array([1.0, 1.0]), np.array([0.5, 0.0]), 1.0)]
    (trace,) = descend(ground, lanes, 20, record_state=True, executor=executor)
    assert trace.diverged.tolist() == [6, -1]
    np.testing.assert_array_equal(trace.w[:7, 0, 1], 0.5 * 3.0 ** np.arange(7))
    assert np.isnan(trace.w[7:, 0]).all()
    assert np.isfinite(trace.loss[:7, 0]).all()
    assert np.isnan(trace.loss[7:, 0]).all()
    assert np.isfinite(trace.gradient[:6, 0]).all()
    assert np.isnan(trace.gradient[6:, 0]).all()
    np.testing.assert_array_equal(trace.w[:, 1, 0], (-1.0) ** np.arange(21))
    (final,) = final_loss(ground, lanes, 20, executor=executor)
    assert final.diverged.tolist() == [6, -1]
    assert np.isnan(final.loss[0])
    assert final.loss[1] == 1.0


@both
def test_leaving_at_the_last_step_and_at_the_start_count(executor):
    ground = surface("Saddle")
    lanes = [Lanes(RULES["GD"], 0.0, np.array([0.5, 1e6, np.nan]), 1.0)]
    (trace,) = descend(ground, lanes, 6, executor=executor)
    assert trace.diverged.tolist() == [6, 0, 0]
    assert np.isfinite(trace.w[:, 0]).all()
    assert trace.w[0, 1, 1] == 1e6
    assert np.isnan(trace.w[1:, 1:]).all()
    assert np.isnan(trace.w[0, 2]).all()


@both
@pytest.mark.parametrize("name", RULES)
def test_an_undefined_gradient_ends_a_run(executor, name):
    # sqrt(x) has no gradient at x < 0; the first step there makes the coordinate NaN, whatever the rule.
    ground = surface("Custom", expression="sqrt(x) + y^2")
    (trace,) = descend(ground, [Lanes(RULES[name], np.array([-1.0, 2.0]), 1.0, 1e-3)], 40, executor=executor)
    assert trace.diverged.tolist() == [1, -1]
    assert np.isnan(trace.w[1:, 0]).all()
    assert np.isfinite(trace.w[:, 1]).all()


# -- randomness ----------------------------------------------------------------------------------------------


def test_draws_are_reproducible_and_extendable():
    noise = draw_noise(4, 50, seed=7)
    assert noise.shape == (4, 50, 2)
    np.testing.assert_array_equal(noise, draw_noise(4, 50, seed=7))
    np.testing.assert_array_equal(noise[:2, :30], draw_noise(2, 30, seed=7))
    assert not np.array_equal(noise, draw_noise(4, 50, seed=8))
    assert np.abs(np.corrcoef(draw_noise(4, 5000).reshape(4, -1)) - np.eye(4)).max() < 0.05
    batches = draw_batches(100, 7, 3, 40, seed=7)
    assert batches.shape == (3, 40, 7)
    np.testing.assert_array_equal(batches[:1, :25], draw_batches(100, 7, 1, 25, seed=7))


@pytest.mark.parametrize(("size", "steps"), [(1, 250), (7, 45), (33, 10), (60, 5), (100, 3)])
def test_batches_are_epochs_without_replacement(size, steps):
    per_epoch = 100 // size
    for drawn in draw_batches(100, size, 2, steps, seed=1):
        for first in range(0, steps, per_epoch):
            seen = drawn[first : first + per_epoch].ravel()
            assert len(set(seen)) == len(seen)
            assert set(seen) <= set(range(100))
    if per_epoch > 1:
        assert not np.array_equal(drawn[0], drawn[per_epoch])


@both
def test_every_rule_sees_the_same_noise_and_exact_lanes_see_none(executor):
    ground = surface("Himmelblau")
    noise = 0.3 * draw_noise(2, 30)
    names = ("GD", "SGD", "Adam")
    lanes = [Lanes(RULES[n], *ground.start, 1e-3, seed=np.array([1, 0]), noisy=n != "GD") for n in names]
    for name, trace in zip(
        names, descend(ground, lanes, 30, noise=noise, record_state=True, executor=executor), strict=True
    ):
        exact = np.stack(ground.gradient(trace.w[:-1, :, 0], trace.w[:-1, :, 1]), axis=-1)
        seen = trace.gradient - exact
        np.testing.assert_allclose(seen, 0 if name == "GD" else noise[[1, 0]].transpose(1, 0, 2), atol=1e-11)


def test_mini_batches_equal_a_plain_torch_loop():
    ground, steps = surface("Diabetes standardised"), 60
    batches = draw_batches(ground.samples, 16, 2, steps, seed=5)
    lanes = [Lanes(RULES["Adam"], *ground.start, 0.5, seed=np.array([0, 1]), noisy=True), Lanes(RULES["GD"], 0, 0, 0.1)]
    noisy, exact = descend(ground, lanes, steps, batches=batches)
    inputs, targets = torch.tensor(ground.inputs), torch.tensor(ground.targets)
    for i in range(2):
        w = torch.nn.Parameter(torch.tensor(ground.start, dtype=torch.float64))
        optimizer = torch.optim.Adam([w], lr=0.5)
        for step in range(steps):
            rows = torch.from_numpy(batches[i, step])
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(w[0] * inputs[rows] + w[1], targets[rows]).backward()
            optimizer.step()
            np.testing.assert_allclose(noisy.w[step + 1, i], w.detach().numpy(), rtol=0, atol=1e-10)
    alone = descend(ground, [lanes[1]], steps, executor="compiled")[0]
    np.testing.assert_allclose(exact.w, alone.w, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["Diabetes raw", "Breast cancer"])
def test_a_batch_of_everything_is_gradient_descent(name):
    ground = surface(name)
    batches = draw_batches(ground.samples, ground.samples, 1, 40)
    whole = descend(ground, [Lanes(RULES["SGD"], *ground.start, 0.01, noisy=True)], 40, batches=batches)[0]
    exact = descend(ground, [Lanes(RULES["GD"], *ground.start, 0.01)], 40)[0]
    np.testing.assert_allclose(whole.w, exact.w, rtol=0, atol=1e-9)


# -- basins --------------------------------------------------------------------------------------------------


def plain_arrival(path, minima, tolerance, hold):
    """(minimum, step) by the definition, from one lane's path (T+1, 2)."""
    with np.errstate(invalid="ignore"):
        distance = np.nan_to_num(np.linalg.norm(path[:, None] - minima, axis=2), nan=np.inf)
    near = np.where(distance.min(1) <= tolerance, distance.argmin(1), -1)
    for step in range(len(path) - hold + 1):
        if near[step] >= 0 and (near[step : step + hold] == near[step]).all():
            return near[step], step
    return -1, None


@both
@pytest.mark.parametrize(
    ("name", "rule", "rate", "steps", "tolerance", "hold"),
    [
        ("Himmelblau", "Momentum", 0.01, 120, 0.3, 7),  # crosses minima before it stays; some lanes diverge
        ("Himmelblau", "Adam", 0.3, 57, 0.2, 10),  # steps are no multiple of hold
        ("Himmelblau", "GD", 0.01, 40, 0.1, 1),
        ("Himmelblau", "GD", 0.01, 30, 3.0, 5),  # tolerances overlap: the nearest counts
        ("Rastrigin", "RMSprop", 0.05, 60, 0.06, 4),
        ("Rosenbrock", "Nesterov", 0.004, 50, 0.2, 60),  # nothing can stay longer than it runs
    ],
)
def test_arrival_is_as_defined(executor, name, rule, rate, steps, tolerance, hold):
    ground = surface(name)
    x_min, x_max, y_min, y_max = ground.domain
    x, y = np.meshgrid(np.linspace(x_min, x_max, 17), np.linspace(y_min, y_max, 13))
    x[0, 0], y[0, 0] = ground.minima[0]  # starts where it ends
    arrival = basins(
        ground, RULES[rule], {}, rate, x, y, steps=steps, tolerance=tolerance, hold=hold, executor=executor
    )
    (trace,) = descend(ground, [Lanes(RULES[rule], x.ravel(), y.ravel(), rate)], steps, executor=executor)
    assert arrival.minimum.shape == x.shape
    counts = {"arrived": 0, "diverged": 0, "neither": 0}
    for i in range(x.size):
        minimum, step = plain_arrival(trace.w[:, i], ground.minima, tolerance, hold)
        diverged = trace.diverged[i]
        got = arrival.minimum.flat[i], arrival.steps.flat[i], arrival.diverged.flat[i]
        if minimum >= 0 and not 0 <= diverged < step + hold:
            kind, expected = "arrived", (minimum, step, -1)
        elif diverged >= 0:
            kind, expected = "diverged", (-1, diverged, diverged)
        else:
            kind, expected = "neither", (-1, steps, -1)
        counts[kind] += 1
        assert got == expected
    assert hold > steps or counts["arrived"] > 0
    assert name == "Rosenbrock" or arrival.steps[0, 0] == 0 or rule != "GD"


def test_arrival_does_not_depend_on_how_many_lanes_run_at_once(monkeypatch):
    ground = surface("Himmelblau")
    x, y = np.meshgrid(np.linspace(-5.5, 5.5, 15), np.linspace(-5.5, 5.5, 13))
    monkeypatch.setattr(eager, "SECONDS_A_STEP", 0.0)
    shares = []
    few = basins(
        ground, RULES["Adam"], {}, 0.1, x, y, steps=99, tolerance=0.1, progress=shares.append, executor="torch"
    )
    assert shares == sorted(shares)
    monkeypatch.setattr(eager, "SECONDS_A_STEP", 1.0)
    all_at_once = basins(ground, RULES["Adam"], {}, 0.1, x, y, steps=99, tolerance=0.1, executor="torch")
    np.testing.assert_array_equal(few.minimum, all_at_once.minimum)
    np.testing.assert_array_equal(few.steps, all_at_once.steps)


def test_basins_agree_between_executors_on_a_grid_of_many_blocks():
    ground = surface("Himmelblau")
    x, y = np.meshgrid(np.linspace(-5.5, 5.5, 61), np.linspace(-5.5, 5.5, 59))
    one, two = (basins(ground, RULES["Adam"], {}, 0.1, x, y, steps=300, tolerance=0.1, executor=e) for e in EXECUTORS)
    np.testing.assert_array_equal(one.minimum, two.minimum)
    np.testing.assert_array_equal(one.steps, two.steps)
    assert set(np.unique(one.minimum)) == {0, 1, 2, 3}


@both
def test_without_minima_nothing_arrives(executor):
    ground = surface("Saddle")
    arrival = basins(
        ground, RULES["GD"], {}, 0.1, np.zeros(3), np.array([0.0, 0.1, 1.0]), steps=50, tolerance=0.1, executor=executor
    )
    assert (arrival.minimum == -1).all()
    assert arrival.diverged[0] == -1
    assert (arrival.diverged[1:] > 0).all()


def test_basins_of_a_surface_made_from_data():
    ground = surface("Breast cancer")
    x, y = np.meshgrid(np.linspace(0, 4, 5), np.linspace(0, 3, 5))
    arrival = basins(ground, RULES["Adam"], {}, 0.2, x, y, steps=300, tolerance=0.1)
    assert (arrival.minimum == 0).all()
