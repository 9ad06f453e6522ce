"""Units that die while a network learns digits, by learning rate and initial bias, and what keeps them alive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.progress import Progress, silent, split

from .digits import standardised_digits
from .measure import DeadGrid, DeadLines
from .settings import RACING

if TYPE_CHECKING:
    from torch import Tensor

    from dlviz.engine.networks.mlp import MLP

LAYERS = (64, 64, 64, 10)
"""Inputs, two hidden layers, classes."""
SAMPLES, BATCH, STEPS, EVERY = 1000, 50, 200, 10
SEEDS = 3
RATES = (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
BIASES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def _networks(
    activations: Sequence[str],
    parameters: Sequence[float | None],
    biases: Sequence[float],
    seeds: Sequence[int],
    pieces: int,
) -> MLP:
    """One network a row: He's normal weights drawn from its seed, the given bias at every hidden unit."""
    import torch

    from dlviz.engine.networks.mlp import MAXOUT, MLP

    # All in one stack have the same shape; a stack is all maxout or none.
    rows = pieces if set(activations) == {MAXOUT} else 1
    weights, offsets = [], []
    drawn: dict[int, torch.Generator] = {seed: torch.Generator().manual_seed(seed) for seed in seeds}
    for layer, (inputs, units) in enumerate(zip(LAYERS[:-1], LAYERS[1:], strict=True)):
        last = layer == len(LAYERS) - 2
        out = units if last else units * rows
        # E[f(z)²] of a standard normal z is about 1/2 for the ReLU family and about 1 for the largest of two or three.
        scale = math.sqrt((1 if last or rows > 1 else 2) / inputs)
        one = {seed: scale * torch.randn(out, inputs, generator=generator) for seed, generator in drawn.items()}
        weights.append(torch.stack([one[seed] for seed in seeds]))
        bias = torch.zeros(len(seeds)) if last else torch.tensor(list(biases)).float()
        offsets.append(bias[:, None].repeat(1, out))
    return MLP(weights, offsets, list(activations), list(parameters)).to(device())


def _examples() -> tuple[Tensor, Tensor]:
    """Inputs in float32 and classes, on the device."""
    import torch

    x, y = (torch.tensor(part) for part in standardised_digits(SAMPLES))
    return x.float().to(device()), y.to(device())


def _dead(networks: MLP, x: Tensor) -> np.ndarray:
    """Share of hidden units whose slope is exactly zero on every example, for each network, (M,).

    No gradient reaches the weights into such a unit, whatever the loss. A maxout unit always passes its gradient
    to its largest piece. NaN for a network whose numbers are no longer finite.
    """
    import torch

    from dlviz.engine.networks.mlp import MAXOUT
    from dlviz.engine.signals.activations import ACTIVATIONS

    pre = networks.preactivations(x)
    dead = torch.zeros(len(networks.activations), device=x.device)
    units = 0
    for layer, z in enumerate(pre[:-1]):
        units += networks.weights[layer + 1].shape[2]
        for m, (name, parameter) in enumerate(zip(networks.activations, networks.arguments, strict=True)):
            if name != MAXOUT:
                dead[m] += (ACTIVATIONS[name].slope(z[m], parameter) == 0).all(dim=0).sum()
    finite = pre[-1].isfinite().all(-1).all(-1)
    return torch.where(finite, dead / units, math.nan).cpu().numpy()


@cached(maxsize=8)
def grid(seed: int, *, progress: Progress = silent) -> DeadGrid:
    """ReLU networks for every learning rate and initial bias, trained at once."""
    from dlviz.engine.networks.batches import MiniBatches, mini_batches
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.updates import sgd

    x, y = _examples()
    rates, biases = (part.ravel() for part in np.meshgrid(RATES, BIASES))
    networks = _networks(["ReLU"] * len(rates), [None] * len(rates), biases, [seed] * len(rates), 1)
    order = mini_batches(SAMPLES, BATCH, STEPS, seed)
    fit(networks, MiniBatches(x, y, order), sgd(rates), progress=progress)
    shape = len(BIASES), len(RATES)
    return DeadGrid(np.array(RATES), np.array(BIASES), _dead(networks, x).astype(float).reshape(shape))


@cached(maxsize=32)
def lines(
    rate: float, bias: float, leaky_slope: float, elu_alpha: float, pieces: int, seed: int, *,
    progress: Progress = silent,
) -> dict[str, DeadLines]:  # fmt: skip
    """Dead share and training accuracy over the steps at one rate and bias, for ReLU and its cures."""
    from dlviz.engine.networks.batches import MiniBatches, mini_batches
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.recording import Every, Record
    from dlviz.engine.networks.updates import sgd

    def look(networks: MLP, _alive: object) -> dict[str, object]:
        return {"dead": _dead(networks, x), "right": networks.accuracy(x, y)}

    x, y = _examples()
    parameters = {"ReLU": None, "Leaky ReLU": leaky_slope, "ELU": elu_alpha, "Maxout": None}
    order = mini_batches(SAMPLES, BATCH, STEPS, seed)
    found: dict[str, DeadLines] = {}
    stacks = (RACING[:-1], RACING[-1:])
    for names, watch in zip(stacks, split(progress, [1.0] * len(stacks)), strict=True):
        seeds = [seed + 1000 * repeat for repeat in range(SEEDS)]
        networks = _networks(
            [name for name in names for _ in seeds], [parameters[name] for name in names for _ in seeds],
            [bias] * (len(names) * SEEDS), seeds * len(names), pieces,
        )  # fmt: skip
        run = fit(
            networks, MiniBatches(x, y, order), sgd(rate), record=[Record("loss"), Every(EVERY, look)], progress=watch
        )
        dead, right, steps = run["dead"], run["right"], run["steps"]
        left = _first_lost(run["loss"], dead, steps)
        for n, name in enumerate(names):
            part = slice(n * SEEDS, (n + 1) * SEEDS)
            found[name] = DeadLines(name, steps, dead[:, part].T, right[:, part].T, left[part])
    return found


def _first_lost(losses: np.ndarray, dead: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The step at which each network's loss was no longer finite, or at which it was found to be lost; else -1."""
    gone = np.full(losses.shape[1], -1)
    for m in range(losses.shape[1]):
        found = [*np.flatnonzero(~np.isfinite(losses[:, m]))[:1], *steps[~np.isfinite(dead[:, m])][:1]]
        gone[m] = min(found, default=-1)
    return gone
