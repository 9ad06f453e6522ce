"""What several figures of the page have in common: names of runs and labels, ticks of one's own, mean and range."""

from __future__ import annotations

import json

import numpy as np

from dlviz.drawing.grammar.axes import with_axis
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look, tr

from ..result import Result

SUPPORT = 340  # px: the height of figures below the first row
NARROW = 330  # px of a plot on a screen that has no room for words under its ticks


def middle_and_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and greatest over the last axis, the seeds."""
    return values.mean(axis=-1), values.min(axis=-1), values.max(axis=-1)


def ticked(piece: Piece, texts: dict[float, str | list[str]], look: Look) -> Piece:
    """A frame with ticks of one's own below: value -> its text, or its lines, of which a phone has the first."""
    whole = json.dumps(list(texts.values()), ensure_ascii=False)
    few = [text if isinstance(text, str) or value < 0 else text[:1] for value, text in texts.items()]
    first = json.dumps(few, ensure_ascii=False)
    # Several lines have their own way to become shorter.
    plain = all(isinstance(text, str) for text in texts.values())
    label = f"(width < {NARROW * look.label / 13:.0f} ? {first} : {whole})[indexof({list(texts)}, datum.value)]"
    said = {"labelExpr": label, "labelOverlap": plain and "greedy", "labels": True, "labelAngle": 0}
    return with_axis(piece, "x", values=list(texts), **said)


def called(label: str, result: Result, look: Look) -> str:
    """How many labels a class, as words beside a curve."""
    return tr(look, "{count} labels" if label != "1" else "1 label", count=result.labels(label))


def named(k: int, layers: int, look: Look) -> list[tuple[str, int, str]]:
    """Identity, frozen layers and label of what is compared in the panels, without what is the same."""
    found = [("Full fine-tuning", 0, tr(look, "nothing frozen"))]
    if 0 < k < layers - 1:
        found.append(("Frozen", k, tr(look, "{count} frozen", count=k)))
    return [*found, ("Head only", layers - 1, tr(look, "head only"))]


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
