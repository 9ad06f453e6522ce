"""Activation functions against torch and finite differences; flat zones and laws against samples and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from dlviz.engine.signals import saturation
from dlviz.engine.signals.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, maxout

ORACLES = {
    "Linear": lambda x, p: x,
    "Sigmoid": lambda x, p: torch.sigmoid(x),
    "Tanh": lambda x, p: torch.tanh(x),
    "ReLU": lambda x, p: F.relu(x),
    "Leaky ReLU": lambda x, p: F.leaky_relu(x, p),
    "PReLU": lambda x, p: F.prelu(x, torch.tensor([p], dtype=x.dtype)),
    "ELU": lambda x, p: F.elu(x, p),
    "SELU": lambda x, p: F.selu(x),
    "GELU": lambda x, p: F.gelu(x),
    "Swish": lambda x, p: F.silu(x) if p == 1 else x * torch.sigmoid(p * x),
    "Softplus": lambda x, p: F.softplus(x, p, threshold=700),
}
# Within what float64 lets x be; and exactly at the kinks.
POINTS = torch.cat([torch.linspace(-30, 30, 2401, dtype=torch.float64), torch.tensor([0.0, -1e-12, 1e-12]).double()])


def parameters(name):
    parameter = ACTIVATIONS[name].parameter
    return [None] if parameter is None else sorted({parameter.default, parameter.low, parameter.high})


CASES = [(name, p) for name in ACTIVATIONS for p in parameters(name)]


def test_every_function_has_an_oracle():
    assert ORACLES.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_values_and_slopes_are_torch_s(name, parameter):
    function, given_ = ACTIVATIONS[name], ACTIVATIONS[name].parameter
    p = given_.default if parameter is None and given_ else parameter
    x = POINTS.clone().requires_grad_()
    expected = ORACLES[name](x, p)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    assert torch.allclose(function(POINTS, parameter), expected.detach(), rtol=1e-12, atol=1e-14)
    assert torch.allclose(function.slope(POINTS, parameter), slope, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_autograd_through_the_value_gives_the_slope_at_kinks_too(name, parameter):
    function = ACTIVATIONS[name]
    x = POINTS.clone().requires_grad_()
    (through,) = torch.autograd.grad(function(x, parameter).sum(), x)
    assert torch.allclose(through, function.slope(POINTS, parameter), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_slopes_are_finite_differences(name, parameter):
    function, h = ACTIVATIONS[name], 1e-6
    x = torch.linspace(-8, 8, 1001, dtype=torch.float64)
    x = x[(x.abs() > 1e-3)]
    difference = (function(x + h, parameter) - function(x - h, parameter)) / (2 * h)
    assert torch.allclose(function.slope(x, parameter), difference, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_nothing_overflows_far_out(name, parameter):
    x = torch.tensor([-1e300, -1e4, -800.0, 800.0, 1e4, 1e300], dtype=torch.float64)
    assert ACTIVATIONS[name](x / 100, parameter).isfinite().all()
    assert ACTIVATIONS[name].slope(x, parameter).isfinite().all()


def exact(name, parameter, at):
    """f and f′ from their formulas with 400 digits, so that 1 + e^x loses nothing."""
    x = sympy.Symbol("x", real=True)
    scale, alpha = sympy.Rational(SELU_SCALE), sympy.Rational(SELU_ALPHA)
    f = {
        "Sigmoid": 1 / (1 + sympy.exp(-x)),
        "Tanh": sympy.tanh(x),
        "ELU": parameter * (sympy.exp(x) - 1) if at <= 0 else x,
        "SELU": scale * alpha * (sympy.exp(x) - 1) if at <= 0 else scale * x,
        "GELU": x * sympy.erfc(-x / sympy.sqrt(2)) / 2,
        "Swish": x / (1 + sympy.exp(-parameter * x)),
        "Softplus": sympy.log(1 + sympy.exp(parameter * x)) / (parameter or 1),
    }[name]
    return [float(part.evalf(400, subs={x: sympy.Rational(at)})) for part in (f, f.diff(x))]


@pytest.mark.parametrize(
    ("name", "parameter"), [case for case in CASES if case[0] not in ("Linear", "ReLU", "Leaky ReLU", "PReLU")]
)
@pytest.mark.parametrize("at", [-30.0, -12.5, -5.0, -1e-9, 1e-9, 5.0, 12.5, 30.0])
def test_the_tails_keep_their_digits(name, parameter, at):
    """Where autograd gives 0 (σ′ from 37 on, tanh′ from 19, GELU from −8.3 down): parts of the number itself."""
    x = torch.tensor([at], dtype=torch.float64)
    together = [part.item() for part in ACTIVATIONS[name].with_slope(x, parameter)]
    assert together == pytest.approx(exact(name, sympy.Rational(parameter or 0), at), rel=5e-13, abs=0)
    assert together == [ACTIVATIONS[name](x, parameter).item(), ACTIVATIONS[name].slope(x, parameter).item()]


@pytest.mark.parametrize(("name", "parameter"), [case for case in CASES if case[1] is not None])
def test_a_parameter_for_each_row_is_that_of_a_number(name, parameter):
    function, rows = ACTIVATIONS[name], torch.tensor([[parameter], [0.5]], dtype=torch.float64)
    for together, one_by_one in ((function(POINTS, rows), function), (function.slope(POINTS, rows), function.slope)):
        assert torch.allclose(together[0], one_by_one(POINTS, parameter), rtol=1e-13, atol=0)
        assert torch.allclose(together[1], one_by_one(POINTS, 0.5), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_what_is_given_is_not_overwritten(name):
    x = POINTS.clone()
    ACTIVATIONS[name].with_slope(x)
    assert torch.equal(x, POINTS)


def test_swish_lies_between_a_line_and_relu():
    swish, x = ACTIVATIONS["Swish"], torch.linspace(-2, 2, 40_001, dtype=torch.float64)
    assert torch.equal(swish(x, 0.0), x / 2)
    for beta in (2.0, 10.0, 50.0, 1000.0):
        # x (1 − σ(βx)) is greatest where βx = 1 + W(1/e): 0.27846/β.
        assert (swish(x, beta) - x.relu()).abs().max() == pytest.approx(0.2784645 / beta, rel=0.01)


def test_the_gradient_of_prelu_s_slope_is_torch_s():
    x = torch.randn(7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    up = torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours = torch.tensor(0.25, dtype=torch.float64, requires_grad=True)
    (ACTIVATIONS["PReLU"](x, ours) * up).sum().backward()
    theirs = torch.nn.PReLU(init=0.25).double()
    (theirs(x) * up).sum().backward()
    assert ours.grad.item() == pytest.approx(theirs.weight.grad.item(), rel=1e-12)
    assert ours.grad.item() == pytest.approx((up * x.clamp(max=0)).sum().item(), rel=1e-12)


def test_maxout_takes_the_largest():
    pieces = torch.tensor([[1.0, -2.0, 0.5], [-3.0, -1.0, -2.0]])
    assert torch.equal(maxout(pieces), torch.tensor([1.0, -1.0]))


# ---- flat zones


def slope_of(name, parameter=None):
    return lambda x: ACTIVATIONS[name].slope(torch.as_tensor(x), parameter).numpy()


def value_of(name, parameter=None):
    return lambda x: ACTIVATIONS[name](torch.as_tensor(x), parameter).numpy()


def test_the_zone_of_the_sigmoid_in_closed_form():
    # σ' = ε at z = ± log((1 + r)/(1 − r)) with r = √(1 − 4ε).
    r = math.sqrt(1 - 4 * 0.05)
    edge = math.log((1 + r) / (1 - r))
    assert saturation.flat_intervals(slope_of("Sigmoid"), 0.05) == pytest.approx(
        np.array([[-np.inf, -edge], [edge, np.inf]]), abs=1e-12
    )


def test_the_zone_of_tanh_in_closed_form():
    edge = math.acosh(1 / math.sqrt(0.01))
    assert saturation.flat_intervals(slope_of("Tanh"), 0.01) == pytest.approx(
        np.array([[-np.inf, -edge], [edge, np.inf]]), abs=1e-12
    )


def test_a_narrow_zone_around_a_zero_of_the_slope_is_found():
    """GELU's and Swish's slopes cross zero; at ε = 1e-4 and β = 50 the zone is 1e-5 wide."""
    zone = saturation.flat_intervals(slope_of("Swish", 50.0), 1e-4)
    assert len(zone) == 2 and zone[0, 0] == -np.inf
    assert zone[1].mean() == pytest.approx(-1.2784645 / 50, abs=1e-5) and 0 < np.ptp(zone[1]) < 1e-4
    assert len(saturation.flat_intervals(slope_of("GELU"), 1e-4)) == 2


def test_jumps_and_constants():
    relu = saturation.flat_intervals(slope_of("ReLU"), 0.05)
    assert relu.shape == (1, 2) and relu[0, 0] == -np.inf and relu[0, 1] == pytest.approx(0, abs=1e-12)
    assert saturation.flat_intervals(slope_of("Leaky ReLU", 0.1), 0.05).shape == (0, 2)
    assert saturation.flat_intervals(slope_of("Leaky ReLU", 0.05), 0.05).shape == (0, 2), "not below ε"
    assert saturation.flat_intervals(slope_of("PReLU", -0.5), 0.05).shape == (0, 2), "it only jumps over ε"
    everything = saturation.flat_intervals(lambda x: np.zeros_like(x), 0.05)
    assert everything.tolist() == [[-np.inf, np.inf]]


@settings(max_examples=40)
@given(
    st.sampled_from(CASES), st.floats(-5, 5), st.floats(0.1, 10), st.sampled_from([1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5])
)
def test_the_saturated_share_is_that_of_samples(case, mean, std, epsilon):
    """Within five standard errors of 50,000 samples, for any function and parameter."""
    name, parameter = case
    slope = slope_of(name, parameter)
    theory = saturation.probability(saturation.flat_intervals(slope, epsilon), mean, std)
    z = mean + std * np.random.default_rng(0).standard_normal(50_000)
    measured = np.mean(np.abs(slope(z)) < epsilon)
    assert abs(measured - theory) < 5 * math.sqrt(max(theory * (1 - theory), 1e-5) / len(z))


def test_probabilities_keep_their_digits_in_both_tails():
    tail = 7.619853024160527e-24  # Φ(−10), Abramowitz and Stegun 26.2
    assert saturation.probability(np.array([[-np.inf, -10.0]]), 0, 1) == pytest.approx(tail, rel=1e-12)
    assert saturation.probability(np.array([[10.0, np.inf]]), 0, 1) == pytest.approx(tail, rel=1e-12)
    assert saturation.probability(np.array([[-np.inf, np.inf]]), 3, 2) == 1


# ---- what a function makes of a Gaussian


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ReLU", 1 / math.sqrt(2 * math.pi)),
        ("Sigmoid", 0.5),
        ("Tanh", 0.0),
        ("SELU", 0.0),
        ("GELU", 0.5 / math.sqrt(math.pi)),
    ],
)
def test_means_under_the_standard_normal_in_closed_form(name, expected):
    """GELU: E[zΦ(z)] = E[φ(z)] = 1/(2√π) by Stein's lemma; SELU: Klambauer et al. 2017."""
    assert saturation.expectation(value_of(name), 0, 1) == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("name", "parameter"), CASES)
