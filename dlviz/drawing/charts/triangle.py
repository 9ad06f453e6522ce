"""A triangle of pairs (t, s), s up to t, as one image on a logarithmic colour scale, and one of its rows as a curve.

A slider moves t in the browser: a line in the image, and under it the curve of that row over the same s. The two
plots share the axis of s; each has a vertical scale of its own in its part of the height.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.interaction import slider
from dlviz.drawing.grammar.legends import colour_bar
from dlviz.drawing.grammar.palette import hexed, mix, ramp, rgb
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, mark, number, rows
from dlviz.drawing.grammar.theme import Look

IMAGE, GAP = 0.56, 0.07
"""Shares of the height: of the image, and between it and the curve."""
RESOLVE = {"scale": {"y": "independent"}}
"""What the finished picture needs: ``finish(..., resolve=RESOLVE)``."""
POINTS = 4_000
"""About as many values of curves are sent to the browser at most."""
LEAST = -299.0
"""Powers of ten below are drawn at the foot."""


def triangle(
    logs: np.ndarray,
    targets: np.ndarray,
    look: Look,
    *,
    titles: tuple[str, str, str],
    bar: str,
    slider_name: str,
    colour: str,
    name: str = "pairs",
) -> Piece:
    """``logs`` (R, T): log10 of the value of each pair, t = ``targets`` (R,) evenly spaced and ascending, s = 1 ... T.

    NaN where there is no value, -inf for zero. ``titles`` of the axes s, t and of the value; ``bar`` of the colour
    bar; ``slider_name`` is the chart's parameter; ``colour`` that of the curve. All texts translated.
    """
    steps = logs.shape[1]
    stride = int(targets[1] - targets[0]) if len(targets) > 1 else 1
    drawn = np.maximum(logs, LEAST)
    low, high = bounds(drawn)
    x = Axis(titles[0], 0.5, steps + 0.5, ticks_from=1, whole=True)
    t = Axis(titles[1], float(targets[0]) - stride + 0.5, float(targets[-1]) + 0.5, ticks_from=1, whole=True)
    value = Axis(titles[2], 10.0**low, 10.0**high, log=True)
    upper, lower = _part(t, 0.0, IMAGE), _part(value, IMAGE + GAP, 1.0)
    corners = {"x": 0.5, "x2": steps + 0.5, "y": t.low, "y2": t.high}
    image = {"x": x.along("x"), "y": {**number("y"), **upper}, "url": {"field": "url", "type": "nominal"}}
    image |= {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    at = {"y": {"datum": {"expr": slider_name}, "type": "quantitative", **upper}}
    picked = [{"filter": f"datum.t == {slider_name}"}]
    curve = {"x": x.along("s"), "y": {**number("value"), **lower}}
    hints = [number("t"), number("s"), number("value", title=titles[2], format=".3~g")]
    style: Spec = {"clip": True, "transform": picked}
    # Of which row the curve is: between the two, where nothing else is.
    row = {"x": {"value": {"expr": "width"}}, "y": {"value": {"expr": f"{IMAGE + GAP / 2:g} * height"}}}
    said: Spec = {"text": {"expr": f"'t = ' + {slider_name}"}, "align": "right", "baseline": "middle", "tooltip": None}
    # One mark draws the points and catches the pointer, in a ring about them that nobody sees.
    dot: Spec = {"fill": colour, "stroke": "transparent", "strokeWidth": 8 * look.unit, "size": 14 * look.unit**2}
    layers = [
        *_framed(frame(x, t, look), upper),
        *_framed(frame(x, value, look), lower),
        mark("image", f"_{name} image", image, aspect=False, tooltip=None),
        mark("rule", {"values": [{"row": 0}]}, at, color=look.inks.ink, strokeWidth=1.6 * look.unit, tooltip=None),
        mark("line", name, curve, color=colour, strokeWidth=look.line, tooltip=None, **style),
        mark("point", name, {**curve, "tooltip": hints}, opacity=1, aria=False, **dot, **style),
        mark("text", {"values": [{"row": 0}]}, row, color=look.inks.ink, **said),
        colour_bar(low, high, colours(low, high, look), bar, look),
    ]
    pixels = _pixels(drawn, targets, low, high, look)
    data = {f"_{name} image": [{**corners, "url": data_url(pixels)}], name: _curves(drawn, targets, low)}
    first, last = int(targets[0]), int(targets[-1])
    sliders = (slider(slider_name, last, first, last, stride, "t"),)
    return Piece(tuple(layers), data, sliders, {name: partial(table, logs, targets, bar)})


def table(logs: np.ndarray, targets: np.ndarray, title: str) -> Rows:
    """Every pair of the triangle, with its power of ten under ``title``."""
    found: Rows = []
    for t, row in zip(targets.tolist(), logs, strict=True):
        found += listed({"t": int(t), "s": np.arange(1, int(t) + 1), title: row[: int(t)]})
    return found


def bounds(logs: np.ndarray) -> tuple[float, float]:
    """Whole powers of ten around the finite values, at least one each way of 1."""
    finite = logs[np.isfinite(logs)]
    if not finite.size:
        return -1.0, 1.0
    low, high = math.floor(float(finite.min()) - 1e-9), math.ceil(float(finite.max()) + 1e-9)
    return float(max(min(low, -1), LEAST)), float(min(max(high, 1), -LEAST))


def colours(low: float, high: float, look: Look) -> tuple[str, ...]:
    """From nothing (nearly paper) to blue at 1, and on to red above it; even stops from ``low`` < 0 to ``high`` > 0."""
    inks = look.inks
    nothing = mix(inks.paper, inks.muted, 0.12)
    below = (nothing, "#86b1d8", "#0b4f8a") if look.theme == "light" else (nothing, "#2f6ba3", "#7cc4ff")
    above = ("#0b4f8a", "#7d3b8c", "#c8401f") if look.theme == "light" else ("#7cc4ff", "#e6a8d8", "#ff8a3d")
    # At its end the warm side is as far as the other: a slight growth is slightly red.
    reach = max(-low, high)
    shares = np.linspace(low, high, 33)
    down = ramp(below, np.clip(1 + shares / -low, 0, 1))
    up = ramp(above, np.clip(shares / reach if reach > high else shares / high, 0, 1))
    return tuple(hexed(u if v > 0 else d) for v, d, u in zip(shares, down, up, strict=True))


def _part(axis: Axis, top: float, bottom: float) -> Spec:
    """A scale that fills a part of the height, without an axis of its own."""
    ends = [{"expr": f"{bottom:g} * height"}, {"expr": f"{top:g} * height"}]
    return {"scale": {**axis.scale, "range": ends}, "axis": None}


def _framed(piece: Piece, part: Spec) -> list[Spec]:
    """A frame whose vertical scale is that of the part; its axis stays, on the left."""
    layers = []
    for layer in piece.layers:
        encoding = dict(layer["encoding"])
        if "scale" in encoding.get("y", {}):
            axis = encoding["y"].get("axis")
            encoding["y"] = {**encoding["y"], **part, "axis": axis and {**axis, "orient": "left"}}
        layers.append({**layer, "encoding": encoding})
    return layers


def _pixels(logs: np.ndarray, targets: np.ndarray, low: float, high: float, look: Look) -> np.ndarray:
    """Pixels for each pair, row 0 at the bottom; paper where s > t, grey where the value is no number."""
    share = np.clip((logs - low) / (high - low), 0, 1)
    tints = ramp(colours(low, high, look), np.nan_to_num(share))
    after = np.arange(1, logs.shape[1] + 1) > np.asarray(targets)[:, None]
    tints[np.isnan(share)] = rgb(look.inks.hole)
    tints[after] = rgb(look.inks.paper)
    # The browser smooths what it enlarges, so the cells are enlarged before.
    return tints.repeat(max(1, 256 // len(logs)), axis=0).repeat(max(1, 256 // logs.shape[1]), axis=1)


def _curves(logs: np.ndarray, targets: np.ndarray, low: float) -> Rows:
    """The rows of the triangle, of so many values that they are few in all."""
    each = max(8, 2 * POINTS // len(targets))
    records: Rows = []
    for t, row in zip(targets.tolist(), logs, strict=True):
        s = np.arange(t)
        if t > each:
            s = np.unique(np.linspace(0, t - 1, each).round().astype(int))
        records += rows(t=float(t), s=s + 1.0, value=10.0 ** np.maximum(row[s], low))
    return records
