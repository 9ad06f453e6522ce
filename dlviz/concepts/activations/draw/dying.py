"""Pictures of units that die while a network learns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.matrix import matrix, sequential
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent, small

from .heights import BESIDE, SUPPORT, TALL
from .seeds import shares

if TYPE_CHECKING:
    from ..dying import DeadLines
    from ..result import Result


def dead_lines(runs: Sequence[Run], look: Look) -> Any:
    """The share of dead hidden units during training, for ReLU and its cures."""
    return _training(runs, look, lambda d: d.dead, tr(look, "Share of hidden units that are dead"), BESIDE)


def dead_lines_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The dead share at the end, at the chosen rate and bias."""
    return {**_chosen(result), "died": shares({name: d.dead[:, -1] for name, d in result.dying.lines.items()})}


def dead_accuracy(runs: Sequence[Run], look: Look) -> Any:
    """The training accuracy of the same networks."""
    return _training(runs, look, lambda d: d.accuracy, tr(look, "Accuracy on the training digits"), SUPPORT)


def dead_accuracy_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The accuracy at the end, at the chosen rate and bias."""
    found = {name: d.accuracy[:, -1] for name, d in result.dying.lines.items()}
    return {**_chosen(result), "learned_well": shares(found)}


def _chosen(result: Result) -> dict[str, object]:
    return {"rate": f"{result.settings.dying_rate:g}", "bias": small(result.settings.dying_bias)}


def _training(runs: Sequence[Run], look: Look, pick: Callable[[DeadLines], np.ndarray], title: str, height: int) -> Any:
    def curves(result: Result) -> list[Line]:
        return [_until_lost(d, pick(d)) for d in result.dying.lines.values()]

    own, *others = runs
    drawn, pinned = curves(own.result), of_others(others, curves)
    x = Axis(tr(look, "Step"), 0, float(max(line.x[-1] for line in drawn)))
    y = Axis(title, -0.02, 1.02)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=height)
    count = len(next(iter(own.result.dying.lines.values())).dead)
    note = tr(look, "Median of {count} seeds; bands from least to greatest.", count=count)
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=height, title=footnote(note, look))


def _until_lost(found: DeadLines, values: np.ndarray) -> Line:
    """Median and band over seeds while all of them are finite; the first run that overflows ends the line."""
    left = int(found.lost[found.lost >= 0].min(initial=10**9))
    part = np.where(found.steps < left, values, np.nan)
    left = left if left < 10**9 else -1
    with np.errstate(invalid="ignore"):
        return Line(found.name, found.steps, np.median(part, axis=0), part.min(axis=0), part.max(axis=0), diverged=left)


def dead_grid(runs: Sequence[Run], look: Look) -> Any:
    """ReLU's dead share at the end for every learning rate and initial bias; a click chooses both."""
    result = runs[0].result
    grid, s = result.dying.grid, result.settings
    biases, rates = [f"{b:g}" for b in grid.biases[::-1]], [f"{r:g}" for r in grid.rates]
    values = grid.dead[::-1]
    texts = np.array([[f"{v:.0%}" if np.isfinite(v) else "×" for v in row] for row in values], dtype=object)
    here = (f"{s.dying_bias:g}", f"{s.dying_rate:g}")
    chosen = here if here[0] in biases and here[1] in rates else None
    # Seldom more than 0.6, so that most pictures share their colours.
    top = max(0.6, float(np.nan_to_num(values).max()))
    piece = matrix(
        values, biases, rates, look, bounds=(0.0, top), colours=sequential(look), texts=texts, chosen=chosen,
        click=True, title=tr(look, "dead"), axes=(tr(look, "Initial bias"), tr(look, "Learning rate")),
        written_as={name: name.replace("-", "−") for name in biases},
    )  # fmt: skip
    lost: dict[str, Any] = {}
    if not np.isfinite(values).all():
        lost = {"title": footnote(tr(look, "×: numbers overflowed during training."), look)}
    return finish(piece, look, height=TALL, **lost)


def dead_grid_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The greatest dead share of the grid and where it is."""
    return {"worst": _greatest(result, look)}


def _greatest(result: Result, look: Look) -> str:
    grid = result.dying.grid
    if not np.isfinite(grid.dead).any():
        return "–"
    b, r = np.unravel_index(np.nanargmax(grid.dead), grid.dead.shape)
    share, rate, bias = grid.dead[b, r], grid.rates[r], grid.biases[b]
    return tr(
        look, "{share} at learning rate {rate} and bias {bias}", share=percent(float(share)), rate=f"{rate:g}",
        bias=small(bias),
    )  # fmt: skip


DRAWINGS = {
    "dead_lines": Drawing(dead_lines, dead_lines_numbers, BESIDE),
    "dead_grid": Drawing(dead_grid, dead_grid_numbers, SUPPORT),
    "dead_accuracy": Drawing(dead_accuracy, dead_accuracy_numbers, SUPPORT),
}
