"""The share of a run that is done: how it is reported, and how a run of several parts shares it out.

This module imports nothing of the package, for every layer reports its progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate

Progress = Callable[[float], None]
"""Called every few milliseconds with the finished share in [0, 1]; may raise to stop the work."""


def silent(_share: float) -> None:
    """The progress callback of a caller that does not watch."""


def split(progress: Progress, costs: Iterable[float]) -> list[Progress]:
    """A callback for each part of a run whose parts follow one another: it tells the share in the whole.

    ``costs`` are about how long the parts take, in any one unit.
    """
    costs = list(costs)
    *starts, total = accumulate(costs, initial=0.0)

    def part(start: float, cost: float) -> Progress:
        return lambda share: progress((start + cost * share) / total)

    return [part(start, cost) for start, cost in zip(starts, costs, strict=True)]
