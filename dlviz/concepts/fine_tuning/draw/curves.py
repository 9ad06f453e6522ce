"""Accuracy and loss on the target, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent, small

from ..result import Result
from .labels import SUPPORT, called, middle_and_band, named


def accuracy(runs: Sequence[Run], look: Look) -> Any:
    """Accuracy on the target by step: from scratch, nothing frozen, k frozen, head only."""
    title = tr(look, "Accuracy on the target in %")
    return _against_steps(runs, look, lambda result: _curves(result, result.curves.accuracy, look, 100.0), title, False)


def loss(runs: Sequence[Run], look: Look) -> Any:
    """Cross-entropy on the target's test images by step."""
    title = tr(look, "Cross-entropy on the target")
    return _against_steps(runs, look, lambda result: _curves(result, result.curves.loss, look), title, True)


def _curves(result: Result, values: np.ndarray, look: Look, factor: float = 1.0) -> list[Line]:
    """A curve for each way to train, of ``values`` (P, K, S) times a factor."""
    found, s = result.curves, result.settings
    texts = {name: label for name, _, label in named(s.frozen_layers, s.layers, look)}
    texts["From scratch"] = tr(look, "from scratch")
    return [
        Line(name, found.steps, factor * middle, factor * low, factor * high, label=texts[name])
        for i, name in enumerate(found.names)
        for middle, low, high in [middle_and_band(values[:, i])]
    ]


def _against_steps(
    runs: Sequence[Run], look: Look, curves: Callable[[Result], list[Line]], title: str, log: bool
) -> Any:
    own, *others = runs
    result: Result = own.result
    drawn, pinned = curves(result), of_others(others, curves)
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Step"), 0, float(max(line.x[-1] for line in (*drawn, *pinned))), grid=False)
    y = Axis(title, *span(*heights, log=log), log=log)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    note = tr(
        look, "On test images; {labels} a class. Mean and range over seeds ({seeds}).",
        labels=called(result.settings.amount, result, look), seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=SUPPORT, title=footnote(note, look))


def accuracy_numbers(result: Result, look: Look) -> dict[str, object]:
    """The mean accuracies after the last step."""
    ends = _curves(result, result.curves.accuracy, look)
    return {"ends": ", ".join(f"{line.label} {percent(float(line.y[-1]))}" for line in ends)}


def loss_numbers(result: Result, look: Look) -> dict[str, object]:
    """The mean losses after the last step."""
    ends = _curves(result, result.curves.loss, look)
    return {"losses": ", ".join(f"{line.label} {small(float(line.y[-1]))}" for line in ends)}


DRAWINGS = {
    "accuracy": Drawing(accuracy, accuracy_numbers, SUPPORT),
    "loss": Drawing(loss, loss_numbers, SUPPORT),
}
