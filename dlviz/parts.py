"""A run of several parts, each of which tells its own share."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from dlviz.contract import Progress


def split(progress: Progress, costs: Iterable[float]) -> list[Progress]:
    """A callback for each part of a run whose parts follow one another: it tells the share in the whole.

    ``costs`` are about how long the parts take, in any one unit.
    """
    costs = list(costs)
    *starts, total = accumulate(costs, initial=0.0)

    def part(start: float, cost: float) -> Progress:
        return lambda share: progress((start + cost * share) / total)

    return [part(start, cost) for start, cost in zip(starts, costs, strict=True)]
