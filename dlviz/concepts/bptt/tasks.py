"""The shapes of sequence tasks, and which steps the gradient of each loss reaches in a small network."""

from __future__ import annotations

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent

from .networks import gate_bias, keys
from .settings import Settings
from .trained import TASKS, Shape, Tasks

STEPS, HIDDEN, INPUTS = 6, 16, 4


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


def tasks(s: Settings, progress: Progress = silent) -> Tasks:
    """The gradients of all losses, of the cell looked at."""
    bias = gate_bias(s, s.cell)
    return _tasks(s.cell, s.matrix, s.radius, s.input_gain, bias, s.seed, progress=progress)


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
        given = {"matrix": matrix, "radius": radius, "input_gain": gain, "bias": bias}
        net = recurrent_init.draw(cell, HIDDEN, INPUTS, chosen, **given)
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
