"""Singular values of the products of all layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 360


def spectra(runs: Sequence[Run], look: Look) -> Any:
    """Singular values of a product of Gaussian and of orthogonal matrices, in order of size."""
    result: Result = runs[0].result
    found = result.spectra
    ranks = np.arange(1, found.width + 1)
    drawn = []
    for name, label, logs in (
        ("Normal", tr(look, "Gaussian"), found.gaussian),
        ("Orthogonal", tr(look, "orthogonal"), found.orthogonal),
    ):
        values = 10.0**logs
        middle = np.median(values, axis=0)
        low, high = (values.min(axis=0), values.max(axis=0)) if len(values) > 1 else (None, None)
        drawn.append(curve.Line(name, ranks, middle, low, high, label=label))
    everything = [line.y[np.isfinite(line.y)] for line in drawn]
    x = Axis(tr(look, "Singular value, from the largest"), 1, found.width)
    y = Axis(tr(look, "Size"), *span(*everything, log=True, decades=60), log=True)
    theory = 10.0**found.theory
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    flat = np.full(found.width, found.gain**found.depth)
    beside = Beside([*drawn_curves(drawn), (ranks, theory), (ranks, flat)], x, y, look, height=HEIGHT)
    predicted = (("theory", theory, tr(look, "Fuss–Catalan law"), 0.3), ("theory flat", flat, "$g^L$", 0.5))
    for name, values, _, _ in predicted:
        piece += lines.theory(ranks, values, x, y, look, None, name=name)
    for name, values, text, at in predicted:
        piece += beside.words(ranks, values, text, name=name, at=at)
    note = tr(
        look,
        "Factors: {layers}, each {width} × {width}. Below 1e−13 of the largest float64 resolves nothing.",
        layers=found.depth,
        width=found.width,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def spectra_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The numbers of the figure's text alternative."""
    return {"layers": result.settings.depth}


DRAWINGS = {"spectra": Drawing(spectra, spectra_numbers, HEIGHT)}
