"""The table of functions, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.table import table as text_table
from dlviz.drawing.curves.ranges import ranges
from dlviz.drawing.grammar.axes import Axis, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, Rows
from dlviz.drawing.grammar.theme import Look, tr

from ..settings import titled
from .heights import BESIDE, SUPPORT, TALL

if TYPE_CHECKING:
    from ..result import Result
    from ..table import Properties


def cost(runs: Sequence[Run], look: Look) -> Any:
    """Forward and backward time of every function as a multiple of ReLU's."""
    found = runs[0].result.table.costs
    order = np.argsort(found.ratio, kind="stable")
    names = [found.names[i] for i in order]
    low, high = span(found.low, found.high, log=True)
    # Room for the texts at the ends of the bars.
    x = Axis(tr(look, "Time, as a multiple of ReLU's"), low, high * (high / low) ** 0.15, log=True)
    texts = [f"{found.ratio[i]:.1f}×" for i in order]
    piece = ranges(names, found.ratio[order], found.low[order], found.high[order], x, look, texts=texts)
    note = tr(
        look, "{count} numbers forward and backward, {device}; ReLU {time} ms. Bars: quartiles.",
        count=f"{found.elements:,}", device=found.device, time=f"{1e3 * found.seconds:.2f}",
    )  # fmt: skip
    return finish(piece, look, height=BESIDE, title=footnote(note, look))


def cost_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """Every function's time as a multiple of ReLU's."""
    c = result.table.costs
    return {"costs": ", ".join(f"{name} {ratio:.1f}" for name, ratio in zip(c.names, c.ratio, strict=True))}


def table(runs: Sequence[Run], look: Look) -> Any:
    """Properties of every function, one a row."""
    result = runs[0].result
    found = result.table.properties
    headers = [
        tr(look, "function"), tr(look, "parameter"), tr(look, "range"), r"$\mathbb{E}[f(z)]$", "$f'(0)$", r"$\max|f'|$",
        tr(look, "saturates"),
    ]  # fmt: skip
    body = [_row(row, result, look) for row in found]
    bold = [(r, 0) for r, row in enumerate(found) if row.name == result.settings.function]
    piece = text_table(headers, body, look, emphasised=bold) + Piece(tables={"table": partial(_numbers, found, look)})
    note = tr(look, "E[f(z)] for z ~ N(0, 1). A side saturates where |f′| falls below 1e−6.")
    return finish(piece, look, height=TALL, title=footnote(note, look))


def _numbers(found: Sequence[Properties], look: Look) -> Rows:
    """The properties as they were computed."""
    return [
        {
            tr(look, "function"): row.name, tr(look, "parameter"): row.parameter, tr(look, "least f(z)"): row.low,
            tr(look, "greatest f(z)"): row.high, "E[f(z)]": row.mean, "f′(0)": row.at_zero, "max |f′|": row.steepest,
            tr(look, "saturates on the left"): int(row.saturates_left),
            tr(look, "saturates on the right"): int(row.saturates_right),
        }
        for row in found
    ]  # fmt: skip


def _row(row: Properties, result: Result, look: Look) -> list[str]:
    if row.saturates_left and row.saturates_right:
        said = tr(look, "both sides")
    elif row.saturates_left or row.saturates_right:
        said = tr(look, "left" if row.saturates_left else "right")
    else:
        said = "–"
    title = titled(row.name, result.settings)
    parameter = title[len(row.name) :].strip(" ()") or "–"
    return [
        row.name, parameter, f"{_bound(row.low)} … {_bound(row.high)}", _number(row.mean),
        _number(row.at_zero), _number(row.steepest), said,
    ]  # fmt: skip


def _bound(value: float) -> str:
    return ("−∞" if value < 0 else "∞") if np.isinf(value) else _number(value)


def _number(value: float) -> str:
    """Three decimals, without a minus before zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


def table_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """How many functions it lists."""
    return {"functions": len(result.table.properties)}


DRAWINGS = {
    "cost": Drawing(cost, cost_numbers, BESIDE),
    "table": Drawing(table, table_numbers, SUPPORT),
}
