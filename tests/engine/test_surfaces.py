"""Every surface: derivatives against finite differences, minima against the literature, NumPy against torch."""

import numpy as np
import pytest
import torch

from dlviz.engine.surfaces import table
from dlviz.engine.surfaces.analytic import FORMULAS, quadratic
from dlviz.engine.surfaces.minima import MARGIN
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.symbolic import FUNCTIONS, compile_many, numpy_namespace

ANALYTIC = ["Quadratic", *FORMULAS, "Diabetes raw", "Diabetes standardised", "Custom"]


def build(name):
    return quadratic(25.0, 30.0) if name == "Quadratic" else surface(name)


def inner_points(s, count, seed=0):
    """Random points of the domain as two arrays, none of them special."""
    x_min, x_max, y_min, y_max = s.domain
    share = np.random.default_rng(seed).uniform(size=(2, count))
    return x_min + share[0] * (x_max - x_min), y_min + share[1] * (y_max - y_min)


def steps(s):
    x_min, x_max, y_min, y_max = s.domain
    return 1e-5 * (x_max - x_min), 1e-5 * (y_max - y_min)


@pytest.mark.parametrize("name", table.NAMES)
def test_gradient_is_central_difference_of_value(name):
    s = build(name)
    x, y = inner_points(s, 200)
    hx, hy = steps(s)
    gx, gy = s.gradient(x, y)
    nx = (s.value(x + hx, y) - s.value(x - hx, y)) / (2 * hx)
    ny = (s.value(x, y + hy) - s.value(x, y - hy)) / (2 * hy)
    # The error is h^2 f'''/6 + eps f/h; both are small against the largest slope of the domain.
    assert np.abs(gx - nx).max() < 2e-6 * np.abs(gx).max()
    assert np.abs(gy - ny).max() < 2e-6 * np.abs(gy).max()


@pytest.mark.parametrize("name", table.NAMES)
def test_hessian_is_central_difference_of_gradient(name):
    s = build(name)
    x, y = inner_points(s, 200, seed=1)
    hx, hy = steps(s)
    hxx, hxy, hyy = s.hessian(x, y)
    dx = [(a - b) / (2 * hx) for a, b in zip(s.gradient(x + hx, y), s.gradient(x - hx, y), strict=True)]
    dy = [(a - b) / (2 * hy) for a, b in zip(s.gradient(x, y + hy), s.gradient(x, y - hy), strict=True)]
    for exact, numeric in ((hxx, dx[0]), (hxy, dx[1]), (hxy, dy[0]), (hyy, dy[1])):
        scale = max(np.abs(part).max() for part in (hxx, hxy, hyy))
        assert np.abs(exact - numeric).max() < 1e-5 * scale


@pytest.mark.parametrize("name", table.NAMES)
def test_numpy_and_torch_agree_in_value_shape_and_kind(name):
    s = build(name)
    x, y = (a.reshape(3, 4) for a in inner_points(s, 12, seed=2))
    tx, ty = torch.tensor(x), torch.tensor(y)
    arrays = [s.value(x, y), *s.gradient(x, y), *s.hessian(x, y)]
    tensors = [s.value(tx, ty), *s.gradient(tx, ty), *s.hessian(tx, ty)]
    for array, tensor in zip(arrays, tensors, strict=True):
        assert isinstance(array, np.ndarray) and isinstance(tensor, torch.Tensor)
        assert array.shape == tuple(tensor.shape) == (3, 4)
        assert tensor.dtype == torch.float64
        np.testing.assert_allclose(array, tensor.numpy(), rtol=1e-12, atol=1e-12 * (1 + np.abs(array).max()))


@pytest.mark.parametrize("name", ANALYTIC)
def test_gradient_is_torch_autograd_of_value(name):
    s = build(name)
    x, y = (torch.tensor(a, requires_grad=True) for a in inner_points(s, 50, seed=3))
    gx, gy = torch.autograd.grad(s.value(x, y).sum(), (x, y))
    ex, ey = s.gradient(x.detach(), y.detach())
    torch.testing.assert_close(ex, gx, rtol=1e-9, atol=1e-9 * float(gx.abs().max()))
    torch.testing.assert_close(ey, gy, rtol=1e-9, atol=1e-9 * float(gy.abs().max()))


