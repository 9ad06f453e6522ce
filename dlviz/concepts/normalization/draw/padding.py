"""How far padding moves the real cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.theme import Look, tr

if TYPE_CHECKING:
    from ..result import Result


HEIGHT = 340


def padding(runs: Sequence[Run], look: Look) -> Any:
    """How far x̂ of the real cells moves as padding is appended, against statistics over real cells only."""
    found = runs[0].result.padding
    drawn = [Line(norm, found.appended, values) for norm, values in found.shift.items()]
    highest = max(max(float(np.nanmax(values)) for values in found.shift.values()), 1e-3)
    x = Axis(tr(look, "Padded positions appended"), -0.1, float(found.appended[-1]) + 0.1)
    y = Axis(tr(look, "Root mean square change"), -0.04 * highest, 1.1 * highest)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    return finish(piece, look, height=HEIGHT)


def padding_numbers(result: Result, _look: Look) -> dict[str, object]:
    """How far the tensor's own padding moves each norm."""
    return {"moved": ", ".join(f"{norm} {values[0]:.3f}" for norm, values in result.padding.shift.items())}


DRAWINGS = {"padding": Drawing(padding, padding_numbers, HEIGHT)}
