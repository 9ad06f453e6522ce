"""What explodes and what cures it: one network, trained in five ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent, small

from ..exploding import CURES, NAMES
from .level import level

if TYPE_CHECKING:
    from ..exploding import Exploding
    from ..result import Result

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
        whole = Line(cure, np.arange(1, found.steps + 1), run)
        line = Line(cure, at, middle, low, high, diverged=diverged, label=_cure(cure, look), computed=whole)
        drawn.append(line)
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


def losses(runs: Sequence[Run], look: Look) -> Any:
    """The loss of one network under five treatments, with a cross where a number stopped being finite."""
    own, *others = runs
    found: Exploding = own.result.exploding
    drawn = _runs(found, found.loss, look)
    pinned = curve.of_others(others, lambda result: _runs(result.exploding, result.exploding.loss, look))
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


def norms(runs: Sequence[Run], look: Look) -> Any:
    """The norm of the gradient before clipping, with the threshold of the run that is clipped by norm."""
    result: Result = runs[0].result
    found = result.exploding
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
        piece += level(threshold, x, y, look, text, "threshold", beside=drawn, height=HEIGHT)
    share = tr(
        look, "Before clipping. Above the threshold in {share} of the steps of the run that is clipped by norm.",
        share=percent(found.share("Clipped by norm")),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(share + _bands(found, look), look))


def turned(runs: Sequence[Run], look: Look) -> Any:
    """By how many degrees clipping turns the gradient."""
    found: Exploding = runs[0].result.exploding
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


def losses_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the losses quotes."""
    found = result.exploding
    outcomes = {name: found.outcome(cure) for cure, name in NAMES.items()}
    return outcomes | {"trained": found.cell, "count": found.steps, "first": small(float(found.loss[0, 0]))}


def norms_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the norms quotes."""
    found = result.exploding
    known = found.norm[np.isfinite(found.norm)]
    return {
        "trained": found.cell,
        "largest": small(float(known.max())) if known.size else "–",
        "threshold": small(result.settings.clip_norm),
        "share": percent(found.share("Clipped by norm")),
    }


def turned_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the angles quotes."""
    by_norm, by_value = (result.exploding.angles(cure) for cure in ("Clipped by norm", "Clipped by value"))
    return {
        "most": fixed(float(by_norm.max()), 2) if len(by_norm) else "–",
        "median": fixed(float(np.median(by_value)), 1) if len(by_value) else "–",
    }


DRAWINGS = {
    "losses": Drawing(losses, losses_numbers, HEIGHT),
    "norms": Drawing(norms, norms_numbers, HEIGHT),
    "turned": Drawing(turned, turned_numbers, HEIGHT),
}
