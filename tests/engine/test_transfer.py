"""Batched fine-tuning against torch.nn, autograd and torch.optim, one model after another."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.losses import cross_entropy
from dlviz.engine.networks.recording import Record

KINDS = ("MLP", "CNN")
LAYERS, CLASSES, N = 4, 3, 40


def module(networks: layered.Networks, kind: str, m: int) -> nn.Sequential:
    """One of the networks as torch's own modules."""
    width, parts = layered.WIDTH[kind], []
    for layer in range(len(networks.layers)):
        w, b = networks.weights[layer][m], networks.biases[layer][m]
        last = layer == len(networks.layers) - 1
        if kind == "MLP":
            part = nn.Linear(w.shape[1], w.shape[0])
            weight = w
        elif last:
            part = nn.Linear(w.shape[1], w.shape[0])
            weight = w.view(len(w), -1, width).transpose(1, 2)  # channels before positions, as Flatten has them
            parts.append(nn.Flatten())
        else:
            inputs = w.shape[1] // 9
            part = nn.Conv2d(inputs, width, 3, stride=2 if layer < 2 else 1, padding=1)
            weight = w.view(width, 9, inputs).transpose(1, 2)
        part = part.to(w.dtype)
        part.weight.data = weight.reshape(part.weight.shape).clone()
        part.bias.data = b.clone()
        parts += [part] if last else [part, nn.ReLU()]
    return nn.Sequential(*parts)


def linear(net: nn.Sequential) -> list[nn.Module]:
    return [part for part in net if hasattr(part, "weight")]


def as_images(x: torch.Tensor, kind: str) -> torch.Tensor:
    return x.view(-1, 1, 12, 12) if kind == "CNN" else x


def stacked(kind: str, seeds=(0, 1), dtype=torch.float64) -> layered.Networks:
    drawn = layered.draw(kind, LAYERS, CLASSES, seeds)
    biases = [torch.randn(b.shape, generator=torch.Generator().manual_seed(9)) * 0.1 for b in drawn.biases]
    return layered.Networks(drawn.layers, [w.to(dtype) for w in drawn.weights], [b.to(dtype) for b in biases])


