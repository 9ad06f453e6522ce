"""What is learned of the target against what is lost of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.crosses import Trade, trades
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent

from ..holding import SYMBOLS, Holding, strength
from ..result import Result
from .labels import names

HEIGHT = 420


def holding(runs: Sequence[Run], look: Look) -> Any:
    """Target accuracy against lost source accuracy: one curve a method, from full fine-tuning to more and more hold."""
    result: Result = runs[0].result
    found = result.holding
    drawn = [_trade(found, method, look) for method in found.methods]
    if not any(np.isfinite(trade.x + trade.y).any() for trade in drawn):
        return None
    low, high = span(0.0, *(part for t in drawn for part in (t.x_low, t.x_high)), pad=0.04)
    x = Axis(tr(look, "Source accuracy lost, in points"), low, high + 0.12 * (high - low))
    y = Axis(tr(look, "Target accuracy in %"), *span(*(part for t in drawn for part in (t.y_low, t.y_high))))
    piece = frame(x, y, look)
    if low < 0 < high:
        piece += lines.vertical(0.0, x, look, "", dashed=False, name="nothing lost")
    told = names(look)
    called = {method: f"{told[method]} ({SYMBOLS[method]})" for method in SYMBOLS}
    piece += trades(drawn, x, y, look, written_as=told | called, height=HEIGHT)
    note = tr(
        look, "Ringed: the strengths set. Crosses: range over seeds ({seeds}). Source accuracy before: {before}.",
        seeds=len(found.before), before=percent(float(np.mean(found.before))),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _strength(method: str, value: float, look: Look) -> str:
    """The strength of a method as it stands beside its point."""
    if method == "Full fine-tuning":
        return tr(look, "{steps} steps", steps=f"{value:g}")
    return strength(method, value)


def _trade(found: Holding, method: str, look: Look) -> Trade:
    held = found.methods[method]
    lost, target = 100 * found.lost(method), 100 * held.target
    texts = [_strength(method, value, look) for value in held.strength]
    return Trade(
        method, lost.mean(1), lost.min(1), lost.max(1), target.mean(1), target.min(1), target.max(1), texts,
        chosen=held.chosen,
    )  # fmt: skip


def numbers(result: Result, look: Look) -> dict[str, object]:
    """What each method learned and lost at its strength, and what the source was worth before."""
    found, parts = result.holding, []
    for method, trade in found.methods.items():
        target, lost = found.mean(method)
        text = f"{names(look)[method]} ({_strength(method, trade.strength[trade.chosen], look)})"
        parts.append(f"{text} {percent(target)} / {fixed(100 * lost, 1)}")
    return {"held": "; ".join(parts), "before": percent(float(np.mean(found.before)))}


DRAWINGS = {"holding": Drawing(holding, numbers, HEIGHT)}
