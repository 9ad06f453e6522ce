"""One unit over a batch of digits, step by step: the panel "Steps"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study
from dlviz.engine.signals import norms
from dlviz.progress import Progress

from . import unit
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Steps:
    """One unit of a layer over a batch of B digits, before and after standardisation."""

    pixels: np.ndarray  # (v,) the values that pixels x have, standardised
    shares: np.ndarray  # (v,) the share of all pixels that have each
    sums: np.ndarray  # (B,) s = w·x
    x_hat: np.ndarray  # (B,) ŝ


def compute(settings: Settings, _progress: Progress) -> Steps:
    """One unit over a batch of digits."""
    import torch

    pixels, seed = unit.pixels(), settings.seed
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed + 1))
    chosen = order[: settings.step_batch].numpy()
    shown, sums = pixels[chosen], unit.sums(seed)[chosen]
    x_hat = norms.normalise(torch.from_numpy(sums)[:, None, None], "BatchNorm").x_hat.flatten().numpy()
    values, counts = np.unique(shown, return_counts=True)
    return Steps(values, counts / shown.size, sums, x_hat)


def standardises(result: Result) -> Check:
    """ŝ has mean 0 and standard deviation 1, wherever s was."""
    steps = result.steps
    mean, deviation = float(steps.x_hat.mean()), float(steps.x_hat.std())
    return Check(
        abs(mean) < 1e-9 and abs(deviation - 1) < 1e-3,
        {
            "before": float(steps.sums.mean()),
            "spread": float(steps.sums.std()),
            "batch": len(steps.sums),
            "after": deviation,
        },
    )


STUDY = Study(compute, (Preset("steps", Settings(panels=("Steps",)), standardises),))
