"""The shapes of sequence tasks, and which steps the gradient of each loss reaches in a small network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import small
from dlviz.progress import Progress, silent

from .networks import gate_bias, keys
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

TASKS = ("One to many", "Many to one", "Many to many, aligned", "Encoder–decoder")
STEPS, HIDDEN, INPUTS = 6, 16, 4


@dataclass(frozen=True)
class Shape:
    """A way to read a sequence and to answer, with the gradients of each of its losses."""

    inputs: np.ndarray  # (T,) bool: where the network reads something; elsewhere zeros
    losses: np.ndarray  # (J,) steps 1 ... T with a loss
    gradient: np.ndarray  # (J, T) ‖∂L_j/∂s_t‖; 0 after the loss's own step


@dataclass(frozen=True)
class Tasks:
    """The shapes of ``TASKS`` for one small network."""

    cell: str
    hidden: int
    shapes: dict[str, Shape]


def shapes() -> dict[str, tuple[list[bool], list[int]]]:
    """Task -> at which steps something is read, and the steps 1 ... T with a loss."""
    reads, every = [True] * STEPS, list(range(1, STEPS + 1))
    half = STEPS // 2
    found = (
        ([True, *[False] * (STEPS - 1)], every),
        (reads, [STEPS]),
        (reads, every),
        ([t <= half for t in every], every[half:]),
    )
    return dict(zip(TASKS, found, strict=True))


def compute(settings: Settings, progress: Progress = silent) -> Tasks:
    """The gradients of all losses, of the cell looked at."""
    s = settings
    return _tasks(s.cell, s.matrix, s.radius, s.input_gain, gate_bias(s, s.cell), s.seed, progress=progress)


@cached(16)
def _tasks(
    cell: str, matrix: str, radius: float, gain: float, bias: float, seed: int, *, progress: Progress = silent
) -> Tasks:
    """Each loss is a unit vector times h of its step, so that its gradient there has norm 1."""
    import torch

    from dlviz.engine.signals import cells, recurrent_init

    found = {}
    chosen = keys(seed, 1)
    with torch.no_grad():
        net = recurrent_init.draw(
            cell, HIDDEN, INPUTS, chosen, matrix=matrix, radius=radius, input_gain=gain, bias=bias
        )
        unit = recurrent_init.readout(HIDDEN, 1, chosen)
        random = recurrent_init.generator(chosen[0], 6)
        x = torch.randn(1, STEPS, INPUTS, generator=random, dtype=torch.float64).to(unit)
        for i, (task, (reads, losses)) in enumerate(shapes().items()):
            trace = cells.forward(net, x * torch.tensor(reads).to(unit)[None, :, None])
            gradient = np.zeros((len(losses), STEPS))
            for j, last in enumerate(losses):
                rows = torch.zeros(1, 1, net.state, dtype=x.dtype, device=x.device)
                rows[..., :HIDDEN] = unit
                for t in range(last, 0, -1):
                    gradient[j, t - 1] = float(cells.norm(rows))
                    rows = cells.pull(trace, t, rows)[0]
            found[task] = Shape(np.array(reads), np.array(losses), gradient)
            progress((i + 1) / len(TASKS))
    return Tasks(cell, HIDDEN, found)


def through_the_bottleneck(result: Result) -> Check:
    """The encoder has no loss of its own: all its gradient comes through the state it hands over, and fades on."""
    shape = result.tasks.shapes["Encoder–decoder"]
    boundary = int(np.flatnonzero(shape.inputs)[-1])  # the encoder's last step, counted from 0
    last = shape.gradient[-1]
    return Check(
        bool(shape.losses[0] > boundary + 1 and 0 < last[0] < last[boundary]),
        {"first": float(last[0]), "boundary": float(last[boundary]), "step": boundary + 1},
    )


PRESETS = (
    Preset("shapes", Settings(panels=("Sequence tasks",), cells=("LSTM",), cell="LSTM"), through_the_bottleneck),
)


def notice(result: Result) -> list[Note]:
    """How much of a loss at the last step arrives at the first."""
    found = result.tasks
    gradient = found.shapes["Many to one"].gradient[0]
    if not np.isfinite(gradient).all():
        return []
    values = {"cell": found.cell, "first": small(float(gradient[0])), "steps": len(gradient) - 1}
    return [Note("shape_reach", values)]


STUDY = Study(compute, PRESETS, notice=notice)