def data(seeds: int = 2, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(seeds, N, 144, generator=generator, dtype=dtype)
    return x, torch.randint(CLASSES, (seeds, N), generator=generator)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_torch_s_modules(kind):
    networks, (x, _) = stacked(kind), data()
    found = networks.logits(x)
    for m in range(2):
        assert torch.allclose(found[m], module(networks, kind, m)(as_images(x[m], kind)), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_features_end_in_the_logits(kind):
    networks, (x, _) = stacked(kind), data()
    features = networks.features(x)
    assert len(features) == LAYERS + 1
    assert torch.allclose(features[-1], networks.logits(x))
    assert [h.shape[2] for h in features[1:]] == [layer.outputs for layer in networks.layers]


def test_drawn_weights_are_he_s_and_the_same_for_the_same_seed():
    first, again = layered.draw("CNN", 5, 10, (4, 5)), layered.draw("CNN", 5, 10, (5,))
    for w, v in zip(first.weights, again.weights, strict=True):
        assert torch.equal(w[1], v[0])
    many = layered.draw("MLP", 4, 10, range(30))
    for layer, w in zip(many.layers[:-1], many.weights, strict=False):
        assert w.var().item() == pytest.approx(2 / layer.fan_in, rel=0.03)
    assert many.weights[-1].var().item() == pytest.approx(1 / many.layers[-1].fan_in, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_autograd_s(kind):
    """Every layer of a network that is trained whole, and of one whose first two layers are frozen."""
    networks, (x, y) = stacked(kind), data()
    active = [1, 1, 2, 2]
    program = transfer.PartlyFrozen(networks, x, torch.arange(2), active)
    loss, gradients = program.gradients(None, y, cross_entropy)
    by_name = dict(zip(program.parameters(), gradients, strict=True))
    found = [tuple(by_name[f"{kind}.{layer}"] for kind in ("weights", "biases")) for layer in range(LAYERS)]
    for m, depth in ((0, 0), (1, 2)):
        net = module(networks, kind, m)
        expected = nn.functional.cross_entropy(net(as_images(x[m], kind)), y[m])
        expected.backward()
        assert loss[m].item() == pytest.approx(expected.item(), rel=1e-12)
        for layer, part in enumerate(linear(net)):
            if layer < depth:
                continue
            weight = module(layered.Networks(networks.layers, [g[0] for g in filled(found, networks)],
                                              networks.biases), kind, m)  # fmt: skip
            assert torch.allclose(linear(weight)[layer].weight.data, part.weight.grad, atol=1e-12)
            assert torch.allclose(found[layer][1][m], part.bias.grad, atol=1e-12)


def filled(found, networks):
    """Gradients of all models, with zeros for those of a layer that is frozen."""
    whole = []
    for gradients, w in zip(found, networks.weights, strict=True):
        full = torch.zeros_like(w)
        full[: len(gradients[0])] = gradients[0]
        whole.append((full,))
    return whole


def loop(net, x, y, kind, rates, order, steps):
    """What one would write for a single model: parameter groups, frozen ones left out, torch's Adam."""
    groups = []
    for part, rate in zip(linear(net), rates, strict=True):
        part.requires_grad_(bool(rate > 0))
        if rate > 0:
            groups.append({"params": list(part.parameters()), "lr": rate})
    optimizer, losses = torch.optim.Adam(groups), []
    for step in range(steps):
        chosen = torch.arange(len(x)) if order is None else order[step]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(as_images(x[chosen], kind)), y[chosen])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mini", [True, False])
def test_a_batched_run_is_the_plain_loop_s(kind, mini):
    """Six models: full, with rates by layer, and 1 to 3 layers frozen; two seeds with examples of their own."""
    x, y = data()
    start = stacked(kind)
    owner = torch.tensor([0, 1, 0, 1, 0, 1])
    networks = start.take(owner.tolist())
    rates = np.full((6, LAYERS), 0.01)
    rates[1] = [0.001, 0.002, 0.004, 0.008]
    rates[2:4, 0] = 0
    rates[4, :2] = 0
    rates[5, :3] = 0
    steps = 12
    order = transfer.batches(N, steps, (0, 1)) if mini else None
    assert (order is not None) == mini
    run = transfer.tune(networks, x, y, rates, steps, order=order, owner=owner, record=[Record("loss")])
    losses = run["loss"]
    for m in range(6):
        net = module(start, kind, int(owner[m]))
        of = int(owner[m])
        expected = loop(net, x[of], y[of], kind, rates[m], None if order is None else order[:, of], steps)
        assert np.allclose(losses[:, m], expected, rtol=1e-9), m
        for mine, part in zip(linear(module(networks, kind, m)), linear(net), strict=True):
            assert torch.allclose(mine.weight, part.weight, atol=1e-9), m
            assert torch.allclose(mine.bias, part.bias, atol=1e-9), m


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_tensors_stay_bit_by_bit_and_all_others_move(kind):
    x, y = data(dtype=torch.float32)
    start = stacked(kind, dtype=torch.float32)
    depths = [0, 1, 2, 3]
    networks = start.take([0] * 4)
    before = copy.deepcopy(networks)
    rates = np.where(np.arange(LAYERS) < np.array(depths)[:, None], 0.0, 0.01)
    transfer.tune(networks, x, y, rates, 5, owner=torch.zeros(4, dtype=torch.long))
    for m, depth in enumerate(depths):
        for layer in range(LAYERS):
            same = torch.equal(networks.weights[layer][m], before.weights[layer][m])
            assert same == (layer < depth), (m, layer)
            assert torch.equal(networks.biases[layer][m], before.biases[layer][m]) == (layer < depth)
    assert all(tensor.grad is None for tensor in (*networks.weights, *networks.biases))


def test_below_the_first_trained_layer_nothing_is_computed_at_a_step():
    networks, (x, _) = stacked("MLP"), data()
    program = transfer.PartlyFrozen(networks, x, torch.arange(2), [0, 0, 2, 2])
    assert list(program.parameters()) == ["weights.2", "weights.3", "biases.2", "biases.3"]
    assert program.layers() == [2, 3, 2, 3]
    expected = networks.logits(x)
    for tensor in (*networks.weights[:2], *networks.biases[:2]):
        tensor.fill_(float("nan"))  # nobody looks at them again
    assert torch.allclose(program.forward(None), expected)


def test_networks_out_of_order_are_refused():
    networks, (x, y) = stacked("MLP"), data()
    rates = np.full((2, LAYERS), 0.01)
    rates[0, 0] = 0
    with pytest.raises(ValueError, match="order"):
        transfer.tune(networks, x, y, rates, 1)


def test_a_stopped_run_lets_the_exception_through_and_progress_only_grows():
    class Stop(Exception):
        pass

    seen = []

    def watch(share):
        seen.append(share)
        if share > 0.4:
            raise Stop

    networks, (x, y) = stacked("MLP"), data()
    with pytest.raises(Stop):
        transfer.tune(networks, x, y, np.full((2, LAYERS), 0.01), 10, progress=watch)
    assert seen == sorted(seen)
    assert len(seen) > 10


def test_a_network_that_is_not_finite_has_no_accuracy():
    networks, (x, y) = stacked("MLP"), data()
    right = networks.accuracy(x, y)
    networks.weights[0][0] = float("nan")
    loss, broken = networks.score(x, y)
    assert np.isnan(broken[0])
    assert broken[1] == right[1]
    assert np.isnan(loss[0])


def test_a_pass_in_parts_is_the_whole_pass(monkeypatch):
    networks, (x, _) = stacked("CNN"), data()
    whole = networks.logits(x)
    monkeypatch.setattr(layered, "ROOM", 1)
    assert torch.allclose(networks.logits(x), whole, atol=1e-12)


def test_few_examples_are_taken_all_at_once():
    assert transfer.batches(transfer.BATCH, 5, (0,)) is None
    order = transfer.batches(50, 4, (0, 1))
    assert order.shape == (4, 2, transfer.BATCH)
    assert all(len(set(order[step, s].tolist())) == transfer.BATCH for step in range(4) for s in range(2))
