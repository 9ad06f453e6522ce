"""Every activation with every scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts import matrix
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from ..grid import GOOD

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 430


def grid(runs: Sequence[Run], look: Look) -> Any:
    """Every activation with every scheme; a click makes a cell the current setting."""
    result: Result = runs[0].result
    found, settings = result.grid, result.settings
    backwards = settings.grid_shows == "Gradients"
    values = found.backward if backwards else found.forward
    title = tr(look, "powers of ten")
    texts = np.vectorize(_decades)(values)
    names = (*found.activations, *found.schemes)
    piece = matrix.matrix(
        values, found.activations, found.schemes, look,
        bounds=(-4, 4), colours=matrix.diverging(look), title=title,
        texts=texts, good=found.good, chosen=(settings.activation, settings.scheme), click=True,
        written_as={name: tr(look, name) for name in names},
    )  # fmt: skip
    note = tr(look, "One draw.") + " "
    note += tr(
        look,
        "Gradients, layer {layers} to 1; framed: both ways less than a factor of {factor}; {width} units."
        if backwards
        else "Activations, layer 1 to {layers}; framed: both ways less than a factor of {factor}; {width} units.",
        factor=f"{GOOD:g}",
        layers=settings.depth,
        width=found.width,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _decades(value: float) -> str:
    """The text of a cell: powers of ten, or what happened where there is no number."""
    if np.isnan(value):
        return "0"
    if np.isinf(value):
        return "→∞" if value > 0 else "→0"
    return f"{value + 0.0:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"


def grid_numbers(result: Result, look: Look) -> dict[str, object]:
    """The numbers of the figure's text alternative."""
    good, settings = result.grid.good, result.settings
    return {
        "layers": settings.depth,
        "good": int(good.sum()),
        "cells": good.size,
        "activation": tr(look, settings.activation),
        "scheme": tr(look, settings.scheme),
    }


DRAWINGS = {"grid": Drawing(grid, grid_numbers, HEIGHT)}
