"""One measured number for each name, with its spread: a dot on a bar, name by name from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from dlviz.drawing.curves.curve import drawable
from dlviz.drawing.grammar.axes import Axis, ticks
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, listed, literal, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look


def ranges(
    names: Sequence[str],
    middle: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    x: Axis,
    look: Look,
    *,
    texts: Sequence[str] = (),
    name: str = "ranges",
) -> Piece:
    """Dots at ``middle`` (F,) on bars from ``low`` to ``high``, one line a name, first on top.

    It brings its own axes: ``x`` below, the names on the left. ``texts`` (F,) stand to the right of the bars.
    """
    hues = [colour(of, look, i) for i, of in enumerate(names)]
    values = [drawable(np.asarray(part, dtype=float), x) for part in (middle, low, high)]
    data = {
        name: rows(
            name=list(names),
            x=values[0],
            low=values[1],
            high=values[2],
            colour=hues,
            text=list(texts) or [""] * len(names),
        )
    }
    axis = {"title": x.title, "values": ticks(x, look.ticks), "grid": True, "format": ".6~g"}
    across = number("x", scale=x.scale, axis=axis)
    scale = {"type": "band", "domain": list(names), "padding": 0.35}
    down = word("name", scale=scale, axis={"title": None, "grid": False, "labelLimit": 0, "labelOverlap": False})
    bar = {"y": down, "x": number("low", scale=x.scale), "x2": {"field": "high"}, "stroke": literal("colour")}
    hints = [word("name", title=""), *(number(k, title=t, format=".3~g") for k, t in (("x", x.title),))]
    dot = {"y": down, "x": across, "fill": literal("colour"), "tooltip": hints}
    place = {"y": down, "x": number("high", scale=x.scale), "text": word("text")}
    layers = (
        mark("rule", name, bar, strokeWidth=1.6 * look.line, opacity=0.45, strokeCap="round", tooltip=None),
        mark("point", name, dot, size=80 * look.unit**2, opacity=1, stroke=None, shape="circle"),
        mark("text", name, place, align="left", baseline="middle", dx=10 * look.unit, color=look.inks.muted,
             fontSize=look.label, tooltip=None),
    )  # fmt: skip

    columns = {"name": list(names), x.header("x"): middle, "low": low, "high": high}
    return Piece(layers, data, tables={name: partial(listed, columns)})
