"""Who is who, in one legend for colour and dash together above the picture; and how much a colour means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlviz.drawing.grammar.labels import columns
from dlviz.drawing.grammar.mathematics import size_of
from dlviz.drawing.grammar.palette import colour, dash, hexed, ramp
from dlviz.drawing.grammar.piece import Spec, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look


def identity_scales(
    names: Sequence[str], look: Look, *, legend: bool = True, written_as: Mapping[str, str] | None = None
) -> tuple[Spec, Spec]:
    """The colour and the dash channel for identities, with one legend that shows both, above the picture.

    ``written_as`` gives the translated text of a name, where the legend has another.
    """
    unique = list(dict.fromkeys(names))
    shown = None
    if legend and unique:
        texts = [(written_as or {}).get(name, name) for name in unique]
        shown = {
            "title": "",
            "orient": "top",
            "direction": "horizontal",
            "columns": legend_columns([text_width(text, look) + 64 * look.unit for text in texts], look),
            # A dash of 30 x 10 px: Vega's own "stroke" symbol is as high as it is long and parts the rows.
            "symbolType": "M-3,0L3,0",
            "symbolSize": 100 * look.unit**2,
            "symbolStrokeWidth": look.line,
            "symbolOffset": 10 * look.unit,
            "labelOffset": 16 * look.unit,
        }
        if written_as:
            said = json.dumps(dict(written_as), ensure_ascii=False)
            shown["labelExpr"] = f"{said}[datum.value] || datum.value"
    hues = [colour(name, look, i) for i, name in enumerate(unique)]
    dashes = [dash(name, look, i) for i, name in enumerate(unique)]
    return (
        word("name", scale={"domain": unique, "range": hues}, legend=shown),
        word("name", scale={"domain": unique, "range": dashes}, legend=shown),
    )


def text_width(text: str, look: Look) -> float:
    """About how wide a label is in px; as wide as it will be where it holds mathematics."""
    if "$" in text:
        return size_of(text, look)[0]
    return 0.56 * columns(text) * look.label


def text_height(text: str, look: Look) -> float:
    """About how high a line of a label is in px."""
    return max(1.1 * look.label, size_of(text, look)[1] if "$" in text else 0.0)


def legend_columns(widths: Sequence[float], look: Look, title: float = 0) -> Any:
    """How many columns of a legend fit over the plot: on a slide a number, else an expression, for a phone has fewer.

    ``widths`` of the entries and of the ``title`` beside them, in px.
    """
    needed = [title + sum(max(widths[column::count]) for column in range(count)) for count in range(1, len(widths) + 1)]
    axis = 6 * look.label
    if look.slide:
        return max(count for count, wide in enumerate(needed, 1) if count == 1 or wide <= look.area[0] - axis)
    # Of the page, if there is one: Vega makes the room for a legend's rows before it knows how wide the plot will be.
    room = f"(isFinite(containerSize()[0]) ? containerSize()[0] + 0 * width - {axis} : width)"
    expression = "1"
    for count, wide in enumerate(needed[1:], 2):
        expression = f"{room} >= {wide:.0f} ? {count} : ({expression})"
    return {"expr": expression}


def colour_bar(low: float, high: float, colours: tuple[str, ...], title: str, look: Look) -> Spec:
    """A mark of no size that carries the bar of ``colours``, spread evenly from ``low`` to ``high``."""
    stops = ramp(colours, np.linspace(0, 1, 9))
    scale = {"type": "linear", "domain": np.linspace(low, high, 9).tolist(), "range": [hexed(c) for c in stops]}
    legend = {
        "title": title,
        "orient": "bottom",
        "direction": "horizontal",
        "titleOrient": "left",
        "titlePadding": 8 * look.unit,
        "gradientLength": {"expr": f"max(60, min({160 * look.unit}, width - {text_width(title, look) + 30:.0f}))"},
        "gradientThickness": 10 * look.unit,
        "tickCount": 4,
        "format": ".3~g",
    }
    nowhere = {"x": {"value": 0}, "y": {"value": 0}}
    data = {"values": rows(bar=[low])}
    encoding = {**nowhere, "color": number("bar", scale=scale, legend=legend)}
    return mark("point", data, encoding, size=0, opacity=0, tooltip=None)
