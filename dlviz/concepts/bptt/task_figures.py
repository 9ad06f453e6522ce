"""The shapes of sequence tasks, unrolled."""

from __future__ import annotations

from typing import Any

from dlviz.drawing.charts.unrolled import Unrolled, unrolled
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr

from .alternatives import missing
from .measure import Result

HEIGHT = 510
BOUNDS = (0.01, 1.0)
"""Sizes between which the colour changes."""


def task_shapes(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Four ways to read and to answer; pointing at a loss lights the steps that its gradient reaches."""
    found = result.tasks
    if (text := missing("tasks", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    drawn = [
        Unrolled(_heading(task, look), shape.inputs, shape.losses, shape.gradient)
        for task, shape in found.shapes.items()
    ]
    piece = unrolled(
        drawn, look, bounds=BOUNDS, hint=tr(look, "Norm of the gradient by the state"), names=("x", "h", "L")
    )
    note = tr(
        look, "{cell}, {hidden} units. Point at a loss L: the numbers are the norms of its gradient by each state.",
        cell=found.cell, hidden=found.hidden,
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _heading(task: str, look: Look) -> str:
    return {
        "One to many": tr(look, "One to many"),
        "Many to one": tr(look, "Many to one"),
        "Many to many, aligned": tr(look, "Many to many, aligned"),
        "Encoder–decoder": tr(look, "Encoder–decoder"),
    }[task]
