"""A sentence in a picture, where there is nothing to draw: a blank chart explains nothing."""

from __future__ import annotations

from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.piece import SAID, Piece, Spec, mark
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import plain


def say(text: str, look: Look) -> Piece:
    """A sentence (already translated) in the middle of a picture."""
    place = {"x": {"value": {"expr": "width / 2"}}, "y": {"value": {"expr": "height / 2"}}}
    lines = wrap(plain(text), 40)
    style: Spec = {
        "align": "center",
        "baseline": "middle",
        "fontSize": look.label + 2,
        "lineHeight": 1.4 * look.label,
        "tooltip": None,
    }
    # Centred as a block: the first line moves up by half the others.
    style["dy"] = -0.7 * look.label * (len(lines) - 1)
    here = {"values": SAID}
    return Piece(
        (
            mark(
                "text",
                here,
                place,
                text=lines,
                stroke=look.inks.paper,
                strokeWidth=5 * look.unit,
                strokeJoin="round",
                **style,
            ),
            mark("text", here, place, text=lines, color=look.inks.muted, **style),
        )
    )
