"""What the trained networks got wrong, and what Switchable learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.matrix import matrix, sequential
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr

from .counts import over_counts

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 340


def error(runs: Sequence[Run], look: Look) -> Any:
    """Test error against batch size for each norm: median and range over seeds."""
    own, *others = runs
    found = own.result.training
    drawn, pinned = _errors(own.result), curve.of_others(others, _errors)
    heights = [values for line in (*drawn, *pinned) for values in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Batch size N"), 1.7, 145, log=True)
    y = Axis(tr(look, "Test error in %"), *span(*heights, log=True), log=True)
    piece = over_counts(x, y, found.sizes, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT + 40) + dots(drawn, x, y, look)
    note = tr(
        look, "Median and range over seeds ({seeds}); {tested} test digits; learning rate proportional to N.",
        seeds=found.error.shape[2], tested=found.tested,
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note + lines.ghost_note(pinned, look), look))


def _errors(result: Result) -> list[Line]:
    found = result.training
    drawn = []
    for norm, errors in zip(found.norms, 100 * found.error, strict=True):
        label = f"GroupNorm, G = {found.groups}" if norm == "GroupNorm" else None
        low, middle, high = errors.min(axis=1), np.median(errors, axis=1), errors.max(axis=1)
        drawn.append(Line(norm, found.sizes, middle, low, high, label=label))
    return drawn


def error_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The median error at the smallest and at the largest size."""
    found = result.training
    errors = [
        f"{norm} {100 * found.median(norm, 2):.1f}% / {100 * found.median(norm, 128):.1f}%" for norm in found.norms
    ]
    return {"errors": ", ".join(errors)}


def mixing(runs: Sequence[Run], look: Look) -> Any:
    """Switchable's weights of the three statistics after training, for the mean and for the variance."""
    found = runs[0].result.training
    if "Switchable" not in found.norms:
        return message(tr(look, "Train Switchable to see what it learned."), look, height=HEIGHT)
    if not np.isfinite(found.mixing).any():
        return None
    weights = found.mixing.mean(axis=(1, 2))  # (B, 2, 3)
    values = weights.transpose(1, 2, 0).reshape(6, -1)
    names = [f"{symbol}, {norm}" for symbol in ("μ", "σ²") for norm in ("InstanceNorm", "LayerNorm", "BatchNorm")]
    texts = np.array([[_weight(value) for value in row] for row in values], dtype=object)
    sizes = [str(size) for size in found.sizes]
    piece = matrix(
        values, names, sizes, look, bounds=(0.0, 1.0), colours=sequential(look), texts=texts, name="weights",
        title=tr(look, "Weight"), axes=("", tr(look, "Batch size N")),
    )  # fmt: skip
    note = tr(look, "Means over layers and seeds. All weights were a third at the start.")
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note, look))


def _weight(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def mixing_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The weight of the batch's variance at each size."""
    return {"weights": ", ".join(map(_weight, result.training.mixing.mean(axis=(1, 2))[:, 1, 2]))}


DRAWINGS = {"error": Drawing(error, error_numbers, HEIGHT), "mixing": Drawing(mixing, mixing_numbers, HEIGHT)}
