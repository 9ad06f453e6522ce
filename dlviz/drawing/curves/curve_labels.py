"""Words beside a curve of a plot, where they lie on none of its curves and on no other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.legends import text_height, text_width
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look, plot_height

TRIED = 40  # places along a curve
ENOUGH = 7.0  # px from everything else: more makes no place better
APART = 24.0  # px between two texts on one height, which would else read as one
OFF = 6.0  # px between words and their curve


class Beside:
    """Keeps count of the curves of a plot and of the words put beside them.

    ``curves``: (xs, ys), all that is drawn, and those whose words are to come. ``height``: of the figure. The
    plot is taken to be as wide as that of a narrow figure: in a wider one there is more room.
    """

    def __init__(
        self, curves: Sequence[tuple[Any, Any]], x: Axis, y: Axis, look: Look, *, height: int | None = None
    ) -> None:
        self.x, self.y, self.look = x, y, look
        self.size = np.array([look.plot_width, 0.9 * plot_height(look, height)])
        found = [self._px(xs, ys) for xs, ys in curves]
        self.curves = [curve[there] for curve in found if (there := np.isfinite(curve[:, 0])).any()]
        self.taken: list[tuple[float, float, float, float]] = []

    def words(self, xs: Any, ys: Any, text: str, *, name: str, at: float = 0.5) -> Piece:
        """``text`` beside the curve, as near as possible to a share ``at`` of what can be seen of it."""
        points = self._px(xs, ys)
        seen = np.flatnonzero(np.all((points >= 0) & (points <= self.size), axis=1))
        if not seen.size:
            return Piece()
        off = OFF * self.look.unit
        best: tuple[float, Any, Any, Any] = (-np.inf, None, None, None)
        for here in np.unique(np.linspace(0, len(seen) - 1, TRIED).astype(int)):
            across, up = points[seen[here]]
            for left in (False, True):
                for below in (False, True):
                    box = self._box(across, up, text, left, below, OFF)
                    # Above rather than below, and near to where it is wanted.
                    liked = -8 * abs(here / max(len(seen) - 1, 1) - at) - 0.5 * below
                    score = self._room(box) + liked
                    if score > best[0]:
                        best = (score, seen[here], (left, below), box)
        _, here, (left, below), box = best
        self.taken.append(box)
        record = {
            "x": float(np.asarray(xs)[here]), "y": float(np.asarray(ys)[here]), "text": text,
            "align": "right" if left else "left", "baseline": "top" if below else "bottom",
            "dx": -off if left else off, "dy": off if below else -off,
        }  # fmt: skip
        # In the rows, so that the spec stays the same when the words move.
        style = {channel: {"expr": f"datum.{channel}"} for channel in ("align", "baseline", "dx", "dy")}
        place = {"x": self.x.along("x"), "y": self.y.along("y")}
        return Piece(tuple(haloed(f"_{name} words", place, self.look, **style)), {f"_{name} words": [record]})

    def room(self, x: float, y: float, text: str, *, left: bool, below: bool, off: float = OFF) -> float:
        """Px between ``text``, put to the left or right of and below or above a point, and what is nearest to it."""
        across, up = self._px([x], [y])[0]
        return self._room(self._box(across, up, text, left, below, off))

    def _box(
        self, across: float, up: float, text: str, left: bool, below: bool, off: float
    ) -> tuple[float, float, float, float]:
        """The left and right end, foot and top of words ``off`` from a point."""
        off, wide, tall = off * self.look.unit, text_width(text, self.look), text_height(text, self.look)
        start = across - wide - off if left else across + off
        foot = up - off - tall if below else up + off
        return start, start + wide, foot, foot + tall

    def _px(self, xs: Any, ys: Any) -> np.ndarray:
        """A curve (n, 2) in px from the lower left corner of the plot."""
        # What lies far beyond the plot, or at infinity, is beyond it all the same.
        return np.clip(np.stack([self.x.share(xs), self.y.share(ys)], axis=1), -9, 9) * self.size

    def _room(self, box: tuple[float, float, float, float]) -> float:
        """Px between a box (left, right, foot, top) and what is nearest to it: negative where it lies on something."""
        left, right, foot, top = box
        wide, high = self.size
        if left < 0 or right > wide or foot < 0 or top > high:
            return -200.0
        room = ENOUGH
        across = np.linspace(left - 2, right + 2, 25)
        for curve in self.curves:
            up = np.interp(across, curve[:, 0], curve[:, 1], left=np.nan, right=np.nan)
            low, most = np.fmin(up[1:], up[:-1]), np.fmax(up[1:], up[:-1])
            room = min(room, np.nanmin(np.maximum(foot - most, low - top), initial=ENOUGH))
        for other in self.taken:
            aside = max(left - other[1], other[0] - right) - APART
            room = min(room, max(aside, foot - other[3], other[2] - top))
        return float(room)


def drawn_curves(lines: Sequence[Line]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The curves of measured lines."""
    return [(np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)) for line in lines]
