"""Names at the ends of curves, and other words within a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlviz.drawing.curves.curve import Line, shares
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.labels import dodge
from dlviz.drawing.grammar.legends import text_height
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, literal, mark, where, word
from dlviz.drawing.grammar.theme import Look, plot_height, tr

INSIDE = 0.97  # of the width: a curve that ends before it has its name inside the plot


@dataclass(frozen=True)
class _Label:
    """A name with the place of its curve's end (shares of the axes) and its height in px."""

    line: Line
    position: int
    text: str
    across: float
    up: float
    tall: float

    @property
    def diverged(self) -> bool:
        """Whether it says more than the name: it then has no leader, and those of others do not pass it."""
        return "\n" in self.text


def end_labels(
    lines: Sequence[Line], x: Axis, y: Axis, look: Look, *, height: int | None = None, name: str = "_labels"
) -> Piece:
    """The names at the ends of their curves, moved apart where they would meet.

    Those that reach the right edge stand beside it, in one column: where one of them is moved, each is joined to its
    curve by a thin leader. A diverged run says at which step, at the height of its last value. A curve that ends
    earlier has its name there.
    """
    plot = plot_height(look, height)
    found = [_label(line, i, x, y, look) for i, line in enumerate(lines)]
    edge = [label for label in found if label.across >= INSIDE]
    inner = [label for label in found if label.across < INSIDE]
    records: Rows = []
    for group in filter(None, [edge, *_meeting(inner)]):
        at = _apart(group, look, plot)
        moved = any(abs(own - label.up * plot) > 0.25 * look.label for own, label in zip(at, group, strict=True)
                    if not label.diverged)  # fmt: skip
        for stack in _stacks(group, at):
            # Those that touch keep their distances in px, however high the plot turns out beside its legend.
            foot, head = at[stack[0]] - group[stack[0]].tall / 2, at[stack[-1]] + group[stack[-1]].tall / 2
            middle = 0.0 if foot < 1 else plot if head > plot - 1 else (foot + head) / 2
            for i in stack:
                label = group[i]
                records.append(
                    {
                        "x": x.high if label.across >= INSIDE else float(x.at(label.across)),
                        "y": float(y.at(middle / plot)),
                        "down": round(middle - at[i], 2),
                        "from": float(y.at(label.up)),
                        "far": moved,
                        "led": moved and not label.diverged,
                        "text": label.text,
                        "colour": colour(label.line.name, look, label.position),
                    }
                )
    place = {"x": x.along("x"), "y": y.along("y")}
    leader = {**place, "y": y.along("from"), "y2": {"field": "y"}, "x2": {"field": "x"}, "stroke": literal("colour")}
    near, far = 7 * look.unit, 20 * look.unit
    text: Spec = {"align": "left", "baseline": "middle", "fontSize": look.label, "fontWeight": "bold", "tooltip": None}
    text |= {"lineBreak": "\n", "lineHeight": 1.2 * look.label, "dx": {"expr": f"datum.far ? {far} : {near}"}}
    # Two lines stand around their place, not under it.
    text["dy"] = {"expr": f"datum.down - (indexof(datum.text, '\\n') < 0 ? 0 : {0.6 * look.label:g})"}
    words = {**place, "text": word("text")}
    rule: Spec = {
        "xOffset": 3 * look.unit,
        "x2Offset": far - 3 * look.unit,
        "y2Offset": {"expr": "datum.down"},
        "strokeWidth": look.unit,
        "opacity": 0.7,
        "tooltip": None,
    }
    halo: Spec = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.8}
    layers = (
        mark("rule", name, leader, transform=[where("datum.led")], **rule),
        mark("text", name, words, **halo, **text),
        mark("text", name, {**words, "fill": literal("colour")}, **text),
    )
    return Piece(layers, {name: records})


def _label(line: Line, position: int, x: Axis, y: Axis, look: Look) -> _Label:
    text = line.label or line.name
    tall = text_height(text, look) + 0.15 * look.label
    up = shares(line.y, y)
    ends = np.flatnonzero(np.isfinite(up))
    last = float(np.clip(up[ends[-1]], 0, 1)) if ends.size else 1.0
    if line.diverged >= 0:
        said = tr(look, "diverged at step {step}", step=int(line.diverged))
    elif not ends.size:
        said = tr(look, "no finite values")
    else:
        across = float(np.nan_to_num(np.clip(x.share(line.x)[ends[-1]], 0, 1), nan=1.0))
        return _Label(line, position, text, across, last, tall)
    # Beside those of others at the same place, on the side where their leaders do not pass.
    return _Label(line, position, f"{text}\n{said}", 1.0, last + (1e-3 if last < 0.5 else -1e-3), 2.2 * tall)


def _apart(labels: list[_Label], look: Look, plot: float) -> list[float]:
    """Heights in px at which labels that share a column do not meet."""
    room = 0.5 * look.label
    return dodge([label.up * plot for label in labels], [label.tall for label in labels], -room, plot + room).tolist()


def _stacks(labels: list[_Label], at: list[float]) -> list[list[int]]:
    """Which labels touch, from below: their places in the list."""
    stacks: list[list[int]] = []
    for i in np.argsort(at, kind="stable").tolist():
        below = stacks[-1][-1] if stacks else None
        if below is not None and at[i] - at[below] < (labels[i].tall + labels[below].tall) / 2 + 1:
            stacks[-1].append(i)
        else:
            stacks.append([i])
    return stacks


def _meeting(labels: list[_Label]) -> list[list[_Label]]:
    """Labels inside the plot in groups whose texts could meet: ends within a quarter of the width."""
    groups: list[list[_Label]] = []
    for label in sorted(labels, key=lambda label: label.across):
        if groups and label.across - groups[-1][-1].across < 0.25:
            groups[-1].append(label)
        else:
            groups.append([label])
    return groups
