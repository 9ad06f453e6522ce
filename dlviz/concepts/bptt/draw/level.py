"""A dashed line at one height, over the training steps or over the lags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look


def level(
    value: float, x: Axis, y: Axis, look: Look, text: str, name: str, *, beside: Sequence[Line], height: int
) -> Piece:
    """A dashed line at ``value``, with its text at the left, where it lies on none of the curves ``beside``."""
    along, level_ = x.at(np.linspace(0, 1, 26)), np.full(26, value)
    words = Beside([*drawn_curves(beside), (along, level_)], x, y, look, height=height)
    line = lines.level(value, x, y, look, None, name=name)
    return line + words.words(along, level_, text, name=name, at=0.0)
