"""The hero: accuracy on the target against what is frozen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, listed, literal, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent

from ..result import Result
from ..settings import Labels
from ..sweep import Sweep
from .labels import called, middle_and_band, ticked

HEIGHT = 440
SCRATCH = -1
"""Where the networks from scratch stand on the axis of frozen layers."""


def hero(runs: Sequence[Run], look: Look) -> Any:
    """Test accuracy against the number of frozen layers, a curve for every number of labels."""
    own, *others = runs
    result: Result = own.result
    sweep, layers = result.sweep, result.settings.layers
    drawn, pinned = _lines(result, look), of_others(others, lambda other: _lines(other, look))
    scratch = [100 * part for part in middle_and_band(sweep.scratch)]
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    last = max([layers - 1, *(int(line.x[-1]) for line in pinned)])
    x = Axis(tr(look, "Frozen layers, counted from the input"), SCRATCH - 0.35, last + 0.07, grid=False)
    y = Axis(tr(look, "Accuracy on the target's test images in %"), *span(*heights, *scratch))
    piece = ticked(frame(x, y, look), _depths(layers, look), look) + _baselines(sweep, scratch, x, y, look)
    piece += lines.ghost_lines(pinned, x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += dots(drawn, x, y, look)
    note = tr(
        look, "Labels a class. Thin: from scratch. Mean, range over seeds ({seeds}).",
        seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _depths(layers: int, look: Look) -> dict[float, str | list[str]]:
    """What stands at the numbers of frozen layers, and at the left of them."""
    texts: dict[float, str | list[str]] = {float(k): str(k) for k in range(layers)}
    texts[0.0] = ["0", tr(look, "(all trained)")]
    texts[float(layers - 1)] = [str(layers - 1), tr(look, "(head only)")]
    return {float(SCRATCH): wrap(tr(look, "from scratch"), 8)} | texts


def _lines(result: Result, look: Look) -> list[Line]:
    sweep, found = result.sweep, []
    for at, label in enumerate(sweep.labels):
        name = f"amount {get_args(Labels).index(label) + 1}"
        middle, low, high = (100 * part for part in middle_and_band(sweep.frozen[at]))
        found.append(Line(name, np.arange(sweep.frozen.shape[1]), middle, low, high, label=called(label, result, look)))
    return found


def _baselines(sweep: Sweep, scratch: Sequence[np.ndarray], x: Axis, y: Axis, look: Look) -> Piece:
    """Accuracies from scratch: a diamond with its band at the left, and a thin line across."""
    names = [f"amount {get_args(Labels).index(label) + 1}" for label in sweep.labels]
    middle, low, high = scratch
    data = rows(
        labels=list(sweep.labels), x=float(SCRATCH), x2=x.high, y=middle, low=low, high=high,
        stroke=[colour(name, look) for name in names],
    )  # fmt: skip
    place = {"x": x.along("x"), "y": y.along("y"), "stroke": literal("stroke")}
    bar = {"x": x.along("x"), "y": y.along("low"), "y2": {"field": "high"}, "stroke": literal("stroke")}
    across = {**place, "x2": {"field": "x2"}}
    diamond = {"x": x.along("x"), "y": y.along("y"), "fill": literal("stroke")}
    name = "from scratch"
    layers = (
        mark("rule", name, across, strokeWidth=1.1 * look.unit, opacity=0.75, tooltip=None),
        mark("rule", name, bar, strokeWidth=1.6 * look.line, opacity=0.35, strokeCap="round", tooltip=None),
        mark("point", name, diamond, shape="diamond", size=80 * look.unit**2, opacity=1, stroke=look.inks.paper,
             strokeWidth=look.unit, tooltip=None),
    )  # fmt: skip
    columns = {tr(look, "Labels a class"): list(sweep.labels), y.header("y"): middle, "low": low, "high": high}
    return Piece(layers, {name: data}, tables={name: partial(listed, columns)})


def numbers(result: Result, look: Look) -> dict[str, object]:
    """Mean accuracies: from scratch, and with 0, 1, ... layers frozen, for each number of labels."""
    sweep, s = result.sweep, result.settings
    accuracies = "; ".join(
        f"{called(label, result, look)}: {percent(float(sweep.scratch[at].mean()))} / "
        + ", ".join(percent(float(values.mean())) for values in sweep.frozen[at])
        for at, label in enumerate(sweep.labels)
    )
    return {"accuracies": accuracies, "source": tr(look, s.source), "target": tr(look, s.target), "seeds": s.seeds}


DRAWINGS = {"hero": Drawing(hero, numbers, HEIGHT)}
