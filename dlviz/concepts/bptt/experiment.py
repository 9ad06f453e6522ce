"""Backpropagation through time: how far back the gradient of a loss reaches, and where it goes."""

from __future__ import annotations

from dlviz.contract import Progress, silent
from dlviz.engine.device import settled

from . import exploding, remembering, studies, tasks
from .measure import Result
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


@settled
def run(settings: Settings, progress: Progress = silent) -> Result:
    """The gradients of all cells, and what the chosen panels need.

    ``progress`` is called with the share done and may raise to stop. Equal settings give equal numbers.
    """
    progress(0.0)
    s = settings
    parts = ["reach", *(panel for panel in COSTS if panel in s.panels)]
    total = sum(COSTS[part] for part in parts)
    before = 0.0
    looked_at = studies.network(s, s.cell)
    found: dict = {}
    for part in parts:

        def watch(share: float, start: float = before, cost: float = COSTS[part]) -> None:
            progress((start + cost * share) / total)

        if part == "reach":
            found["reach"] = {}
            for i, cell in enumerate(s.cells):

                def each(share: float, done: int = i, watch: Progress = watch) -> None:
                    watch((done + share) / len(s.cells))

                found["reach"][cell] = studies.reach(studies.network(s, cell), s.seeds, s.seed, progress=each)
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
        before += COSTS[part]
    return Result(settings, **found)
