"""Curves of several draws of the weights: their median, their factor per layer, and where they leave float64."""

from __future__ import annotations

import numpy as np

LOWEST = 1e-300
"""Signals below this are gone: float64 ends near there."""


def middle(values: np.ndarray) -> np.ndarray:
    """Median over the draws (axis 0), a draw's own value; one that has overflowed counts as infinite."""
    return np.percentile(np.where(np.isnan(values), np.inf, values), 50, axis=0, method="lower")


def factor(values: np.ndarray, first: int = 0) -> float | None:
    """Geometric mean of the factor per layer of a curve (L,) from layer index ``first`` to the last.

    None where it is not a positive finite number at both ends, or there is no layer between.
    """
    values = np.asarray(values, dtype=float)[first:]
    ends = values[[0, -1]]
    if len(values) < 2 or not (np.isfinite(ends).all() and (ends > 0).all()):
        return None
    return float(np.exp((np.log(ends[1]) - np.log(ends[0])) / (len(values) - 1)))


def along(values: np.ndarray, backwards: bool) -> float | None:
    """Factor per layer of a curve (L,) in the direction in which its signal travels."""
    return factor(values[::-1] if backwards else values)


def gone(values: np.ndarray) -> int | None:
    """The first layer (from 1) at which a curve (L,) is below LOWEST; None if it never is."""
    found = np.flatnonzero(np.nan_to_num(values) < LOWEST)
    return int(found[0]) + 1 if found.size else None


def overflown(values: np.ndarray) -> int | None:
    """The first layer (from 1) at which a curve (L,) is not finite; None if it never is."""
    found = np.flatnonzero(~np.isfinite(values))
    return int(found[0]) + 1 if found.size else None
