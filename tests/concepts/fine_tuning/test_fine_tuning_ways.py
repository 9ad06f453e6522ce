"""The ways to hold on to a start, and gradual unfreezing, against torch's own loop in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from plain_torch import layers_of, module
from torch.nn import functional

from dlviz.concepts.fine_tuning import gradual, ways
from dlviz.concepts.fine_tuning.settings import Settings
from dlviz.concepts.fine_tuning.tasks import Tasks, data_of, source_of
from dlviz.concepts.fine_tuning.ways import Way
from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.recording import Every

QUICK = {"source": "Clean 0-4", "target": "Clean 5-9", "source_steps": 50, "steps": 12, "layers": 4, "seeds": 2}
RATE = 0.01


@pytest.fixture(scope="module")
def double():
    """A start in float64: source networks, new heads, and data, so that two ways to compute agree closely."""
    tasks = Tasks.of(Settings(**QUICK), "2")
    data, source = data_of(tasks), source_of(tasks)

    def wide(networks):
        weights, biases = ([part.double() for part in parts] for parts in (networks.weights, networks.biases))
        return layered.Networks(networks.layers, weights, biases)

    return wide(data.networks), wide(source.networks), data.x.double(), data.y


def close(networks, m, net, rel=1e-8):
    for w, b, layer in zip(networks.weights, networks.biases, layers_of(net), strict=True):
        assert torch.allclose(w[m], layer.weight, rtol=rel, atol=rel)
        assert torch.allclose(b[m], layer.bias, rtol=rel, atol=rel)


# ---- the ways to hold on, against torch's own loop


@pytest.mark.parametrize(
    "way", [Way("Full fine-tuning", 8), Way("Layer-wise rates", 0.3), Way("Layer-wise rates", 0.0), Way("Frozen", 2)]
)
def test_rates_by_layer_are_those_of_parameter_groups(double, way):
    begun, _, x, y = double
    networks = begun.take([0, 1])
    rates = ways.rates(way, 4, RATE)
    transfer.tune(networks, x, y, np.stack([rates] * 2), 8)
    for seed in range(2):
        net = module(begun, seed)
        factors = {"Layer-wise rates": way.strength}.get(way.method, 1.0)
        groups = []
        for depth, layer in enumerate(layers_of(net)[::-1]):  # from the head down
            rate = RATE * factors**depth
            if way.method == "Frozen" and depth >= 4 - way.strength:
                rate = 0.0
            if rate:
                groups.append({"params": list(layer.parameters()), "lr": rate})
            else:
                layer.requires_grad_(False)
        optimizer = torch.optim.Adam(groups)
        for _ in range(8):
            optimizer.zero_grad()
            functional.cross_entropy(net(x[seed]), y[seed]).backward()
            optimizer.step()
        close(networks, seed, net)
        for layer in range(4):
            unmoved = torch.equal(networks.weights[layer][seed], begun.weights[layer][seed])
            assert unmoved == (rates[layer] == 0)


@pytest.mark.parametrize("alpha", [0.05, 5.0])
def test_l2_sp_is_the_penalty_under_autograd(double, alpha):
    begun, _, x, y = double
    networks = begun.take([0, 1])
    transfer.tune(networks, x, y, np.full((2, 4), RATE), 8, l2sp=transfer.L2SP(np.array([alpha, 0.0])))
    for seed, strength in enumerate((alpha, 0.0)):
        net = module(begun, seed)
        first = copy.deepcopy(net)
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
        for _ in range(8):
            optimizer.zero_grad()
            loss = functional.cross_entropy(net(x[seed]), y[seed])
            for layer, old in zip(layers_of(net)[:-1], layers_of(first)[:-1], strict=True):
                for now, before in zip(layer.parameters(), old.parameters(), strict=True):
                    loss = loss + strength / 2 * (now - before.detach()).square().sum()
            loss.backward()
            optimizer.step()
        close(networks, seed, net)


def test_each_model_is_held_by_its_own_strength(double):
    """Among others, some of them frozen, each ends where it ends alone."""
    begun, source, x, y = double
    rates = np.full((4, 4), RATE)
    rates[2:, :1] = 0
    l2sp, distillation = np.array([0.0, 0.5, 2.0, 0.0]), np.array([3.0, 0.0, 0.2, 0.0])
    owner = torch.tensor([0, 1, 0, 1])
    heads = source.weights[-1], source.biases[-1]
    together = begun.take(owner.tolist())
    given = transfer.Distillation(distillation, *(part[owner] for part in heads))
    held = {"l2sp": transfer.L2SP(l2sp), "distillation": given}
    transfer.tune(together, x, y, rates, 8, owner=owner, **held)
    for m in range(4):
        alone, seed = begun.take([owner[m]]), slice(owner[m], owner[m] + 1)
        given = transfer.Distillation(distillation[[m]], *(h[seed] for h in heads))
        held = {"l2sp": transfer.L2SP(l2sp[[m]]), "distillation": given}
        transfer.tune(alone, x[seed], y[seed], rates[[m]], 8, **held)
        for layer in range(4):
            assert torch.allclose(together.weights[layer][m], alone.weights[layer][0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("weight", [0.1, 10.0])
def test_distillation_is_the_softened_cross_entropy_under_autograd(double, weight):
    begun, source, x, y = double
    networks = begun.take([0, 1])
    heads = source.weights[-1], source.biases[-1]
    strengths = np.array([weight, 0.0])
    by = transfer.Distillation(strengths, *heads)
    transfer.tune(networks, x, y, np.full((2, 4), RATE), 8, distillation=by)
    for seed, strength in enumerate(strengths):
        net = module(begun, seed)
        old_head = layers_of(module(source, seed))[-1].requires_grad_(False)
        kept = (module(source, seed)(x[seed]) / 2).softmax(-1).detach()
        optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
        for _ in range(8):
            optimizer.zero_grad()
            old = old_head(net[:-1](x[seed])) / 2
            loss = functional.cross_entropy(net(x[seed]), y[seed])
            (loss + strength * functional.cross_entropy(old, kept)).backward()
            optimizer.step()
        close(networks, seed, net)


# ---- target against source


def test_thawing_is_adding_a_parameter_group(double):
    """A layer is untouched until its step, and its moments begin there, as with ``add_param_group``."""
    begun, _, x, y = double
    every, steps = 3, 8
    networks = begun.take([0, 1])
    thaw = gradual.thaws(4, every)
    assert thaw.tolist() == [9, 6, 3, 0]

    def look(_model, _alive):
        return {f"w{layer}": w[0] for layer, w in enumerate(networks.weights)}

    rates = gradual.schedule(4, every, steps, RATE)[:, [1, 1]]
    run = transfer.tune(networks, x, y, rates, steps, record=[Every(1, look)])
    for at, step in enumerate(run["steps"]):
        for layer in range(4):
            still = np.array_equal(run[f"w{layer}"][at], begun.weights[layer][0].numpy())
            assert still == (step <= thaw[layer])
    for seed in range(2):
        net = module(begun, seed)
        optimizer = torch.optim.Adam(layers_of(net)[-1].parameters(), lr=RATE)
        for step in range(steps):
            for layer in range(3):
                if step == thaw[layer]:
                    optimizer.add_param_group({"params": list(layers_of(net)[layer].parameters())})
            optimizer.zero_grad()
            functional.cross_entropy(net(x[seed]), y[seed]).backward()
            for layer in range(3):
                if step < thaw[layer]:
                    layers_of(net)[layer].zero_grad()
            optimizer.step()
        close(networks, seed, net)
