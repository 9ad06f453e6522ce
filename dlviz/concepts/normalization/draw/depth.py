"""Gradient norms through depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from ..depth import SEEDS

if TYPE_CHECKING:
    from ..result import Result


HEIGHT = 340


def depth(runs: Sequence[Run], look: Look) -> Any:
    """‖∂L/∂h‖ of every layer at the start of training: median and range over seeds, with the predicted growth."""
    own, *others = runs
    found = own.result.depth
    drawn, pinned = _gradients(own.result), curve.of_others(others, _gradients)
    layers = np.arange(1, len(found.gradient) + 1)
    predicted = {
        norm: np.median(found.gradient[-1, k]) * found.factors[norm] ** (layers[-1] - layers)
        for k, norm in enumerate(found.norms)
        if norm in found.factors
    }
    longest = max((int(line.x[-1]) for line in (*drawn, *pinned)), default=2)
    heights = [values for line in (*drawn, *pinned) for values in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Layer"), 1, longest)
    y = Axis(
        tr(look, r"Norm of the gradient $\partial L/\partial h$"),
        *span(*heights, *predicted.values(), log=True, decades=300),
        log=True,
    )
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT + 40)
    labelled: list[float] = []
    curves = [*drawn_curves([*drawn, *pinned]), *((layers, values) for values in predicted.values())]
    beside = Beside(curves, x, y, look, height=HEIGHT + 40)
    for norm, values in predicted.items():
        piece += lines.theory(layers, values, x, y, look, None, name=f"theory {norm}")
    for norm, values in predicted.items():
        # Where two predictions lie on each other, only the first has its formula.
        middle = float(y.share(values[len(values) // 2]))
        free = all(abs(middle - other) > 0.07 for other in labelled)
        label = f"${_rule(norm)} = {found.factors[norm]:.3f}$" if free else ""
        piece += beside.words(layers, values, label, name=f"theory {norm}")
        labelled += [middle] if free else []
    note = tr(
        look,
        "Median and range over {seeds} seeds. "
        "Dashed: from the last layer on, the factor per layer that theory predicts.",
        seeds=SEEDS,
    )
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note + lines.ghost_note(pinned, look), look))


def _rule(norm: str) -> str:
    """The predicted factor per layer as LaTeX."""
    rules = {
        "BatchNorm": r"\sqrt{\mathbb{E}[f'^2]/\mathrm{Var}[f]}",
        "None": r"\mathrm{gain} \cdot \sqrt{2\, \mathbb{E}[f'^2]}",
    }
    return rules.get(norm, r"\sqrt{\mathbb{E}[f'^2]/\mathbb{E}[f^2]}")


def _gradients(result: Result) -> list[Line]:
    found = result.depth
    layers = np.arange(1, len(found.gradient) + 1)
    drawn = []
    for k, norm in enumerate(found.norms):
        values = found.gradient[:, k]
        drawn.append(Line(norm, layers, np.median(values, axis=1), values.min(axis=1), values.max(axis=1)))
    return drawn


def depth_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The median gradient norm at the first and at the last layer."""
    found = result.depth
    first, last = np.median(found.gradient[[0, -1]], axis=2)
    ends = zip(found.norms, first, last, strict=True)
    return {"growths": ", ".join(f"{norm} {one:.2g} / {other:.2g}" for norm, one, other in ends)}


DRAWINGS = {"depth": Drawing(depth, depth_numbers, HEIGHT)}
