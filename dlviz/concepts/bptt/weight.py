"""The gradient by the recurrent weights as a sum over steps, and what truncation leaves of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import percent, small
from dlviz.progress import Progress, silent, split

from .networks import Network, batches, network, read
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from .result import Result


@dataclass(frozen=True)
class Weight:
    """The gradient by the recurrent weights, g, as a sum over steps; lag 0 first."""

    share: np.ndarray  # (T,) ⟨g_t, g⟩/‖g‖², of the first network: they sum to 1
    size: np.ndarray  # (T,) ‖g_t‖/‖g‖, of the first network
    error: np.ndarray  # (S, T) ‖g_k − g‖/‖g‖ of the last k = 1 ... T steps alone
    angle: np.ndarray  # (S, T) angle between g_k and g, degrees
    norm: np.ndarray  # (S,) ‖g‖

    def after(self, k: int) -> tuple[float, float] | None:
        """Median error and angle of the last k steps' gradient; None where no network has both."""
        error, angle = self.error[:, k - 1], self.angle[:, k - 1]
        good = np.isfinite(error) & np.isfinite(angle)
        return (float(np.median(error[good])), float(np.median(angle[good]))) if good.any() else None


def kept(settings: Settings) -> int:
    """The steps that truncation keeps, k, at most all."""
    return min(settings.truncation, settings.steps_read)


def compute(settings: Settings, progress: Progress = silent) -> Weight:
    """Of the cell looked at."""
    return of_networks(network(settings, settings.cell), settings.seeds, settings.seed, progress=progress)


@cached(16)
def of_networks(of: Network, seeds: int, seed: int, *, progress: Progress = silent) -> Weight:
    """The gradient by the recurrent weights, for all networks of one kind of cell."""
    import torch

    from dlviz.engine.signals import cells

    parts, norms = [], []
    groups = batches(of, seed, seeds)
    with torch.no_grad():
        for chosen, part in zip(groups, split(progress, map(len, groups)), strict=True):
            forward, backward, *each = split(part, (2, 2, *(1 / len(chosen) for _ in chosen)))
            run = read(of, chosen, forward)
            _, by_sum = cells.backward(run.trace, run.last, backward)
            for s in range(len(chosen)):
                gram, peak = _gram(by_sum[:, s].flip(0), run.trace.h[:-1, s].flip(0))
                parts.append(_truncated(gram))
                norms.append(parts[-1].norm * peak)
                each[s](1.0)
    errors, angles = np.array([each.error for each in parts]), np.array([each.angle for each in parts])
    return Weight(parts[0].share, parts[0].size, errors, angles, np.array(norms))


def _gram(by_sum: Tensor, before: Tensor) -> tuple[np.ndarray, float]:
    """⟨g_t, g_u⟩ (T, T) of the outer products g_t = by_sum_t ⊗ before_t, and by what they were divided."""
    peak = float(by_sum.abs().amax() * before.abs().amax())
    if not (np.isfinite(peak) and peak > 0):
        return np.full((len(by_sum), len(by_sum)), np.nan if not np.isfinite(peak) else 0.0), peak
    by_sum, before = by_sum / by_sum.abs().amax(), before / before.abs().amax()
    # The inner product of two outer products is the product of two inner products.
    return ((by_sum @ by_sum.T) * (before @ before.T)).cpu().numpy(), peak


class _Parts(NamedTuple):
    share: np.ndarray
    size: np.ndarray
    error: np.ndarray
    angle: np.ndarray
    norm: float


def _truncated(gram: np.ndarray) -> _Parts:
    """Of the first k = 1 ... T parts of a sum: error and angle against the whole, from the parts' inner products."""
    count = len(gram)
    # Products of its numbers are formed below: of 1e−170, they would be zero.
    scale = float(np.abs(gram).max())
    gram = gram / scale if 0 < scale < np.inf else gram
    whole = float(gram.sum())
    if not whole > 0:
        nothing = np.full(count, np.nan)
        return _Parts(nothing, nothing, nothing, nothing, 0.0 if whole == 0 else np.nan)
    corner = gram.cumsum(0).cumsum(1).diagonal()  # ‖g_k‖²
    rest = gram[::-1, ::-1].cumsum(0).cumsum(1).diagonal()[::-1]  # ‖g − g_{k−1}‖²
    left = np.append(rest[1:], 0.0)
    to_whole = gram.sum(axis=1)
    along = to_whole.cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(corner > 0, along / np.sqrt(np.maximum(corner, 0) * whole), np.nan)
    # From the sine where the angle is small: there the cosine has lost it.
    across = np.sqrt(np.maximum(left - (whole - along) ** 2 / whole, 0))
    angle = np.degrees(np.arctan2(across, along / np.sqrt(whole)))
    angle[~np.isfinite(cosine)] = np.nan
    size = np.sqrt(np.maximum(gram.diagonal(), 0) / whole)
    return _Parts(to_whole / whole, size, np.sqrt(np.maximum(left, 0) / whole), angle, (whole * scale) ** 0.5)


def truncation_turns(result: Result) -> Check:
    """Where the gradient reaches far, the last k steps are a good part of it but not the whole."""
    found, k = result.weight, kept(result.settings)
    error, angle = float(np.median(found.error[:, k - 1])), float(np.median(found.angle[:, k - 1]))
    return Check(error > 0.1 and angle > 5, {"k": k, "error": percent(error), "angle": angle})


PRESETS = (
    Preset(
        "truncation",
        Settings(panels=("Weight gradient",), cells=("LSTM",), cell="LSTM", forget_bias=3.0),
        truncation_turns,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """What truncation to k steps costs."""
    after = result.weight.after(kept(result.settings))
    return [] if after is None else [Readout("Error of the truncated gradient", small(after[0]))]


def notice(result: Result) -> list[Note]:
    """How far truncation is off, and where half of the gradient comes from."""
    found, settings = result.weight, result.settings
    if (after := found.after(kept(settings))) is None:
        return []
    if settings.truncation >= settings.steps_read:
        return [Note("nothing_truncated", {"k": settings.truncation, "steps": settings.steps_read})]
    error, angle = (small(value) for value in after)
    values = {"k": settings.truncation, "cell": settings.cell, "error": error, "angle": angle}
    notes = [Note("truncated", values)]
    if np.isfinite(found.share).all():
        half = int(np.argmax(found.share.cumsum() >= 0.5)) + 1
        notes.append(Note("half", {"count": half, "steps": settings.steps_read}))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