def test_expectations_are_those_of_adaptive_quadrature(name, parameter):
    from scipy.integrate import quad

    value, mean, std = value_of(name, parameter), -0.7, 1.8

    def weighted(z):
        return float(value(np.array([mean + std * z]))[0]) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    expected = quad(weighted, -12, 12, points=[-mean / std], limit=200)[0]
    assert saturation.expectation(value, mean, std) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(("mean", "std"), [(0.3, 2.0), (-1.7, 0.7), (4.9, 10.0)])
def test_a_jump_costs_nothing_where_it_is_known(mean, std):
    """E[f′(z)²] of ReLU is P(z > 0) = Φ(μ/σ)."""
    squared = saturation.expectation(lambda z: slope_of("ReLU")(z) ** 2, mean, std, [0.0])
    assert squared == pytest.approx(float(saturation.cdf(mean / std)), rel=1e-12)


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "Softplus", "ELU"])
def test_the_law_of_a_monotone_function_is_the_change_of_variables(name):
    value, mean, std = value_of(name), 0.4, 1.3
    z = np.linspace(-4, 4, 33)
    expected = saturation.cdf((z - mean) / std)
    assert saturation.law(value, mean, std, value(z)) == pytest.approx(expected, abs=1e-5)


def test_the_law_of_functions_that_turn_or_rest():
    # |z| is PReLU with slope −1: folded normal. ReLU: half of the mass at exactly 0.
    y = np.array([-0.5, 0.25, 1.0, 2.0])
    folded = np.where(y < 0, 0, 2 * saturation.cdf(y) - 1)
    assert saturation.law(value_of("PReLU", -1.0), 0, 1, y) == pytest.approx(folded, abs=1e-5)
    assert saturation.law(value_of("ReLU"), 0, 1, np.array([-1e-9, 0.0])) == pytest.approx([0, 0.5], abs=1e-12)
