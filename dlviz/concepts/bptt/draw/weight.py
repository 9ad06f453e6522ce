"""The weight gradient: what each step adds to it, and what truncation leaves out and turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, listed, literal, mark, number, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

from ..weight import kept

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 360


def _nothing(result: Result, look: Look) -> Any:
    """What to say where there is no gradient to take apart, or None."""
    found = result.weight
    if not np.isfinite(found.share).all():
        said = "The gradient is zero, or below what float64 can hold."
        if not np.isfinite(found.norm[0]):
            said = "The gradient is not a finite number."
        return message(tr(look, said), look, height=HEIGHT)
    return None


def contributions(runs: Sequence[Run], look: Look) -> Any:
    """The full gradient built up from the last step backwards: one block for the contribution of each step."""
    result: Result = runs[0].result
    found = result.weight
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    share = 100 * found.share
    after = share.cumsum()
    before = after - share
    # As far back as there is something to see.
    k = result.settings.truncation
    last = int(np.flatnonzero(np.abs(share) > 0.1).max(initial=0))
    seen = min(len(share), max(last + 4, k + 3, 12))
    lags = np.arange(seen)
    x = Axis(tr(look, "Lag T − t (steps back from the loss)"), -0.5, seen - 0.5, ticks_from=0, whole=True)
    low, high = min(0.0, float(after.min())), max(100.0, float(after.max()))
    # Two lines of text have room above the blocks: where the cut is, and under it what the whole is.
    room = high - low
    y = Axis(tr(look, "Sum so far, % of the gradient"), low - 0.03 * room, high + 0.2 * room, ticks_to=high)
    hues = [colour(result.settings.cell, look), look.inks.warn]
    records = rows(
        lag=lags, left=lags - 0.5, right=lags + 0.5, before=before[:seen], after=after[:seen], share=share[:seen],
        size=100 * found.size[:seen], fill=[hues[int(value < 0)] for value in share[:seen]],
    )  # fmt: skip
    place = {
        "x": x.along("left"), "x2": {"field": "right"}, "y": y.along("before"), "y2": {"field": "after"},
        "fill": literal("fill"),
        "tooltip": [
            number("lag", title=tr(look, "Lag T − t (steps back from the loss)")),
            number("share", title=tr(look, "part along the whole gradient, %"), format=".3~g"),
            number("size", title=tr(look, "its own norm, %"), format=".3~g"),
        ],
    }  # fmt: skip
    piece = frame(x, y, look)
    style: dict[str, Any] = {"stroke": look.inks.paper, "strokeWidth": 0.4 * look.unit, "opacity": 1}
    piece += Piece((mark("rect", "contributions", place, **style),), {"contributions": records})
    columns = {x.header("lag"): np.arange(len(share)), tr(look, "part along the whole gradient, %"): share}
    columns |= {tr(look, "its own norm, %"): 100 * found.size, y.header("sum"): after}
    piece += Piece(tables={"contributions": partial(listed, columns)})
    whole = tr(look, "whole gradient")
    piece += lines.level(100.0, x, y, look, whole, name="whole", at=0.45)
    piece += _cut(result, x, look)
    note = tr(look, "Each block is what one step adds along the gradient by the recurrent weights; one {cell}.",
              cell=result.settings.cell)  # fmt: skip
    if (share < -0.1).any():
        note += " " + tr(look, "Red: it points against the whole.")
    if seen < len(share):
        note += " " + tr(look, "Each step further back adds less than 0.1%.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _cut(result: Result, x: Axis, look: Look) -> Piece:
    """Where truncated BPTT stops: between the last lag that it keeps and the next."""
    k = kept(result.settings)
    table = Piece(tables={"cut": partial(listed, {"name": f"k = {k}", tr(look, "Steps kept, k"): k})})
    return lines.vertical(k - 0.5, x, look, f"k = {k}", name="cut") + table


def _over_seeds(values: np.ndarray, name: str, label: str) -> tuple[Line, np.ndarray]:
    """Median and 10–90% band over the networks whose gradient is finite and not zero, against k."""
    good = values[np.isfinite(values).any(axis=1)]
    # Where nothing has arrived yet there is no angle.
    known = np.isfinite(good).any(axis=0)
    low, middle, high = np.full((3, values.shape[1]), np.nan)
    if known.any():
        low[known], middle[known], high[known] = np.nanquantile(good[:, known], [0.1, 0.5, 0.9], axis=0)
    return Line(name, np.arange(1, values.shape[1] + 1), middle, low, high, label=label), good


def truncation(runs: Sequence[Run], look: Look) -> Any:
    """‖g_k − g‖/‖g‖ of the gradient truncated to the last k steps, against k."""
    result: Result = runs[0].result
    found, cell = result.weight, result.settings.cell
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    # The last two leave nothing out: the first step reads the state zero, which has no part in the gradient.
    line, good = _over_seeds(found.error[:, :-2], cell, cell)
    x = Axis(tr(look, "Steps kept, k"), 1, result.settings.steps_read, ticks_from=1, whole=True)
    heights = span(line.low, line.high, line.y, log=True, decades=20)
    y = Axis(tr(look, "Relative error of the gradient"), *heights, log=True)
    piece = frame(x, y, look) + lines.measured([line], x, y, look, height=HEIGHT)
    piece += _chosen(result, x, look)
    return finish(piece, look, height=HEIGHT, title=footnote(_networks(good, look), look))


def angle(runs: Sequence[Run], look: Look) -> Any:
    """The angle between the truncated gradient and the whole, against k."""
    result: Result = runs[0].result
    found, cell = result.weight, result.settings.cell
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    line, good = _over_seeds(found.angle, cell, cell)
    x = Axis(tr(look, "Steps kept, k"), 1, max(result.settings.steps_read, 2), ticks_from=1, whole=True)
    top = 180.0 if line.high is not None and np.nanmax(line.high) > 92 else 95.0
    y = Axis(tr(look, "Angle to the whole gradient, degrees"), 0, top)
    piece = frame(x, y, look) + lines.measured([line], x, y, look, height=HEIGHT)
    piece += _chosen(result, x, look)
    return finish(piece, look, height=HEIGHT, title=footnote(_networks(good, look), look))


def _chosen(result: Result, x: Axis, look: Look) -> Piece:
    """The k that is chosen, at the most all steps."""
    k = kept(result.settings)
    return lines.vertical(k, x, look, f"k = {k}", name="cut")


def _networks(good: np.ndarray, look: Look) -> str:
    if len(good) == 1:
        return tr(look, "One network; gradient by the recurrent weights.")
    said = "Median and 10–90% band over {count} networks; gradient by the recurrent weights."
    return tr(look, said, count=len(good))


def contributions_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the blocks quotes."""
    s, k = result.settings, kept(result.settings)
    return {"cell": s.cell, "steps": s.steps_read, "k": k, "share": small(100 * float(result.weight.share[:k].sum()))}


def truncation_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the error quotes."""
    k = kept(result.settings)
    error, _angle = result.weight.after(k) or (np.nan, np.nan)
    return {"cell": result.settings.cell, "k": k, "error": small(error)}


def angle_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the angle quotes."""
    k = kept(result.settings)
    _error, degrees = result.weight.after(k) or (np.nan, np.nan)
    return {"cell": result.settings.cell, "k": k, "angle": small(degrees)}


DRAWINGS = {
    "contributions": Drawing(contributions, contributions_numbers, HEIGHT),
    "truncation": Drawing(truncation, truncation_numbers, HEIGHT),
    "angle": Drawing(angle, angle_numbers, HEIGHT),
}
