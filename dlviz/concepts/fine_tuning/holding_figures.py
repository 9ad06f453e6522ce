"""The picture of the panel "Holding on": what is learned of the target against what is lost of the source."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.crosses import Trade, trades
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent

from . import panels
from .measure import Result
from .panels import Holding

HEIGHT = 420


def holding(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Target accuracy against lost source accuracy: one curve a method, from full fine-tuning to more and more hold."""
    found = result.holding
    if found is None:
        return message(_missing(result, look), look, height=HEIGHT)
    drawn = [_trade(found, method, look) for method in found.methods]
    if not any(np.isfinite(trade.x + trade.y).any() for trade in drawn):
        return message(tr(look, "nothing to draw: no finite values"), look, height=HEIGHT)
    low, high = span(0.0, *(part for t in drawn for part in (t.x_low, t.x_high)), pad=0.04)
    x = Axis(tr(look, "Source accuracy lost, in points"), low, high + 0.12 * (high - low))
    y = Axis(tr(look, "Target accuracy in %"), *span(*(part for t in drawn for part in (t.y_low, t.y_high))))
    piece = frame(x, y, look)
    if low < 0 < high:
        piece += lines.vertical(0.0, x, look, "", dashed=False, name="nothing lost")
    told = names(look)
    called = {method: f"{told[method]} ({panels.SYMBOLS[method]})" for method in panels.SYMBOLS}
    piece += trades(drawn, x, y, look, written_as=told | called, height=HEIGHT)
    note = tr(
        look, "Ringed: the strengths set. Crosses: range over seeds ({seeds}). Source accuracy before: {before}.",
        seeds=len(found.before), before=percent(float(np.mean(found.before))),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def names(look: Look) -> dict[str, str]:
    """The ways to fine-tune, translated."""
    return {
        "Full fine-tuning": tr(look, "Full fine-tuning"),
        "Head only": tr(look, "Head only"),
        "Frozen": tr(look, "Frozen"),
        "Layer-wise rates": tr(look, "Layer-wise rates"),
        "L2-SP": "L2-SP",
        "Distillation": tr(look, "Distillation"),
        "Gradual unfreezing": tr(look, "Gradual unfreezing"),
    }


def _missing(result: Result, look: Look) -> str:
    if "Holding on" in result.settings.panels:
        return tr(look, "Without a source there is nothing to hold on to.")
    return tr(look, "Switch this panel on in the settings.")


def _strength(method: str, value: float, look: Look) -> str:
    """The strength of a method as it stands beside its point."""
    if method == "Full fine-tuning":
        return tr(look, "{steps} steps", steps=f"{value:g}")
    return panels.strength(method, value)


def _trade(found: Holding, method: str, look: Look) -> Trade:
    held = found.methods[method]
    lost, target = 100 * found.lost(method), 100 * held.target
    texts = [_strength(method, value, look) for value in held.strength]
    return Trade(
        method, lost.mean(1), lost.min(1), lost.max(1), target.mean(1), target.min(1), target.max(1), texts,
        chosen=held.chosen,
    )  # fmt: skip


def described(result: Result, look: Look) -> dict[str, object]:
    """Numbers for the text alternative; empty where the panel is off."""
    found = result.holding
    if found is None:
        return {"held": "–", "before": "–"}
    parts = []
    for method, trade in found.methods.items():
        target, lost = found.mean(method)
        text = f"{names(look)[method]} ({_strength(method, trade.strength[trade.chosen], look)})"
        parts.append(f"{text} {percent(target)} / {fixed(100 * lost, 1)}")
    return {"held": "; ".join(parts), "before": percent(float(np.mean(found.before)))}
