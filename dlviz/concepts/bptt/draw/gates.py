"""Figures of the gates: what they do over a sequence, and the highway that they open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.palette import ramp
from dlviz.drawing.grammar.piece import Piece, listed, mark
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

from ..magnitudes import GONE, size

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 380
STRIP = (-0.26, -0.08)
"""Heights between which the input is drawn, under gates from 0 to 1."""
# The gate that keeps the memory has the colour of its cell.
COLOURS = {"f": "LSTM", "z": "GRU", "i": "slope", "r": "backward", "o": "backward"}


def gates(runs: Sequence[Run], look: Look) -> Any:
    """Mean and 10–90% band over the units of every gate, step by step, over the input that was read."""
    result: Result = runs[0].result
    found = result.gates
    if not np.isfinite(found.mean).all():
        return message(tr(look, "The gates are not finite numbers."), look, height=HEIGHT)
    steps = np.arange(1, found.mean.shape[1] + 1)
    names = {
        "i": tr(look, "input i"), "f": tr(look, "forget f"), "o": tr(look, "output o"),
        "r": tr(look, "reset r"), "z": tr(look, "update z"),
    }  # fmt: skip
    drawn = []
    for gate, mean, low, high in zip(found.names, found.mean, found.low, found.high, strict=True):
        # The band of one gate: three hide each other.
        band = {"low": low, "high": high} if gate == found.keep else {}
        drawn.append(Line(COLOURS[gate], steps, mean, **band, label=names[gate]))
    x = Axis(tr(look, "Step t"), 0.5, len(steps) + 0.5, ticks_from=1, whole=True)
    y = Axis(tr(look, "Gate: 0 shut, 1 open"), STRIP[0] - 0.02, 1.02, ticks_from=0, ticks_to=1)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + _input(found.inputs, x, y, look)
    note = tr(
        look, "Means over the {count} units of one network, band: 10–90% of {gate}. Foot: what it reads, low to high.",
        count=result.settings.hidden, gate=found.keep,
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _input(inputs: np.ndarray, x: Axis, y: Axis, look: Look) -> Piece:
    """The sequence as an image under the gates: a column for each step, a row for each input."""
    low, high = float(inputs.min()), float(inputs.max())
    share = (inputs.T[::-1] - low) / ((high - low) or 1.0)
    pixels = ramp(("#10151f", "#f4f6f8"), share)
    wide, tall = max(1, 512 // share.shape[1]), max(1, 32 // share.shape[0])
    url = data_url(pixels.repeat(tall, axis=0).repeat(wide, axis=1))
    row = {"x": 0.5, "x2": len(inputs) + 0.5, "y": STRIP[0], "y2": STRIP[1], "url": url}
    place = {"x": x.along("x"), "x2": {"field": "x2"}, "y": y.along("y"), "y2": {"field": "y2"},
             "url": {"field": "url", "type": "nominal"}}  # fmt: skip
    edge = {key: value for key, value in place.items() if key != "url"}
    name = {"y": y.along("middle"), "x": {"value": "width"}}
    text: dict[str, Any] = {"align": "left", "dx": 7 * look.unit, "baseline": "middle", "fontSize": look.label}
    layers = (
        mark("image", "_input", place, aspect=False, tooltip=None),
        mark("rect", "_input", edge, fill=None, stroke=look.inks.faint, strokeWidth=look.unit, tooltip=None),
        mark("text", "_input", name, text=tr(look, "input"), color=look.inks.muted, tooltip=None, **text),
    )
    step, number = (index.ravel() + 1 for index in np.indices(inputs.shape))
    columns = {x.header("step"): step, tr(look, "input"): number, "value": inputs.ravel()}
    return Piece(layers, {"_input": [row | {"middle": sum(STRIP) / 2}]}, tables={"inputs": partial(listed, columns)})


def highway(runs: Sequence[Run], look: Look) -> Any:
    """∂c_T/∂c_t by all paths (∂h_T/∂h_t of a GRU), and the product of the gates that keep the memory."""
    own, *others = runs
    result: Result = own.result
    found = result.gates
    lags, lstm = np.arange(len(found.total)), result.settings.cell == "LSTM"
    total = np.where(found.total < GONE, np.nan, found.total)
    whole = Line(result.settings.cell, lags, found.total, label=tr(look, "all paths"))
    drawn = [replace(whole, y=total, computed=whole)]
    pinned = curve.of_others(others, _all_paths)
    x = Axis(tr(look, "Lag T − t (steps back from the loss)"), 0, max(len(lags) - 1, 1), whole=True)
    y = Axis(
        tr(look, r"Size of $\partial c_T/\partial c_t$" if lstm else r"Size of $\partial h_T/\partial h_t$"),
        *span(total, found.direct, *(line.y for line in pinned), log=True, decades=299), log=True,
    )  # fmt: skip
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    product = tr(look, "product of the f" if lstm else "product of the z")
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += lines.theory(lags, found.direct, x, y, look, None, name="direct")
    beside = Beside([*drawn_curves([*drawn, *pinned]), (lags, found.direct)], x, y, look, height=HEIGHT)
    piece += beside.words(lags, found.direct, product, name="product", at=0.8)
    note = tr(
        look, "Frobenius norm over √n, of one network. Dashed: the path through the kept memory alone, from its gates."
    )
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _all_paths(result: Result) -> list[Line]:
    total = result.gates.total
    return [Line(result.settings.cell, np.arange(len(total)), total)]


def gates_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the gates quotes."""
    found, s = result.gates, result.settings
    means = ", ".join(f"{name} {small(float(m.mean()))}" for name, m in zip(found.names, found.mean, strict=True))
    return {"cell": s.cell, "steps": s.steps_read, "means": means}


def highway_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the highway quotes."""
    found = result.gates
    ends = {"total": size(found.total[-1]), "direct": size(found.direct[-1])}
    return {"cell": result.settings.cell, "lag": len(found.total) - 1} | ends


DRAWINGS = {
    "gates": Drawing(gates, gates_numbers, HEIGHT),
    "highway": Drawing(highway, highway_numbers, HEIGHT),
}
