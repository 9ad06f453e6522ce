"""The symmetry trap: the rank of the weights, and how alike the hidden units are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts import matrix
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr

from ..symmetry import RANK
from .overflow import until_overflow

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 360


def rank(runs: Sequence[Run], look: Look) -> Any:
    """The numerical rank of the first layer's weights during training, with and without noise at the start."""
    result: Result = runs[0].result
    found = result.symmetry
    drawn = [
        curve.Line("Constant", found.steps, found.rank[0], label=tr(look, "equal weights")),
        curve.Line("Normal", found.steps, found.rank[1], label=tr(look, "with noise")),
    ]
    drawn = [until_overflow(line) for line in drawn]
    x = Axis(tr(look, "Step"), 0, float(found.steps[-1]))
    y = Axis(tr(look, "Rank"), 0, found.units + 1)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    note = tr(
        look,
        "Rank: singular values above {share} of the largest; {units} hidden units, 64 inputs.",
        share=f"{RANK:.0%}",
        units=found.units,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def units(which: int, runs: Sequence[Run], look: Look) -> Any:
    """Cosines between the incoming weights of the hidden units after training, 0: without noise, 1: with it."""
    result: Result = runs[0].result
    found = result.symmetry
    if not np.isfinite(found.end[which]).any():
        return message(tr(look, "The training diverged: no weights are finite."), look, height=HEIGHT)
    names = [str(i + 1) for i in range(found.units)]
    piece = matrix.matrix(
        found.end[which], names, names, look,
        bounds=(-1, 1), colours=matrix.diverging(look), title=tr(look, "cosine"),
        axes=(tr(look, "Hidden unit"), tr(look, "Hidden unit")),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT)


def rank_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The numbers of the rank's text alternative."""
    return {"steps": result.settings.symmetry_steps}


def units_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The numbers of the text alternatives of both pictures of the units."""
    return {"units": result.symmetry.units}


DRAWINGS = {
    "rank": Drawing(rank, rank_numbers, HEIGHT),
    "units_same": Drawing(partial(units, 0), units_numbers, HEIGHT),
    "units_noisy": Drawing(partial(units, 1), units_numbers, HEIGHT),
}
