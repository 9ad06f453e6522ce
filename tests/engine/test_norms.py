"""Norms against torch.nn and autograd."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlviz.engine.networks import cnn_norms, norm_kernels
from dlviz.engine.networks.cnn_norms import Norms
from dlviz.engine.signals import norms

shapes = st.tuples(st.integers(2, 5), st.sampled_from([1, 2, 4, 6]), st.integers(2, 6), st.integers(0, 99))


def tensor(case) -> torch.Tensor:
    *shape, seed = case
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 1


def layers(shape, groups):
    """torch's own layers without γ and β, for (N, C, P)."""
    _, channels, positions = shape
    kind = {"dtype": torch.float64}
    return {
        "BatchNorm": nn.BatchNorm1d(channels, affine=False, **kind),
        "LayerNorm": nn.LayerNorm([channels, positions], elementwise_affine=False, **kind),
        "InstanceNorm": nn.InstanceNorm1d(channels, affine=False, **kind),
        "GroupNorm": nn.GroupNorm(groups, channels, affine=False, **kind),
        "RMSNorm": nn.RMSNorm([channels, positions], eps=norms.EPS, elementwise_affine=False, **kind),
    }


def standardised(names, x, gradient, groups=1, mixing=None):
    """x̂ (M, N, P, C) of many norms at once, and the gradients by x and by Switchable's logits.

    The pass ends in γ, β and ReLU: β is so large that nothing is cut off, and it is taken off again.
    """
    gamma, beta = torch.ones(len(names), x.shape[-1]).double(), torch.full((len(names), x.shape[-1]), 64.0).double()
    layer = Norms(names, x.shape[-1], groups)
    mixing = torch.zeros(len(names), 2, 3).double() if mixing is None else mixing
    saved = layer(x, gamma, beta, mixing)
    return saved.out - 64, *layer.backward(gradient, saved, gamma)[::3]


def divisor(channels, wanted):
    return max(d for d in range(1, channels + 1) if channels % d == 0 and d <= wanted)


