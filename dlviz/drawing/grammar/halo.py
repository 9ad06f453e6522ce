"""Words within a plot, readable over whatever lies under them."""

from __future__ import annotations

from typing import Any

from dlviz.drawing.grammar.piece import Spec, mark, word
from dlviz.drawing.grammar.theme import Look


def haloed(data: str, place: Spec, look: Look, **style: Any) -> list[Spec]:
    """A text in ink over a halo of paper: rows need ``text``."""
    encoding = {**place, "text": word("text")}
    style = {"fontSize": look.label, "tooltip": None, **style}
    return [
        mark(
            "text",
            data,
            encoding,
            stroke=look.inks.paper,
            strokeWidth=4 * look.unit,
            strokeJoin="round",
            opacity=0.85,
            **style,
        ),
        mark("text", data, encoding, color=look.inks.ink, **style),
    ]
