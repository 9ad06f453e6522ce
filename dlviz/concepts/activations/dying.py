"""Units that die while a network learns digits, by learning rate and initial bias, and what keeps them alive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.numbers import percent, small
from dlviz.progress import Progress, silent, split

from .digits import standardised_digits
from .settings import RACING, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from dlviz.engine.networks.mlp import MLP

    from .result import Result

LAYERS = (64, 64, 64, 10)
"""Inputs, two hidden layers, classes."""
SAMPLES, BATCH, STEPS, EVERY = 1000, 50, 200, 10
SEEDS = 3
RATES = (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
BIASES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


@dataclass(frozen=True)
class DeadGrid:
    """ReLU networks after training, by B initial biases and R learning rates; NaN where training overflowed."""

    rates: np.ndarray  # (R,)
    biases: np.ndarray  # (B,)
    dead: np.ndarray  # (B, R) share of hidden units whose slope is 0 on every training example


@dataclass(frozen=True)
class DeadLines:
    """One function in networks at one learning rate and bias, for S seeds; NaN once a run has overflowed."""

    name: str
    steps: np.ndarray  # (P,) at which the networks were looked at
    dead: np.ndarray  # (S, P) share of hidden units whose slope is 0 on every training example
    accuracy: np.ndarray  # (S, P) on the training examples
    lost: np.ndarray  # (S,) step at which the loss was no longer finite; -1 if it always was


@dataclass(frozen=True)
class Dying:
    """ReLU at every rate and bias, and ReLU beside its cures at one of each."""

    grid: DeadGrid
    lines: dict[str, DeadLines]  # by function


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

    # Networks of one stack have one shape, so those with maxout have a stack of their own.
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
    parameters = networks.arguments or [None] * len(networks.activations)
    for layer, z in enumerate(pre[:-1]):
        units += networks.weights[layer + 1].shape[2]
        for m, (name, parameter) in enumerate(zip(networks.activations, parameters, strict=True)):
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
    networks = _networks(["ReLU"] * len(rates), [None] * len(rates), biases.tolist(), [seed] * len(rates), 1)
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


def compute(settings: Settings, progress: Progress) -> Dying:
    """The grid, which only the seed changes, and the lines at the chosen rate and bias."""
    s = settings
    whole, chosen = split(progress, [8.0, 6.0])
    return Dying(
        grid(s.seed, progress=whole),
        lines(s.dying_rate, s.dying_bias, s.leaky_slope, s.elu_alpha, s.maxout_pieces, s.seed, progress=chosen),
    )


def _end(result: Result, name: str) -> tuple[float, float]:
    """Dead share and accuracy at the end of training, medians over seeds; NaN where a run has overflowed."""
    found = result.dying.lines[name]
    return float(np.median(found.dead[:, -1])), float(np.median(found.accuracy[:, -1]))


def died(result: Result) -> Check:
    """A large rate kills ReLUs that were alive; leaky ReLU and ELU keep all units at the same rate."""
    before = float(np.median(result.dying.lines["ReLU"].dead[:, 0]))
    dead, _ = _end(result, "ReLU")
    leaky, elu = (_end(result, name)[0] for name in ("Leaky ReLU", "ELU"))
    holds = before < 0.02 and dead > 0.15 and leaky == 0 and elu == 0
    return Check(holds, {"before": percent(before), "dead": percent(dead), "rate": result.settings.dying_rate})


def never_woken(result: Result) -> Check:
    """A bias far below zero: ReLUs dead from the start, a network that does not learn, and one of ELUs that does."""
    before = float(np.median(result.dying.lines["ReLU"].dead[:, 0]))
    dead, relu = _end(result, "ReLU")
    elu, maxout = (_end(result, name)[1] for name in ("ELU", "Maxout"))
    holds = before > 0.3 and dead > 0.3 and relu < 0.3 and elu > 0.9 and maxout > 0.9
    shares = {"before": before, "dead": dead, "relu": relu, "elu": elu, "maxout": maxout}
    said = {name: percent(share) for name, share in shares.items()}
    return Check(holds, {"bias": small(result.settings.dying_bias), **said})


PRESETS = (
    Preset("dying", Settings(panels=("Dying ReLU",), function="ReLU", dying_rate=0.7, dying_bias=1.0), died),
    Preset(
        "never_woken", Settings(panels=("Dying ReLU",), function="ReLU", mean=-2.0, dying_rate=0.1, dying_bias=-2.0),
        never_woken,
    ),
)  # fmt: skip


def readouts(result: Result) -> list[Readout]:
    """The share of ReLUs that are dead at the end, where no run has overflowed."""
    end, _ = _end(result, "ReLU")
    return [Readout("Dead ReLUs at the end", percent(end))] if np.isfinite(end) else []


def notice(result: Result) -> list[Note]:
    """How many units die with each function, or that its runs overflow."""
    notes = []
    s = result.settings
    for name, d in result.dying.lines.items():
        lost = d.lost >= 0
        values = {"name": name, "rate": s.dying_rate, "bias": s.dying_bias}
        if lost.any():
            notes.append(Note("overflowed", {**values, "count": int(lost.sum()), "seeds": len(lost)}))
            continue
        start, end = float(np.median(d.dead[:, 0])), float(np.median(d.dead[:, -1]))
        right = float(np.median(d.accuracy[:, -1]))
        shares = {"start": percent(start), "end": percent(end), "accuracy": percent(right)}
        key = "died" if end > 0 else "few_dead" if d.dead[:, -1].any() else "none_dead"
        notes.append(Note(key, {**values, **shares}))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
