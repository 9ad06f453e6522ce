"""Gradients of deep networks with each norm before they are trained: the panel "Depth"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.signals import norm_depth
from dlviz.progress import Progress

from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

WIDTH, SEEDS, BATCH = 64, 3, 128
GROUPS = 4  # of GroupNorm


@dataclass(frozen=True)
class Depth:
    """‖∂L/∂h‖ at the start of training, by layer."""

    norms: tuple[str, ...]
    gradient: np.ndarray  # (L, K, S); layer 1 first
    factors: dict[str, float]  # predicted growth from a layer to the one before it

    def growth(self, norm: str) -> float | None:
        """Measured growth per layer towards the input: a line fitted to the logarithm, the first layers left out."""
        values = self.gradient[:, self.norms.index(norm)]
        if len(values) < 8 or not (values > 1e-300).all() or not np.isfinite(values).all():
            return None
        first = len(values) // 4
        logs = np.log(values[first:]).mean(axis=1)
        return float(np.exp(-np.polyfit(np.arange(len(logs)), logs, 1)[0]))


def compute(settings: Settings, progress: Progress) -> Depth:
    """Gradients of deep networks at the start of training."""
    chosen, activation, gain = settings.deep, settings.deep_activation, settings.gain
    gradient = norm_depth.gradient_norms(
        chosen, depth=settings.depth, width=WIDTH, activation=activation, gain=gain, seeds=SEEDS, batch=BATCH,
        groups=GROUPS, seed=settings.seed, progress=progress,
    )  # fmt: skip
    return Depth(chosen, gradient, norm_depth.factors(chosen, activation, gain))


def gradients_grow(result: Result) -> Check:
    """BatchNorm's gradients grow towards the input by √(π/(π − 1)) a layer, LayerNorm's do not, plain ones shrink."""
    found = result.depth
    growth, theory = {norm: found.growth(norm) for norm in ("BatchNorm", "LayerNorm", "None")}, found.factors
    holds = all(factor is not None and abs(factor / theory[norm] - 1) < 0.03 for norm, factor in growth.items())
    values = {
        "batch": growth["BatchNorm"],
        "layer": growth["LayerNorm"],
        "plain": growth["None"],
        "theory": theory["BatchNorm"],
        "gain": result.settings.gain,
    }
    return Check(holds, values)


def readouts(result: Result) -> list[Readout]:
    """BatchNorm's growth, beside theory."""
    found = result.depth
    growth = found.growth("BatchNorm") if "BatchNorm" in found.norms else None
    if growth is None:
        return []
    theory = found.factors.get("BatchNorm")
    said = None if theory is None else f"{theory:.3f}"
    return [Readout("BatchNorm: gradient growth per layer", f"{growth:.3f}", said)]


def notice(result: Result) -> list[Note]:
    """How the gradients of each network grow, and what theory says."""
    found = result.depth
    notes = []
    for norm in found.norms:
        growth, theory = found.growth(norm), found.factors.get(norm)
        if growth is not None and theory is not None:
            notes.append(Note("growth", {"norm": norm, "growth": growth, "theory": theory}))
        elif growth is not None:
            notes.append(Note("growth_only", {"norm": norm, "growth": growth}))
    return notes


STUDY = Study(compute, (Preset("explode", Settings(panels=("Depth",)), gradients_grow),), readouts, notice)
