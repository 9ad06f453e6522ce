"""Mean-field theory against adaptive quadrature, closed forms and published numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from dlviz.engine.signals import mean_field
from dlviz.engine.signals.activations import ACTIVATIONS


def adaptive(function, q):
    """E[f(√q ζ)] by adaptive quadrature on pieces that end at the kink and where a sigmoid has levelled off."""
    root = np.sqrt(q)
    ends = sorted({0.0, 14.0, *(x / root for x in (0.1, 1, 5, 20, 40) if x / root < 14)})

    def integrand(z):
        return function(root * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    pieces = zip(ends[:-1], ends[1:], strict=True)
    return sum(
        quad(lambda z, sign=sign: integrand(sign * z), low, high, epsabs=0, epsrel=1e-12, limit=200)[0]
        for low, high in pieces
        for sign in (1, -1)
    )


def scalar(function):
    return lambda x: float(function(torch.tensor(x, dtype=torch.float64)))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("q", [1e-8, 0.3, 1e4])
def test_moments_agree_with_adaptive_quadrature(name, q):
    act = ACTIVATIONS[name]
    value, slope = scalar(act), scalar(act.slope)
    assert mean_field.second_moment(name, q) == pytest.approx(adaptive(lambda x: value(x) ** 2, q), rel=1e-10)
    assert mean_field.slope_moment(name, q) == pytest.approx(adaptive(lambda x: slope(x) ** 2, q), rel=1e-10)
    first = adaptive(value, q)
    scale = np.sqrt(mean_field.second_moment(name, q))
    assert mean_field.first_moment(name, q) == pytest.approx(first, rel=1e-9, abs=1e-12 * scale)


@given(st.floats(1e-10, 1e10), st.floats(0.0, 1.0))
@settings(max_examples=40)
def test_leaky_relu_has_its_closed_form(q, slope):
    # He et al. 2015, equation 15: half of the mass on either side.
    share = (1 + slope**2) / 2
    assert mean_field.second_moment("Leaky ReLU", q, slope) == pytest.approx(share * q, rel=1e-12)
    assert mean_field.chi("Leaky ReLU", q, 1.3, slope) == pytest.approx(1.69 * share, rel=1e-12)
    mean = (1 - slope) * np.sqrt(q / (2 * np.pi))
    assert mean_field.first_moment("Leaky ReLU", q, slope) == pytest.approx(mean, rel=1e-9, abs=1e-12 * np.sqrt(q))


def test_variances_of_relu_halve_under_xavier_and_stay_under_he():
    halving = mean_field.variances("ReLU", 3.0, 1.0, 0.0, 50)
    assert np.allclose(halving, 3 * 0.5 ** np.arange(50), rtol=1e-10)
    assert np.allclose(mean_field.variances("ReLU", 3.0, np.sqrt(2), 0.0, 50), 3, rtol=1e-10)


def test_variances_may_vanish_and_overflow():
    gone = mean_field.variances("Tanh", 1.0, 1e-4, 0.0, 100)
    assert np.isfinite(gone).all() and gone[-1] == 0
    assert np.isinf(mean_field.variances("ReLU", 1.0, 1e4, 0.0, 100)[-1])


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.5, 0.3), (1.5, 0.0), (2.0, 0.5), (4.0, 2.0)])
def test_fixed_point_is_where_the_recursion_ends(sigma_w, sigma_b):
    end = mean_field.variances("Tanh", 1.0, sigma_w, sigma_b, 2000)[-1]
    assert mean_field.fixed_points("Tanh", sigma_w, sigma_b) == pytest.approx(end, rel=1e-3)


def test_fixed_points_at_zero_at_infinity_and_everywhere():
    assert mean_field.fixed_points("Tanh", 0.9, 0.0) == 0
    assert np.isinf(mean_field.fixed_points("ReLU", 2.0, 0.1))
    assert mean_field.fixed_points("ReLU", np.sqrt(2), 0.0) == 1  # every q is fixed: it stays at the start
    assert mean_field.fixed_points("ReLU", 1.0, 1.0) == pytest.approx(2, rel=1e-3)  # q = q/2 + 1


def test_the_edge_of_tanh_is_the_published_one():
    # Schoenholz et al. 2017, figure 1: σ_b² = 0.05 has its critical point at σ_w² = 1.76.
    (found,) = mean_field.edge("Tanh", np.array([np.sqrt(0.05)]), 0.1, 5.0)
    assert found**2 == pytest.approx(1.76, abs=0.01)
    (origin,) = mean_field.edge("Tanh", np.zeros(1), 0.1, 5.0)
    assert origin == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["Tanh", "ELU", "SELU"])
def test_the_edge_has_chi_one_at_its_fixed_point(name):
    # At a fixed point q with χ = 1: σ_w² = 1/E[φ′²] and σ_b² = q - σ_w² E[φ²].
    q = np.array([0.1, 1.0, 3.0])
    w2 = 1 / mean_field.slope_moment(name, q)
    b = np.sqrt(q - w2 * mean_field.second_moment(name, q))
    assert mean_field.edge(name, b, 0.1, 10.0) == pytest.approx(np.sqrt(w2), rel=2e-3)


def test_the_edge_of_relu_does_not_depend_on_the_biases():
    assert mean_field.edge("ReLU", np.array([0.0, 0.5, 2.0]), 0.1, 5.0) == pytest.approx(np.sqrt(2), rel=1e-9)


def test_depth_scale_is_infinite_at_one_and_positive_on_both_sides():
    assert mean_field.depth_scale(np.array([np.exp(-0.1), np.exp(0.1)])) == pytest.approx([10, 10])
    assert np.isinf(mean_field.depth_scale(1.0))


def test_profile_averages_over_inputs_of_different_size():
    squares = np.array([0.5, 1.0, 4.0])
    found = mean_field.profile("Tanh", squares, 1.2, 0.3, 6, first_sigma_w=0.8)
    each = [mean_field.variances("Tanh", 0.64 * s + 0.09, 1.2, 0.3, 6) for s in squares]
    assert np.allclose(found.q, np.mean(each, axis=0), rtol=1e-12)
    second = np.mean([mean_field.second_moment("Tanh", q) for q in each], axis=0)
    assert np.allclose(found.rms, np.sqrt(second), rtol=1e-12)
    assert np.allclose(found.std, np.sqrt(second), rtol=1e-9)

    def through(q, layers):
        return mean_field.slope_moment("Tanh", q[-1]) * np.prod(mean_field.chi("Tanh", q[layers], 1.2))

    first = np.sum([through(q, slice(0, 5)) for q in each])
    last = np.sum([through(q, slice(5, 5)) for q in each])
    assert found.gradient[-1] == pytest.approx(1, rel=1e-12)
    assert found.gradient[0] == pytest.approx(first / last, rel=1e-10)


@pytest.mark.parametrize("name", ["Tanh", "ELU", "GELU", "Leaky ReLU"])
def test_profile_goes_on_where_variances_leave_float64(name):
    found = mean_field.profile(name, np.array([1.0, 2.0]), 1e-5, 0.0, 52)
    slope = np.sqrt(mean_field.second_moment(name, 1e-100) / 1e-100)  # of its lines through the origin
    assert np.allclose(found.std[-1] / found.std[-2], 1e-5 * slope, rtol=1e-9)
    assert 1e-300 < found.std[-1] < 1e-255 and found.q[-1] == 0
    assert np.allclose(found.gradient_rms[0] / found.gradient_rms[1], 1e-5 * slope, rtol=1e-4)
    large = mean_field.profile("ReLU", np.array([1.0]), 1e5, 0.0, 60)
    assert np.allclose(large.rms, np.sqrt(0.5) * 1e5 * (1e5 * np.sqrt(0.5)) ** np.arange(60.0), rtol=1e-9)


def test_profile_of_functions_with_a_mean_and_of_nothing():
    found = mean_field.profile("Softplus", np.array([1.0]), 0.5, 0.1, 3)
    q = mean_field.variances("Softplus", 0.26, 0.5, 0.1, 3)
    expected = mean_field.second_moment("Softplus", q) - mean_field.first_moment("Softplus", q) ** 2
    assert np.allclose(found.std**2, expected, rtol=1e-9)
    nothing = mean_field.profile("Tanh", np.array([1.0]), 0.0, 0.0, 3)
    assert not nothing.std.any() and not nothing.rms.any()
