"""Histograms over one axis, one below the other, computed in the browser: they follow sliders in the chart.

Each strip shows an expression of the rows, for instance ``gamma * datum.s + beta`` with ``gamma`` and
``beta`` sliders, so that moving one asks no server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, mark, number, where, word
from dlviz.drawing.grammar.theme import Look

TALL = 0.74  # of a strip, the highest bar


@dataclass(frozen=True)
class Strip:
    """One histogram: ``value`` is a Vega expression of ``datum`` over the rows ``data``; ``label`` is translated.

    With ``weight`` (an expression) a row counts for as much; without, for one.
    """

    label: str
    data: str
    value: str
    colour: str
    weight: str = "1"


def strips(
    drawn: Sequence[Strip],
    data: dict[str, Rows],
    x: Axis,
    look: Look,
    *,
    bin_width: float,
    outside: str,
    highest: str,
    sliders: Sequence[Spec] = (),
) -> Piece:
    """The strips, first on top, over the axis ``x``; each bar's height is its share of the strip's highest.

    At the right stand mean, standard deviation and the share of the highest bar; ``highest`` and ``outside``
    are the (translated) words before that share and before the share of what lies beyond the axis. A file has ``data``.
    ``sliders`` are the chart's parameters.
    """
    count = len(drawn)
    up = Axis("", 0, count, grid=False)
    base = frame(x, up, look)
    ground = {**base.layers[0]}
    ground["encoding"] = {**ground["encoding"], "y": {**ground["encoding"]["y"], "axis": None}}
    layers: list[Spec] = [ground, *base.layers[1:]]
    for i, strip in enumerate(drawn):
        layers += _bars(strip, count - 1 - i, x, up, bin_width, look)
        layers += _texts(strip, count - 1 - i, x, up, bin_width, look, highest, outside)
    # In the browser's arithmetic a missing value is zero: it would stand in the histogram.
    whole = {name: [row for row in rows_ if None not in row.values()] for name, rows_ in data.items()}
    return Piece(tuple(layers), whole, tuple(sliders), {name: partial(list, rows_) for name, rows_ in data.items()})


def _binned(strip: Strip, bin_width: float) -> list[Spec]:
    """Rows -> one row per bin with its ``share`` of the strip and ``most``, the highest of them."""
    return [
        {"calculate": strip.value, "as": "value"},
        {"calculate": strip.weight, "as": "weight"},
        {"calculate": f"floor(datum.value / {bin_width} + 1e-9) * {bin_width}", "as": "left"},
        {"aggregate": [{"op": "sum", "field": "weight", "as": "mass"}], "groupby": ["left"]},
        {
            "joinaggregate": [
                {"op": "sum", "field": "mass", "as": "all"},
                {"op": "max", "field": "mass", "as": "most"},
            ]
        },
        {"calculate": "datum.mass / datum.all", "as": "share"},
        {"calculate": "datum.most / datum.all", "as": "top"},
    ]


def _bars(strip: Strip, foot: int, x: Axis, up: Axis, bin_width: float, look: Look) -> list[Spec]:
    transform = [
        *_binned(strip, bin_width),
        {"calculate": f"datum.left + {bin_width}", "as": "right"},
        {"calculate": str(foot), "as": "foot"},
        {"calculate": f"{foot} + {TALL} * datum.mass / datum.most", "as": "height"},
    ]
    place = {
        "x": x.along("left"),
        "x2": {"field": "right"},
        "y": up.along("foot"),
        "y2": {"field": "height"},
        "tooltip": [
            number("left", title="≥", format=".2f"),
            number("right", title="<", format=".2f"),
            number("share", title="%", format=".1%"),
        ],
    }
    line = {"x": {"value": 0}, "x2": {"value": "width"}, "y": up.along("foot")}
    return [
        mark("rect", strip.data, place, transform=transform, fill=strip.colour, stroke=look.inks.paper,
             strokeWidth=0.5 * look.unit, opacity=0.9, clip=True),
        mark("rule", {"values": [{"foot": foot}]}, line, color=look.inks.faint, strokeWidth=look.unit, tooltip=None),
    ]  # fmt: skip


def _texts(
    strip: Strip, foot: int, x: Axis, up: Axis, bin_width: float, look: Look, highest: str, outside: str
) -> list[Spec]:
    """The name at the left, and what is measured of the strip at the right."""
    top = {"y": up.along("y")}
    style: Spec = {"baseline": "top", "tooltip": None}
    halo: Spec = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.85}
    here = {"values": [{"y": foot + 1}]}
    label = {**top, "x": {"value": 0}}
    left: Spec = {"text": strip.label, "align": "left", "fontSize": look.label, "dy": 3 * look.unit, **style}
    left["fontWeight"] = "bold"  # the halo, too: letters of another weight have other places
    moments: list[Spec] = [
        {"calculate": strip.value, "as": "value"},
        {"calculate": strip.weight, "as": "weight"},
        {"calculate": "datum.value * datum.weight", "as": "first"},
        {"calculate": "datum.value * datum.value * datum.weight", "as": "second"},
        {"calculate": f"datum.value < {x.low} || datum.value >= {x.high} ? datum.weight : 0", "as": "beyond"},
        {"aggregate": [{"op": "sum", "field": name, "as": name} for name in ("weight", "first", "second", "beyond")]},
        {"calculate": "datum.first / datum.weight", "as": "mean"},
        {"calculate": "sqrt(max(0, datum.second / datum.weight - datum.mean * datum.mean))", "as": "deviation"},
        {"calculate": str(foot + 1), "as": "y"},
        {
            # A rounded zero has no sign.
            "calculate": "'μ ' + format(abs(datum.mean) < 0.005 ? 0 : datum.mean, '.2f')"
            " + ', σ ' + format(datum.deviation, '.2f')"
            f" + (datum.beyond > 0 ? ', {outside} ' + format(datum.beyond / datum.weight, '.1%') : '')",
            "as": "text",
        },
    ]
    right = {**top, "x": {"value": "width"}, "text": word("text")}
    aside: Spec = {"align": "right", "fontSize": look.label, "dy": 3 * look.unit, **style}
    peak: list[Spec] = [
        *_binned(strip, bin_width),
        where("datum.mass == datum.most"),
        {"aggregate": [{"op": "max", "field": "top", "as": "top"}]},
        {"calculate": str(foot + 1), "as": "y"},
        {"calculate": f"'{highest} ' + format(datum.top, '.0%')", "as": "text"},
    ]
    lower = aside | {"dy": 3 * look.unit + 1.35 * look.label, "fontSize": look.small, "color": look.inks.muted}
    return [
        mark("text", here, label, **halo, **left),
        mark("text", here, label, color=look.inks.ink, **left),
        mark("text", strip.data, right, transform=moments, **halo, **aside),
        mark("text", strip.data, right, transform=moments, color=look.inks.ink, **aside),
        mark("text", strip.data, right, transform=peak, **lower),
    ]
