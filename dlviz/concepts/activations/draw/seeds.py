"""Numbers over seeds in the words of a text alternative."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dlviz.numbers import percent

from ..wording import left


def shares(found: Mapping[str, np.ndarray]) -> str:
    """By name, the median of shares over seeds: ``ReLU 34.0%, Tanh 0%``."""
    return ", ".join(f"{name} {percent(_middle(values))}" for name, values in found.items())


def medians(found: Mapping[str, np.ndarray]) -> str:
    """By name, the median over seeds of what a signal is or leaves."""
    return ", ".join(f"{name} {left(_middle(values))}" for name, values in found.items())


def _middle(values: np.ndarray) -> float:
    return float(np.median(values))  # NaN where a seed's numbers have overflowed
