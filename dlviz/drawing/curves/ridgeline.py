"""A ridgeline: one distribution a layer, stacked like a range of hills, the first layer at the back.

Heights share one scale, which the picture's foot can state; the ridge that the slider under the chart
chooses is lit, in the browser and without the server.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.palette import hexed, mix, ramp
from dlviz.drawing.grammar.piece import Piece, Spec, literal, mark, number, rows, where, word
from dlviz.drawing.grammar.theme import Look

LAYER = "layer"


def depth_axis(title: str, layers: int, overlap: float) -> Axis:
    """The axis of the layers, 1 at the top; ``overlap`` is the height of the tallest ridge in layers.

    Above that there is room for a line of text.
    """
    head = 1.05 * max(overlap, 0.5) + 0.07 * (layers + overlap)
    return Axis(title, 1 - head, layers + 0.15, grid=False, reverse=True, ticks_from=1, whole=True)


def ridges(
    edges: np.ndarray,
    heights: np.ndarray,
    x: Axis,
    depth: Axis,
    look: Look,
    *,
    colours: tuple[str, str],
    texts: Sequence[str] = (),
    name: str = "ridges",
) -> Piece:
    """``heights`` (L, B) in layers over the bins ``edges`` (B+1,): ridge l stands on the line of layer l + 1.

    ``colours`` of the first and of the last layer; of ``texts`` (L,) that of the lit ridge stands above them all.
    A row that is not finite is left out. With :func:`layer_slider` a ridge can be lit.
    """
    middles = (np.asarray(edges)[:-1] + np.asarray(edges)[1:]) / 2
    count = len(heights)
    hues = ramp(colours, np.linspace(0, 1, count))
    records, words = [], []
    for i, up in enumerate(np.asarray(heights, dtype=float)):
        if np.isfinite(up).all():
            records += rows(layer=i + 1, x=middles, y=i + 1 - up, colour=hexed(hues[i]))
            words += rows(layer=i + 1, text=texts[i]) if texts else []
    place = {"x": x.along("x"), "y": depth.along("y"), "detail": number("layer")}
    area = {**place, "y2": {"field": "layer"}, "fill": literal("colour")}
    # Not the overlay `line` of an area: it would inherit the fill, and all lines would lie above all areas.
    line: Spec = {"stroke": look.inks.paper, "strokeWidth": 0.5 * look.line}
    chosen = [where(f"datum.layer == {LAYER}")]
    bright: Spec = {"fill": look.inks.ink, "fillOpacity": 0.16, "clip": True, "tooltip": None}
    layers = [
        mark("area", name, area, fillOpacity=0.92, clip=True, tooltip=None, **line),
        mark("area", name, {**place, "y2": {"field": "layer"}}, transform=chosen, **bright),
        mark("line", name, place, transform=chosen, stroke=look.inks.ink, strokeWidth=0.8 * look.line, clip=True,
             tooltip=None),
    ]  # fmt: skip
    if texts:
        # Above all ridges, for beside its own it would lie on others.
        written = {"x": {"value": {"expr": "width"}}, "y": {"value": 0}, "text": word("text")}
        longest = max(text_width(text, look) for text in texts)
        style: Spec = {"align": "right", "baseline": "top", "dx": -4 * look.unit, "tooltip": None}
        style |= {"fontSize": {"expr": f"{look.label} * min(1, width / {longest:.0f})"}, "fontWeight": "bold"}
        layers.append(mark("text", f"{name} lit", written, transform=chosen, color=look.inks.ink, **style))
    # Texts stand apart: in each of a ridge's points they would be most of what is sent.
    return Piece(tuple(layers), {name: records, **({f"{name} lit": words} if texts else {})})


def quiet(first: str, last: str, look: Look) -> tuple[str, str]:
    """Two hues, brought a little nearer to the paper."""
    return mix(first, look.inks.paper, 0.25), mix(last, look.inks.paper, 0.1)


def layer_slider(layers: int, label: str, start: int) -> Piece:
    """A slider ``layer`` from 1 to ``layers`` under the chart; ``label`` is already translated."""
    bind = {"input": "range", "min": 1, "max": max(layers, 2), "step": 1, "name": label + " "}
    return Piece(params=({"name": LAYER, "value": start, "bind": bind},))
