"""Inside one rule: what it saw and did along each coordinate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, span
from dlviz.drawing.grammar.theme import Look, tr

from .curves import curves

if TYPE_CHECKING:
    from ..inside import Inside
    from ..result import Result

HEIGHT = 320

QUANTITIES = ("gradient", "first moment", "second moment", "step")


def inside(coordinate: int, runs: Sequence[Run], look: Look) -> Any:
    """Gradient, moments and step along one coordinate, in absolute value, against the step."""
    own, *others = runs
    result: Result = own.result
    name = result.race.scene.axes[coordinate]
    drawn = _quantities(result.inside, coordinate, name)
    pinned = curve.of_others(others, lambda other: _quantities(other.inside, coordinate, name))
    title = tr(look, "{optimizer}, coordinate {name}", optimizer=result.inside.optimizer, name=name)
    x = Axis(tr(look, "Step"), 0, max(len(line.x) for line in (*drawn, *pinned)))
    y = Axis(title, *span(*(line.y for line in (*drawn, *pinned)), log=True), log=True)
    return curves(drawn, x, y, look, HEIGHT, lines.ghost_lines(pinned, x, y, look), pinned=pinned)


def _quantities(inside: Inside, coordinate: int, name: str) -> list[Line]:
    series = (
        (rf"$|\partial f/\partial {name}|$", inside.gradient),
        ("$|m|$", inside.first_moment),
        (r"$\sqrt{V}$", inside.root_second_moment),
        (rf"$|\Delta {name}|$", inside.step),
    )
    steps = np.arange(1, len(inside.step) + 1)
    return [
        Line(kind, steps, np.abs(values[:, coordinate]), label=label)
        for kind, (label, values) in zip(QUANTITIES, series, strict=True)
        if values is not None
    ]


def inside_numbers(coordinate: int, result: Result, _look: Look) -> Mapping[str, object]:
    """What its text alternative tells."""
    return {
        "coordinate": result.race.scene.axes[coordinate],
        "optimizer": result.inside.optimizer,
        "steps": result.settings.steps,
    }


DRAWINGS = {
    name: Drawing(partial(inside, coordinate), partial(inside_numbers, coordinate), HEIGHT)
    for coordinate, name in enumerate(("inside_first", "inside_second"))
}
