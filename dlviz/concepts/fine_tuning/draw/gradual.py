"""Gradual unfreezing: accuracy by step, and below it which layers are trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, listed, mark, word
from dlviz.drawing.grammar.theme import Look, plot_height, tr
from dlviz.numbers import percent

from ..gradual import Gradual
from ..result import Result
from .labels import names

HEIGHT = 420


def _share(found: Gradual) -> float:
    """Of the picture, for the strip that shows which layers are trained."""
    return 0.08 + 0.04 * len(found.thaw)


def gradual(runs: Sequence[Run], look: Look) -> Any:
    """Test accuracy by step, with an upright line where a layer thaws and the layers that are trained below."""
    result: Result = runs[0].result
    found = result.gradual
    drawn = []
    for name, values in zip(found.METHODS, 100 * found.accuracy, strict=True):
        label = names(look)[name]
        drawn.append(Line(name, found.steps, values.mean(1), values.min(1), values.max(1), label=label))
    if not any(np.isfinite(line.y).any() for line in drawn):
        return None
    low, high = span(*(part for line in drawn for part in (line.low, line.high)))
    x, strip = Axis(tr(look, "Step"), 0, found.total), _share(found)
    y = Axis(tr(look, "Target accuracy in %"), low - (high - low) * strip / (1 - strip), high, ticks_from=max(low, 0.0))
    piece = frame(x, y, look) + _strip(found, x, y, low, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    note = tr(
        look, "Below: the layers that are trained, the head on top. Mean and range over seeds ({seeds}).",
        seeds=found.accuracy.shape[2],
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _strip(found: Gradual, x: Axis, y: Axis, low: float, look: Look) -> Piece:
    """A bar a layer from the step at which it thaws, and thin upright lines there."""
    count = len(found.thaw)
    foot, top = y.low, y.low + 0.93 * (low - y.low)
    tall = (top - foot) / count
    bars, still = [], []
    for layer, thaw in enumerate(found.thaw):
        edges: dict[str, Any] = {"layer": layer + 1, "y": foot + layer * tall + 0.1 * tall}
        edges["y2"] = foot + (layer + 0.9) * tall
        edges["middle"] = (edges["y"] + edges["y2"]) / 2
        name = tr(look, "head") if layer == count - 1 else tr(look, "layer {layer}", layer=layer + 1)
        if thaw > 0:
            end = float(min(thaw, found.total))
            still.append({**edges, "x": 0.0, "x2": end, "text": name if end > 0.12 * found.total else ""})
        if thaw < found.total:
            text = name if thaw <= 0.12 * found.total else ""
            bars.append({**edges, "x": float(thaw), "x2": float(found.total), "text": text})
    thaws = [{"x": float(thaw), "y": y.high, "y2": low} for thaw in found.thaw[:-1] if 0 < thaw < found.total]
    hue = colour("Gradual unfreezing", look)
    box = {"x": x.along("x"), "x2": {"field": "x2"}, "y": y.along("y"), "y2": {"field": "y2"}}
    upright = {"x": x.along("x"), "y": y.along("y"), "y2": {"field": "y2"}}
    size = min(look.label, 0.78 * plot_height(look, HEIGHT) * _share(found) * 0.93 / count)
    written: dict[str, Any] = {
        "fontSize": round(size, 1),
        "align": "left",
        "baseline": "middle",
        "dx": 5 * look.unit,
        "tooltip": None,
    }
    place = {"x": x.along("x"), "y": y.along("middle"), "text": word("text")}
    layers = (
        mark("rule", "thaws", upright, stroke=hue, strokeWidth=look.unit, opacity=0.35, tooltip=None),
        mark("rect", "frozen layers", box, fill=look.inks.faint, opacity=0.22, tooltip=None),
        mark("rect", "trained layers", box, fill=hue, opacity=0.75, tooltip=None),
        mark("text", "frozen layers", place, color=look.inks.ink, **written),
        mark("text", "trained layers", place, color=look.inks.paper, fontWeight="bold", **written),
    )
    columns = {"layer": np.arange(1, count + 1), tr(look, "first step that trains it"): found.thaw}
    data = {"thaws": thaws, "frozen layers": still, "trained layers": bars}
    return Piece(layers, data, tables={"thaws": partial(listed, columns)})


def numbers(result: Result, look: Look) -> dict[str, object]:
    """The mean accuracies after the last step."""
    found = result.gradual
    ends = ", ".join(
        f"{names(look)[name]} {percent(float(values.mean()))}"
        for name, values in zip(found.METHODS, found.accuracy[:, -1], strict=True)
    )
    return {"thawed": ends, "every": result.settings.every}


DRAWINGS = {"gradual": Drawing(gradual, numbers, HEIGHT)}
