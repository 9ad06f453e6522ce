"""The panel "Network": the network as blocks, what of it is trained, and what a step costs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from dlviz.contract import Note, Readout, Study
from dlviz.engine.data import digit_tasks
from dlviz.engine.networks import layered, transfer
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.numbers import percent
from dlviz.progress import Progress, silent

from .result import Result
from .settings import Settings
from .tasks import rates_of

TIMED, ROUNDS, STEPS_A_ROUND = 8, 6, 5  # networks at once; how often each depth takes its turn, and for how long


@dataclass(frozen=True)
class Blocks:
    """The network as blocks: what is trained, and what that costs."""

    parameters: np.ndarray  # (L,) weights and biases of each layer, on the target
    units: tuple[str, ...]  # (L,) outputs of each layer: "64", "16 × 6 × 6"
    seconds: np.ndarray  # (L,) measured time per step with the first 0, ..., L − 1 layers frozen
    models: int  # that were trained at once when it was measured

    def trained(self, frozen: int) -> int:
        """Parameters that are trained."""
        return int(self.parameters[frozen:].sum())


def compute(s: Settings, progress: Progress = silent) -> Blocks:
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

            rates = np.repeat(rates_of([depth], layers, 1e-3), TIMED, axis=0)
            transfer.tune(drawn.take(range(TIMED)), x, y, rates, STEPS_A_ROUND, progress=watch)
            taken[depth].append(float(np.median(np.diff(list(ended.values()))[1:])))
    return np.array([min(times) for times in taken])


def readouts(result: Result) -> list[Readout]:
    """How much of the network is trained."""
    blocks = result.network
    share = blocks.trained(result.settings.frozen_layers) / blocks.parameters.sum()
    return [Readout("Parameters that are trained", percent(float(share)))]


def notice(result: Result) -> list[Note]:
    """What freezing spares."""
    blocks, k = result.network, result.settings.frozen_layers
    if k == 0:
        return []
    share = float(blocks.seconds[k] / blocks.seconds[0])
    values = {"k": k, "trained": blocks.trained(k), "total": int(blocks.parameters.sum()), "share": percent(share)}
    return [Note("cheaper" if share < 1 else "not_cheaper", values)]


STUDY = Study(compute, readouts=readouts, notice=notice)
