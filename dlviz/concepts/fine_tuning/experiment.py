"""Fine-tuning: which layers of a trained network should stay as they are, and when does any of it pay?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlviz.engine.data import digit_tasks
from dlviz.engine.runtime.device import with_fallback
from dlviz.progress import Progress, silent, split

from . import gradual, holding, moved, studies
from .measure import Result
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import Labels, Settings
from .start import Start, source_of

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

# What a panel needs: the field of the result, about how long it takes in one unit, and what computes it.
PARTS: dict[str, tuple[str, float, Callable[..., Any]]] = {
    "Network": ("blocks", 0.2, studies.blocks),
    "Curves": ("curves", 1.0, studies.curves),
    "Gain by labels": ("gains", 2.0, lambda s, progress: studies.sweep(s, Labels.__args__, progress)),
    "Holding on": ("holding", 2.0, holding.holding),
    "What moved": ("moved", 1.0, moved.moved),
    "Gradual unfreezing": ("gradual", 1.0, gradual.gradual),
    "Transfer map": ("pairs", 25.0, studies.pairs),
}
HERO = 1.5
"""About how long the sweep of the hero takes, in the same unit."""


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """The freeze sweep, and what the chosen panels need.

    ``progress`` is called with the share done and may raise to stop. Equal settings give equal numbers, but for
    the times of the panel "Network", which a clock measures.
    """
    progress(0.0)
    s = settings
    chosen = [PARTS[panel] for panel in PARTS if panel in s.panels]
    first, *others = split(progress, [HERO, *(cost for _, cost, _ in chosen)])
    found: dict[str, Any] = {"sweep": studies.sweep(s, s.labels, first)}
    for (name, _, compute), watch in zip(chosen, others, strict=True):
        found[name] = compute(s, watch)
    source = source_of(Start.of(s, "all"), lambda _: progress(1.0))
    classes = digit_tasks.classes(s.target)
    return Result(s, source.accuracy, classes, digit_tasks.TEST * classes, digit_tasks.POOL * classes, **found)
