"""Differences of accuracies, seed by seed: whether they are clear, and how they are written."""

from __future__ import annotations

import math

import numpy as np

from dlviz.numbers import fixed


def clear(differences: np.ndarray) -> float:
    """The mean over seeds (S,) in standard errors of the mean: beyond 2 it is called clear."""
    if len(differences) < 2:
        return 0.0
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / len(differences) ** 0.5
    if error == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / error


def points(share: float) -> str:
    """A difference of accuracies in points."""
    return fixed(100 * share, 1)


def signed_points(differences: np.ndarray) -> str:
    """The mean of differences of accuracy (S,), in percentage points, with its sign."""
    value = 100 * float(differences.mean())
    text = fixed(value, 1)
    return text if value < 0.05 else f"+{text}"
