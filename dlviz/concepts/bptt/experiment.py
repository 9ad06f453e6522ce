"""Backpropagation through time: how far back the gradient of a loss reaches, and where it goes."""

from __future__ import annotations

from dlviz.engine.runtime.device import with_fallback
from dlviz.progress import Progress, silent, split

from . import exploding, remembering, studies, tasks
from .measure import Result
from .networks import network
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

COSTS = {
    "reach": 1.0,
    "All pairs": 1.5,
    "Step Jacobian": 3.0,
    "Weight gradient": 0.5,
    "Gates": 0.5,
    "Exploding": 25.0,
    "Remembering": 60.0,
    "Sequence tasks": 0.2,
}
"""About how long the parts take, in one unit."""


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """The gradients of all cells, and what the chosen panels need.

    ``progress`` is called with the share done and may raise to stop. Equal settings give equal numbers.
    """
    progress(0.0)
    s = settings
    parts = ["reach", *(panel for panel in COSTS if panel in s.panels)]
    looked_at = network(s, s.cell)
    found: dict = {}
    for part, watch in zip(parts, split(progress, [COSTS[part] for part in parts]), strict=True):
        if part == "reach":
            found["reach"] = {
                cell: studies.reach(network(s, cell), s.seeds, s.seed, progress=each)
                for cell, each in zip(s.cells, split(watch, [1.0] * len(s.cells)), strict=True)
            }
        elif part == "All pairs":
            found["pairs"] = studies.pairs(looked_at, s.seed, progress=watch)
        elif part == "Step Jacobian":
            found["steps"] = studies.steps(looked_at, s.seed, progress=watch)
        elif part == "Weight gradient":
            found["weight"] = studies.weight(looked_at, s.seeds, s.seed, progress=watch)
        elif part == "Gates" and s.cell in ("LSTM", "GRU"):
            found["gates"] = studies.gates(looked_at, s.seed, progress=watch)
        elif part == "Exploding":
            found["exploding"] = exploding.exploding(s, watch)
        elif part == "Remembering":
            found["remembering"] = remembering.remembering(s, watch)
        elif part == "Sequence tasks":
            found["tasks"] = tasks.tasks(s, watch)
    return Result(settings, **found)
