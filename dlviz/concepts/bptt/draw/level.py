"""A dashed line at one height, over the training steps or over the lags."""

from __future__ import annotations

from dlviz.drawing.curves import lines
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.piece import Piece, rows
from dlviz.drawing.grammar.theme import Look


def level(value: float, x: Axis, y: Axis, look: Look, text: str, name: str) -> Piece:
    """A dashed line at ``value``, with its text below it at the left."""
    label = {f"_{name} text": rows(x=[x.low], y=[value], text=[text])}
    place = {"x": x.along("x"), "y": y.along("y")}
    below = {"align": "left", "baseline": "top", "dx": 6 * look.unit, "dy": 5 * look.unit}
    words = Piece(tuple(haloed(f"_{name} text", place, look, **below)), label)
    return lines.level(value, x, y, look, None, name=name) + words