@settings(max_examples=40)
@given(shapes, st.integers(1, 6))
def test_forward_and_backward_are_those_of_torch(case, wanted):
    x = tensor(case).requires_grad_()
    groups = divisor(x.shape[1], wanted)
    gradient = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    reference = layers(x.shape, groups)
    many = x.detach().transpose(1, 2).expand(len(reference) + 1, -1, -1, -1)
    x_hat, found, _ = standardised([*reference, "None"], many, gradient.transpose(1, 2).expand_as(many), groups)
    for m, (name, layer) in enumerate(reference.items()):
        expected = layer(x)
        (dx,) = torch.autograd.grad(expected, x, gradient)
        forward = norms.normalise(x, name, groups=groups)
        torch.testing.assert_close(forward.x_hat, expected, rtol=1e-9, atol=1e-10)
        (ours,) = torch.autograd.grad(forward.x_hat, x, gradient)
        torch.testing.assert_close(ours, dx, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(x_hat[m].transpose(1, 2), expected.detach(), rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(found[m].transpose(1, 2), dx, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(x_hat[-1], many[-1])
    torch.testing.assert_close(found[-1].transpose(1, 2), gradient)


@pytest.mark.parametrize("positions", [1, 4])
def test_the_compiled_kernels_are_the_pass_in_torch(positions, monkeypatch):
    """Every norm at once, cut off by ReLU, with averages that move; and no new machine code after ``prepare``."""
    names = ["None", "BatchNorm", "BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm", "Switchable", "Switchable"]
    names += ["InstanceNorm"] if positions > 1 else []
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape):
        return torch.randn(len(names), *shape, generator=generator)

    x, gradient = drawn(5, positions, 6), drawn(5, positions, 6)
    gamma, beta, mixing = drawn(6), drawn(6), drawn(2, 3)
    x[1] = float("nan")  # which must come out again
    layer, found = Norms(names, 6, 2), []
    norm_kernels.prepare()
    compiled = [len(kernel.signatures) for kernel in (norm_kernels.forward, norm_kernels.backward)]
    for kernels in (True, False):
        running = torch.zeros(2, 6), torch.ones(2, 6)
        monkeypatch.setattr(cnn_norms, "COMPILED", kernels)
        saved = layer(x, gamma, beta, mixing, running)
        assert (saved.scale is None) == kernels
        found.append([saved.out, *running, *layer.backward(gradient, saved, gamma)])
    assert found[0][0][1].isnan().all()
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4, equal_nan=True)
    assert compiled == [len(kernel.signatures) for kernel in (norm_kernels.forward, norm_kernels.backward)]


@settings(max_examples=20)
@given(shapes)
def test_token_norms_are_those_of_torch_on_sequences(case):
    x = tensor(case)
    channels = x.shape[1]
    for name, layer in {
        "LayerNorm": nn.LayerNorm(channels, elementwise_affine=False, dtype=torch.float64),
        "RMSNorm": nn.RMSNorm(channels, eps=norms.EPS, elementwise_affine=False, dtype=torch.float64),
    }.items():
        expected = layer(x.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(norms.normalise(x, name, token=True).x_hat, expected, rtol=1e-9, atol=1e-10)


def switchable(x, mixing):
    """Luo et al. (2019), equations 3 to 5, with layer and batch variances from the instance statistics."""
    mean_in, var_in = x.mean(-1, keepdim=True), x.var(-1, correction=0, keepdim=True)
    square = var_in + mean_in**2
    mean_ln, mean_bn = mean_in.mean(1, keepdim=True), mean_in.mean(0, keepdim=True)
    var_ln = square.mean(1, keepdim=True) - mean_ln**2
    var_bn = square.mean(0, keepdim=True) - mean_bn**2
    weight = mixing.softmax(-1)
    mean = sum(w * m for w, m in zip(weight[0], (mean_in, mean_ln, mean_bn), strict=True))
    var = sum(w * v for w, v in zip(weight[1], (var_in, var_ln, var_bn), strict=True))
    return (x - mean) / (var + norms.EPS).sqrt()


@settings(max_examples=30)
@given(shapes)
def test_switchable_follows_the_paper_forward_and_backward(case):
    x = tensor(case).requires_grad_()
    generator = torch.Generator().manual_seed(2)
    mixing = torch.randn(2, 3, generator=generator, dtype=torch.float64).requires_grad_()
    gradient = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    expected = switchable(x, mixing)
    dx, dmixing = torch.autograd.grad(expected, [x, mixing], gradient)
    forward = norms.normalise(x.detach(), "Switchable", mixing=mixing.detach())
    torch.testing.assert_close(forward.x_hat, expected.detach(), rtol=1e-8, atol=1e-9)
    many, logits = x.detach().transpose(1, 2).expand(2, -1, -1, -1), mixing.detach().expand(2, -1, -1)
    names, back = ["Switchable", "LayerNorm"], gradient.transpose(1, 2).expand_as(many)
    x_hat, found, to_mixing = standardised(names, many, back, mixing=logits)
    torch.testing.assert_close(x_hat[0].transpose(1, 2), expected.detach(), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(found[0].transpose(1, 2), dx, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(to_mixing[0], dmixing, rtol=1e-5, atol=1e-6)
    assert len(to_mixing) == 1  # of the only model that learns any


def test_switchable_at_the_extremes_is_each_of_its_norms():
    x = tensor((3, 4, 5, 0))
    for k, name in enumerate(("InstanceNorm", "LayerNorm", "BatchNorm")):
        mixing = torch.full((2, 3), -1e3, dtype=torch.float64)
        mixing[:, k] = 0
        torch.testing.assert_close(
            norms.normalise(x, "Switchable", mixing=mixing).x_hat, norms.normalise(x, name).x_hat
        )


@pytest.mark.parametrize("name", norms.NORMS)
def test_many_models_at_once_are_each_alone(name):
    x = torch.stack([tensor((3, 4, 5, seed)) for seed in range(3)])
    mixing = torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    together = norms.normalise(x, name, groups=2, mixing=mixing)
    for i in range(3):
        alone = norms.normalise(x[i], name, groups=2, mixing=mixing[i])
        torch.testing.assert_close(together.x_hat[i], alone.x_hat)


def test_a_model_without_finite_numbers_does_not_touch_the_others():
    x = torch.stack([tensor((3, 4, 5, 0)), torch.full((3, 4, 5), float("inf"), dtype=torch.float64)]).transpose(2, 3)
    saved, _, _ = standardised(["BatchNorm", "BatchNorm"], x, x)
    alone, _, _ = standardised(["BatchNorm"], x[:1], x[:1])
    torch.testing.assert_close(saved[0], alone[0])


@settings(max_examples=30)
@given(shapes)
def test_group_norm_goes_from_layer_norm_to_instance_norm(case):
    x = tensor(case)
    layer, instance = (norms.normalise(x, name).x_hat for name in ("LayerNorm", "InstanceNorm"))
    torch.testing.assert_close(norms.normalise(x, "GroupNorm", groups=1).x_hat, layer)
    torch.testing.assert_close(norms.normalise(x, "GroupNorm", groups=x.shape[1]).x_hat, instance)


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="multiple"):
        norms.normalise(tensor((2, 4, 3, 0)), "GroupNorm", groups=3)


@settings(max_examples=20)
@given(shapes, st.floats(0.01, 1.0))
def test_running_statistics_and_evaluation_are_those_of_torch(case, momentum):
    layer = nn.BatchNorm1d(case[1], momentum=momentum, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2, case[1]))
        layer.bias.copy_(torch.linspace(-1, 1, case[1]))
    mean, var = torch.zeros(case[1], dtype=torch.float64), torch.ones(case[1], dtype=torch.float64)
    for step in range(3):
        x = tensor((*case[:3], case[3] + step))
        layer(x)
        _, batch_mean, batch_var = norms.normalise(x, "BatchNorm")
        norms.update_running(mean, var, batch_mean.flatten(), batch_var.flatten(), x.numel() // case[1], momentum)
    torch.testing.assert_close(mean, layer.running_mean)
    torch.testing.assert_close(var, layer.running_var)
    layer.eval()
    found = norms.evaluate(x, mean, var, layer.weight.detach(), layer.bias.detach())
    torch.testing.assert_close(found, layer(x).detach())


def test_evaluation_mode_is_affine():
    x, z = tensor((3, 4, 5, 0)), tensor((3, 4, 5, 1))
    mean, var, gamma, beta = (tensor((4, 1, 1, seed)).flatten() for seed in range(4))

    def f(value):
        return norms.evaluate(value, mean, var.abs(), gamma, beta)

    torch.testing.assert_close(f(0.3 * x + 0.7 * z), 0.3 * f(x) + 0.7 * f(z))
    training = norms.normalise(0.3 * x + 0.7 * z, "BatchNorm").x_hat
    mixed = 0.3 * norms.normalise(x, "BatchNorm").x_hat + 0.7 * norms.normalise(z, "BatchNorm").x_hat
    assert (training - mixed).abs().max() > 0.1  # in training mode it is not


def test_one_value_a_channel_has_no_running_variance():
    one = torch.zeros(1)
    with pytest.raises(ValueError, match="no variance"):
        norms.update_running(one, one.clone(), one, one, 1)
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.BatchNorm1d(3)(torch.zeros(1, 3))
