"""Activations, initialization and normalization beside what one would otherwise write: a part of compute.py."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import initialization
import numpy as np
import torch
from comparison import DOUBLE, SINGLE, Rates, Row, same
from limits import by_turns
from torch import nn

from dlviz.concepts.activations import dying
from dlviz.concepts.activations.digits import standardised_digits
from dlviz.engine.data.datasets import digits
from dlviz.engine.networks import cnn
from dlviz.engine.networks.batches import MiniBatches, epochs, mini_batches
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.updates import sgd
from dlviz.engine.signals import norm_depth
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.propagation import Variant, propagate

# -- activations -------------------------------------------------------------------------------------------


def activations(rates: Rates) -> Iterator[Row]:
    x = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=DOUBLE)
    names = list(initialization.MODULES)
    modules = [initialization.MODULES[name]().double().requires_grad_(False) for name in names]

    def by_autograd() -> list:
        z = x.clone().requires_grad_()
        return [torch.autograd.grad(module(z).sum(), z)[0] for module in modules]

    def by_hand() -> list:
        return [ACTIVATIONS[name].with_slope(x)[1] for name in names]

    for name, one, other in zip(names, by_autograd(), by_hand(), strict=True):
        same(one.numpy(), other.numpy(), 1e-9, name)
    theirs, ours = by_turns(by_autograd, by_hand)
    yield Row(f"{len(names)} functions and their slopes at a million points", "torch.nn and autograd", theirs, ours)

    count, every = len(dying.RATES) * len(dying.BIASES), 7
    inputs, labels = (torch.tensor(part) for part in standardised_digits(dying.SAMPLES))
    inputs = inputs.float()
    order = mini_batches(dying.SAMPLES, dying.BATCH, dying.STEPS, 0)

    def one_by_one() -> None:
        for rate in [rate for rate in dying.RATES for _ in dying.BIASES][::every]:
            sizes = list(zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True))
            layers = [part for size in sizes for part in (nn.Linear(*size), nn.ReLU())][:-1]
            _train(nn.Sequential(*layers), inputs, labels, order, rate)

    def at_once() -> None:
        dying.grid.forget()
        dying.grid(0)

    theirs, ours = by_turns(one_by_one, at_once)
    weights = sum(a * b for a, b in zip(dying.LAYERS[:-1], dying.LAYERS[1:], strict=True))
    least = rates.products(6 * weights * dying.BATCH * dying.STEPS * count, SINGLE)
    what = f"dying ReLU: {count} networks, {dying.STEPS} steps of SGD"
    yield Row(what, "one after another ¹", theirs * every, ours, least)
    yield _by_depth(rates)


def _by_depth(rates: Rates) -> Row:
    """The panel with which the page opens: gradients of three functions layer by layer, three networks each."""
    functions, depth, width, seeds, count = ("Sigmoid", "Tanh", "ReLU"), 20, 100, (0, 1000, 2000), 100
    x, y = standardised_digits(count)
    tensors = torch.tensor(x), torch.tensor(y)
    variants = [Variant(name, 1.0) for name in functions]
    theirs, ours = by_turns(
        lambda: [
            initialization.loop(functions, ("LeCun normal",), depth, width, *tensors, weight_gradients=False)
            for _ in seeds
        ],
        lambda: propagate(variants, depth, width, seeds, x, y),
    )
    networks = len(functions) * len(seeds)
    least = rates.products(4 * networks * count * depth * width**2, DOUBLE)
    return Row(f"{networks} networks of {depth} × {width}, forward and back", "loop with hooks", theirs, ours, least)


def _train(net: nn.Module, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor, rate: float, momentum=0.0) -> None:
    """As one writes it."""
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=momentum)
    for chosen in order:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
        optimizer.step()


# -- initialization, normalization -------------------------------------------------------------------------


def initializations(rates: Rates) -> Iterator[Row]:
    _, functions, schemes, depth, width = initialization.SIZES[0]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((initialization.INPUTS, 64)), rng.integers(0, 10, initialization.INPUTS)
    tensors, shape = (torch.tensor(x), torch.tensor(y)), (functions, schemes, depth, width)
    theirs, ours = by_turns(
        lambda: initialization.loop(*shape, *tensors, weight_gradients=False),
        lambda: initialization.shared(*shape, x, y),
    )
    count = len(functions) * len(schemes)
    least = rates.products(2 * 2 * count * len(x) * depth * width**2, DOUBLE)
    yield Row(f"{count} networks of {depth} × {width}, forward and back", "loop with hooks", theirs, ours, least)


def normalization(rates: Rates) -> Iterator[Row]:
    norms, seeds, batch, steps = ("None", "BatchNorm", "LayerNorm", "GroupNorm"), 3, 8, 60
    pixels, labels = digits()
    x, y = torch.tensor((pixels - pixels.mean()) / pixels.std()).float(), torch.tensor(labels)
    x, y = x[: batch * steps], y[: batch * steps]

    def module(norm: str) -> nn.Sequential:
        layers: list[nn.Module] = [nn.Unflatten(1, (1, 8, 8))]
        inputs = 1
        for channels, stride in zip(cnn.CHANNELS, cnn.STRIDES[1], strict=True):
            layer = {"BatchNorm": partial(nn.BatchNorm2d), "LayerNorm": partial(nn.GroupNorm, 1),
                     "GroupNorm": partial(nn.GroupNorm, 4), "None": nn.Identity}[norm]  # fmt: skip
            layers += [nn.Conv2d(inputs, channels, 3, stride, 1, bias=norm == "None"), layer(channels), nn.ReLU()]
            inputs = channels
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs, 10))

    def one_by_one() -> None:
        for norm in norms:
            for seed in range(seeds):
                order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)).view(steps, batch)
                _train(module(norm), x, y, order, 0.01, momentum=0.9)

    def at_once() -> None:
        nets = cnn.draw(norms, seeds)
        order, owner = epochs(len(x), batch, 1, seeds, 0), torch.arange(seeds).repeat(len(norms))
        fit(nets, MiniBatches(x, y, order, owner), sgd(0.01, momentum=0.9))

    theirs, ours = by_turns(one_by_one, at_once)
    work = sum(9 * a * b * s * s for a, b, s in ((1, 8, 4), (8, 16, 2), (16, 32, 1))) + 320
    least = rates.products(6 * work * batch * steps * len(norms) * seeds, SINGLE)
    what = f"{len(norms) * seeds} small CNNs with {len(norms)} norms, {steps} steps of {batch}"
    yield Row(what, "torch.nn, one after another", theirs, ours, least)
    yield _deep(rates)


def _deep(rates: Rates) -> Row:
    """Gradients at every layer of deep networks with norms."""
    norms, depth, width, seeds, batch = ("None", "BatchNorm", "LayerNorm"), 30, 64, 3, 128
    rng = np.random.default_rng(0)
    x, y = torch.tensor(rng.standard_normal((batch, 64))), torch.tensor(rng.integers(0, 10, batch))
    made = {"None": nn.Identity, "BatchNorm": nn.BatchNorm1d, "LayerNorm": nn.LayerNorm}

    def hooks() -> None:
        for norm in norms:
            for _seed in range(seeds):
                h, kept = x, []
                for _layer in range(depth):
                    linear = nn.Linear(64, width, bias=False).double()
                    h = torch.relu(made[norm](width).double()(linear(h)))
                    h.retain_grad()
                    kept.append(h)
                nn.functional.cross_entropy(nn.Linear(width, 10).double()(h), y).backward()
                [float(h.grad.norm()) for h in kept]

    def ours() -> None:
        norm_depth.gradient_norms.forget()
        norm_depth.gradient_norms(
            norms, depth=depth, width=width, activation="ReLU", gain=1.0, groups=4, seeds=seeds, batch=batch, seed=0
        )

    theirs, fast = by_turns(hooks, ours)
    least = rates.products(4 * len(norms) * seeds * batch * depth * width**2, DOUBLE)
    what = f"gradients in {len(norms) * seeds} networks of {depth} × {width} with norms"
    return Row(what, "retained gradients", theirs, fast, least)
