"""Learning rates: the scan over a grid of them, and the rate that each optimizer has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.engine.descent import descent
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress

from .lanes import draws, lanes, relevant
from .scene import surface_of
from .settings import Settings

RATE_GRID = np.logspace(-5, 2, 57)
"""Learning rates tried for sensitivity and tuning: eight per factor of ten."""

REPLACED = (
    "tuned", "own_rates", "repeats", *(name for name in Settings.model_fields if name.endswith("learning_rate")),
)  # fmt: skip
"""Settings that the scan does not depend on: it tries every rate, with the draws of the first repeat."""


@dataclass(frozen=True)
class Scan:
    """Final loss of every racing optimizer at every learning rate of a logarithmic grid."""

    rates: np.ndarray  # (K,)
    loss: dict[str, np.ndarray]  # optimizer -> (K,) loss after the last step; NaN where it diverged
    diverged: dict[str, np.ndarray]  # optimizer -> (K,) step, -1 if it did not diverge

    def best(self, optimizer: str) -> float | None:
        """The rate of least final loss (the smallest of equals); None if every rate diverged."""
        loss = self.loss[optimizer]
        return None if np.isnan(loss).all() else float(self.rates[np.nanargmin(loss)])


def scan(settings: Settings, progress: Progress) -> Scan:
    """The scan of the racing optimizers, at least one."""
    return _scan(relevant(settings, REPLACED), progress=progress)


@cached(8)
def _scan(settings: Settings, *, progress: Progress) -> Scan:
    names = settings.optimizers
    noise, batches = draws(settings, 1)
    finals = descent.final_loss(
        surface_of(settings),
        [lanes(settings, name, RATE_GRID, 1) for name in names],
        settings.steps,
        noise=noise,
        batches=batches,
        progress=progress,
    )
    return Scan(
        RATE_GRID,
        {name: final.loss for name, final in zip(names, finals, strict=True)},
        {name: final.diverged for name, final in zip(names, finals, strict=True)},
    )


def in_use(settings: Settings, optimizers: tuple[str, ...], progress: Progress) -> dict[str, float]:
    """The learning rate of each optimizer: as set, or the best of the grid where it races and one was found."""
    rates = {name: settings.rate(name) for name in optimizers}
    tuned = set(optimizers) & set(settings.optimizers) if settings.tuned else ()
    if tuned:
        found = scan(settings, progress)
        rates |= {name: best for name in tuned if (best := found.best(name)) is not None}
    return rates
