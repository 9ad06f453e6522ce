"""The minima of a surface, found rather than typed in.

A grid gives the candidates, a shrinking grid around each brings it close (also to a minimum with a
kink, where no derivative exists), Newton's method on the gradient makes it exact, and a candidate is
kept if the surface rises in every direction around it. Minima narrower than the grid are missed.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Function(Protocol):
    """What is needed of a surface here; see :class:`dlviz.engine.surfaces.surface.Surface`."""

    @property
    def domain(self) -> tuple[float, float, float, float]: ...

    def value(self, x: Any, y: Any) -> Any: ...

    def gradient(self, x: Any, y: Any) -> tuple[Any, Any]: ...

    def hessian(self, x: Any, y: Any) -> tuple[Any, Any, Any]: ...


MARGIN = 0.25
"""How far outside the domain minima are looked for, as a share of its width: paths overshoot."""


def find_minima(surface: Function, resolution: int = 161) -> np.ndarray:
    """Strict local minima in the widened domain, lowest first; shape (k, 2), k may be 0.

    Ties in value are ordered by the distance from the origin, then by x and y. Lines of minima and minima
    on the border do not count, nor does one that is flat to second order in exactly one direction, as of
    x^2 + y^4. At most 400 candidates are looked at, the lowest.
    """
    x_min, x_max, y_min, y_max = surface.domain
    width, height = x_max - x_min, y_max - y_min
    xs = np.linspace(x_min - MARGIN * width, x_max + MARGIN * width, resolution)
    ys = np.linspace(y_min - MARGIN * height, y_max + MARGIN * height, resolution)
    scale = np.array([width, height])
    points = _grid_minima(surface, xs, ys)
    points = _newton(surface, _zoom(surface, points, xs[1] - xs[0], ys[1] - ys[0]), scale)
    inside = (points >= [xs[0], ys[0]]).all(1) & (points <= [xs[-1], ys[-1]]).all(1)
    points = points[inside]
    points = points[_rises_around(surface, points, scale)]
    kept: list[np.ndarray] = []
    for point in points:
        if all(np.abs((point - other) / scale).max() > 1e-5 for other in kept):
            kept.append(point)
    if not kept:
        return np.zeros((0, 2))
    found = np.array(kept) + 0.0  # no negative zeros
    values = surface.value(found[:, 0], found[:, 1])
    # Rounded, so that rounding errors break no tie.
    spread = max(float(np.ptp(values)), 1e-9)
    keys = [found[:, 1], found[:, 0], np.hypot(*found.T) / np.hypot(*scale), (values - values.min()) / spread]
    return found[np.lexsort([key.round(7) for key in keys])]


def _grid_minima(surface: Function, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Inner grid points not above any of their eight neighbours, at most 400, lowest first."""
    values = surface.value(*np.meshgrid(xs, ys))
    values = np.where(np.isfinite(values), values, np.inf)
    inner = values[1:-1, 1:-1]
    lowest = np.isfinite(inner)
    for i in range(3):
        for j in range(3):
            lowest &= inner <= values[i : i + len(ys) - 2, j : j + len(xs) - 2]
    rows, columns = np.nonzero(lowest)
    order = np.argsort(inner[rows, columns], kind="stable")[:400]
    return np.stack([xs[columns[order] + 1], ys[rows[order] + 1]], axis=1)


def _zoom(surface: Function, points: np.ndarray, dx: float, dy: float, rounds: int = 45) -> np.ndarray:
    """Move each point to the best of a 5x5 grid around it, halving the grid every round."""
    steps = np.stack([offsets.ravel() for offsets in np.meshgrid(*[np.linspace(-1, 1, 5)] * 2)], axis=1)
    steps = steps[np.argsort(np.abs(steps).sum(1), kind="stable")]  # the point itself first: it wins ties
    for k in range(rounds):
        around = points[:, None] + steps * np.array([dx, dy]) * 0.5**k
        values = surface.value(around[..., 0], around[..., 1])
        points = around[np.arange(len(points)), np.where(np.isfinite(values), values, np.inf).argmin(1)]
    return points


def _newton(surface: Function, points: np.ndarray, scale: np.ndarray, rounds: int = 40) -> np.ndarray:
    """Newton's method on the gradient; a point is moved only if its gradient shrinks and it stays near."""
    current, best = points.copy(), points.copy()
    norm = np.linalg.norm(np.stack(surface.gradient(*points.T), 1) * scale, axis=1)
    for _ in range(rounds):
        gx, gy = surface.gradient(*current.T)
        hxx, hxy, hyy = surface.hessian(*current.T)
        with np.errstate(all="ignore"):
            determinant = hxx * hyy - hxy * hxy
            current = current - np.stack([hyy * gx - hxy * gy, hxx * gy - hxy * gx], 1) / determinant[:, None]
        new = np.linalg.norm(np.stack(surface.gradient(*current.T), 1) * scale, axis=1)
        with np.errstate(invalid="ignore"):
            near = np.abs((current - points) / scale).max(1) < 0.02
            better = near & ((new < norm) | ~np.isfinite(norm))
        best[better], norm[better] = current[better], new[better]
    return best


def _rises_around(surface: Function, points: np.ndarray, scale: np.ndarray, radius: float = 1e-3) -> np.ndarray:
    """Which points are strict minima; bool of shape (k,).

    On a small circle (in domain units) around a point the surface must rise everywhere, nowhere by less
    than 1e-7 of the steepest rise. A curved line of minima passes this between the 32 points of the
    circle; there the rise is that of a Hessian with one vanishing eigenvalue.
    """
    angles = np.arange(32) * (np.pi / 16)
    circle = points[:, None] + radius * scale * np.stack([np.cos(angles), np.sin(angles)], 1)
    hxx, hxy, hyy = surface.hessian(*points.T)
    hxx, hxy, hyy = hxx * scale[0] ** 2, hxy * scale[0] * scale[1], hyy * scale[1] ** 2
    with np.errstate(all="ignore"):
        rise = surface.value(circle[..., 0], circle[..., 1]) - surface.value(*points.T)[:, None]
        trace, determinant = hxx + hyy, hxx * hyy - hxy * hxy
        quadratic = np.abs(trace * radius**2 / rise.max(1) - 2) < 1  # not at a kink, nor where H vanishes
        line = (np.abs(determinant) < 1e-8 * trace**2) & quadratic
        return (rise.min(1) > 1e-7 * rise.max(1)) & ~line
