"""The standard deviations of activations and gradients in every layer, beside theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Spec, literal, mark, rows
from dlviz.drawing.grammar.theme import Look, tr

from ..curves import LOWEST, gone, middle
from .sizes import written

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 400
DECADES = 310
"""Powers of ten that an axis may reach down: signals vanish as far as float64 goes."""


def forward_backward(runs: Sequence[Run], look: Look) -> Any:
    """Standard deviations of activations and gradients in every layer, with bands over draws, against theory."""
    own, *others = runs
    result: Result = own.result
    drawn = _lines(result, look)
    lost = [line for line in drawn if gone(line.y) is not None]
    # A curve of which nothing can be drawn has no place for its name.
    measured, drawn = drawn, [line for line in drawn if (line.y >= LOWEST).any()]
    pinned = curve.of_others(others, lambda result: _lines(result, look))
    depth = max(run.result.settings.depth for run in runs)
    low, high = (1, depth) if depth > 1 else (0.5, 1.5)
    x = Axis(tr(look, "Layer"), low, high, whole=True)
    predicted = _predicted(result)
    everything = [v for line in (*drawn, *pinned) for v in (line.y, line.low, line.high) if v is not None]
    if not any(np.isfinite(v[v > 0]).any() for v in everything):
        return message(tr(look, "Nothing to draw: no standard deviation is positive and finite."), look, height=HEIGHT)
    cut = [_seen(values) for values, _ in predicted]
    everything += cut
    y = Axis(tr(look, "Standard deviation"), *span(*everything, log=True, decades=DECADES), log=True)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += Piece(tables={"lines": partial(curve.table, measured, x, y)})  # also those of which nothing is drawn
    piece += _dots(drawn, x, y, look)
    steps = np.arange(1, result.settings.depth + 1)
    curves = [*drawn_curves([*drawn, *pinned]), *((steps, values) for values in cut)]
    beside = Beside(curves, x, y, look, height=HEIGHT)
    for i, (values, _) in enumerate(predicted):
        piece += lines.theory(steps, cut[i], x, y, look, None, name=f"theory {i}", computed=values)
    for i, (_, formula) in enumerate(predicted):
        piece += beside.words(steps, cut[i], formula, name=f"theory {i}", at=0.15 + 0.6 * i)
    draws = result.settings.repeats
    note = tr(look, "Median and range of {draws} draws.", draws=draws) if draws > 1 else tr(look, "One draw.")
    if predicted:
        note += " " + tr(look, "Dashed: theory of infinite width.")
    if lost:
        note += " " + tr(look, "No line where it is below 1e−300.")
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _lines(result: Result, look: Look) -> list[curve.Line]:
    """Medians of both, with bands over the draws."""
    steps = np.arange(1, result.settings.depth + 1)
    found = []
    for name, label, values in (
        ("forward", tr(look, "activations"), result.signals.std),
        ("backward", tr(look, "gradients"), result.signals.gradient),
    ):
        held = np.where(np.isnan(values), np.inf, values)
        low, high = (held.min(axis=0), held.max(axis=0)) if len(held) > 1 else (None, None)
        whole = curve.Line(name, steps, middle(values), low, high, label=label)
        cut = [None if part is None else _seen(part) for part in (low, high)]
        found.append(replace(whole, y=_seen(whole.y), low=cut[0], high=cut[1], computed=whole))
    return found


def _seen(values: np.ndarray) -> np.ndarray:
    """Without what is below the least size that is told from nothing: a logarithmic axis has no place for it."""
    return np.where(values < LOWEST, np.nan, values)


def _predicted(result: Result) -> list[tuple[np.ndarray, str]]:
    """The theory's curves (L,) with their formulas; the gradients' starts at the measured size in the last layer."""
    theory = result.signals.theory
    if theory is None or result.settings.depth == 1:
        return []
    last = middle(result.signals.gradient)[-1]
    found = [(theory.std, r"$q = \sigma_w^2\, \mathbb{E}[\varphi^2] + \sigma_b^2$")]
    if np.isfinite(last) and last > 0:
        found.append((last * theory.gradient, r"$\chi = \sigma_w^2\, \mathbb{E}[\varphi'^2]$"))
    return found


def _dots(drawn: list[curve.Line], x: Axis, y: Axis, look: Look) -> Piece:
    """A mark at every measured layer, as far as they stay apart."""
    records = []
    for line in drawn:
        keep = (line.y >= y.low) & (line.y <= y.high) & np.isfinite(line.y)
        if keep.sum() <= 40:
            hue = [colour(line.name, look)] * int(keep.sum())
            records += rows(x=line.x[keep].astype(float), y=line.y[keep], hue=hue)
    place = {"x": x.along("x"), "y": y.along("y"), "fill": literal("hue")}
    dot: Spec = {"size": 26 * look.unit**2, "opacity": 1, "stroke": look.inks.paper, "strokeWidth": 0.6 * look.unit}
    return Piece((mark("point", "_dots", place, tooltip=None, clip=True, **dot),), {"_dots": records})


def numbers(result: Result, look: Look) -> dict[str, object]:
    """The numbers of the figure's text alternative."""
    settings = result.settings
    sizes, gradients = middle(result.signals.std), middle(result.signals.gradient)
    return {
        "activation": tr(look, settings.activation),
        "scheme": tr(look, settings.scheme),
        "first": written(sizes[0]),
        "last": written(sizes[-1]),
        "gradient_first": written(gradients[0]),
        "gradient_last": written(gradients[-1]),
    }


DRAWINGS = {"forward_backward": Drawing(forward_backward, numbers, HEIGHT)}
