"""What a comparison is, and the least that its arithmetic takes here; shared by compute.py and networks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from limits import elementwise, flops

CPU = torch.device("cpu")
SINGLE, DOUBLE = torch.float32, torch.float64


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both sides, and the least that the arithmetic takes."""

    work: str
    rival: str
    theirs: float
    ours: float
    limit: float | None = None


class Rates:
    """Rates of this machine, each measured when it is first asked for."""

    def __init__(self) -> None:
        self._known: dict = {}

    def _of(self, key: tuple, measure: Callable[[], float]) -> float:
        if key not in self._known:
            self._known[key] = measure()
        return self._known[key]

    def products(self, count: float, dtype: torch.dtype) -> float:
        """Seconds of so many multiplications and additions."""
        return count / self._of(("product", dtype), lambda: flops(CPU, dtype))

    def each(self, count: float, function: Callable, dtype: torch.dtype) -> float:
        """Seconds of so many values of a function."""
        return count / self._of((function, dtype), lambda: elementwise(function, CPU, dtype))

    def __str__(self) -> str:
        names = {SINGLE: "float32", DOUBLE: "float64"}
        called = {key: key[0] if key[0] == "product" else key[0].__name__ for key in self._known}
        return ", ".join(f"{called[key]} {names[key[1]]} {rate / 1e9:.3g} G/s" for key, rate in self._known.items())


def same(theirs: np.ndarray, ours: np.ndarray, tolerance: float, what: str) -> None:
    """Both sides gave the same, in parts of the largest number; else the benchmark ends."""
    apart = np.abs(np.asarray(theirs) - ours).max() / np.abs(ours).max()
    if not apart <= tolerance:
        raise SystemExit(f"{what}: not the same, {apart:.1e} apart")
