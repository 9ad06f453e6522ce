"""Points with a spread in both directions, joined in their order: one quantity traded against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dlviz.drawing.curves.curve import drawable
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.beside import Beside, callouts
from dlviz.drawing.grammar.legends import identity_scales
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, literal, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look


@dataclass(frozen=True, eq=False)
class Trade:
    """One method: points (k,) with their spread, in order, and what each of them is (``texts``, translated).

    ``name`` is the identity. ``chosen`` is the point with a ring and its text beside it, or none of them.
    """

    name: str
    x: np.ndarray
    x_low: np.ndarray
    x_high: np.ndarray
    y: np.ndarray
    y_low: np.ndarray
    y_high: np.ndarray
    texts: Sequence[str]
    chosen: int | None = None


def table(drawn: Sequence[Trade], x: Axis, y: Axis) -> Rows:
    """Every point of the methods with its spread, as it was computed."""
    found: Rows = []
    for method in drawn:
        across, up = x.header("x"), y.header("y")
        columns = {across: method.x, f"{across}: low": method.x_low, f"{across}: high": method.x_high}
        columns |= {up: method.y, f"{up}: low": method.y_low, f"{up}: high": method.y_high}
        found += listed({"name": method.name, "what": list(method.texts), **columns})
    return found


def trades(
    drawn: Sequence[Trade],
    x: Axis,
    y: Axis,
    look: Look,
    *,
    written_as: Mapping[str, str],
    height: int | None = None,
    name: str = "trades",
) -> Piece:
    """Each method's points as a curve with crosses, its chosen point ringed; a legend says which curve is whose.

    ``written_as`` gives the translated text of an identity's name.
    """
    records, rings = [], []
    for i, method in enumerate(drawn):
        tint = colour(method.name, look, i)
        columns = {"x": drawable(method.x, x), "x1": drawable(method.x_low, x), "x2": drawable(method.x_high, x)}
        columns |= {"y": drawable(method.y, y), "y1": drawable(method.y_low, y), "y2": drawable(method.y_high, y)}
        found = rows(name=method.name, what=list(method.texts), colour=tint, place=np.arange(len(method.x)), **columns)
        whole = [row for row in found if row["x"] is not None and row["y"] is not None]
        records += whole
        if method.chosen is not None:
            rings += [row for row in whole if row["place"] == method.chosen]
    hue, dashes = identity_scales([method.name for method in drawn], look, written_as=written_as)
    at = {"x": x.along("x"), "y": y.along("y")}
    own = {"stroke": literal("colour")}
    across = {"x": x.along("x1"), "x2": {"field": "x2"}, "y": y.along("y")} | own
    upright = {"x": x.along("x"), "y": y.along("y1"), "y2": {"field": "y2"}} | own
    hints = [
        word("name", title=""),
        word("what", title=" "),
        number("x", title=x.title, format=".3~g"),
        number("y", title=y.title, format=".4~g"),
    ]
    spread: Spec = {"strokeWidth": 1.1 * look.unit, "clip": True, "tooltip": None}
    faint, clear = spread | {"opacity": 0.16}, spread | {"opacity": 0.75}
    line: Spec = {"strokeWidth": 0.8 * look.line, "strokeJoin": "round", "clip": True, "tooltip": None}
    dot: Spec = {"shape": "circle", "size": 42 * look.unit**2, "stroke": look.inks.paper, "strokeWidth": look.unit}
    ring: Spec = {
        "shape": "circle",
        "size": 130 * look.unit**2,
        "fill": look.inks.paper,
        "strokeWidth": 2.6 * look.unit,
    }
    chosen = f"_{name} chosen"
    layers = (
        mark("rule", name, across, **faint),
        mark("rule", name, upright, **faint),
        mark("line", name, {**at, "color": hue, "strokeDash": dashes}, **line),
        mark("point", name, {**at, "fill": literal("colour"), "tooltip": hints}, opacity=1, clip=True, **dot),
        mark("rule", chosen, across, **clear),
        mark("rule", chosen, upright, **clear),
        mark("point", chosen, {**at, "tooltip": hints} | own, opacity=1, clip=True, **ring),
    )
    piece = Piece(layers, {name: records, chosen: rings}, tables={name: partial(table, drawn, x, y)})
    return piece + _texts(drawn, x, y, look, height, f"_{name} labels")


def _texts(drawn: Sequence[Trade], x: Axis, y: Axis, look: Look, height: int | None, name: str) -> Piece:
    """What the chosen points are, beside their rings: where they lie on no curve, no cross and not on each other."""
    held = [(i, method, method.chosen) for i, method in enumerate(drawn) if method.chosen is not None]
    held = [(i, method, at) for i, method, at in held if np.isfinite([method.x[at], method.y[at]]).all()]
    obstacles: list[tuple[Any, Any]] = [(method.x, method.y) for method in drawn]
    for _, method, at in held:
        obstacles.append(([method.x_low[at], method.x_high[at]], [method.y[at]] * 2))
        obstacles.append(([method.x[at]] * 2, [method.y_low[at], method.y_high[at]]))
    # Its legend has several rows.
    beside = Beside(obstacles, x, y, look, height=(height or look.height) - 5 * look.label)
    ring = 9 * look.unit
    records = [
        beside.callout(float(method.x[at]), float(method.y[at]), method.texts[at], colour(method.name, look, i), ring)
        for i, method, at in held
    ]
    return Piece(callouts(name, {"x": x.along("x"), "y": y.along("y")}, look), {name: records})
