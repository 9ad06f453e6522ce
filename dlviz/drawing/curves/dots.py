"""A mark at every measured point of a curve, for curves of few points."""

from __future__ import annotations

from collections.abc import Sequence

from dlviz.drawing.curves.curve import Line, drawable
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Spec, literal, mark, rows
from dlviz.drawing.grammar.theme import Look


def dots(lines: Sequence[Line], x: Axis, y: Axis, look: Look, *, name: str = "_dots") -> Piece:
    """A filled point in the curve's colour at each of its values; what cannot be drawn is left out."""
    records = [
        record
        for i, line in enumerate(lines)
        for record in rows(x=line.x, y=drawable(line.y, y), colour=colour(line.name, look, i))
        if record["y"] is not None
    ]
    place = {"x": x.along("x"), "y": y.along("y"), "fill": literal("colour")}
    style: Spec = {"size": 42 * look.unit**2, "stroke": look.inks.paper, "strokeWidth": look.unit, "opacity": 1}
    return Piece((mark("point", name, place, shape="circle", clip=True, tooltip=None, **style),), {name: records})
