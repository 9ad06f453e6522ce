"""What a source gives over training from scratch, against the labels a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, mark
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed

from ..result import Result
from .labels import SUPPORT, middle_and_band, named, ticked


def gain(runs: Sequence[Run], look: Look) -> Any:
    """Gain over scratch against the labels a class, for full fine-tuning, k frozen and head only."""
    own, *others = runs
    result: Result = own.result
    drawn, pinned = _gains(result, look), of_others(others, lambda other: _gains(other, look))
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    counts = drawn[0].x
    x = Axis(tr(look, "Labels a class"), 0.85, float(counts[-1]) * 1.1, log=True, grid=False)
    y = Axis(tr(look, "Gain over scratch in percentage points"), *span(*heights, np.zeros(1)))
    piece = ticked(frame(x, y, look), {float(count): f"{count:g}" for count in counts}, look)
    piece += _zero(y, look)
    piece += lines.ghost_lines(pinned, x, y, look) + lines.measured(drawn, x, y, look, height=SUPPORT)
    piece += dots(drawn, x, y, look)
    note = tr(
        look, "Mean and range over seeds ({seeds}), each against its own network from scratch.",
        seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=SUPPORT, title=footnote(note, look))


def _gains(result: Result, look: Look) -> list[Line]:
    gains, s = result.gains, result.settings
    counts = np.array([result.labels(label) for label in gains.labels])
    found = []
    for name, depth, label in named(s.frozen_layers, s.layers, look):
        values = 100 * (gains.frozen[:, depth] - gains.scratch)
        found.append(Line(name, counts.astype(float), *middle_and_band(values), label=label))
    return found


def _zero(y: Axis, look: Look) -> Piece:
    """The line of no gain."""
    data = {"_no gain": [{"y": 0.0}]}
    return Piece(
        (mark("rule", "_no gain", {"y": y.along("y")}, color=look.inks.ink, strokeWidth=1.2 * look.unit,
              opacity=0.7, tooltip=None),),
        data,
    )  # fmt: skip


def numbers(result: Result, look: Look) -> dict[str, object]:
    """The mean gain in points at each number of labels, curve by curve."""
    gained = "; ".join(
        f"{line.label}: " + ", ".join(fixed(float(value), 1) for value in line.y) for line in _gains(result, look)
    )
    return {"gained": gained, "source": tr(look, result.settings.source), "target": tr(look, result.settings.target)}


DRAWINGS = {"gain": Drawing(gain, numbers, SUPPORT)}
