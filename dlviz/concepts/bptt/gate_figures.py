"""Figures of the gates: what they do over a sequence, and the highway that they open."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.curve_labels import Beside, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.palette import ramp
from dlviz.drawing.grammar.piece import Piece, mark
from dlviz.drawing.grammar.theme import Look, tr

from .alternatives import missing
from .magnitudes import GONE
from .measure import Result

HEIGHT = 380
STRIP = (-0.26, -0.08)
"""Heights between which the input is drawn, under gates from 0 to 1."""
# The gate that keeps the memory has the colour of its cell.
KEEP = ("f", "z")
COLOURS = {"f": "LSTM", "z": "GRU", "i": "slope", "r": "backward", "o": "backward"}


def gates(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Mean and 10–90% band over the units of every gate, step by step, over the input that was read."""
    found = result.gates
    if (text := missing("gates", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    if not np.isfinite(found.mean).all():
        return message(tr(look, "The gates are not finite numbers."), look, height=HEIGHT)
    steps = np.arange(1, found.mean.shape[1] + 1)
    names = {
        "i": tr(look, "input i"), "f": tr(look, "forget f"), "o": tr(look, "output o"),
        "r": tr(look, "reset r"), "z": tr(look, "update z"),
    }  # fmt: skip
    drawn = []
    for gate, mean, low, high in zip(found.names, found.mean, found.low, found.high, strict=True):
        band = (low, high) if gate in KEEP else (None, None)  # of one gate: three bands hide each other
        drawn.append(Line(COLOURS[gate], steps, mean, *band, label=names[gate]))
    x = Axis(tr(look, "Step t"), 0.5, len(steps) + 0.5, ticks_from=1, whole=True)
    y = Axis(tr(look, "Gate: 0 shut, 1 open"), STRIP[0] - 0.02, 1.02, ticks_from=0, ticks_to=1)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + _input(found.inputs, x, y, look)
    note = tr(
        look, "Means over the {count} units of one network, band: 10–90% of {gate}. Foot: what it reads, low to high.",
        count=result.settings.hidden, gate="f" if "f" in found.names else "z",
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
    text = {"align": "left", "dx": 7 * look.unit, "baseline": "middle", "fontSize": look.label}
    layers = (
        mark("image", "_input", place, aspect=False, tooltip=None),
        mark("rect", "_input", edge, fill=None, stroke=look.inks.faint, strokeWidth=look.unit, tooltip=None),
        mark("text", "_input", name, text=tr(look, "input"), color=look.inks.muted, tooltip=None, **text),
    )
    return Piece(layers, {"_input": [row | {"middle": sum(STRIP) / 2}]})


def highway(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """∂c_T/∂c_t by all paths (∂h_T/∂h_t of a GRU), and the product of the gates that keep the memory."""
    found = result.gates
    if (text := missing("highway", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    lags, lstm = np.arange(len(found.total)), result.settings.cell == "LSTM"
    total = np.where(found.total < GONE, np.nan, found.total)
    label = tr(look, "all paths")
    drawn = [Line(result.settings.cell, lags, total, label=label)]
    pinned = []
    if ghost is not None and ghost.gates is not None:
        pinned = [Line(ghost.settings.cell, np.arange(len(ghost.gates.total)), ghost.gates.total)]
    x = Axis(tr(look, "Lag T − t (steps back from the loss)"), 0, max(len(lags) - 1, 1), whole=True)
    y = Axis(
        tr(look, "Size of ∂c_T/∂c_t" if lstm else "Size of ∂h_T/∂h_t"),
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
