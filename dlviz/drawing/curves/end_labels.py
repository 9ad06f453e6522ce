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
    """A name with the place of its curve's end (shares of the axes) and its size in px."""

    line: Line
    position: int
    text: str
    across: float
    up: float
    tall: float


def end_labels(
    lines: Sequence[Line], x: Axis, y: Axis, look: Look, *, height: int | None = None, name: str = "_labels"
) -> Piece:
    """The names at the ends of their curves, moved apart where they would meet.

    Those that reach the right edge stand beside it; a moved name is joined to its curve by a thin
    leader. A diverged run says at which step, at the height of its last value. A curve that ends earlier has its
    name there.
    """
    plot = plot_height(look, height)
    found = [_label(line, i, x, y, look) for i, line in enumerate(lines)]
    edge = [label for label in found if label.across >= INSIDE]
    inner = [label for label in found if label.across < INSIDE]
    places = dict(zip(map(id, edge), _apart(edge, look, plot), strict=True))
    for group in _meeting(inner):
        places |= dict(zip(map(id, group), _apart(group, look, plot), strict=True))
    records: Rows = []
    for label in found:
        spot = places[id(label)]
        loose = label.line.diverged >= 0 or "\n" in label.text
        records.append(
            {
                "x": x.high if label.across >= INSIDE else float(x.at(label.across)),
                "y": float(y.at(spot / plot)),
                "from": float(y.at(label.up)),
                "moved": bool(abs(spot - label.up * plot) > 0.25 * look.label) and not loose,
                "text": label.text,
                "colour": colour(label.line.name, look, label.position),
            }
        )
    place = {"x": x.along("x"), "y": y.along("y")}
    leader = {**place, "y": y.along("from"), "y2": {"field": "y"}, "x2": {"field": "x"}, "stroke": literal("colour")}
    near, far = 7 * look.unit, 20 * look.unit
    text: Spec = {"align": "left", "baseline": "middle", "fontSize": look.label, "fontWeight": "bold", "tooltip": None}
    text |= {"lineBreak": "\n", "lineHeight": 1.2 * look.label, "dx": {"expr": f"datum.moved ? {far} : {near}"}}
    # Two lines stand around their place, not under it.
    text["dy"] = {"expr": f"indexof(datum.text, '\\n') < 0 ? 0 : {-0.6 * look.label:g}"}
    words = {**place, "text": word("text")}
    rule: Spec = {
        "xOffset": 3 * look.unit,
        "x2Offset": far - 3 * look.unit,
        "strokeWidth": look.unit,
        "opacity": 0.7,
        "tooltip": None,
    }
    halo: Spec = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.8}
    layers = (
        mark("rule", name, leader, transform=[where("datum.moved")], **rule),
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
    # It has no leader, and stands where those of others do not pass.
    return _Label(line, position, f"{text}\n{said}", 1.0, last + (1e-3 if last < 0.5 else -1e-3), 2.2 * tall)


def _apart(labels: list[_Label], look: Look, plot: float) -> list[float]:
    """Heights in px at which labels that share a column do not meet."""
    room = 0.5 * look.label
    return dodge([label.up * plot for label in labels], [label.tall for label in labels], -room, plot + room).tolist()


def _meeting(labels: list[_Label]) -> list[list[_Label]]:
    """Labels inside the plot in groups whose texts could meet: ends within a quarter of the width."""
    groups: list[list[_Label]] = []
    for label in sorted(labels, key=lambda label: label.across):
        if groups and label.across - groups[-1][-1].across < 0.25:
            groups[-1].append(label)
        else:
            groups.append([label])
    return groups
