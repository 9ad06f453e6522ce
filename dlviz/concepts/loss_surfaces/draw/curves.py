"""Curves over a frame, as the race and its panels draw them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look

if TYPE_CHECKING:
    from ..scene import Scene


def curves(
    drawn: Sequence[Line], x: Axis, y: Axis, look: Look, height: int, under: Piece, over: Piece | None = None,
    *, pinned: Sequence[Line] = (), labels: bool = True,
) -> Any:  # fmt: skip
    """The chart of measured curves between what lies under and over them; a note says what the pinned ones are."""
    piece = frame(x, y, look) + under + lines.measured(drawn, x, y, look, height=height, labels=labels)
    piece += over or Piece()
    note = lines.ghost_note(pinned, look).strip()
    return (
        finish(piece, look, height=height, title=footnote(note, look)) if note else finish(piece, look, height=height)
    )


def near(losses: np.ndarray, scene: Scene) -> np.ndarray:
    """Losses no further from those of the drawn surface than its own height: of a surface unbounded
    below, what lies beyond would flatten all that is on it.
    """
    low, high = float(np.nanmin(scene.z)), float(np.nanmax(scene.z))
    return np.clip(losses, 2 * low - high, 2 * high - low)
