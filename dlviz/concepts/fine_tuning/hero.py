"""Accuracy on the target against what is frozen, and how that gain depends on the labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span, with_axis
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, literal, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent

from .measure import Result, Sweep
from .settings import Labels

HEIGHT = 440
SUPPORT = 340
NARROW = 330  # px of a plot that has no room for words under its ticks
SCRATCH = -1
"""Where the networks from scratch stand on the axis of frozen layers."""


def middle_and_band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and greatest over the last axis, the seeds."""
    return values.mean(axis=-1), values.min(axis=-1), values.max(axis=-1)


def ticked(piece: Piece, texts: dict[float, str | list[str]]) -> Piece:
    """A frame with ticks of one's own below: value -> its text, or its lines, of which a phone has the first."""
    whole = json.dumps(list(texts.values()), ensure_ascii=False)
    few = [text if isinstance(text, str) or value < 0 else text[:1] for value, text in texts.items()]
    first = json.dumps(few, ensure_ascii=False)
    label = f"(width < {NARROW} ? {first} : {whole})[indexof({list(texts)}, datum.value)]"
    said = {"labelExpr": label, "labelOverlap": False, "labels": True, "labelAngle": 0}
    return with_axis(piece, "x", values=list(texts), **said)


def depths(layers: int, look: Look) -> dict[float, str | list[str]]:
    """What stands at the numbers of frozen layers, and at the left of them."""
    texts: dict[float, str | list[str]] = {float(k): str(k) for k in range(layers)}
    texts[0.0] = ["0", tr(look, "(all trained)")]
    texts[float(layers - 1)] = [str(layers - 1), tr(look, "(head only)")]
    return {float(SCRATCH): wrap(tr(look, "from scratch"), 8)} | texts


def called(label: str, result: Result, look: Look) -> str:
    """How many labels a class, as words beside a curve."""
    if label == "all":
        label = str(result.pool // result.classes)
    return tr(look, "{count} labels" if label != "1" else "1 label", count=label)


def _lines(sweep: Sweep, result: Result, look: Look) -> list[Line]:
    found = []
    for at, label in enumerate(sweep.labels):
        name = f"amount {Labels.__args__.index(label) + 1}"
        middle, low, high = (100 * part for part in middle_and_band(sweep.frozen[at]))
        found.append(Line(name, np.arange(sweep.frozen.shape[1]), middle, low, high, label=called(label, result, look)))
    return found


def hero(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Test accuracy against the number of frozen layers, a curve for every number of labels."""
    sweep, layers = result.sweep, result.settings.layers
    if not sweep.labels:
        return message(tr(look, "Choose at least one number of labels."), look, height=HEIGHT)
    drawn = _lines(sweep, result, look)
    pinned = [] if ghost is None else _lines(ghost.sweep, ghost, look)
    scratch = [100 * part for part in middle_and_band(sweep.scratch)]
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    last = max([layers - 1, *(int(line.x[-1]) for line in pinned)])
    x = Axis(tr(look, "Frozen layers, counted from the input"), SCRATCH - 0.35, last + 0.07, grid=False)
    y = Axis(tr(look, "Accuracy on the target's test images in %"), *span(*heights, *scratch))
    piece = ticked(frame(x, y, look), depths(layers, look)) + _baselines(sweep, scratch, x, y, look)
    piece += lines.ghost_lines(pinned, x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += dots(drawn, x, y, look)
    note = tr(
        look, "Labels a class. Thin: from scratch. Mean, range over seeds ({seeds}).",
        seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _baselines(sweep: Sweep, scratch: Sequence[np.ndarray], x: Axis, y: Axis, look: Look) -> Piece:
    """Accuracies from scratch: a diamond with its band at the left, and a thin line across."""
    names = [f"amount {Labels.__args__.index(label) + 1}" for label in sweep.labels]
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
    return Piece(layers, {name: data})


def gain(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Gain over scratch against the labels a class, for full fine-tuning, k frozen and head only."""
    if result.gains is None:
        return off(look)
    drawn = _gains(result, look)
    pinned = [] if ghost is None or ghost.gains is None else _gains(ghost, look)
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    counts = drawn[0].x
    x = Axis(tr(look, "Labels a class"), 0.85, float(counts[-1]) * 1.1, log=True, grid=False)
    y = Axis(tr(look, "Gain over scratch in percentage points"), *span(*heights, np.zeros(1)))
    piece = ticked(frame(x, y, look), {float(count): f"{count:g}" for count in counts})
    piece += _zero(y, look)
    piece += lines.ghost_lines(pinned, x, y, look) + lines.measured(drawn, x, y, look, height=SUPPORT)
    piece += dots(drawn, x, y, look)
    note = tr(
        look, "Mean and range over seeds ({seeds}), each against its own network from scratch.",
        seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=SUPPORT, title=footnote(note, look))


def named(k: int, layers: int, look: Look) -> list[tuple[str, int, str]]:
    """Identity, frozen layers and label of what is compared in the panels, without what is the same."""
    found = [("Full fine-tuning", 0, tr(look, "nothing frozen"))]
    if 0 < k < layers - 1:
        found.append(("Frozen", k, tr(look, "{count} frozen", count=k)))
    return [*found, ("Head only", layers - 1, tr(look, "head only"))]


def _gains(result: Result, look: Look) -> list[Line]:
    gains, s = result.gains, result.settings
    counts = np.array([result.pool // result.classes if label == "all" else int(label) for label in gains.labels])
    found = []
    for name, depth, label in named(s.held, s.layers, look):
        values = 100 * (gains.frozen[:, depth] - gains.scratch)
        found.append(Line(name, counts.astype(float), *middle_and_band(values), label=label))
    return found


def _zero(y: Axis, look: Look) -> Piece:
    """The line of no gain."""
    data = {"_no gain": [{"y": 0.0}]}
    return Piece(
        (mark("rule", "_no gain", {"y": y.along("y")}, color=look.inks.ink, strokeWidth=1.2 * look.unit,
              opacity=0.7, tooltip=None),),
        data,
    )  # fmt: skip


def off(look: Look, height: int = SUPPORT) -> Any:
    """What stands in place of the figure of a panel that is off."""
    return message(tr(look, "Switch this panel on in the settings."), look, height=height)


def described(result: Result, look: Look) -> dict[str, object]:
    """Numbers for the text alternatives; dashes where there is nothing."""
    sweep, s = result.sweep, result.settings
    accuracies = "; ".join(
        f"{called(label, result, look)}: {percent(float(sweep.scratch[at].mean()))} / "
        + ", ".join(percent(float(values.mean())) for values in sweep.frozen[at])
        for at, label in enumerate(sweep.labels)
    )
    found: dict[str, object] = {"accuracies": accuracies or "–", "gained": "–"}
    found |= {"source": tr(look, s.source), "target": tr(look, s.target), "seeds": s.seeds}
    if result.gains is not None:
        found["gained"] = "; ".join(
            f"{line.label}: " + ", ".join(fixed(float(value), 1) for value in line.y) for line in _gains(result, look)
        )
    return found
