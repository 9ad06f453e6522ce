"""The random weights: which schemes draw them, how large they are, and the seeds of the draws."""

from __future__ import annotations

import numpy as np

from dlviz.engine.signals.initializers import INITIALIZERS

from .settings import Settings


def random(scheme: str) -> bool:
    """Whether a scheme draws its weights at random: what mean-field theory and σ_w are about."""
    return INITIALIZERS[scheme].draw != "constant"


def sigma_w(settings: Settings, fan_in: int | None = None) -> float:
    """σ_w = rms of the weights times √fan-in, of the layers above the first unless ``fan_in`` is given."""
    n = fan_in or settings.width
    return settings.rms(n, settings.width) * float(np.sqrt(n))


def seeds(settings: Settings) -> tuple[int, ...]:
    """The seeds of the draws of the weights: no two settings of ``seed`` share one."""
    return tuple(100 * settings.seed + i for i in range(settings.repeats))