@pytest.mark.parametrize("name", table.NAMES)
def test_minima_are_stationary_and_lower_than_their_surroundings(name):
    s = build(name)
    x, y = s.minima.T
    scale = np.array([s.domain[1] - s.domain[0], s.domain[3] - s.domain[2]])
    corner = np.array(s.domain)[[0, 2]]
    assert (s.minima >= corner - (MARGIN + 1e-9) * scale).all()
    assert (s.minima <= corner + (1 + MARGIN + 1e-9) * scale).all()
    if name in ("Saddle", "Monkey saddle"):
        assert s.minima.shape == (0, 2) and s.lambda_max is None and s.condition is None
        return
    values = s.value(x, y)
    assert (np.diff(values) >= -1e-9 * max(1, np.ptp(values))).all(), "lowest first"
    gx, gy = s.gradient(x, y)
    slope = max(np.abs(g).max() for g in s.gradient(*inner_points(s, 200)))
    assert max(np.abs(gx).max(), np.abs(gy).max()) < 1e-12 * slope
    for angle in np.linspace(0, 2 * np.pi, 16, endpoint=False):
        dx, dy = 1e-3 * scale * [np.cos(angle), np.sin(angle)]
        assert (s.value(x + dx, y + dy) > values).all()


# Surjanovic & Bingham, "Virtual library of simulation experiments"; Jamil & Yang 2013, "A literature
# survey of benchmark functions"; Himmelblau 1972.
KNOWN = {
    "Ravine": ([(0, 0)], 0.0),
    "Rosenbrock": ([(1, 1)], 0.0),
    "Himmelblau": ([(3, 2), (3.584428, -1.848127), (-2.805118, 3.131313), (-3.779310, -3.283186)], 0.0),
    "Beale": ([(3, 0.5)], 0.0),
    "Styblinski-Tang": ([(-2.903534, -2.903534)], -39.16616570377142 * 2),
    "Rastrigin": ([(0, 0)], 0.0),
    "Ackley": ([(0, 0)], 0.0),
    "Six-hump camel": ([(-0.089842, 0.712656), (0.089842, -0.712656)], -1.031628453489877),
}


@pytest.mark.parametrize("name", KNOWN)
def test_global_minima_are_those_of_the_literature(name):
    s = surface(name)
    points, value = KNOWN[name]
    values = s.value(*s.minima.T)
    lowest = s.minima[values < values.min() + 1e-9]
    assert len(lowest) == len(points)
    for point in points:
        assert np.abs(lowest - point).max(axis=1).min() < 5e-5
    np.testing.assert_allclose(values[: len(points)], value, atol=1e-12)


def test_numbers_of_local_minima():
    # One a cell: 7x7 of Rastrigin's and 9x9 of Ackley's grid lie in the widened domain.
    counts = {"Styblinski-Tang": 4, "Six-hump camel": 6, "Rastrigin": 49, "Ackley": 81, "Plateau and cliff": 1}
    assert {name: len(surface(name).minima) for name in counts} == counts


def test_quadratic_has_the_curvatures_and_axes_it_was_asked_for():
    for condition, degrees in ((1.0, 0.0), (10.0, 0.0), (25.0, 30.0), (300.0, -75.0), (50.0, 90.0)):
        s = quadratic(condition, degrees)
        np.testing.assert_allclose([s.lambda_max, s.condition], condition, rtol=1e-9)
        np.testing.assert_array_equal(s.minima, [[0.0, 0.0]])
        flat = np.radians(degrees)
        np.testing.assert_allclose(s.value(np.cos([flat]), np.sin([flat])), 0.5, rtol=1e-12)
        np.testing.assert_allclose(s.value(-np.sin([flat]), np.cos([flat])), condition / 2, rtol=1e-12)


def test_quadratic_refuses_what_is_no_bowl():
    for condition in (0.5, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="at least 1"):
            quadratic(condition, 0.0)


def test_ravine_is_a_quadratic_of_condition_64():
    s = surface("Ravine")
    np.testing.assert_allclose([s.lambda_max, s.condition], [32.0, 64.0], rtol=1e-12)


