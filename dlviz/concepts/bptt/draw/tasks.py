"""The shapes of sequence tasks, unrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.unrolled import Unrolled, unrolled
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 510
BOUNDS = (0.01, 1.0)
"""Sizes between which the colour changes."""


def tasks(runs: Sequence[Run], look: Look) -> Any:
    """Four ways to read and to answer; pointing at a loss lights the steps that its gradient reaches."""
    result: Result = runs[0].result
    found = result.tasks
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


def tasks_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative quotes."""
    found = result.tasks
    ends = {f"size{i}": small(float(shape.gradient[-1, 0])) for i, shape in enumerate(found.shapes.values())}
    return {"trained": found.cell} | ends


DRAWINGS = {"tasks": Drawing(tasks, tasks_numbers, HEIGHT)}
