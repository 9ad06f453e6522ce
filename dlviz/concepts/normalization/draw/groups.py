"""How far GroupNorm is from its two limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from .counts import over_counts

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 340


def groups(runs: Sequence[Run], look: Look) -> Any:
    """GroupNorm's distance from its two limits, for every G that divides C."""
    result = runs[0].result
    found, used = result.groups, result.block.groups
    drawn = [
        Line("LayerNorm", found.counts, found.to_layer, label=tr(look, "to LayerNorm")),
        Line("InstanceNorm", found.counts, found.to_instance, label=tr(look, "to InstanceNorm")),
    ]
    highest = max(float(np.max(found.to_layer)), float(np.max(found.to_instance)), 1e-3)
    x = Axis(tr(look, "Groups G"), 0.8, found.counts[-1] + 0.02 * max(int(found.counts[-1]), 5))
    y = Axis(tr(look, "Root mean square difference"), -0.04 * highest, 1.1 * highest)
    piece = over_counts(x, y, found.counts, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += dots(drawn, x, y, look)
    piece += lines.vertical(used, x, look, f"G = {used}", dashed=False)
    note = tr(look, "LayerNorm over all channels and positions of an example.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def groups_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The distance from LayerNorm where there are as many groups as channels."""
    return {"distance": float(result.groups.to_layer[-1])}


DRAWINGS = {"groups": Drawing(groups, groups_numbers, HEIGHT)}
