"""Learning-rate sensitivity: how the final loss of every racing optimizer depends on its learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study

from .rates import scan
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result


def fair_race(result: Result) -> Check:
    """No optimizer's tuned rate does worse than any other rate of the grid."""
    descents, tried = result.race.descents, result.sensitivity
    best = {descent.optimizer: descent.final_loss for descent in descents}
    holds = all(loss <= np.nanmin(tried.loss[name]) * (1 + 1e-12) for name, loss in best.items())
    rates = [descent.rate for descent in descents]
    return Check(holds, {"low": min(rates), "high": max(rates), "winner": min(best, key=best.__getitem__)})


PRESETS = (
    Preset(
        "fair_race",
        Settings(
            surface="Rosenbrock",
            optimizers=("GD", "Momentum", "Nesterov", "RMSprop", "Adam"),
            tuned=True,
            panels=("Learning-rate sensitivity",),
            steps=200,
        ),
        fair_race,
    ),
)


STUDY = Study(scan, PRESETS)
