"""A grid of cells between named rows and columns: colour for the eye, a number for the notes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from dlviz.drawing.grammar.interaction import CELLS, START, TAP
from dlviz.drawing.grammar.legends import colour_bar, text_width
from dlviz.drawing.grammar.palette import hexed, mix, oklab, ramp
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, literal, mark, word
from dlviz.drawing.grammar.theme import Look


def diverging(look: Look) -> tuple[str, ...]:
    """From below zero (blue) over a neutral middle to above zero (orange), for values with a meaningful zero."""
    middle = mix(look.inks.paper, look.inks.muted, 0.12)
    if look.theme == "light":
        return ("#0b4f8a", "#5b9bd0", middle, "#eb9a63", "#a83a00")
    return ("#62b4f5", "#2f6ba3", middle, "#b55d22", "#ffa066")


def sequential(look: Look) -> tuple[str, ...]:
    """From nothing (paper) to much (strong blue)."""
    low = mix(look.inks.paper, look.inks.muted, 0.1)
    return (low, "#86b1d8", "#0b4f8a") if look.theme == "light" else (low, "#2f6ba3", "#7cc4ff")


def matrix(
    values: np.ndarray,
    row_names: Sequence[str],
    column_names: Sequence[str],
    look: Look,
    *,
    bounds: tuple[float, float],
    colours: tuple[str, ...],
    title: str,
    axes: tuple[str, str] = ("", ""),
    texts: np.ndarray | None = None,
    good: np.ndarray | None = None,
    chosen: tuple[str, str] | None = None,
    click: bool = False,
    written_as: Mapping[str, str] | None = None,
    name: str = "cells",
) -> Piece:
    """Cells ``values`` (R, C), first row on top; colours spread evenly over ``bounds``, beyond them they stay.

    ``title`` names the colour bar and ``axes`` the rows and columns (row title, column title), all already
    translated. ``texts`` (R, C) stand in the cells; ``good`` (R, C) cells get a frame; ``chosen`` (row,
    column) gets a heavy one. A cell that is not finite is grey and shows its text. With ``click``
    the chart has the point selection ``start`` with the fields ``row`` and ``column``. ``written_as`` gives the
    text of names that stand translated on the axes; rows, and so clicks, carry the names as given.
    """
    values = np.asarray(values, dtype=float)
    low, high = bounds
    share = np.clip((values - low) / (high - low), 0, 1)
    tints = ramp(colours, np.nan_to_num(share, nan=0.5))
    written = np.asarray(texts if texts is not None else np.full(values.shape, ""), dtype=object)
    marked = np.asarray(good if good is not None else np.zeros(values.shape), dtype=bool)
    records = []
    for r, row in enumerate(row_names):
        for c, column in enumerate(column_names):
            finite = bool(np.isfinite(values[r, c]))
            tint = hexed(tints[r, c]) if finite else look.inks.hole
            dark = oklab(tints[r, c])[0] < 0.62 if finite else look.theme == "dark"
            records.append(
                {
                    "row": row,
                    "column": column,
                    "value": float(values[r, c]) if finite else None,
                    "text": str(written[r, c]),
                    "fill": tint,
                    "pen": "#ffffff" if dark else "#16233b",
                    "good": bool(marked[r, c]),
                }
            )
    along = _axis(axes[1], written_as, look, len(column_names), _slanted(column_names))
    x = word("column", scale=_band(column_names), axis=along)
    y = word("row", scale=_band(row_names), axis=_axis(axes[0], written_as, look))
    place = {"x": x, "y": y}
    layers = [mark("rect", name, {**place, "fill": literal("fill")}, tooltip=None)]
    if marked.any():
        inner = {"fill": None, "stroke": look.inks.ink, "strokeWidth": 1.5 * look.unit, "tooltip": None}
        layers.append(mark("rect", name, place, transform=[{"filter": "datum.good"}], **inner))
    data = {name: records}
    if chosen is not None:
        heavy: Spec = {"fill": None, "stroke": look.inks.warn, "strokeWidth": 3 * look.unit, "tooltip": None}
        layers.append(mark("rect", f"_{name} chosen", place, **heavy))
        data[f"_{name} chosen"] = [{"row": chosen[0], "column": chosen[1]}]
    if texts is not None:
        cell = f"min(width / {len(column_names)}, 2.2 * height / {len(row_names)})"
        longest = max((text_width(text, look) for text in written.ravel()), default=1.0) / look.label
        size = {"expr": f"max(6, min({look.label}, 0.92 * {cell} / {max(longest, 1.0):.2f}))"}
        style: Spec = {"fontSize": size, "baseline": "middle", "align": "center", "tooltip": None}
        layers.append(mark("text", name, {**place, "text": word("text"), "fill": literal("pen")}, **style))
    if click:
        layers.append(_target(name, place))
    layers.append(colour_bar(low, high, colours, title, look))
    return Piece(tuple(layers), data, tables={name: partial(table, values, row_names, column_names, axes, title)})


def table(
    values: np.ndarray, row_names: Sequence[str], column_names: Sequence[str], axes: tuple[str, str], title: str
) -> Rows:
    """A row for each cell: its names under the titles of the ``axes``, and its value under ``title``."""
    down, across = (axes[0] or "row", axes[1] or "column") if axes[0] != axes[1] else ("row", "column")
    names = {down: np.repeat(list(row_names), len(column_names)), across: list(column_names) * len(row_names)}
    return listed({**names, title: values.ravel()})


def _band(names: Sequence[str]) -> Spec:
    return {"type": "band", "domain": list(names), "padding": 0.06}


def _slanted(names: Sequence[str]) -> int:
    longest = max(map(len, names))
    return -35 if longest > 8 or (len(names) > 4 and longest > 3) else 0


def _axis(title: str, written_as: Mapping[str, str] | None, look: Look, count: int = 1, angle: int = 0) -> Spec:
    spec: Spec = {"title": title or None, "grid": False, "labelLimit": 0, "labelOverlap": False, "domain": False}
    if written_as:
        spec["labelExpr"] = f"{json.dumps(dict(written_as), ensure_ascii=False)}[datum.value] || datum.value"
    if angle:
        spec |= {"labelAngle": angle, "labelAlign": "right", "labelBaseline": "middle"}
        # Slanted, they are as far apart as a part of a column is wide.
        spec["labelFontSize"] = {"expr": f"max(7, min({look.label}, 0.6 * width / {count}))"}
    else:
        spec["labelAngle"] = 0  # Vega-Lite would turn the names of columns upright
    return spec


def _target(name: str, place: dict[str, Any]) -> Spec:
    select = {"name": START, "select": {"type": "point", "fields": ["row", "column"], "on": TAP, "toggle": False}}
    hints = [word("row", title=""), word("column", title=""), word("text", title="")]
    encoding = {**place, "tooltip": hints}
    return mark("rect", name, encoding, name=CELLS, params=[select], opacity=0, cursor="pointer")
