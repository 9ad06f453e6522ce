"""Curves: measured ones solid with a band where random, theory thin and dashed with its formula.

Names stand at the ends of the curves rather than in a legend, and never on top of each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from dlviz.drawing.curves.curve import LONG, Line, drawable, shares, table, thinned
from dlviz.drawing.curves.end_labels import end_labels
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.legends import identity_scales
from dlviz.drawing.grammar.message import say
from dlviz.drawing.grammar.palette import colour, ghost_colour
from dlviz.drawing.grammar.piece import CROSS, Piece, Rows, Spec, Table, listed, literal, mark, number, rows, word
from dlviz.drawing.grammar.runs import run_names
from dlviz.drawing.grammar.theme import Look, tr

HINTS = 32  # points of a line at which its values can be read off


def measured(
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    look: Look,
    *,
    labels: bool = True,
    height: int | None = None,
    name: str = "lines",
) -> Piece:
    """Measured curves with their bands, a cross where one diverged, and names at their ends.

    What is not finite breaks a curve. On a logarithmic axis so does what is not positive; values below
    the axis run out at the bottom of the frame. ``height``: of the figure, to keep the names apart.
    Values belong to ``name``'s rows (``lines``), bands to ``name band``.
    """
    place = {"x": x.along("x"), "y": y.along("y")}
    hue, dashes = identity_scales([line.name for line in lines], look, legend=not labels)
    style: Spec = {"strokeWidth": look.line, "strokeJoin": "round", "clip": True}
    hints = [
        word("name", title=""),
        number("x", title=x.title, format=".4~g"),
        number("y", title=y.title, format=".4~g"),
    ]
    drawn = {**place, "color": hue, "strokeDash": dashes}
    layers: list[Spec] = []
    curves = [_rows(line, x, y) for line in lines]
    data = {name: [record for curve in curves for record in curve]}
    banded = [line for line in lines if line.low is not None and line.high is not None]
    if banded:
        data[f"{name} band"] = [record for line in banded for record in _band(line, x, y)]
        area = {"x": x.along("x"), "y": y.along("low"), "y2": {"field": "high"}, "fill": hue}
        layers.append(mark("area", f"{name} band", area, opacity=0.18, clip=True, tooltip=None))
    layers.append(mark("line", name, drawn, tooltip=None, **style))
    # Dots nobody sees carry the hints: a line gives only that of its first point. They are few, for the
    # browser takes 25 ms longer over every change of a page when each of a thousand values has one.
    data[f"_{name} hints"] = [record for line in lines for record in _rows(line, x, y, HINTS)]
    seen: Spec = {"size": 90 * look.unit**2, "opacity": 0, "clip": True, "aria": False}
    layers.append(mark("point", f"_{name} hints", {**place, "tooltip": hints}, **seen))
    lone = [
        record for i, (line, curve) in enumerate(zip(lines, curves, strict=True))
        for record in _lone(curve, colour(line.name, look, i))
    ]  # fmt: skip
    if lone:
        data[f"_{name} lone"] = lone
        dot = {**place, "fill": literal("colour")}
        layers.append(mark("point", f"_{name} lone", dot, shape="circle", size=42 * look.unit**2, opacity=1,
                           stroke=None, clip=True, tooltip=None))  # fmt: skip
    data[f"_{name} ends"] = _crosses(lines, y, look)
    cross: Spec = {
        "shape": CROSS,
        "size": 50 * look.unit**2,
        "strokeWidth": 2.4 * look.unit,
        "strokeCap": "round",
        "opacity": 1,
        "clip": False,
    }
    layers.append(mark("point", f"_{name} ends", {**place, "stroke": literal("colour")}, tooltip=None, **cross))
    piece = Piece(tuple(layers), data, tables={name: partial(table, lines, x, y)})
    if labels:
        piece += end_labels(lines, x, y, look, height=height, name=f"_{name} labels")
    if not any(record["x"] is not None and record["y"] is not None for record in data[name]):
        piece += say(tr(look, "nothing to draw: no finite values"), look)
    return piece


def ghost_lines(lines: Sequence[Line], x: Axis, y: Axis, look: Look, *, name: str = "pinned lines") -> Piece:
    """Curves of other runs: thin, faded towards grey, finely dashed, without labels. To be layered under the own."""
    runs = [*dict.fromkeys(line.run for line in lines)]
    records: Rows = []
    for line in lines:
        # Rows of one name are one line: those of a second run have another name.
        other = {"name": f"{line.name} ({line.run})"} if line.run != runs[0] else {}
        records += [r | {"_colour": ghost_colour(line.name, look)} | other for r in _rows(line, x, y)]
    place = {
        "x": x.along("x"),
        "y": y.along("y"),
        "detail": word("name"),
        "stroke": literal("_colour"),
    }
    thin: Spec = {
        "strokeWidth": 0.55 * look.line,
        "strokeDash": [5 * look.unit, 3 * look.unit],
        "clip": True,
        "tooltip": None,
    }
    return Piece((mark("line", name, place, **thin),), {name: records}, tables={name: partial(table, lines, x, y)})


def ghost_note(lines: Sequence[Line], look: Look) -> str:
    """The end of a footnote: what :func:`ghost_lines` are, where there are any."""
    if not lines:
        return ""
    return " " + tr(look, "Thin, dashed, in colour: {runs}.", runs=run_names((line.run for line in lines), look))


def theory(
    xs: np.ndarray, ys: np.ndarray, x: Axis, y: Axis, look: Look, label: str | None, *, name: str = "theory",
    at: float = 0.55, computed: np.ndarray | None = None,
) -> Piece:  # fmt: skip
    """A predicted curve: thin, dashed, in ink, with its formula beside it, about ``at`` a share of its visible length.

    The formula keeps out of the way of its own curve; where others are near, :class:`Beside` knows them all.
    ``computed`` are the heights before anything was cut for the picture, where that was.
    """
    data = {name: rows(x=drawable(xs, x), y=drawable(ys, y))}
    place = {"x": x.along("x"), "y": y.along("y")}
    style: Spec = {
        "color": look.inks.ink,
        "strokeWidth": 1.3 * look.unit,
        "strokeDash": [4 * look.unit, 3 * look.unit],
        "opacity": 0.8,
    }
    layers = (mark("line", name, {**place}, clip=True, tooltip=None, **style),)
    whole = Line(label or name, xs, ys if computed is None else computed)
    piece = Piece(layers, data, tables={name: partial(table, [whole], x, y)})
    return piece if label is None else piece + Beside([(xs, ys)], x, y, look).words(xs, ys, label, name=name, at=at)


def level(
    value: float, x: Axis, y: Axis, look: Look, label: str | None, *, name: str = "theory", at: float = 0.55
) -> Piece:
    """A predicted height, the same all along the x axis, as :func:`theory`."""
    along = x.at(np.linspace(0, 1, 41))
    piece = theory(along, np.full(41, value), x, y, look, label, name=name, at=at)
    # Its places along the axis are only drawn.
    said = {"name": label or name, y.header("y"): value}
    return piece + Piece(tables={name: partial(listed, said)})


def marks(points: Mapping[str, tuple[float, float]], x: Axis, y: Axis, look: Look, *, name: str = "in use") -> Piece:
    """A ring for each identity at its point (x, y), for instance the setting in use on a curve.

    Points that are not finite, or not positive on a logarithmic axis, are left out.
    """
    places = np.array(list(points.values()), dtype=float).reshape(-1, 2)
    heights = drawable(places[:, 1], y)
    data = rows(name=list(points), x=places[:, 0], y=heights, stroke=[colour(of, look) for of in points])
    place = {"x": x.along("x"), "y": y.along("y"), "stroke": literal("stroke")}
    style: Spec = {
        "size": 90 * look.unit**2,
        "strokeWidth": 2.4 * look.unit,
        "fill": look.inks.paper,
        "opacity": 1,
        "clip": True,
    }
    kept = {name: [row for row in data if row["y"] is not None]}
    whole = [Line(of, places[i : i + 1, 0], places[i : i + 1, 1]) for i, of in enumerate(points)]
    layers = (mark("point", name, place, tooltip=None, **style),)
    return Piece(layers, kept, tables={name: partial(table, whole, x, y)})


def vertical(
    value: float, x: Axis, look: Look, label: str, *, dashed: bool = True, name: str = "mark", row: int = 0
) -> Piece:
    """An upright line at ``value`` with its label at the top; ``row`` 1, 2 ... puts the label a line lower.

    Nothing is drawn for a value that is not finite or lies outside the axis.
    """
    share = float(x.share(value))
    data = {name: rows(x=[float(value)], text=[label]) if 0 <= share <= 1 else []}
    style: Spec = {
        "color": look.inks.ink,
        "strokeWidth": 1.3 * look.unit,
        "opacity": 0.8,
        "clip": True,
        "tooltip": None,
    }
    if dashed:
        style["strokeDash"] = [4 * look.unit, 3 * look.unit]
    right = share < 0.7
    text: Spec = {"align": "left" if right else "right", "dx": (6 if right else -6) * look.unit, "baseline": "top"}
    place = {"x": x.along("x"), "y": {"value": (2 + 18 * row) * look.unit}}
    layers = mark("rule", name, {"x": x.along("x")}, **style), *haloed(name, place, look, **text)
    tables: dict[str, Table] = {}
    if label:  # without, it says nothing
        tables[name] = partial(listed, {"name": label, x.header("x"): float(value)})
    return Piece(layers, data, tables=tables)


def shade(low: float, high: float, x: Axis, look: Look, label: str, *, name: str = "shaded") -> Piece:
    """A shaded range of the x axis (where runs diverge), named at its foot. It ends at the axis, so no file has it."""
    low, high = max(low, x.low), min(high, x.high)
    data = {name: rows(x=[low], x2=[high], text=[label]) if low < high else []}
    area = mark(
        "rect", name, {"x": x.along("x"), "x2": {"field": "x2"}}, fill=look.inks.warn, opacity=0.09, tooltip=None
    )
    text: Spec = {
        "align": "right",
        "dx": -6 * look.unit,
        "baseline": "bottom",
        "fontSize": look.label,
        "color": look.inks.warn,
        "tooltip": None,
    }
    place = {"x": x.along("x2"), "y": {"value": {"expr": f"height - {6 * look.unit}"}}, "text": word("text")}
    halo: Spec = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.85}
    return Piece((area, mark("text", name, place, **halo, **text), mark("text", name, place, **text)), data)


def _rows(line: Line, x: Axis, y: Axis, most: int = LONG) -> Rows:
    xs, ys = np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)
    keep = thinned(ys, most)
    return rows(name=line.name, x=drawable(xs[keep], x), y=drawable(ys[keep], y))


def _lone(records: Rows, hue: str) -> Rows:
    """The points without a neighbour, of which a line shows nothing."""
    there = [False, *(record["x"] is not None and record["y"] is not None for record in records), False]
    return [
        {"x": record["x"], "y": record["y"], "colour": hue}
        for before, record, here, after in zip(there, records, there[1:], there[2:], strict=False)
        if here and not before and not after
    ]


def _band(line: Line, x: Axis, y: Axis) -> Rows:
    keep = thinned(np.asarray(line.y, dtype=float))
    low, high = (drawable(np.asarray(edge)[keep], y) for edge in (line.low, line.high))
    return rows(name=line.name, x=drawable(np.asarray(line.x, dtype=float)[keep], x), low=low, high=high)


def _crosses(lines: Sequence[Line], y: Axis, look: Look) -> Rows:
    """The last finite point of each diverged curve, brought into the frame."""
    records: Rows = []
    for i, line in enumerate(lines):
        up = shares(line.y, y)
        ends = np.flatnonzero(np.isfinite(up))
        if line.diverged >= 0 and ends.size and np.isfinite(line.x[ends[-1]]):
            at = ends[-1]
            height = float(y.at(np.clip(up[at], 0, 1)))
            records.append(
                {"name": line.name, "x": float(line.x[at]), "y": height, "colour": colour(line.name, look, i)}
            )
    return records
