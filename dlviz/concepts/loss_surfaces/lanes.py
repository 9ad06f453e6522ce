"""The inputs of a batch of descents: its lanes, the random draws, and the settings that a cached one depends on.

The race and the scan over learning rates see the same draws, so that a tuned rate is the best one of the race, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.optimizers import RULES

from .settings import Settings, samples

NOT_SEEN = (
    "panels", "surface_3d", "per_evaluation", "inside_optimizer", "basin_optimizer", "basin_resolution", "basin_steps",
)  # fmt: skip
"""Settings that no descent from the start depends on."""


def relevant(settings: Settings, without: tuple[str, ...] = ()) -> Settings:
    """The settings that a descent depends on, all others (and those in ``without``) at their default."""
    fields = Settings.model_fields
    return settings.model_copy(update={name: fields[name].default for name in (*NOT_SEEN, *without)})


class Draws(NamedTuple):
    """The same for every optimizer: noise of unit variance scaled to σ, or the order of examples.

    Both are None where no gradient is stochastic.
    """

    noise: np.ndarray | None = None  # (repeats, T, 2)
    batches: np.ndarray | None = None  # (repeats, T, B) int


def draws(settings: Settings, repeats: int) -> Draws:
    """The first `repeats` draws; more of them leave the first unchanged."""
    if not any(settings.stochastic(name) for name in settings.optimizers):
        return Draws()
    count, size = samples(settings), settings.batch()
    if count and size:
        return Draws(batches=descent.draw_batches(count, size, repeats, settings.steps, settings.seed))
    return Draws(noise=settings.noise * descent.draw_noise(repeats, settings.steps, settings.seed))


def lanes(settings: Settings, name: str, rates: np.ndarray, repeats: int) -> Lanes:
    """One optimizer's lanes: every rate with every repeat of the noise, repeats running fastest."""
    stochastic = settings.stochastic(name)
    seeds = np.tile(np.arange(repeats), len(rates))
    x, y = settings.start()
    return Lanes(
        rule=RULES[name],
        x=np.full(len(seeds), x),
        y=np.full(len(seeds), y),
        lr=np.repeat(rates, repeats),
        hyper=settings.hyper(name),
        seed=seeds if stochastic else None,
        noisy=stochastic,
    )
