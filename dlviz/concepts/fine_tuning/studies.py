"""The runs behind the figures: the freeze sweep, learning curves, times, and every source on every target."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.data import digit_tasks
from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import Every
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.progress import Progress, silent, split

from .measure import Blocks, Curves, Pairs, Sweep
from .settings import Settings, Source, Target
from .start import SOURCE_RATE, Data, Start, learned, right, start

if TYPE_CHECKING:
    from torch import Tensor

LOOKS = 25  # at a run, for its curves
TIMED, ROUNDS, STEPS_A_ROUND = 8, 6, 5  # networks at once; how often each depth takes its turn, and for how long
PAIRED_SEEDS = 4  # of the map, at most


def sweep(s: Settings, labels: tuple[str, ...], progress: Progress = silent) -> Sweep:
    """Every frozen depth and scratch, for some numbers of labels. Each number is kept by itself."""
    source, *parts = split(progress, (0.4, *(1.0 if label in ("1", "2") else 2.0 for label in labels)))
    learned(Start.of(s, "1"), source)
    if not labels:
        return Sweep((), np.empty((0, s.seeds)), np.empty((0, s.layers, s.seeds)))
    each = zip(labels, parts, strict=True)
    both = np.stack([_frozen(Start.of(s, label), s.steps, s.rate, progress=part) for label, part in each])
    return Sweep(labels, both[:, 0], both[:, 1:])


@cached(maxsize=32)
def _frozen(begin: Start, steps: int, rate: float, progress: Progress = silent) -> np.ndarray:
    """Accuracy from scratch, and with the first 0, ..., L − 1 layers frozen, (L + 1, S)."""
    data = start(begin, lambda _: progress(0.0))
    depths = [0, *range(begin.layers)]
    networks, owner = _side_by_side(data, depths)
    rates = np.repeat(_rates(depths, begin.layers, rate), begin.seeds, axis=0)
    transfer.tune(networks, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, progress=progress)
    found = right(networks, data.test, owner, lambda _: progress(1.0))
    return found.reshape(len(depths), begin.seeds)


def _side_by_side(data: Data, depths: list[int]) -> tuple[layered.Networks, Tensor]:
    """Copies to be trained, run by run and in each seed by seed: the first from scratch, the others from the source."""
    import torch

    networks = layered.Networks.stacked([data.scratch, *[data.networks] * (len(depths) - 1)])
    return networks, torch.arange(len(data.seeds), device=device()).repeat(len(depths))


def _rates(depths: list[int], layers: int, rate: float) -> np.ndarray:
    """The learning rates (runs, L) of runs whose first layers are frozen."""
    return np.where(np.arange(layers) < np.array(depths)[:, None], 0.0, rate)


def curves(s: Settings, progress: Progress = silent) -> Curves:
    """Loss and accuracy by step: from scratch, full fine-tuning, k frozen, head only, without what is the same."""
    depths = sorted({0, s.held, s.layers - 1})
    called = {0: "Full fine-tuning", s.held: "Frozen"} | {s.layers - 1: "Head only", 0: "Full fine-tuning"}
    steps, loss, accuracy = _curves(Start.of(s, s.amount), s.steps, s.rate, tuple(depths), progress=progress)
    return Curves(("From scratch", *(called[depth] for depth in depths)), steps, loss, accuracy)


@cached(maxsize=16)
def _curves(
    begin: Start, steps: int, rate: float, depths: tuple[int, ...], progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = start(begin, lambda share: progress(0.3 * share))
    networks, owner = _side_by_side(data, [0, *depths])
    rates = np.repeat(_rates([0, *depths], begin.layers, rate), begin.seeds, axis=0)
    every = max(1, round(steps / LOOKS))

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        loss, accuracy = networks.score(*data.test, owner, lambda _: alive())
        # A network that overflowed is wrong here, as in start.right.
        return {"loss": loss, "accuracy": np.nan_to_num(accuracy, nan=0.0)}

    run = transfer.tune(
        networks, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, record=[Every(every, look)],
        progress=lambda share: progress(0.3 + 0.7 * share),
    )  # fmt: skip
    shape = len(run["steps"]), len(depths) + 1, begin.seeds
    return run["steps"], run["loss"].reshape(shape), run["accuracy"].reshape(shape)


def blocks(s: Settings, progress: Progress = silent) -> Blocks:
    """Parameters by layer, and the time of a step at every frozen depth."""
    classes = digit_tasks.classes(s.target)
    shape = layered.shape(s.network, s.layers, classes)
    parameters = np.array([layer.units * (layer.fan_in + 1) for layer in shape])
    seconds = _seconds(s.network, s.layers, progress=progress)
    return Blocks(parameters, tuple(map(_units, shape)), seconds, TIMED)


def _units(layer: layered.Layer) -> str:
    side = math.isqrt(layer.positions)
    return f"{layer.units} × {side} × {side}" if layer.stride else str(layer.units)


@cached(maxsize=16)
def _seconds(network: layered.Kind, layers: int, progress: Progress = silent) -> np.ndarray:
    """Seconds of a step with 0, ..., L − 1 layers frozen, (L,): medians of a few steps, the least of some turns.

    The only numbers of the page that another run gives otherwise: they are measured with a clock.
    """
    import torch

    drawn = layered.draw(network, layers, 10, range(TIMED)).to(device())
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(TIMED, transfer.BATCH, digit_tasks.SIDE**2, generator=generator).to(device())
    y = torch.randint(10, (TIMED, transfer.BATCH), generator=generator).to(device())
    taken: list[list[float]] = [[] for _ in range(layers)]
    for turn in range(ROUNDS):
        for depth in range(layers):
            ended: dict[float, float] = {}  # share done -> when; within a step the share stays as it is

            def watch(
                share: float, ended: dict[float, float] = ended, done: float = (turn + depth / layers) / ROUNDS
            ) -> None:
                ended.setdefault(share, time.perf_counter())
                progress(done)

            rates = np.repeat(_rates([depth], layers, 1e-3), TIMED, axis=0)
            transfer.tune(drawn.take(range(TIMED)), x, y, rates, STEPS_A_ROUND, progress=watch)
            taken[depth].append(float(np.median(np.diff(list(ended.values()))[1:])))
    return np.array([min(times) for times in taken])


def pairs(s: Settings, progress: Progress = silent) -> Pairs:
    """Every source on every target, with an MLP of as many layers."""
    sources, targets = (tuple(choice.__args__) for choice in (Source, Target))
    seeds = min(s.seeds, PAIRED_SEEDS)
    gain = _pairs(s.noise, s.labels, s.layers, s.steps, s.rate, s.source_steps, seeds, s.seed, progress=progress)
    return Pairs(sources, targets, s.labels, tuple(range(s.layers)), gain)


@cached(maxsize=4)
def _pairs(
    noise: float,
    amounts: tuple[str, ...],
    layers: int,
    steps: int,
    rate: float,
    source_steps: int,
    seeds: int,
    seed: int,
    progress: Progress = silent,
) -> np.ndarray:
    """Gain over scratch (A, B, C, D, S). All sources of a target are one program."""
    import torch

    sources, targets, depths = Source.__args__, Target.__args__, range(layers)
    gain = np.empty((len(sources), len(targets), len(amounts), len(depths), seeds))
    done = 0
    parts = len(targets) * (len(sources) + len(amounts))

    def watch(share: float) -> None:
        progress((done + share) / parts)

    for b, target in enumerate(targets):
        for c, labels in enumerate(amounts):
            begins = [
                Start(source, target, noise if "oisy" in target else 0.0, labels, "MLP", layers, source_steps,
                      SOURCE_RATE, seeds, seed)
                for source in sources
            ]  # fmt: skip
            starts = []
            for begin in begins:
                starts.append(start(begin, watch if c == 0 else lambda _: watch(0.0)))
                done += c == 0
            # In the order of depth: from scratch, then all sources at each depth.
            networks = [starts[0].scratch] + [data.networks for _ in depths for data in starts]
            ordered = [0] + [depth for depth in depths for _ in starts]
            owner = torch.arange(seeds, device=device()).repeat(len(networks))
            rates = np.repeat(_rates(ordered, layers, rate), seeds, axis=0)
            together = layered.Networks.stacked(networks)
            data = starts[0]
            transfer.tune(together, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, progress=watch)
            done += 1
            accuracy = right(together, data.test, owner, lambda _: watch(0.0)).reshape(-1, seeds)
            found = accuracy[1:].reshape(len(depths), len(sources), seeds) - accuracy[0]
            gain[:, b, c] = found.transpose(1, 0, 2)
    return gain
