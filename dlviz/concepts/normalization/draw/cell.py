"""The chosen cell's arithmetic as a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.table import table
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, Rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.engine.signals.norms import EPS
from dlviz.numbers import signed

from ..cell import arithmetic
from .tables import HEIGHT, height

if TYPE_CHECKING:
    from ..result import Result


def cell(runs: Sequence[Run], look: Look) -> Any:
    """The chosen cell's way from x to y under each norm, in numbers to be redone."""
    result = runs[0].result
    block, settings = result.block, result.settings
    x = float(block.x[block.cell])
    heads = [
        tr(look, "x = {x}", x=signed(x)),
        tr(look, "cells"),
        r"$\mu$",
        r"$\sigma^2$",
        tr(look, "standardised"),
        "y",
    ]
    body = []
    for norm in settings.norms:
        found = arithmetic(result, norm)
        moments = ["–", "–"] if norm == "None" else [_zero(found.mean, norm), signed(found.var)]
        body.append([norm, str(int(block.shared(norm).sum())), *moments, signed(found.x_hat), signed(found.y)])
    at = ", ".join(map(str, block.cell))
    given = f"ε = {EPS:.5f}, γ = {signed(settings.gamma)}, β = {signed(settings.beta)}"
    # No x with a hat in a picture: the fonts of many systems have no such letter.
    note = f"x = x[{at}]; y = γ(x − μ)/√(σ² + ε) + β; {given}"
    piece = table(heads, body, look) + Piece(tables={"table": partial(_numbers, result, look)})
    return finish(piece, look, height=height(len(body)), title=footnote(note, look))


def _numbers(result: Result, look: Look) -> Rows:
    """The arithmetic as it was computed."""
    x, found = float(result.block.x[result.block.cell]), []
    for norm in result.settings.norms:
        one = arithmetic(result, norm)
        cells = int(result.block.shared(norm).sum())
        row = {"name": norm, "x": x, tr(look, "cells"): cells, "μ": one.mean, "σ²": one.var}
        found.append(row | {tr(look, "standardised"): one.x_hat, "y": one.y})
    return found


def _zero(mean: float, norm: str) -> str:
    return "–" if norm == "RMSNorm" else signed(mean)


def cell_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The chosen cell, and its numbers under each norm."""
    block = result.block
    n, c, p = block.cell
    found = {norm: arithmetic(result, norm) for norm in result.settings.norms}
    rows = [f"{norm}: μ {signed(one.mean)}, σ² {signed(one.var)}, x̂ {signed(one.x_hat)}" for norm, one in found.items()]
    return {"n": n, "c": c, "p": p, "x": signed(float(block.x[block.cell])), "rows": "; ".join(rows)}


DRAWINGS = {"cell": Drawing(cell, cell_numbers, HEIGHT)}
