"""Text alternatives of the figures, with the numbers of the result, and what is said where there is no figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlviz.drawing.grammar.theme import Look, tr
from dlviz.language import words
from dlviz.numbers import small

from . import trained_sentences
from .magnitudes import power, power_of_ten
from .measure import Result

PARTS = {
    "pairs": "pairs",
    "jacobian": "steps",
    "powers": "steps",
    "contributions": "weight",
    "truncation": "weight",
    "angle": "weight",
    "gates": "gates",
    "highway": "gates",
    "losses": "exploding",
    "norms": "exploding",
    "turned": "exploding",
    "remembering": "remembering",
    "tasks": "tasks",
}
"""What of the result a figure needs."""


def missing(figure: str, result: Result, look: Look) -> str | None:
    """Why there is nothing to draw, or None."""
    if figure == "hero":
        return None if result.reach else tr(look, "Choose at least one cell.")
    part = PARTS[figure]
    if getattr(result, part) is not None:
        return None
    if part.capitalize() in result.settings.panels:
        return {
            "gates": tr(look, "A vanilla RNN has no gates. Look at an LSTM or a GRU."),
            "exploding": tr(look, "Noise has no answer to learn. Choose another sequence."),
            "remembering": tr(look, "Choose at least one cell."),
        }[part]
    return tr(look, "Switch this panel on in the settings.")


def alt(figure: str) -> Callable[[Result, Look], str]:
    """The function that describes one figure."""

    def text(result: Result, look: Look) -> str:
        if (nothing := missing(figure, result, look)) is not None:
            return nothing
        return words("bptt", look.language).alt[figure].format(**_numbers(figure, result))

    return text


def _numbers(figure: str, result: Result) -> dict[str, object]:
    """What the text of one figure quotes."""
    s = result.settings
    common = {"cell": s.cell, "steps": s.steps_read, "k": min(s.truncation, s.steps_read)}
    if figure == "hero":
        bands = {cell: reach.band()[1] for cell, reach in result.reach.items()}
        ends = ", ".join(f"{cell} {_size(band[-1])}" for cell, band in bands.items())
        return common | {"cells": ", ".join(bands), "ends": ends, "lag": s.steps_read - 1, "seeds": s.seeds}
    if figure == "pairs":
        return common | {"value": power_of_ten(result.pairs.logs[-1, 0]), "last": int(result.pairs.targets[-1])}
    if figure in ("jacobian", "powers"):
        found = result.steps
        largest = found.singular[:, 0][np.isfinite(found.singular[:, 0])]
        at = int(np.argmax(found.powers))
        return common | {
            "count": len(found.at),
            "low": small(float(largest.min())) if largest.size else "–",
            "high": small(float(largest.max())) if largest.size else "–",
            "rho": small(found.radius),
            "sigma": small(found.norm),
            "peak": small(float(found.powers[at])),
            "at": at,
            "top": len(found.powers) - 1,
        }
    if figure in ("contributions", "truncation", "angle"):
        found, k = result.weight, min(s.truncation, s.steps_read)
        error, angle = found.after(k) or (np.nan, np.nan)
        share = 100 * float(found.share[:k].sum())
        return common | {"share": small(share), "error": small(error), "angle": small(angle)}
    if figure in ("gates", "highway"):
        found = result.gates
        means = ", ".join(f"{name} {small(float(m.mean()))}" for name, m in zip(found.names, found.mean, strict=True))
        ends = {"total": _size(found.total[-1]), "direct": _size(found.direct[-1])}
        return common | {"means": means, "lag": len(found.total) - 1} | ends
    return common | trained_sentences.described(figure, result)


def _size(value: float) -> str:
    return power(float(value)) if np.isfinite(value) else "–"
