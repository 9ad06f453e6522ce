"""Two clouds of labelled points side by side on one scale: the same examples before and after something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dlviz.drawing.grammar.axes import Axis, frame, span, ticks, with_axis
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.palette import OPTIMIZERS
from dlviz.drawing.grammar.piece import Piece, Rows, listed, literal, mark, rows, word
from dlviz.drawing.grammar.theme import Look

GAP = 0.06  # between the two panels, of one panel's width

# Ten hues in turn; the sign itself is the second thing that tells classes apart.
_HUES = tuple(
    OPTIMIZERS[name]
    for name in (
        "Nesterov", "Adam", "Momentum", "NAdam", "AdaGrad", "RMSprop", "AdaDelta", "AdamW", "SGD", "Averaged momentum"
    )
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points (n, 2) under a title (translated)."""

    title: str
    points: np.ndarray


def two_clouds(
    clouds: tuple[Cloud, Cloud], signs: Sequence[str], titles: tuple[str, str], look: Look, *, name: str = "points"
) -> Piece:
    """Each example (n,) as its sign, a short text coloured by what it says, in two panels with the same scale.

    ``titles`` of the axes, translated. It brings its own axes. Points that are not finite are left out.
    """
    both = np.concatenate([cloud.points for cloud in clouds])
    x_low, x_high = span(both[:, 0], pad=0.06)
    y_low, y_high = span(both[:, 1], pad=0.06)
    y_high += 0.09 * (y_high - y_low)  # room for the panels' titles
    shift = (x_high - x_low) * (1 + GAP)
    x = Axis(titles[0], x_low, x_high + shift, grid=False)
    y = Axis(titles[1], y_low, y_high, grid=False)
    first = ticks(Axis("", x_low, x_high), max(2, look.ticks // 2))
    piece = _ticked(frame(x, y, look), [*first, *(value + shift for value in first)], shift, x_high)
    kinds = list(dict.fromkeys(sorted(signs)))
    hues = {sign: getattr(_HUES[i % len(_HUES)], look.theme) for i, sign in enumerate(kinds)}
    records = []
    for panel, cloud in enumerate(clouds):
        found = rows(
            panel=cloud.title, side=panel, x=cloud.points[:, 0], y=cloud.points[:, 1], sign=list(signs),
            colour=[hues[sign] for sign in signs],
        )  # fmt: skip
        records += [row for row in found if row["x"] is not None and row["y"] is not None]
    edges = [{"x": x_low + i * shift, "x2": x_high + i * shift, "y": y_low, "y2": y_high} for i in (0, 1)]
    heads = [{"x": x_low + i * shift, "y": y_high, "text": cloud.title} for i, cloud in enumerate(clouds)]
    place = {"x": x.along("x"), "y": y.along("y")}
    box = {**place, "x2": {"field": "x2"}, "y2": {"field": "y2"}}
    # Rows keep the measured x; only where it is drawn moves.
    moved = [{"calculate": f"datum.x + datum.side * {shift!r}", "as": "at"}]
    glyph = {"x": x.along("at"), "y": y.along("y"), "text": word("sign"), "fill": literal("colour")}
    size = {"expr": f"max({0.6 * look.label:g}, min({0.95 * look.label:g}, width / 50))"}
    layers = (
        mark("rect", f"_{name} panels", box, fill=look.inks.panel, stroke=look.inks.grid, tooltip=None),
        mark("text", name, glyph, transform=moved, fontSize=size, fontWeight="bold", baseline="middle", align="center",
             tooltip=None, name="glyphs"),
        *haloed(f"_{name} heads", place, look, align="left", baseline="top", dx=6 * look.unit, dy=5 * look.unit,
                fontWeight="bold"),
    )  # fmt: skip
    data = {name: records, f"_{name} panels": edges, f"_{name} heads": heads}
    return piece + Piece(layers, data, tables={name: partial(table, clouds, signs, titles)})


def table(clouds: Sequence[Cloud], signs: Sequence[str], titles: tuple[str, str]) -> Rows:
    """Every point of every cloud."""
    found: Rows = []
    for cloud in clouds:
        places = dict(zip(titles, cloud.points.T, strict=True))
        found += listed({"name": cloud.title, "class": list(signs), **places})
    return found


def _ticked(piece: Piece, values: Sequence[float], shift: float, cut: float) -> Piece:
    """The frame with the same ticks under both panels."""
    step = values[1] - values[0] if len(values) > 1 and values[1] < cut else 1.0
    # Rounded to the ticks' step, for the difference of two large numbers is not a round one.
    told = f"{step!r} * round((datum.value > {cut!r} ? datum.value - {shift!r} : datum.value) / {step!r})"
    return with_axis(piece, "x", values=list(values), labelExpr=f"format(({told}) + 0.0, '.3~g')")
