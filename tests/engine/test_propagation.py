"""Signals through random networks against plain PyTorch, autograd and mean-field theory."""

import math

import numpy as np
import pytest
import torch

from dlviz.engine.signals import mean_field, propagation
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import base
from dlviz.engine.signals.propagation import Variant, generator, moments, propagate

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((30, 12)), RNG.integers(0, 10, 30)
VARIANTS = [
    Variant("Tanh", 1.3, 0.2),
    Variant("ReLU", 1.4, first_sigma_w=0.7),
    Variant("Swish", 1.1, 0.1, parameter=2.0, draw="uniform"),
    Variant("ELU", 1.0, parameter=0.5, draw="orthogonal"),
    Variant("Softplus", 0.3, draw="constant"),
    Variant("Linear", 0.0, draw="constant"),
    Variant("Tanh", 0.4, draw="uniform"),
]


def plain(variant, depth, width, seed, x=X, y=Y):
    """The same network layer by layer, its gradients by autograd: activations, pre-activations, gradients, loss."""
    h, pre, post = torch.tensor(x), [], []
    for layer in range(1, depth + 1):
        sigma = variant.first_sigma_w if layer == 1 and variant.first_sigma_w is not None else variant.sigma_w
        w = sigma / math.sqrt(h.shape[1]) * base(variant.draw, width, h.shape[1], generator(seed, layer))
        bias = variant.sigma_b * base("normal", 1, width, generator(seed, 500 + layer))[0]
        pre.append((h @ w.T + bias).requires_grad_() if layer == 1 else h @ w.T + bias)
        if layer > 1:
            pre[-1].retain_grad()
        h = ACTIVATIONS[variant.activation](pre[-1], variant.parameter)
        post.append(h)
    head = base("normal", 10, width, generator(seed, 0)) / math.sqrt(width)
    loss = torch.nn.functional.cross_entropy(h @ head.T, torch.tensor(y), reduction="sum")
    loss.backward()
    return post, pre, [z.grad for z in pre], loss.item() / len(x)


@pytest.mark.parametrize("index", range(len(VARIANTS)))
def test_every_variant_of_a_stack_is_the_plain_network(index):
    depth, width, seeds = 5, 16, [3, 8]
    found = propagate(VARIANTS, depth, width, seeds, X, Y, epsilon=0.05, values=40)
    for s, seed in enumerate(seeds):
        post, pre, gradients, loss = plain(VARIANTS[index], depth, width, seed)
        act, parameter = ACTIVATIONS[VARIANTS[index].activation], VARIANTS[index].parameter
        slopes = [act.slope(z, parameter) for z in pre]
        for name, values in {
            "mean": [h.mean() for h in post],
            "std": [h.std(correction=0) for h in post],
            "rms": [h.square().mean().sqrt() for h in post],
            "pre_std": [z.std(correction=0) for z in pre],
            "pre_rms": [z.square().mean().sqrt() for z in pre],
            "gradient_std": [g.std(correction=0) for g in gradients],
            "gradient_rms": [g.square().mean().sqrt() for g in gradients],
            "saturated": [(slope.abs() < 0.05).double().mean() for slope in slopes],
            "dead": [(slope == 0).all(dim=0).double().mean() for slope in slopes],
        }.items():
            expected = [float(value.detach()) for value in values]
            assert getattr(found, name)[index, s] == pytest.approx(expected, rel=1e-8, abs=1e-14), name
        assert found.loss[index, s] == pytest.approx(loss, rel=1e-9)
        if s == 0:
            first = torch.stack([h[:3].flatten() for h in post]).detach().numpy()  # 40 values: 3 inputs of 16 units
            assert np.allclose(found.values[index], first, rtol=1e-9, atol=1e-14)


