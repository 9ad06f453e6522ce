"""A surface as the ground of a picture: a quiet shaded relief under labelled isolines.

The relief is one image (a 200 x 200 grid as rectangles took 1,076 ms to paint, as an image 171 ms).
Its shading is for seeing the shape, close to the minima too: brightness is a compressed height, not
a scale to read values from. The isolines carry the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

import numpy as np

from dlviz.drawing.grammar.axes import Plane
from dlviz.drawing.grammar.message import say
from dlviz.drawing.grammar.piece import CROSS, Piece, Rows, Spec, listed, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces.isolines import Traced, isolines, numbered, trace
from dlviz.drawing.surfaces.relief import normalise, relief


def picture(url: str, plane: Plane, name: str) -> Piece:
    """An image that fills the plane. Its row is no data to read: the name starts with an underscore."""
    x_min, x_max, y_min, y_max = map(float, plane.domain)
    place = {
        "x": plane.x.along("x"),
        "x2": {"field": "x2"},
        "y": plane.y.along("y"),
        "y2": {"field": "y2"},
        "url": {"field": "url", "type": "nominal"},
    }
    row = {"x": x_min, "x2": x_max, "y": y_min, "y2": y_max, "url": url}
    return Piece((mark("image", name, place, aspect=False, tooltip=None),), {name: [row]})


def background(
    z: np.ndarray, plane: Plane, look: Look, *, minima: np.ndarray | None = None, floor: float | None = None,
    around: Sequence[np.ndarray] = (),
) -> Piece:  # fmt: skip
    """Relief, isolines with their values, and the minima as small crosses.

    ``z``: (H, W) heights on an even grid over the plane's domain, row 0 at y_min. ``minima``: (k, 2).
    ``floor``: the lowest value of the function where it is known (see :func:`isolines.levels`).
    ``around``: paths (T, 2) that will lie on it; the isolines' numbers keep away from them.
    The last few grounds are kept: between two runs on one surface only the places of the numbers change.
    """
    z = np.ascontiguousarray(z, dtype=np.float64)
    traced, brightness, piece = _ground(z.tobytes(), z.shape, plane, look, floor)
    piece += numbered(traced, brightness, plane, look, around=around)
    piece += Piece(tables={"surface": partial(grid, {"loss": z}, plane)})  # isolines are interpolated: no file has them
    return piece if minima is None else piece + crosses(minima, plane, look)


@lru_cache(maxsize=24)
def _ground(
    z: bytes, shape: tuple[int, int], plane: Plane, look: Look, floor: float | None
) -> tuple[Traced, np.ndarray, Piece]:
    heights = np.frombuffer(z).reshape(shape)
    traced = trace(heights, plane, floor)
    piece = picture(relief(heights, look), plane, "_relief") + isolines(traced, plane, look)
    if not np.isfinite(heights).any():
        piece += say(tr(look, "the function is not finite anywhere here"), look)
    elif not heights[np.isfinite(heights)].max() > heights[np.isfinite(heights)].min():
        piece += say(tr(look, "the function is constant here"), look)
    return traced, normalise(heights).astype(np.float32), piece


def grid(columns: Mapping[str, np.ndarray], plane: Plane) -> Rows:
    """A row for each place of an even grid over the plane: where it is, and its values (H, W), row 0 at y_min."""
    tall, wide = next(iter(columns.values())).shape
    x, y = np.linspace(plane.x.low, plane.x.high, wide), np.linspace(plane.y.low, plane.y.high, tall)
    places = {plane.x.header("x"): np.tile(x, tall), plane.y.header("y"): np.repeat(y, wide)}
    return listed({**places, **{title: values.ravel() for title, values in columns.items()}})


def points_of(points: np.ndarray, plane: Plane) -> Rows:
    """A row for each of the points (k, 2)."""
    return listed({plane.x.header("x"): points[:, 0], plane.y.header("y"): points[:, 1]})


def crosses(minima: np.ndarray, plane: Plane, look: Look) -> Piece:
    """The minima that can be seen, as small crosses."""
    minima = seen = np.asarray(minima, dtype=float).reshape(-1, 2)
    seen = seen[plane.inside(seen)]
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    style: Spec = {"shape": CROSS, "size": 26 * look.unit**2, "strokeCap": "round", "tooltip": None}
    layers = (
        mark("point", "minima", place, stroke="#0a0f18", strokeWidth=4.2 * look.unit, opacity=0.55, **style),
        mark("point", "minima", place, stroke="#ffffff", strokeWidth=1.9 * look.unit, opacity=1, **style),
    )
    return Piece(
        layers, {"minima": rows(x=seen[:, 0], y=seen[:, 1])}, tables={"minima": partial(points_of, minima, plane)}
    )
