"""Networks with norms, forward and backward, against torch's own layers under autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.concepts.normalization.settings import DepthNorm
from dlviz.engine.networks import cnn
from dlviz.engine.networks.batches import MiniBatches, epochs
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.losses import cross_entropy
from dlviz.engine.networks.updates import sgd
from dlviz.engine.signals import norm_depth


def gradients_by_autograd(norm, depth, width, activation, gain, batch, seed):
    """One network of norm_depth, layer by layer, under autograd with torch's own norms."""
    from dlviz.engine.data.datasets import digits

    generator = torch.Generator().manual_seed(seed)
    pixels, classes = digits()
    chosen = torch.randperm(len(pixels), generator=generator)[:batch]
    h = torch.from_numpy((pixels - pixels.mean()) / pixels.std())[chosen]
    layer = {
        "None": nn.Identity(),
        "BatchNorm": nn.BatchNorm1d(width, affine=False),
        "LayerNorm": nn.LayerNorm(width, elementwise_affine=False),
        "RMSNorm": nn.RMSNorm(width, eps=1e-5, elementwise_affine=False),
        "GroupNorm": nn.GroupNorm(4, width, affine=False),
    }[norm].double()
    outputs = []
    for _ in range(depth):
        weight = torch.randn(1, width, h.shape[1], generator=generator, dtype=torch.float64)[0]
        h = {"ReLU": torch.relu, "Tanh": torch.tanh}[activation](layer(h @ (weight * gain * (2 / h.shape[1]) ** 0.5).T))
        h.requires_grad_()
        outputs.append(h)
    readout = torch.randn(1, 10, width, generator=generator, dtype=torch.float64)[0] * width**-0.5
    loss = nn.functional.cross_entropy(h @ readout.T, torch.from_numpy(np.array(classes))[chosen])
    return np.array([float(g.norm()) for g in torch.autograd.grad(loss, outputs)])


@pytest.mark.parametrize("activation", ["ReLU", "Tanh"])
def test_gradient_norms_are_those_of_autograd(activation):
    names = DepthNorm.__args__
    found = norm_depth.gradient_norms(
        names, depth=5, width=16, activation=activation, gain=0.9, groups=4, seeds=1, batch=32, seed=3
    )
    for k, norm in enumerate(names):
        expected = gradients_by_autograd(norm, 5, 16, activation, 0.9, 32, 3)
        assert np.allclose(found[:, k, 0], expected, rtol=1e-6), norm


def test_growth_of_gradients_is_known_for_relu():
    assert norm_depth.growth("BatchNorm", "ReLU", 0.3) == pytest.approx(np.sqrt(np.pi / (np.pi - 1)), rel=1e-4)
    assert norm_depth.growth("LayerNorm", "ReLU", 3.0) == pytest.approx(1, rel=1e-4)
    assert norm_depth.growth("None", "ReLU", 0.7) == pytest.approx(0.7, rel=1e-4)
    assert norm_depth.growth("BatchNorm", "Linear", 1.0) == pytest.approx(1, rel=1e-4)
    assert norm_depth.growth("GroupNorm", "ReLU", 1.0) is None


def reference(norm, groups, channels):
    return {
        "None": lambda c: nn.Identity(),
        "BatchNorm": lambda c: nn.BatchNorm2d(c, affine=False),
        "LayerNorm": lambda c: nn.GroupNorm(1, c, affine=False),
        "InstanceNorm": lambda c: nn.GroupNorm(c, c, affine=False),
        "GroupNorm": lambda c: nn.GroupNorm(groups, c, affine=False),
    }[norm](channels)


