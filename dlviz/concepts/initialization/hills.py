"""How the activations of every layer are distributed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BINS = 72


@dataclass(frozen=True)
class Hills:
    """Distributions of the activations h_l, of the first draw of the weights, over the same bins in every layer."""

    edges: np.ndarray  # (B+1,) in units of the activations
    density: np.ndarray  # (L, B) of the values that are not exactly zero: share of all values per unit
    zero: np.ndarray  # (L,) share of values that are exactly zero
    outside: np.ndarray  # (L,) share of values beyond the bins (infinite ones too)
    counted: int  # values a layer

    @property
    def bare(self) -> np.ndarray:
        """(L,) whether less than half of the values other than zero lie within the bins: too few for a shape."""
        return self.outside > (1 - self.zero) / 2


def hills(values: np.ndarray) -> Hills:
    """Histograms of values (L, K). The bins reach as far as the values of any layer, but not beyond four times
    the first layer's: where signals explode, their ridges leave the picture rather than flatten all others.
    """
    rows = [row[np.isfinite(row)] for row in values]
    reach = 4 * float(np.abs(rows[0]).max(initial=0))
    ends = [np.partition(row, _ends(row.size))[_ends(row.size)] for row in rows if row.size]
    low = max(min((float(low) for low, _ in ends), default=0.0), -reach)
    high = min(max((float(high) for _, high in ends), default=0.0), reach)
    if not high - low > 1e-290:
        middle = (high + low) / 2
        low, high = middle - 0.5 * max(abs(middle), 1.0), middle + 0.5 * max(abs(middle), 1.0)
    # One edge lies at zero, so that values on either side of it never share a bin.
    step = (high - low) / BINS
    edges = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    bins, span = len(edges) - 1, (edges[0], edges[-1])
    counts = np.stack([np.histogram(row[row != 0], bins=bins, range=span)[0] for row in rows])
    zero = (values == 0).sum(axis=1)
    count = values.shape[1]
    outside = 1 - (counts.sum(axis=1) + zero) / count
    return Hills(edges, counts / count / step, zero / count, outside, count)


def _ends(size: int) -> list[int]:
    """Where the 0.2% and the 99.8% quantile stand among ``size`` sorted values."""
    return [int(0.002 * (size - 1)), math.ceil(0.998 * (size - 1))]
