"""Figures of the runs that are trained: what explodes and what cures it, and how far back networks remember."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span, with_axis
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.piece import Piece, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent, small

from .alternatives import missing
from .measure import Result
from .trained import CURES, Exploding, Remembering

HEIGHT = 360
BINS = 50
"""About so many points of a long run: each the median of neighbouring steps, with their range."""
ABOVE = 30.0
"""The frame of the losses ends at so many times the loss before training."""


def _runs(found: Exploding, values: np.ndarray, look: Look, *, cures: tuple[str, ...] = CURES) -> list[Line]:
    """A line for each cure over the training steps, which count from 1.

    Long runs are drawn in bins of neighbouring steps; of a run that ends, the last steps are drawn one by one.
    """
    wide = -(-found.steps // BINS)
    drawn = []
    for cure in cures:
        end, run = found.end(cure), values[:, CURES.index(cure)]
        last = found.steps if end is None else max(end.step - 2 * wide, 0) // wide * wide
        parts = [np.arange(start, start + wide) for start in range(0, last, wide)]
        parts += [np.array([step]) for step in range(last, found.steps)]
        parts = [part[part < found.steps] for part in parts]
        low, middle, high = np.full((3, len(parts)), np.nan)
        for i, part in enumerate(parts):
            known = run[part][np.isfinite(run[part])]
            if len(known):
                low[i], middle[i], high[i] = known.min(), np.median(known), known.max()
        at = np.array([part.mean() + 1 for part in parts])
        diverged = -1 if end is None else end.step
        drawn.append(Line(cure, at, middle, low, high, diverged=diverged, label=_cure(cure, look)))
    return drawn


def _cure(cure: str, look: Look) -> str:
    return {
        "Plain": tr(look, "Plain"),
        "Clipped by norm": tr(look, "Clipped by norm"),
        "Clipped by value": tr(look, "Clipped by value"),
        "Weight decay": tr(look, "Weight decay"),
        "Lower rate": tr(look, "Lower rate"),
    }[cure]


def _step_axis(found: Exploding, look: Look) -> Axis:
    return Axis(tr(look, "Training step"), 1, found.steps, ticks_from=1, whole=True)


def _note(found: Exploding, look: Look) -> str:
    return tr(
        look, "{cell}, {hidden} units, {length} steps to read; one start, the same mini-batches of {batch}.",
        cell=found.cell, hidden=found.hidden, length=found.length, batch=found.batch,
    )  # fmt: skip


def _bands(found: Exploding, look: Look) -> str:
    wide = -(-found.steps // BINS)
    return " " + tr(look, "Bands: range of {count} neighbouring steps.", count=wide) if wide > 1 else ""


def losses(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The loss of one network under five treatments, with a cross where a number stopped being finite."""
    found = result.exploding
    if (text := missing("losses", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    drawn = _runs(found, found.loss, look)
    pinned = [] if ghost is None or ghost.exploding is None else _runs(ghost.exploding, ghost.exploding.loss, look)
    x = _step_axis(found, look)
    first = float(found.loss[0, 0])
    top = ABOVE * first if np.isfinite(first) and first > 0 else np.inf
    seen = [np.minimum(line.y, top) for line in (*drawn, *pinned)]
    low, high = span(*seen, log=True)
    # Within a decade a logarithmic axis has hardly a round number.
    log = high / low > 12
    y = Axis(tr(look, "Loss on the mini-batch"), *((low, high) if log else span(*seen)), log=log)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    note = _note(found, look) + lines.ghost_note(pinned, look)
    largest = np.max(found.loss[np.isfinite(found.loss)], initial=0.0)
    if largest > y.high:
        note += " " + tr(look, "Losses beyond the frame reach {highest}.", highest=small(float(largest)))
    return finish(piece, look, height=HEIGHT, title=footnote(note + _bands(found, look), look))


def norms(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The norm of the gradient before clipping, with the threshold of the run that is clipped by norm."""
    found = result.exploding
    if (text := missing("norms", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    drawn = _runs(found, found.norm, look)
    x = _step_axis(found, look)
    threshold = result.settings.clip_norm
    heights = span(*[line.y for line in drawn], np.array([threshold]), log=True, decades=60)
    # Room under the threshold for its name.
    heights = heights[0] * (heights[0] / heights[1]) ** 0.08, heights[1]
    y = Axis(tr(look, "Norm of the gradient"), *heights, log=True)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    text = tr(look, "threshold {value}", value=f"{threshold:g}")
    if np.isfinite(found.norm).any():
        piece += _level(threshold, x, y, look, text, "threshold")
    share = tr(
        look, "Before clipping. Above the threshold in {share} of the steps of the run that is clipped by norm.",
        share=percent(found.share("Clipped by norm")),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(share + _bands(found, look), look))


def turned(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """By how many degrees clipping turns the gradient."""
    found = result.exploding
    if (text := missing("turned", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    clipped = ("Clipped by norm", "Clipped by value")
    drawn = [replace(line, diverged=-1) for line in _runs(found, found.turned, look, cures=clipped)]
    x, y = _step_axis(found, look), Axis(tr(look, "Angle in degrees"), -2.0, 92.0, ticks_from=0, ticks_to=90)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    entries = found.clipped[:, CURES.index("Clipped by value")]
    known = entries[np.isfinite(entries)]
    share = tr(
        look, "Angle between the gradient and what clipping leaves of it. By value, {share} of its entries are cut.",
        share="–" if not len(known) else percent(float(known.mean())),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(share + _bands(found, look), look))


def _accuracies(found: Remembering) -> list[Line]:
    values = 100 * found.accuracy
    return [
        Line(cell, found.lags, np.median(each, axis=1), each.min(axis=1), each.max(axis=1))
        for cell, each in zip(found.cells, values, strict=True)
    ]


def remembering(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Accuracy after training against the lag: median and range over seeds, and how often a guess is right."""
    found = result.remembering
    if (text := missing("remembering", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    drawn = _accuracies(found)
    other = None if ghost is None else ghost.remembering
    comparable = other is not None and other.task == found.task
    pinned = _accuracies(other) if comparable else []
    longest = max(int(line.x[-1]) for line in (*drawn, *pinned))
    shortest = min(int(line.x[0]) for line in (*drawn, *pinned))
    copy = found.task == "Copy"
    title = tr(look, "Steps between symbol and answer") if copy else tr(look, "Length of the sequence")
    x = Axis(title, 0.92 * shortest, 1.06 * longest, log=True)
    y = Axis(tr(look, "Right answers in %"), -3.0, 104.0, ticks_from=0, ticks_to=100)
    piece = with_axis(frame(x, y, look), "x", values=found.lags.tolist(), format="d", labels=True)
    if found.blind.any():
        label = tr(look, "no gradient reaches the symbol")
        piece += lines.shade(float(found.truncation), x.high, x, look, label)
    piece += lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT + 40) + dots(drawn, x, y, look)
    chance = 100 * found.chance
    text = tr(look, "chance: 1/8") if copy else tr(look, "always answering 1: 1 − 0.9²")
    piece += _level(chance, x, y, look, text, "chance")
    note = _trained(found, look) + lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note, look))


def _trained(found: Remembering, look: Look) -> str:
    seeds = found.accuracy.shape[2]
    said = "Median and range over {seeds} networks of {hidden} units, after {steps} steps of Adam; {tested} tests."
    if seeds == 1:
        said = "One network of {hidden} units, after {steps} steps of Adam; {tested} tests."
    note = tr(look, said, seeds=seeds, hidden=found.hidden, steps=found.steps, tested=found.tested)
    if found.truncation is not None:
        note += " " + tr(look, "Trained with truncated BPTT, k = {k}.", k=found.truncation)
    return note


def _level(value: float, x: Axis, y: Axis, look: Look, text: str, name: str) -> Piece:
    """A dashed line at one height, with its text under it at the left."""
    along = x.at(np.linspace(0, 1, 26))
    label = {f"_{name} text": rows(x=[x.low], y=[value], text=[text])}
    place = {"x": x.along("x"), "y": y.along("y")}
    below = {"align": "left", "baseline": "top", "dx": 6 * look.unit, "dy": 5 * look.unit}
    words = Piece(tuple(haloed(f"_{name} text", place, look, **below)), label)
    return lines.theory(along, np.full(26, value), x, y, look, None, name=name) + words