@pytest.mark.parametrize("side", [1, 2, 4])
def test_networks_are_those_of_torch_forward_and_backward(side):
    names = ("None", "BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm")
    nets = cnn.draw(names, 2, groups=4, last_side=side, seed=1)
    generator = torch.Generator().manual_seed(4)
    for parameter in (*nets.gammas, *nets.betas):  # γ and β off their start
        parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    x = torch.randn(10, 5, 64, generator=generator)
    y = torch.randint(10, (10, 5), generator=generator)
    logits = nets.forward(x)
    losses, gradients = nets.gradients(x, y, cross_entropy)
    for m in range(10):
        norm = names[m // 2]
        kernels = [
            kernel[m].view(len(kernel[m]), 9, -1).transpose(1, 2).unflatten(2, (3, 3)).clone().requires_grad_()
            for kernel in nets.kernels
        ]
        gammas, betas = ([p[m].clone().requires_grad_() for p in part] for part in (nets.gammas, nets.betas))
        h = x[m].view(5, 1, 8, 8)
        for layer, stride in enumerate(cnn.STRIDES[side]):
            h = nn.functional.conv2d(h, kernels[layer], stride=stride, padding=1)
            h = reference(norm, 4, h.shape[1])(h)
            h = torch.relu(h * gammas[layer][:, None, None] + betas[layer][:, None, None])
        expected = h.flatten(2).transpose(1, 2).flatten(1) @ nets.readout[m].T + nets.bias[m]
        # The networks' readout runs over positions, then channels.
        torch.testing.assert_close(logits[m], expected.detach(), rtol=1e-3, atol=1e-4)
        loss = nn.functional.cross_entropy(expected, y[m])
        torch.testing.assert_close(losses[m], loss.detach(), rtol=1e-3, atol=1e-4)
        wanted = torch.autograd.grad(loss, [*kernels, *gammas, *betas], allow_unused=True)
        for layer in range(3):
            found = gradients[layer][m].view(len(kernels[layer]), 9, -1).transpose(1, 2).unflatten(2, (3, 3))
            torch.testing.assert_close(found, wanted[layer], rtol=2e-3, atol=2e-4)
            if norm != "None":
                torch.testing.assert_close(gradients[3 + layer][m], wanted[3 + layer], rtol=2e-3, atol=2e-4)
            torch.testing.assert_close(gradients[6 + layer][m], wanted[6 + layer], rtol=2e-3, atol=2e-4)


def test_training_is_torch_s_with_its_own_layers_and_averages():
    """Steps of SGD with momentum, and then BatchNorm's running statistics in evaluation mode."""
    nets = cnn.draw(("BatchNorm", "Switchable"), 2, last_side=2, seed=2)
    x = torch.randn(30, 64, generator=torch.Generator().manual_seed(1))
    y, order = torch.arange(30) % 10, epochs(30, 6, 2, 2, seed=3)
    kernels = [k[1].view(len(k[1]), 9, -1).transpose(1, 2).unflatten(2, (3, 3)).clone() for k in nets.kernels]
    layers, inputs = [], 1
    for kernel, stride in zip(kernels, cnn.STRIDES[2], strict=True):
        conv = nn.Conv2d(inputs, len(kernel), 3, stride, 1, bias=False)
        conv.weight.data, inputs = kernel, len(kernel)
        layers += [conv, nn.BatchNorm2d(inputs), nn.ReLU()]
    readout = nn.Linear(128, 10)
    readout.weight.data = nets.readout[1].view(10, 4, 32).transpose(1, 2).flatten(1).clone()
    readout.bias.data = nets.bias[1].clone()
    net = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *layers, nn.Flatten(), readout)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    fit(nets, MiniBatches(x, y, order, torch.tensor([0, 1, 0, 1])), sgd(0.05, momentum=0.9))
    for rows in order[:, 1]:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    with torch.no_grad():
        found = nets.forward(x.expand(4, -1, -1), training=False)
        torch.testing.assert_close(found[1], net.eval()(x), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(nets.of_seed(1).forward(x.expand(2, -1, -1), training=False), found[1::2])


def test_a_network_without_norm_has_no_scales_to_learn():
    nets = cnn.draw(("None", "BatchNorm"), 1)
    x = torch.rand(64, 64, generator=torch.Generator().manual_seed(0))
    batches = MiniBatches(x, torch.arange(64) % 10, epochs(64, 8, 2, 1, seed=0), torch.zeros(2, dtype=torch.long))
    fit(nets, batches, sgd(0.05, momentum=0.9))
    assert all((gamma[0] == 1).all() and (gamma[1] != 1).any() for gamma in nets.gammas)
