"""The picture of PReLU's slopes while networks learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

from .heights import BESIDE

if TYPE_CHECKING:
    from ..result import Result


def learned(runs: Sequence[Run], look: Look) -> Any:
    """The slope of every hidden layer during training, with a band over seeds."""

    def curves(result: Result) -> list[Line]:
        found = result.learned
        drawn = []
        steps = np.arange(found.slopes.shape[2])
        for layer, slopes in enumerate(found.slopes):
            whole = slopes if found.lost < 0 else np.where(steps < found.lost, slopes, np.nan)
            label = tr(look, "layer {number}", number=layer + 1)
            drawn.append(
                Line(f"layer {layer + 1}", steps, np.median(whole, axis=0), whole.min(axis=0), whole.max(axis=0),
                     diverged=found.lost, label=label)
            )  # fmt: skip
        return drawn

    own, *others = runs
    found = own.result.learned
    drawn, pinned = curves(own.result), of_others(others, curves)
    x = Axis(tr(look, "Step"), 0, found.slopes.shape[2] - 1)
    edges = [part for line in (*drawn, *pinned) for part in (line.low, line.high)]
    y = Axis(tr(look, "Slope a for z < 0"), *span(*edges, np.array([0.0, found.start])))
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    note = tr(look, "Median of {count} seeds; bands from least to greatest.", count=found.slopes.shape[1])
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=BESIDE, title=footnote(note, look))


def learned_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """Where the slopes end, from the first layer to the last."""
    ends = np.median(result.learned.slopes[:, :, -1], axis=1)
    return {"slopes": ", ".join(small(float(end)) for end in ends)}


DRAWINGS = {"learned": Drawing(learned, learned_numbers, BESIDE)}
