"""Convolutions of many models, compiled and in torch, against torch's own under autograd."""

from __future__ import annotations

import pytest
import torch

from dlviz.engine.networks import conv_kernels, convolution
from dlviz.engine.networks.convolution import Convolution

KERNELS = (conv_kernels.forward, conv_kernels.by_inputs, conv_kernels.by_weights)


def drawn(models, examples, side, inputs, channels, size, dtype=torch.float64):
    """Maps, weights, biases, and a gradient by the outputs."""
    generator = torch.Generator().manual_seed(0)
    shapes = (examples, side**2, inputs), (channels, 9 * inputs), (channels,), (examples, size**2, channels)
    return [torch.randn(models, *shape, generator=generator, dtype=dtype) for shape in shapes]


def passes(conv, x, weights, biases, gradient, alive=lambda: None):
    """Outputs and the gradients by inputs and weights."""
    forward = conv.forward(x, weights, biases, alive)
    return forward, conv.by_inputs(gradient, weights, alive), conv.by_weights(gradient, x, alive)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("examples", "side", "stride", "inputs", "channels"),
    [
        (1, 8, 2, 1, 8), (2, 4, 2, 8, 16), (3, 2, 2, 16, 32), (4, 4, 1, 16, 32), (5, 12, 2, 1, 16), (6, 6, 2, 16, 16),
        (7, 3, 1, 16, 16), (9, 5, 2, 24, 8), (2, 1, 1, 8, 8), (2, 5, 2, 3, 6), (2, 7, 3, 8, 8),
    ],
)  # fmt: skip
def test_convolutions_are_torch_s(compiled, examples, side, stride, inputs, channels, monkeypatch):
    monkeypatch.setattr(convolution, "COMPILED", compiled)
    conv = Convolution(side, stride)
    given = x, weights, biases, gradient = drawn(3, examples, side, inputs, channels, conv.size)
    found = passes(conv, *given)
    for m in range(3):
        maps = x[m].transpose(1, 2).unflatten(2, (side, side)).requires_grad_()
        kernel = weights[m].view(channels, 3, 3, inputs).permute(0, 3, 1, 2).requires_grad_()
        out = torch.nn.functional.conv2d(maps, kernel, biases[m], stride, 1).flatten(2).transpose(1, 2)
        by_maps, by_kernel = torch.autograd.grad(out, (maps, kernel), gradient[m])
        expected = out.detach(), by_maps.flatten(2).transpose(1, 2), by_kernel.permute(0, 2, 3, 1).flatten(1)
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours[m], theirs)


def test_single_precision_differs_by_rounding_alone_and_needs_no_new_machine_code():
    """After ``prepare``, whatever the shapes; and no model knows of the others, though one is all NaN."""
    conv_kernels.prepare()
    compiled = [len(kernel.signatures) for kernel in KERNELS]
    conv = Convolution(6, 2)
    double = drawn(4, 10, 6, 16, 16, conv.size)
    single = [part.float() for part in double]
    for part in single:
        part[1] = float("nan")
    for ours, theirs in zip(passes(conv, *single), passes(conv, *double), strict=True):
        assert ours[1].isnan().all()
        torch.testing.assert_close(ours[[0, 2, 3]], theirs[[0, 2, 3]].float(), rtol=1e-4, atol=1e-4)
    assert compiled == [len(kernel.signatures) for kernel in KERNELS]


def test_a_large_layer_goes_in_parts_with_the_same_numbers(monkeypatch):
    """Between the parts ``alive`` is called, which may stop the run."""
    conv, calls = Convolution(4, 1), []
    given = drawn(5, 3, 4, 16, 32, conv.size, torch.float32)
    whole = passes(conv, *given, lambda: calls.append(0))
    assert not calls
    monkeypatch.setattr(convolution, "AT_ONCE", 2 * 3 * 16 * 9 * 16 * 32)  # two models
    parts = passes(conv, *given, lambda: calls.append(0))
    assert len(calls) == 3 * 2
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_inputs_need_not_be_contiguous():
    conv = Convolution(4, 2)
    x, *given = drawn(3, 2, 4, 8, 16, conv.size)
    torch.testing.assert_close(conv.forward(x[:1].expand(3, -1, -1, -1), *given[:2])[0], conv.forward(x, *given[:2])[0])
