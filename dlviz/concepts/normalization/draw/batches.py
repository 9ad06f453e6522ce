"""What scatters with the size of a batch: its statistics, and so the gap between the two modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from .counts import over_counts

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 340
VARIANCE = r"$\sigma^2 \sqrt{(N - 1)((N - 1)\kappa - N + 3)/N^3}$"
"""The standard deviation of the variance of N values, as a picture says it."""


def spread(runs: Sequence[Run], look: Look) -> Any:
    """How far batch means and variances scatter, against the batch size, with what theory says."""
    found = runs[0].result.batches
    sizes = found.sizes
    drawn = [
        Line("mean", sizes, found.mean_spread, label=tr(look, r"mean, in $\sigma$")),
        Line("variance", sizes, found.var_spread, label=tr(look, r"variance, in $\sigma^2$")),
    ]
    x = Axis(tr(look, "Batch size N"), 1.6, float(sizes[-1]) * 1.15, log=True)
    heights = span(found.mean_spread, found.var_spread, found.mean_theory(), found.var_theory(), log=True)
    y = Axis(tr(look, "Standard deviation over {count} batches", count=found.count), *heights, log=True)
    piece = over_counts(x, y, sizes, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    mean = r"$\sigma/\sqrt{N}$"
    theories = (("variance", found.var_theory(), VARIANCE, 0.15), ("mean", found.mean_theory(), mean, 0.5))
    curves = [*drawn_curves(drawn), *((sizes, values) for _, values, _, _ in theories)]
    beside = Beside(curves, x, y, look, height=HEIGHT)
    for of, values, _, _ in theories:
        piece += lines.theory(sizes, values, x, y, look, None, name=f"theory of the {of}")
    for of, values, formula, at in theories:
        piece += beside.words(sizes, values, formula, name=f"theory of the {of}", at=at)
    note = tr(
        look, "Drawn with replacement. κ = {kurtosis}: the kurtosis of the values.", kurtosis=f"{found.kurtosis:.2f}"
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def spread_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The spread of the mean at the smallest and at the largest size."""
    found = result.batches
    return {"count": found.count, "two": float(found.mean_spread[0]), "last": float(found.mean_spread[-1])}


def gap(runs: Sequence[Run], look: Look) -> Any:
    """How far x̂ in training mode is from x̂ in evaluation mode, against the batch size, from N = 1."""
    found = runs[0].result.batches
    sizes = np.concatenate([[1], found.sizes])
    drawn = [Line("BatchNorm", sizes, np.concatenate([[found.one_gap], found.gap]), label=tr(look, "measured"))]
    x = Axis(tr(look, "Batch size N"), 0.85, float(sizes[-1]) * 1.2, log=True)
    y = Axis(
        tr(look, "Root mean square of training − evaluation"), *span(drawn[0].y, found.gap_theory(), log=True), log=True
    )
    piece = over_counts(x, y, sizes, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    piece += lines.theory(found.sizes, found.gap_theory(), x, y, look, r"$\sqrt{(3 + \kappa)/4N}$")
    note = tr(look, "Of standardised values. At N = 1 all are 0. Theory: to first order.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def gap_numbers(_result: Result, _look: Look) -> dict[str, object]:
    """No numbers: its sentence says only what is drawn."""
    return {}


DRAWINGS = {"spread": Drawing(spread, spread_numbers, HEIGHT), "gap": Drawing(gap, gap_numbers, HEIGHT)}
