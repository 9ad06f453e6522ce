"""A smooth function on a fine grid from few values of it: coarse first, then more where it bends.

A grid is halved again and again. What is new at each halving is first foretold by cubic interpolation, a point being
computed only where the interpolation was wrong next to it one halving before: for a smooth function the error of cubic
interpolation falls by 16 a halving, here by 8 to be safe. What it came to is measured, not assumed: at points of the
finest grid that were left out, drawn at random and computed for that alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dlviz.progress import Progress, silent

SAFETY = 8.0
"""By how much the error is taken to fall when the grid is halved."""
HELD_OUT = 64
"""Points that are computed only to measure the error of the others."""


@dataclass(frozen=True)
class Sampled:
    """Values on a grid, and how they were had."""

    z: np.ndarray  # (side, side), row 0 at the least y
    computed: int  # points that were computed; the others are interpolated
    held_out: int  # points computed to measure the error
    error: float  # largest error at these, relative to the value there


def sample(
    function: Callable[..., np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    halvings: int,
    tolerance: float,
    progress: Progress = silent,
) -> Sampled:
    """A positive ``function(x, y)`` of arrays on the grid of ``x`` and ``y``, to a relative ``tolerance``.

    The first grid takes every 2^halvings-th point; both sides must be a multiple of that, and one. Where a value is
    not finite there is no interpolating: everything is computed then.
    """
    from scipy.interpolate import RectBivariateSpline

    step = 2**halvings
    if (len(x) - 1) % step or (len(y) - 1) % step:
        raise ValueError(f"a grid of {len(x)} x {len(y)} points cannot be halved {halvings} times")
    xx, yy = np.meshgrid(x, y)
    z, known = np.full(xx.shape, np.nan), np.zeros(xx.shape, dtype=bool)
    wrong = np.full(xx.shape, np.inf)  # relative error of interpolation as far as it is known at this stride
    grid = np.s_[::step, ::step]
    z[grid], known[grid] = function(xx[grid], yy[grid]), True
    while step > 1 and np.isfinite(z[grid]).all():
        coarse = RectBivariateSpline(y[::step], x[::step], z[grid])
        step //= 2
        grid = np.s_[::step, ::step]
        foretold, here, expected = coarse(y[::step], x[::step]), known[grid], _near(wrong[grid]) / SAFETY
        new = ~here & ~(expected < tolerance)
        values = np.where(here, z[grid], foretold)
        if new.any():
            values[new] = function(xx[grid][new], yy[grid][new])
        error = np.where(new, np.abs(values - foretold) / np.abs(values), np.where(here, 0, expected))
        z[grid], known[grid] = values, here | new
        wrong[:] = np.inf
        wrong[grid] = error
        progress(float(known.sum()) / known.size)
    if not np.isfinite(z).all():
        return Sampled(function(xx, yy), z.size, 0, 0.0)
    left = np.flatnonzero(~known)
    chosen = np.random.default_rng(0).permutation(left)[:HELD_OUT]
    truth = function(xx.flat[chosen], yy.flat[chosen])
    error = np.abs(z.flat[chosen] - truth) / np.abs(truth)
    return Sampled(z, int(known.sum()), len(chosen), float(error.max(initial=0.0)))


def _near(error: np.ndarray) -> np.ndarray:
    """Of every point the largest error that is known within two points around it."""
    from scipy.ndimage import maximum_filter

    finite = np.isfinite(error)
    return maximum_filter(np.where(finite, error, 0.0), 5) if finite.any() else error