def test_little_memory_changes_nothing(monkeypatch):
    usual = propagate(VARIANTS, 4, 16, [1, 2], X, Y)
    monkeypatch.setattr(propagation, "SLOPES", 2 * 8 * len(X) * 16 * 4)
    monkeypatch.setattr(propagation, "BASES", 0)
    scarce = propagate(VARIANTS, 4, 16, [1, 2], X, Y)
    for name in ("std", "gradient_std", "saturated"):
        assert np.allclose(getattr(usual, name), getattr(scarce, name), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("name", "sigma_w", "sigma_b", "draw"), [
    ("ReLU", 2**0.5, 0.0, "normal"), ("Tanh", 1.3, 0.3, "normal"), ("GELU", 1.4, 0.5, "normal"),
    ("ReLU", 2**0.5, 0.0, "uniform"), ("Tanh", 1.3, 0.3, "orthogonal"),
])  # fmt: skip
def test_measured_sizes_have_the_theory_within_their_band_at_width_512(name, sigma_w, sigma_b, draw):
    depth, x, y = 12, RNG.standard_normal((40, 64)), RNG.integers(0, 10, 40)
    # Orthogonal first layers have 1/√512 where others have 1/√64.
    first = sigma_w * (math.sqrt(64 / 512) if draw == "orthogonal" else 1)
    variant = Variant(name, sigma_w, sigma_b, draw=draw, first_sigma_w=first)
    found = propagate([variant], depth, 512, range(10), x, y)
    theory = mean_field.profile(name, np.mean(x**2, axis=1), sigma_w, sigma_b, depth, first_sigma_w=first)
    # ±4 standard errors of the mean over draws, and 2% for what is of order 1/width.
    for measured, expected in (
        (found.std[0], theory.std),
        (found.gradient_rms[0] / found.gradient_rms[0][:, -1:], np.sqrt(theory.gradient)),
    ):
        error = 4 * measured.std(axis=0, ddof=1) / math.sqrt(10) + 0.02 * expected
        assert (np.abs(measured.mean(axis=0) - expected) < error).all()


def test_he_keeps_the_mean_square_of_relu_over_50_layers_and_xavier_halves_it():
    """E over draws is exact at any width; each draw scatters by about √(5/width) a layer."""
    width, depth, seeds = 512, 50, range(6)
    found = propagate([Variant("ReLU", 2**0.5), Variant("ReLU", 1.0)], depth, width, seeds, X, Y)
    per_layer = (found.rms[:, :, -1] / found.rms[:, :, 0]) ** (2 / (depth - 1))
    he, xavier = per_layer.mean(axis=1)
    # Of a logarithm that walks 49 steps of variance 5/width and drifts by half of that downwards.
    error = 4 * math.sqrt(5 / width / (depth - 1) / len(seeds)) + 2.5 / width
    assert abs(he - 1) < error < 0.03
    assert abs(xavier - 0.5) < 0.5 * error


def test_one_draw_serves_all_schemes_within_the_scatter_of_independent_draws():
    sigmas = [0.7, 1.0, 2**0.5]
    shared = propagate([Variant("ReLU", s) for s in sigmas], 20, 64, range(12), X, Y).std
    for i, sigma in enumerate(sigmas):
        own = propagate([Variant("ReLU", sigma)], 20, 64, range(100 + 12 * i, 112 + 12 * i), X, Y).std[0]
        logs, own_logs = np.log(shared[i]), np.log(own)
        error = np.sqrt((logs.var(axis=0, ddof=1) + own_logs.var(axis=0, ddof=1)) / 12)
        assert (np.abs(logs.mean(axis=0) - own_logs.mean(axis=0)) < 4 * error).all()


def test_what_vanishes_is_zero_and_what_overflows_is_not_a_number():
    small, large = Variant("Tanh", 1e-6), Variant("ReLU", 1e8)
    found = propagate([small, large, Variant("ReLU", 2**0.5)], 60, 16, [0], X, Y)
    assert found.std[0, 0, 0] > 0 and found.std[0, 0, -1] == 0
    sizes = found.std[0, 0]
    steps = np.log10(sizes[1:48] / sizes[:47])
    assert (np.abs(steps + 6) < 0.7).all()  # no sudden end before 1e-290
    assert np.isfinite(found.std[1, 0, 30]) and np.isnan(found.std[1, 0, -1])
    assert np.isfinite(found.std[2]).all() and np.isfinite(found.gradient_std[2]).all()


def test_moments_survive_numbers_whose_squares_do_not():
    values = torch.tensor(RNG.standard_normal((1, 50)))
    sizes = np.array([1e-200, 1.0, 1e200, 0.0])
    mean, std, rms = (found.numpy() for found in moments(torch.tensor(sizes)[:, None, None] * values))
    assert mean == pytest.approx(sizes * float(values.mean()), rel=1e-9, abs=0)
    assert std == pytest.approx(sizes * float(values.std(correction=0)), rel=1e-9, abs=0)
    assert rms == pytest.approx(sizes * float(values.square().mean().sqrt()), rel=1e-9, abs=0)


def test_progress_counts_up_and_may_stop_the_work():
    shares = []
    propagate(VARIANTS[:1], 5, 8, [0, 1], X, Y, progress=shares.append)
    assert shares == sorted(shares) and len(shares) == 10 and shares[-1] == 1

    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        propagate(VARIANTS[:1], 5, 8, [0], X, Y, progress=stop)
