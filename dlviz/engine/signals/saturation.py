"""Where a function of a Gaussian variable is flat, and what the Gaussian makes of it.

Everything here is a function of one number z ~ N(μ, σ²), in float64: the set on which |f′| < ε as intervals,
its probability in closed form through the normal distribution function Φ, and expectations of f by
quadrature. NumPy only; the functions are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
"""From (n,) to (n,), elementwise."""

FAR = 1e6
"""Beyond ± this nothing changes any more: an interval that reaches it is taken to be unbounded."""
GRID = np.sinh(np.linspace(-math.asinh(FAR), math.asinh(FAR), 40_001))
"""Where crossings are looked for: spaced by 7e-4 around 0 and by a thousandth of |z| far out."""

CELLS = 4000
REACH = 9.0
"""Quadrature: so many equal cells over μ ± REACH σ, outside of which lies a probability of 2e-19."""


def cdf(x: float | np.ndarray) -> np.ndarray:
    """Φ(x), the distribution function of N(0, 1), with all its digits in the left tail."""
    return 0.5 * _erfc(-np.asarray(x, dtype=float) / math.sqrt(2))


_erfc = np.vectorize(math.erfc, otypes=[float])


def flat_intervals(slope: Function, epsilon: float) -> np.ndarray:
    """The intervals on which |f′| < ε, ascending and disjoint, (k, 2); ends may be ±inf.

    Crossings of +ε and of −ε are looked for apart, so that the narrow interval around a zero of f′ is found
    between two grid points; each is then bisected to the last digit. A jump of f′ counts as a crossing.
    """
    at = slope(GRID)

    def crossings(level: float) -> list[float]:
        below = at < level
        cells = np.flatnonzero(below[1:] != below[:-1])
        return _bisect(lambda x: slope(x) < level, GRID[cells], GRID[cells + 1]).tolist()

    ends = np.array(sorted([-np.inf, *crossings(epsilon), *crossings(-epsilon), np.inf]))
    middles = np.clip((np.clip(ends[:-1], -2 * FAR, 2 * FAR) + np.clip(ends[1:], -2 * FAR, 2 * FAR)) / 2, -FAR, FAR)
    inside = np.abs(slope(middles)) < epsilon
    wide = ends[1:] - ends[:-1] > 1e-9
    found: list[list[float]] = []
    for low, high in np.stack([ends[:-1], ends[1:]], axis=1)[inside & wide]:
        if found and low - found[-1][1] < 1e-9:
            found[-1][1] = high
        else:
            found.append([low, high])
    return np.array(found, dtype=float).reshape(-1, 2)


def _bisect(inside: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The place between ``low`` and ``high`` (n,) at which ``inside`` changes its answer."""
    first = inside(low)
    for _ in range(64):
        middle = (low + high) / 2
        same = inside(middle) == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (low + high) / 2


def probability(intervals: np.ndarray, mean: float, std: float) -> float:
    """P(z in the intervals) for z ~ N(mean, std²): Σ Φ((b − μ)/σ) − Φ((a − μ)/σ)."""
    ends = (np.asarray(intervals, dtype=float).reshape(-1, 2) - mean) / std
    # On the right of the mean the difference of upper tails keeps the digits that Φ has lost.
    upper = ends[:, 0] > 0
    return float(np.where(upper, cdf(-ends[:, 0]) - cdf(-ends[:, 1]), cdf(ends[:, 1]) - cdf(ends[:, 0])).sum())


@cache
def _standard_cells() -> tuple[np.ndarray, np.ndarray]:
    """Edges of the cells under N(0, 1) and Φ at each, (CELLS+1,)."""
    edges = np.linspace(-REACH, REACH, CELLS + 1)
    return edges, cdf(edges)


def normal_cells(mean: float, std: float, breaks: Sequence[float] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Edges (c+1,) of equal cells over mean ± REACH std, cut at ``breaks`` too, and the probability of each, (c,)."""
    edges, below = _standard_cells()
    cuts = np.sort((np.asarray(breaks, dtype=float) - mean) / std)
    cuts = cuts[np.abs(cuts) < REACH]
    at = np.searchsorted(edges, cuts)
    return mean + std * np.insert(edges, at, cuts), np.diff(np.insert(below, at, cdf(cuts)))


def expectation(function: Function, mean: float, std: float, breaks: Sequence[float] = ()) -> float:
    """E[g(z)] for z ~ N(mean, std²), by the midpoint rule over :func:`normal_cells`; error about 1e-6 of g's size.

    ``breaks``: where g jumps. A jump within a cell would cost up to the cell's probability, 2e-3.
    """
    edges, weights = normal_cells(mean, std, breaks)
    return float(function((edges[1:] + edges[:-1]) / 2) @ weights)


def law(value: Function, mean: float, std: float, edges: np.ndarray) -> np.ndarray:
    """P(f(z) ≤ edge) for z ~ N(mean, std²) at every edge (m,), f continuous but not necessarily monotone.

    Within a cell of the quadrature f is taken as linear: for a monotone f this is the change of variables
    Φ((f⁻¹(y) − μ)/σ) with an interpolated inverse.
    """
    cells, weights = normal_cells(mean, std)
    f = value(cells)
    low, high = np.minimum(f[1:], f[:-1]), np.maximum(f[1:], f[:-1])
    width = np.where(high > low, high - low, 1.0)
    edges = np.asarray(edges, dtype=float)[:, None]
    with np.errstate(over="ignore"):
        share = np.where(high > low, np.clip((edges - low) / width, 0, 1), edges >= low)
    return share @ weights
