"""Accuracy after training against the lag, of every kind of cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, with_axis
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent

from .level import level

if TYPE_CHECKING:
    from ..remembering import Remembering
    from ..result import Result

HEIGHT = 400
SENTENCE = 360
"""The height of the sentence that may stand in its place."""


def _accuracies(found: Remembering) -> list[Line]:
    values = 100 * found.accuracy
    return [
        Line(cell, found.lags, np.median(each, axis=1), each.min(axis=1), each.max(axis=1))
        for cell, each in zip(found.cells, values, strict=True)
    ]


def remembering(runs: Sequence[Run], look: Look) -> Any:
    """Accuracy after training against the lag: median and range over seeds, and how often a guess is right."""
    own, *others = runs
    found: Remembering = own.result.remembering
    drawn = _accuracies(found)
    comparable = [run for run in others if run.result.remembering.task == found.task]
    pinned = curve.of_others(comparable, lambda result: _accuracies(result.remembering))
    longest = max(int(line.x[-1]) for line in (*drawn, *pinned))
    shortest = min(int(line.x[0]) for line in (*drawn, *pinned))
    copy = found.task == "Copy"
    title = tr(look, "Steps between symbol and answer") if copy else tr(look, "Length of the sequence")
    x = Axis(title, 0.92 * shortest, 1.06 * longest, log=True)
    y = Axis(tr(look, "Right answers in %"), -3.0, 104.0, ticks_from=0, ticks_to=100)
    piece = with_axis(frame(x, y, look), "x", values=found.lags.tolist(), format="d", labels=True)
    if found.truncation is not None and found.blind.any():
        label = tr(look, "no gradient reaches the symbol")
        piece += lines.shade(float(found.truncation), x.high, x, look, label)
    piece += lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    chance = 100 * found.chance
    text = tr(look, "chance: 1/8") if copy else tr(look, "always answering 1: 1 − 0.9²")
    piece += level(chance, x, y, look, text, "chance", beside=[*drawn, *pinned], height=HEIGHT)
    note = _trained(found, look) + lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _trained(found: Remembering, look: Look) -> str:
    seeds = found.accuracy.shape[2]
    said = "Median and range over {seeds} networks of {hidden} units, after {steps} steps of Adam; {tested} tests."
    if seeds == 1:
        said = "One network of {hidden} units, after {steps} steps of Adam; {tested} tests."
    note = tr(look, said, seeds=seeds, hidden=found.hidden, steps=found.steps, tested=found.tested)
    if found.truncation is not None:
        note += " " + tr(look, "Trained with truncated BPTT, k = {k}.", k=found.truncation)
    return note


def remembering_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative quotes."""
    found = result.remembering
    listed = ", ".join(f"{cell} {percent(value)}" for cell, value in found.at_the_longest().items())
    first, last = int(found.lags[0]), int(found.lags[-1])
    return {"first": first, "lag": last, "listed": listed, "chance": percent(found.chance)}


DRAWINGS = {"remembering": Drawing(remembering, remembering_numbers, SENTENCE)}
