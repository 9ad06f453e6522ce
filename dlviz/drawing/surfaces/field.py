"""A quantity with a meaningful zero over a plane: a diverging ground with lines of chosen values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from contourpy import contour_generator

from dlviz.drawing.grammar.axes import Plane
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.legends import colour_bar
from dlviz.drawing.grammar.palette import ramp, rgb
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, mark, rows, word
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces.isolines import simplify
from dlviz.drawing.surfaces.surface import grid, picture


def ground(
    values: np.ndarray,
    plane: Plane,
    look: Look,
    *,
    bounds: tuple[float, float],
    colours: tuple[str, ...],
    title: str,
    name: str = "_field",
) -> Piece:
    """An image of ``values`` (H, W), row 0 at y_min, on an even grid over the plane, with its colour bar.

    Colours spread evenly over ``bounds`` and stay beyond them; NaN is grey. ``title`` of the bar is translated.
    """
    low, high = bounds
    with np.errstate(invalid="ignore"):
        share = np.clip((values - low) / (high - low), 0, 1)
    pixels = ramp(colours, np.nan_to_num(share, nan=0.5))
    pixels[np.isnan(values)] = rgb(look.inks.hole)
    piece = picture(data_url(pixels), plane, name)
    tables = {name.lstrip("_"): partial(grid, {title: values}, plane)}
    return Piece((*piece.layers, colour_bar(low, high, colours, title, look)), piece.data, tables=tables)


def levels(
    values: np.ndarray,
    plane: Plane,
    look: Look,
    texts: Mapping[float, str],
    *,
    at: float = 0.8,
    name: str = "levels",
) -> Piece:
    """Fine lines where ``values`` (H, W) pass the keys of ``texts``, each with its text.

    The text stands where the line is nearest to the share ``at`` of the height. Lines are interpolated: no file has
    them.
    """
    x = np.linspace(plane.x.low, plane.x.high, values.shape[1])
    y = np.linspace(plane.y.low, plane.y.high, values.shape[0])
    generator = contour_generator(x, y, np.ma.masked_invalid(values))
    points: list[np.ndarray] = []
    line: list[int] = []
    level: list[float] = []
    labels: Rows = []
    for wanted, text in texts.items():
        # One array a line; contourpy's types name what generators of other kinds give too.
        found: list[np.ndarray] = [np.asarray(part) for part in generator.lines(wanted) if len(part) > 2]
        for part in found:
            line += [len(line)] * len(part)
            points.append(part)
            level += [wanted] * len(part)
        if found:
            everything = np.concatenate(found)
            across, up = plane.x.share(everything[:, 0]), plane.y.share(everything[:, 1])
            off = np.abs(up - at) + np.where((across > 0.05) & (across < 0.95), 0, 10)
            best = int(off.argmin())
            if off[best] < 0.5:
                labels.append({"x": float(everything[best, 0]), "y": float(everything[best, 1]), "text": text})
    drawn = np.concatenate(points) if points else np.empty((0, 2))
    keep = simplify(np.array(line, dtype=int), drawn, plane) if points else np.empty(0, dtype=int)
    data = {
        name: rows(
            x=drawn[keep, 0], y=drawn[keep, 1], line=np.array(line, dtype=int)[keep], level=np.array(level)[keep]
        ),
        f"_{name} labels": labels,
    }
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    fine: Spec = {"color": look.inks.ink, "opacity": 0.35, "strokeWidth": look.unit, "clip": True, "tooltip": None}
    layers = (
        mark("line", name, {**place, "detail": word("line")}, name=f"isolines {name}", **fine),
        *haloed(f"_{name} labels", place, look, fontSize=look.small, align="center", baseline="middle"),
    )
    return Piece(layers, data)
