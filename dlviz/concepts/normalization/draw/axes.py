"""Mean and deviation along each axis as a table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.table import table
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.piece import Piece, Rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import short

from ..axes import EXACT
from .tables import HEIGHT, height

if TYPE_CHECKING:
    from ..block import Block
    from ..result import Result


def axes(runs: Sequence[Run], look: Look) -> Any:
    """Which slices of the standardised tensor have mean 0 and deviation 1, by norm."""
    result = runs[0].result
    left = result.block.residual
    heads = [tr(look, "largest |μ|") + "\nσ"]
    heads += ["\n".join(wrap(_axis(axis, result.block, look), 9)) for axis in left.axes]
    body, exact = [], []
    for r, norm in enumerate(result.settings.norms):
        row = [norm]
        for c, axis in enumerate(left.axes):
            if left.is_standard(norm, axis):
                exact.append((r, c + 1))
                row.append("0\n1")
                continue
            low, high = left.low[norm][axis], left.high[norm][axis]
            mean = "0" if left.mean[norm][axis] < EXACT else short(left.mean[norm][axis])
            row.append(f"{mean}\n{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{mean}\n{low:.2f}–{high:.2f}")
        body.append(row)
    note = tr(look, "Standardised values over each slice: largest |mean|, standard deviation. Shaded: 0 and 1.")
    piece = table(heads, body, look, emphasised=exact)
    piece += Piece(tables={"table": partial(_numbers, result, look)})
    return finish(piece, look, height=height(len(body), 2), title=footnote(note, look))


def _numbers(result: Result, look: Look) -> Rows:
    """What is left of each norm along each axis, as it was computed."""
    left = result.block.residual
    return [
        {
            "name": norm, "what": _axis(axis, result.block, look), tr(look, "largest |μ|"): left.mean[norm][axis],
            tr(look, "least σ"): left.low[norm][axis], tr(look, "greatest σ"): left.high[norm][axis],
        }
        for norm in result.settings.norms
        for axis in left.axes
    ]  # fmt: skip


def _axis(axis: str, block: Block, look: Look) -> str:
    """What a slice of the block is, in words."""
    names = {
        "example": tr(look, "each example"),
        "channel": tr(look, "each channel"),
        "instance": tr(look, "each channel of each example"),
        "group": tr(look, "each group of each example"),
        "token": tr(
            look, "each position of each example" if block.real.all() else "each real position of each example"
        ),
    }
    return names[axis]


def axes_numbers(result: Result, look: Look) -> dict[str, object]:
    """Along which axes each norm's output is standard."""
    block = result.block
    left, said = block.residual, []
    for norm in result.settings.norms:
        exact = [_axis(axis, block, look) for axis in left.axes if left.is_standard(norm, axis)]
        said.append(f"{norm}: {', '.join(exact) or '–'}")
    return {"exact": "; ".join(said)}


DRAWINGS = {"axes": Drawing(axes, axes_numbers, HEIGHT)}
