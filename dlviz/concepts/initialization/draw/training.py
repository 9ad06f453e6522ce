"""Loss and accuracy of every scheme during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from ..curves import middle
from .overflow import until_overflow

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 430


def train_loss(runs: Sequence[Run], look: Look) -> Any:
    """Test loss of every scheme while it trains."""
    result: Result = runs[0].result
    found = result.training
    y = Axis(tr(look, "Test loss"), *span(np.minimum(middle(found.loss), 30.0), log=True), log=True)
    return _race(found.loss, y, result, look)


def train_accuracy(runs: Sequence[Run], look: Look) -> Any:
    """Test accuracy of every scheme while it trains."""
    result: Result = runs[0].result
    return _race(result.training.accuracy, Axis(tr(look, "Test accuracy"), 0, 1), result, look)


def _race(values: np.ndarray, y: Axis, result: Result, look: Look) -> Any:
    """Medians over the draws, and bands as far as all draws are finite."""
    found, draws = result.training, len(values)
    finite = np.where(np.isfinite(values).all(axis=0), values, np.nan)
    low, high = finite.min(axis=0), finite.max(axis=0)
    drawn = []
    for m, name in enumerate(found.schemes):
        line = curve.Line(name, found.steps, middle(values)[m], label=tr(look, name))
        drawn.append(until_overflow(line if draws == 1 else replace(line, low=low[m], high=high[m])))
    x = Axis(tr(look, "Step"), 0, float(found.steps[-1]))
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    note = tr(look, "Median and range of {draws} draws.", draws=draws) if draws > 1 else tr(look, "One draw.")
    note += " " + tr(
        look,
        "{layers} hidden layers of {width}, SGD, learning rate {rate}, {tested} test digits.",
        layers=result.settings.train_depth,
        width=found.width,
        rate=f"{result.settings.train_rate:g}",
        tested=found.tested,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def train_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The numbers of the text alternatives of both figures."""
    return {"schemes": len(result.training.schemes), "steps": result.settings.train_steps}


DRAWINGS = {
    "train_loss": Drawing(train_loss, train_numbers, HEIGHT),
    "train_accuracy": Drawing(train_accuracy, train_numbers, HEIGHT),
}
