"""Labels of theory lines, where the lines leave the picture or lie beside others."""

from __future__ import annotations

import numpy as np

from dlviz.drawing.axes import Axis
from dlviz.drawing.endlabels import haloed
from dlviz.drawing.piece import Piece
from dlviz.drawing.theme import Look


def label(
    ys: np.ndarray, text: str, x: Axis, y: Axis, look: Look, *, name: str, at: float = 1.0, below: bool = False
) -> Piece:
    """``text`` beside a curve ``ys`` over x = 0, 1, ...: at a share of what can be seen of it, above or ``below``.

    Nothing where nothing of the curve can be seen.
    """
    up = y.share(ys)
    seen = np.flatnonzero((up >= 0.05) & (up <= 0.97))
    here = int(seen[round(at * (len(seen) - 1))]) if seen.size else int(np.flatnonzero(np.isfinite(up))[:1].sum())
    if not 0 <= up[here] <= 1:
        return Piece()
    rising = up[min(here + 1, len(up) - 1)] > up[max(here - 1, 0)]
    across = float(x.share(here))
    # The text stands on the side from which the curve does not come; at the edges, where there is room.
    left = across > (0.35 if rising != below else 0.7)
    steep = rising and not below and not left
    style = {
        "align": "right" if left else "left",
        "dx": (-8 if left else 10) * look.unit,
        "dy": (14 if below else 4 if steep else -10) * look.unit,
    }
    rows = [{"x": float(here), "y": float(ys[here]), "text": text}]
    return Piece(
        tuple(haloed(f"_{name} text", {"x": x.along("x"), "y": y.along("y")}, look, **style)), {f"_{name} text": rows}
    )
