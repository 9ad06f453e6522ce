"""Normalization: which cells share a mean and a deviation, and what follows from it."""

from __future__ import annotations

from dlviz.engine.runtime.device import with_fallback
from dlviz.progress import Progress, silent, split

from . import studies, tensors
from .measure import Result
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

COSTS = {"Batch size": 1.0, "Depth": 2.0, "Style": 0.2, "Training": 12.0}
"""About how long the panels take, in one unit."""


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """The tensor under every norm, and what the chosen panels need.

    ``progress`` is called with the share done and may raise to stop. Equal settings give equal numbers.
    """
    progress(0.0)
    s, panels = settings, settings.panels
    block = tensors.block(s)
    found = {"residual": tensors.residual(block)}
    if "Steps" in panels:
        found["steps"] = studies.steps(s.step_batch, s.seed)
    if "Groups" in panels:
        found["groups"] = tensors.groups(block)
    if "Padding" in panels and s.kind == "Sequence":
        found["padding"] = tensors.padding(block)
    chosen = [panel for panel in COSTS if panel in panels]
    for panel, watch in zip(chosen, split(progress, [COSTS[panel] for panel in chosen]), strict=True):
        if panel == "Batch size":
            found["batches"] = studies.batches(s.batches, s.seed, progress=watch)
        elif panel == "Depth" and s.deep:
            found["depth"] = studies.depth(s.deep, s.depth, s.deep_activation, s.gain, s.seed, watch)
        elif panel == "Style":
            found["style"] = studies.style(s.content, s.contrast, s.brightness, s.strength, progress=watch)
        elif panel == "Training" and s.trained:
            found["training"] = studies.training(
                s.trained, int(s.last_side), s.epochs, s.training_seeds, s.rate, s.seed, watch
            )
    return Result(settings, block, **found)