def test_gradient_descent_is_stable_up_to_two_over_lambda_max():
    for name in ("Ravine", "Rosenbrock", "Himmelblau", "Plateau and cliff", "Diabetes raw", "Digits network"):
        s = surface(name)
        distances = []
        for share in (0.98, 1.02):
            w = s.minima[0] + 1e-7 * np.array([1.0, 0.7])
            start = np.linalg.norm(w - s.minima[0])
            for _ in range(150):
                g = s.gradient(w[:1], w[1:])
                w = w - share * 2 / s.lambda_max * np.array([g[0][0], g[1][0]])
            distances.append(np.linalg.norm(w - s.minima[0]) / start)
        assert distances[0] < 1.2 and distances[1] > 20, (name, distances)


def test_ackley_has_subgradient_zero_at_the_tip_and_slopes_up_next_to_it():
    s = surface("Ackley")
    assert [float(g) for g in s.gradient(np.zeros(()), np.zeros(()))] == [0.0, 0.0]
    gx, _ = s.gradient(np.array([1e-12, -1e-12]), np.zeros(2))
    # d/dr of -20 exp(-0.2 r / sqrt 2) at 0.
    np.testing.assert_allclose(gx, np.array([1, -1]) * 4 / np.sqrt(2), rtol=1e-9)
    assert s.lambda_max is None


def test_saddles_have_a_vanishing_gradient_and_no_definite_hessian_at_the_origin():
    origin = np.zeros(1)
    for name, eigenvalues in (("Saddle", [-2.0, 2.0]), ("Monkey saddle", [0.0, 0.0])):
        s = surface(name)
        assert [float(g[0]) for g in s.gradient(origin, origin)] == [0.0, 0.0]
        hxx, hxy, hyy = (float(h[0]) for h in s.hessian(origin, origin))
        np.testing.assert_allclose(np.linalg.eigvalsh([[hxx, hxy], [hxy, hyy]]), eigenvalues, atol=1e-15)


def test_plateau_is_flat_and_cliff_is_steep():
    s = surface("Plateau and cliff")
    plateau = np.hypot(*s.gradient(np.array([2.0]), np.array([0.0])))
    cliff = np.hypot(*s.gradient(np.array([0.0]), np.array([0.0])))
    assert cliff > 90 * plateau > 0


@pytest.mark.parametrize("name", ANALYTIC)
def test_bind_gives_value_and_gradient_on_any_namespace(name):
    s = build(name)
    assert s.program
    value, gradient = s.bind(numpy_namespace())
    x, y = inner_points(s, 20, seed=4)
    np.testing.assert_array_equal(np.broadcast_to(value(x, y), x.shape), s.value(x, y))
    for bound, own in zip(gradient(x, y), s.gradient(x, y), strict=True):
        np.testing.assert_array_equal(np.broadcast_to(bound, x.shape), own)


def test_compiling_names_what_a_namespace_lacks():
    lacking = {name: function for name, function in numpy_namespace().items() if name != "tanh"}
    with pytest.raises(KeyError, match="lacks tanh"):
        compile_many([surface("Ravine").expression], lacking)
    assert set(numpy_namespace()) == set(FUNCTIONS)


@pytest.mark.parametrize("name", table.NAMES)
def test_far_points_give_numbers_or_infinities_but_no_exception_or_warning(name, recwarn):
    s = build(name)
    far = np.array([1e3, -1e8, 1e200, -1e308, np.inf, np.nan])
    assert s.value(far, far).shape == (6,)
    assert all(g.shape == (6,) for g in (*s.gradient(far, far), *s.hessian(far, far)))
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_table_and_surfaces_agree():
    for name in table.NAMES:
        s = surface(name)
        assert (s.name, s.domain, s.start, s.axes) == (
            name, table.DOMAINS[name], table.STARTS[name], table.AXES[name],
        )  # fmt: skip
        assert s.samples == table.SAMPLES.get(name)
        x_min, x_max, y_min, y_max = s.domain
        assert x_min < s.start[0] < x_max and y_min < s.start[1] < y_max
        assert surface(name) is s, "cached"


def test_every_surface_with_minima_shows_its_lowest_one():
    for name in table.NAMES:
        s = surface(name)
        if len(s.minima):
            x_min, x_max, y_min, y_max = s.domain
            x, y = s.minima[0]
            assert x_min < x < x_max and y_min < y < y_max, name


def test_unknown_name_says_what_is_allowed():
    with pytest.raises(KeyError, match="allowed: Quadratic"):
        surface("Banana")
