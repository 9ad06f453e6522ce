"""How the mean and the variance of a batch scatter with its size: the panel "Batch size"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import norms
from dlviz.progress import Progress, silent

from . import unit
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

SIZES = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])


@dataclass(frozen=True)
class Batches:
    """Statistics of batches of each size B, over K batches drawn with replacement."""

    sizes: np.ndarray  # (b,)
    count: int  # K
    mean: float  # of s over all digits
    deviation: float  # σ of s over all digits
    kurtosis: float  # E((s − μ)/σ)⁴
    mean_spread: np.ndarray  # (b,) standard deviation of the batch mean over batches, in units of σ
    var_spread: np.ndarray  # (b,) the same of the batch's (biased) variance, in units of σ²
    gap: np.ndarray  # (b,) root mean square of x̂ in training mode minus x̂ in evaluation mode
    one_gap: float  # the same for a batch of one

    def mean_theory(self) -> np.ndarray:
        """1/√B: the standard deviation of a mean of B independent values, in units of σ."""
        return 1 / np.sqrt(self.sizes)

    def var_theory(self) -> np.ndarray:
        """Of the biased variance of B independent values (Cramér 1946, section 27.4), in units of σ²."""
        b = self.sizes.astype(float)
        exact = (b - 1) ** 2 / b**3 * self.kurtosis - (b - 1) * (b - 3) / b**3
        return np.sqrt(np.maximum(exact, 0))

    def gap_theory(self) -> np.ndarray:
        """√((3 + κ)/(4B)): to first order in the errors of the batch's mean and variance."""
        return np.sqrt((3 + self.kurtosis) / (4 * self.sizes))


def compute(settings: Settings, progress: Progress) -> Batches:
    """Batches of each size, of one unit's weighted sums."""
    return drawn(settings.batches, settings.seed, progress=progress)


@cached(maxsize=16)
def drawn(count: int, seed: int, progress: Progress = silent) -> Batches:
    """Means and variances of ``count`` batches of each size, drawn with replacement."""
    sums = unit.sums(seed)
    mean, deviation = float(sums.mean()), float(sums.std())
    standard = (sums - mean) / deviation
    evaluated = (sums - mean) / np.sqrt(deviation**2 + norms.EPS)
    rng = np.random.default_rng(seed)
    totals = np.zeros((len(SIZES), 5))  # of means, their squares, variances, theirs, squared gaps
    done, all_of_it = 0, count * int(SIZES.sum())
    for i, size in enumerate(SIZES):
        left = count
        while left:
            part = min(left, max(1, 200_000 // int(size)))
            places = rng.integers(len(sums), size=(part, size))
            chosen = sums[places]
            middle, var = chosen.mean(axis=1, keepdims=True), chosen.var(axis=1, keepdims=True)
            gap = (chosen - middle) / np.sqrt(var + norms.EPS) - evaluated[places]
            at, spread = (middle - mean) / deviation, var / deviation**2
            totals[i] += at.sum(), (at**2).sum(), spread.sum(), (spread**2).sum(), (gap**2).mean(axis=1).sum()
            left -= part
            done += part * int(size)
            progress(done / all_of_it)
    averages = totals / count
    return Batches(
        SIZES,
        count,
        mean,
        deviation,
        float((standard**4).mean()),
        np.sqrt(np.maximum(averages[:, 1] - averages[:, 0] ** 2, 0)),
        np.sqrt(np.maximum(averages[:, 3] - averages[:, 2] ** 2, 0)),
        np.sqrt(averages[:, 4]),
        # A batch of one is its own mean: x̂ = 0 whatever x is.
        float(np.sqrt((evaluated**2).mean())),
    )


def batch_of_one(result: Result) -> Check:
    """With one value a channel BatchNorm gives 0 for every cell; LayerNorm does not notice."""
    batch, layer = (result.block.x_hat[norm] for norm in ("BatchNorm", "LayerNorm"))
    silenced = bool((batch == 0).all()) and len(batch) == 1
    return Check(
        silenced and float(np.abs(layer).max()) > 0.1,
        {"cells": batch.size, "layer": float(np.abs(layer).max()), "gap": result.batches.one_gap},
    )


def root_n(result: Result) -> Check:
    """The spread of batch means follows σ/√N."""
    found = result.batches
    return Check(_off(found) < 0.06, {"off": _off(found), "count": found.count})


def _off(found: Batches) -> float:
    """How far the spread of the means is from theory at most, in parts of it."""
    return float(np.abs(found.mean_spread / found.mean_theory() - 1).max())


PRESETS = (
    Preset("lone", Settings(panels=("One cell", "Batch size"), kind="MLP", examples=1), batch_of_one),
    Preset("noise", Settings(panels=("Batch size",)), root_n),
)


def readouts(result: Result) -> list[Readout]:
    """Spread and gap at a usual batch size, beside theory."""
    found = result.batches
    at = list(found.sizes).index(32)
    spread, spread_theory = found.mean_spread[at], found.mean_theory()[at]
    return [
        Readout("Spread of the mean at N = 32, in σ", f"{spread:.4f}", f"{spread_theory:.4f}"),
        Readout("Train–evaluation gap at N = 32", f"{found.gap[at]:.3f}", f"{found.gap_theory()[at]:.3f}"),
    ]


def notice(result: Result) -> list[Note]:
    """How near theory is, and how far the two modes are apart."""
    found = result.batches
    return [
        Note("spread", {"count": found.count, "off": _off(found), "deviation": found.deviation}),
        Note("gap", {"two": found.gap[0], "size": int(found.sizes[-1]), "last": found.gap[-1], "one": found.one_gap}),
    ]


STUDY = Study(compute, PRESETS, readouts, notice)
