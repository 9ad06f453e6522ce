"""Initializers against torch.nn.init, and their statistics against the formulas."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from dlviz.engine.signals.initializers import INITIALIZERS, Free, base

FREE = Free(std=0.3, bound=0.7, constant=0.2, mode="fan-out", scale=1.7, average="fan average", gain=1.3)


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


def oracle(name, shape, free, seed=5):
    """The matrix that torch.nn.init draws from the same generator, float32."""
    w, g, init = torch.empty(shape), seeded(seed), torch.nn.init
    mode = free.mode.replace("-", "_")
    return {
        "Zeros": lambda: init.zeros_(w),
        "Constant": lambda: init.constant_(w, free.constant),
        "Normal": lambda: init.normal_(w, 0, free.std, generator=g),
        "Uniform": lambda: init.uniform_(w, -free.bound, free.bound, generator=g),
        "Xavier normal": lambda: init.xavier_normal_(w, generator=g),
        "Xavier uniform": lambda: init.xavier_uniform_(w, generator=g),
        "He normal": lambda: init.kaiming_normal_(w, mode=mode, nonlinearity="relu", generator=g),
        "He uniform": lambda: init.kaiming_uniform_(w, mode=mode, nonlinearity="relu", generator=g),
        "Orthogonal": lambda: init.orthogonal_(w, gain=free.gain, generator=g),
    }[name]()


@pytest.mark.parametrize("name", [name for name, scheme in INITIALIZERS.items() if scheme.torch])
@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (64, 64)])
def test_draws_are_those_of_torch(name, shape):
    found = INITIALIZERS[name].weights(shape[1], shape[0], seeded(), FREE)
    assert found.dtype == torch.float64
    assert torch.allclose(found, oracle(name, shape, FREE).double(), rtol=1e-5, atol=1e-6)
    assert hasattr(torch.nn.init, INITIALIZERS[name].torch)


@pytest.mark.parametrize("name", [n for n, s in INITIALIZERS.items() if s.draw in ("normal", "uniform")])
@pytest.mark.parametrize("free", [Free(), FREE])
def test_mean_and_variance_lie_within_their_confidence_bounds(name, free):
    """At a level of 1e-4 for each: the mean by its normal law, the variance by that of its estimator."""
    fan_in, fan_out = 200, 350
    w = INITIALIZERS[name].weights(fan_in, fan_out, seeded(11), free).numpy()
    n, sigma = w.size, INITIALIZERS[name].rms(fan_in, fan_out, free)
    bound = stats.norm.ppf(1 - 0.5e-4)
    assert abs(w.mean()) < bound * sigma / math.sqrt(n)
    # Var of the sample variance is (kurtosis - 1) σ⁴/n: kurtosis 3 for a normal law, 9/5 for a uniform one.
    kurtosis = {"normal": 3.0, "uniform": 1.8}[INITIALIZERS[name].draw]
    assert abs(np.mean(w**2) / sigma**2 - 1) < bound * math.sqrt((kurtosis - 1) / n)
    law = "norm" if kurtosis == 3 else stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).cdf
    assert stats.kstest((w / sigma).ravel(), law).pvalue > 1e-4


@pytest.mark.parametrize(("name", "expected"), [
    ("Zeros", 0), ("Constant", 0.2), ("Normal", 0.3), ("Uniform", 0.7 / math.sqrt(3)),
    ("Xavier normal", math.sqrt(2 / 400)), ("Xavier uniform", math.sqrt(2 / 400)),
    ("He normal", math.sqrt(2 / 300)), ("He uniform", math.sqrt(2 / 300)), ("LeCun normal", 0.1),
    ("Variance scaling", math.sqrt(1.7 / 200)), ("Orthogonal", 1.3 / math.sqrt(300)),
])  # fmt: skip
def test_formulas(name, expected):
    assert INITIALIZERS[name].rms(100, 300, FREE) == pytest.approx(expected)


def test_variance_scaling_contains_the_named_schemes():
    scaling = INITIALIZERS["Variance scaling"]
    for name, scale, average in (
        ("LeCun normal", 1, "fan-in"), ("He normal", 2, "fan-in"), ("Xavier normal", 1, "fan average"),
    ):  # fmt: skip
        assert scaling.rms(70, 90, Free(scale=scale, average=average)) == INITIALIZERS[name].rms(70, 90)


@pytest.mark.parametrize("shape", [(30, 30), (50, 20), (20, 50)])
def test_orthogonal_weights_keep_lengths_and_have_the_stated_size(shape):
    w = INITIALIZERS["Orthogonal"].weights(shape[1], shape[0], seeded(), FREE)
    gram = w @ w.T if shape[0] < shape[1] else w.T @ w
    assert torch.allclose(gram, 1.69 * torch.eye(min(shape), dtype=torch.float64), atol=1e-5)
    assert w.square().mean().sqrt() == pytest.approx(INITIALIZERS["Orthogonal"].rms(shape[1], shape[0], FREE), rel=1e-5)


def test_orthogonal_draws_are_uniform_over_the_orthogonal_matrices():
    # The trace of a Haar matrix has variance one (Diaconis & Shahshahani 1994); without the signs of R it has not.
    traces = [float(base("orthogonal", 5, 5, seeded(i)).trace()) / math.sqrt(5) for i in range(2000)]
    assert abs(np.mean(traces)) < 4 / math.sqrt(2000)
    assert np.var(traces) == pytest.approx(1, abs=4 * math.sqrt(2 / 2000))


def test_unknown_draws_are_refused():
    with pytest.raises(KeyError):
        base("cauchy", 2, 2, seeded())
