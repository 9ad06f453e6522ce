"""Labels of theory lines, where the lines leave the picture or lie below others."""

from __future__ import annotations

import numpy as np

from dlviz.drawing.axes import Axis
from dlviz.drawing.endlabels import haloed
from dlviz.drawing.piece import Piece
from dlviz.drawing.theme import Look


def label(
    ys: np.ndarray, text: str, x: Axis, y: Axis, look: Look, *, name: str, at: float = 1.0, below: bool = False
) -> Piece:
    """``text`` beside a curve ``ys`` over x = 0, 1, ...: at a share of what can be seen of it, on its free side.

    The free side of a rising curve is to its right, that of a falling one to its right above or, with ``below``,
    to its left below. Nothing where nothing of the curve can be seen.
    """
    up = y.share(ys)
    seen = np.flatnonzero((up >= 0.05) & (up <= 0.97))
    here = int(seen[round(at * (len(seen) - 1))]) if seen.size else int(np.flatnonzero(np.isfinite(up))[:1].sum())
    if not 0 <= up[here] <= 1:
        return Piece()
    rising = up[min(here + 1, len(up) - 1)] > up[max(here - 1, 0)]
    left = float(x.share(here)) > (0.45 if below else 0.55 if rising else 0.7)
    style = {
        "align": "right" if left else "left",
        "dx": (-8 if left else 10) * look.unit,
        "dy": (14 if below else -8 if left or not rising else 4) * look.unit,
    }
    rows = [{"x": float(here), "y": float(ys[here]), "text": text}]
    return Piece(
        tuple(haloed(f"_{name} text", {"x": x.along("x"), "y": y.along("y")}, look, **style)), {f"_{name} text": rows}
    )
