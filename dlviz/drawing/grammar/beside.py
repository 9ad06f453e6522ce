"""Words beside a curve or a point of a plot, where they lie on none of its curves and on no other words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.legends import text_height, text_width
from dlviz.drawing.grammar.piece import Piece, Spec, literal, mark, where, word
from dlviz.drawing.grammar.theme import Look, plot_height

TRIED = 32  # places along a curve
ENOUGH = 7.0  # px from everything else: more makes no place better
APART = 24.0  # px between two texts on one height, which would else read as one
OFF = 6.0  # px between words and their curve
WIDE, PHONE = 480.0, 175.0  # px of the width of a plot in a figure of more than half a page, and on a phone
SPACED = 4.0  # px between the points that stand for a curve
MOST = 3_000  # such points of a curve

Boxes = np.ndarray
"""Left and right ends, feet and tops (4, K) in px from the lower left corner of the plot."""


class Beside:
    """Keeps count of the curves of a plot and of the words put beside them.

    ``curves``: (xs, ys), all that is drawn, and those whose words are to come. ``height``: of the figure. A plot
    is as wide as in a usual figure, or narrower or wider: places are good in the first and, if possible, in the others.
    """

    def __init__(
        self, curves: Sequence[tuple[Any, Any]], x: Axis, y: Axis, look: Look, *, height: int | None = None
    ) -> None:
        self.x, self.y, self.look = x, y, look
        widths = [look.plot_width, 0.75 * look.plot_width] if look.slide else [look.plot_width, PHONE, WIDE]
        high = 0.9 * plot_height(look, height)
        # A narrow plot has more rows of a legend and of small print about it.
        self.sizes = [np.array([width, high if i != 1 else 0.85 * high]) for i, width in enumerate(widths)]
        self.points = [
            np.concatenate([np.empty((0, 2)), *(_spaced(self._shares(xs, ys) * size, size) for xs, ys in curves)])
            for size in self.sizes
        ]
        self.taken: list[list[np.ndarray]] = [[] for _ in self.sizes]

    def words(self, xs: Any, ys: Any, text: str, *, name: str, at: float = 0.5) -> Piece:
        """``text`` beside the curve, as near as possible to a share ``at`` of what can be seen of it."""
        shares = self._shares(xs, ys)
        seen = np.flatnonzero(np.all((shares >= 0) & (shares <= 1), axis=1))
        if not seen.size:
            return Piece()
        tried = np.unique(np.linspace(0, len(seen) - 1, TRIED).astype(int))
        ways = np.meshgrid(tried, (False, True), (False, True), (1, 5), indexing="ij")
        here, left, below, far = (part.ravel() for part in ways)
        # Above rather than below, near to where it is wanted, and to the curve.
        liked = -8 * np.abs(here / max(len(seen) - 1, 1) - at) - 0.5 * below - (far - 1.0)
        off = OFF * self.look.unit
        sides = np.where(left, -1, 1), np.where(below, -1, 1)
        best, rooms = self._choose(shares[seen[here]], text, *sides, off * np.stack([np.ones(len(far)), far]), liked)
        place, to_left, under = int(seen[here[best]]), bool(left[best]), bool(below[best])
        record = {
            "x": float(np.asarray(xs)[place]), "y": float(np.asarray(ys)[place]), "text": text,
            "align": "right" if to_left else "left", "baseline": "top" if under else "bottom",
            "dx": -off if to_left else off, "dy": off * int(far[best]) * (1 if under else -1),
            "wide": round(text_width(text, self.look), 1), "least": self._least(rooms),
        }  # fmt: skip
        # In the rows, so that the spec stays the same when the words move.
        style = {channel: {"expr": f"datum.{channel}"} for channel in ("align", "baseline", "dx", "dy")}
        fitting = f"{self.look.label} * min(1, 0.95 * width / max(datum.wide, 1))"
        style["fontSize"] = {"expr": f"width < datum.least ? 0 : {fitting}"}
        along = {"x": self.x.along("x"), "y": self.y.along("y")}
        return Piece(tuple(haloed(f"_{name} words", along, self.look, **style)), {f"_{name} words": [record]})

    def callout(self, x: float, y: float, text: str, hue: str, off: float) -> dict[str, Any]:
        """A row for :func:`callouts`: ``text`` where it has most room around a mark that reaches ``off`` px."""
        aside = [(0, 1.0), *((side, far) for side in (1, -1) for far in (1.0, 2.0, 4.0, 8.0))]
        above = [(0, 1.0), *((up, high) for up in (1, -1) for high in np.arange(1.0, 17.0, 1.5))]
        places = [(side, up, far, high) for side, far in aside for up, high in above if side or up]
        across, up, far, high = np.array(places, dtype=float).T
        away = np.stack([far, high]) * off
        spot = np.repeat(self._shares([x], [y]), len(far), axis=0)
        # Near rather than far, and level rather than not.
        best, _ = self._choose(spot, text, across, up, away, -1.5 * (far + high - 2) - 0.5 * np.abs(up))
        right, over = int(across[best]), int(up[best])
        return {
            "x": x, "y": y, "text": text, "colour": hue,
            "dx": right * float(away[0, best]), "dy": -over * float(away[1, best]),
            "from_x": right * off, "from_y": -over * off, "led": bool(far[best] + high[best] > 2),
            "align": ("right", "center", "left")[right + 1], "baseline": ("top", "middle", "bottom")[over + 1],
        }  # fmt: skip

    def room(self, x: float, y: float, text: str, *, left: bool, below: bool, off: float = OFF) -> float:
        """Px between ``text``, put to the left or right of and below or above a point, and what is nearest to it."""
        sides = np.array([-1 if left else 1]), np.array([-1 if below else 1])
        size = self.sizes[0]
        boxes = self._boxes(self._shares([x], [y]) * size, text, *sides, off * self.look.unit)
        return float(self._rooms(0, boxes)[0])

    def _choose(
        self, spots: np.ndarray, text: str, across: Any, up: Any, off: Any, liked: np.ndarray
    ) -> tuple[int, np.ndarray]:
        """The best of K places for ``text`` beside ``spots`` (K, 2), in shares of the axes, which it then takes.

        Gives the room there in each of the sizes, too.
        """
        boxes = [self._boxes(spots * size, text, across, up, off) for size in self.sizes]
        rooms = np.array([self._rooms(i, each) for i, each in enumerate(boxes)])
        best = int(np.argmax(rooms[0] + 0.5 * np.minimum(rooms[1:], 0).sum(axis=0) + liked))
        for taken, each in zip(self.taken, boxes, strict=True):
            taken.append(each[:, best])
        return best, rooms[:, best]

    def _least(self, rooms: np.ndarray) -> float:
        """The width of a plot below which words would lie on something, as far as that is known."""
        if self.look.slide or min(rooms[0], rooms[1]) > -1:
            return 0
        if rooms[2] < -1:
            return 1.2 * WIDE
        return round((self.sizes[0][0] + (PHONE if rooms[0] > -1 else WIDE)) / 2)

    def _boxes(self, spots: np.ndarray, text: str, across: Any, up: Any, off: Any) -> Boxes:
        """Of words ``off`` px, (2, K) or for all, from spots (K, 2) on sides -1, 0 or 1 of them, across and up."""
        aside, above = np.broadcast_to(off, (2, len(spots)))
        wide, tall = text_width(text, self.look), text_height(text, self.look)
        start = spots[:, 0] + across * aside + wide * (np.asarray(across) - 1) / 2
        foot = spots[:, 1] + up * above + tall * (np.asarray(up) - 1) / 2
        return np.stack([start, start + wide, foot, foot + tall])

    def _shares(self, xs: Any, ys: Any) -> np.ndarray:
        """A curve (n, 2) in shares of the axes."""
        # What lies far beyond the plot, or at infinity, is beyond it all the same.
        return np.clip(np.stack([self.x.share(xs), self.y.share(ys)], axis=1), -9, 9)

    def _rooms(self, i: int, boxes: Boxes) -> np.ndarray:
        """Px (K,) between boxes and what is nearest to each, in the i-th size: negative where it lies on something."""
        left, right, foot, top = boxes
        wide, high = self.sizes[i]
        beyond = np.max([-left, right - wide, -foot, top - high], axis=0)
        room = np.where(beyond > 0, -50 - beyond, ENOUGH)
        if len(self.points[i]):
            across, up = self.points[i].T
            aside = np.maximum(left[:, None] - across, across - right[:, None])
            apart = np.maximum(foot[:, None] - up, up - top[:, None])
            room = np.minimum(room, np.min(np.maximum(aside, apart), axis=1))
        for other in self.taken[i]:
            aside = np.maximum(left - other[1], other[0] - right) - APART
            room = np.minimum(room, np.maximum(aside, np.maximum(foot - other[3], other[2] - top)))
        return room


def _spaced(places: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Points (m, 2) along the line through places (n, 2) in px, evenly apart, of what can be seen of it."""
    start, step = places[:-1], np.diff(places, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = np.sort([(edge - start) / np.where(step == 0, 1e-9, step) for edge in (-ENOUGH, size + ENOUGH)], axis=0)
    first, last = np.clip(ends[0].max(axis=1), 0, 1), np.clip(ends[1].min(axis=1), 0, 1)
    seen = last > first
    start, step = start[seen] + first[seen, None] * step[seen], (last - first)[seen, None] * step[seen]
    steps = np.linalg.norm(step, axis=1)
    count = np.ceil(steps / max(SPACED, steps.sum() / MOST)).astype(int) + 1
    share = (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)) / np.repeat(count - 1, count).clip(1)
    return np.repeat(start, count, axis=0) + share[:, None] * np.repeat(step, count, axis=0)


def callouts(data: str, place: Spec, look: Look, *, transform: Sequence[Spec] = ()) -> tuple[Spec, ...]:
    """Bold words beside marks, with a leader where they stand off: rows of :meth:`Beside.callout`."""
    leader = {**place, "x2": {"field": "x"}, "y2": {"field": "y"}, "stroke": literal("colour")}
    ends = {"xOffset": "from_x", "yOffset": "from_y", "x2Offset": "dx", "y2Offset": "dy"}
    rule: Spec = {end: {"expr": f"datum.{field}"} for end, field in ends.items()}
    rule |= {"strokeWidth": look.unit, "opacity": 0.7, "tooltip": None}
    text: Spec = {channel: {"expr": f"datum.{channel}"} for channel in ("align", "baseline", "dx", "dy")}
    text |= {"fontSize": look.label, "fontWeight": "bold", "tooltip": None}
    halo: Spec = {"stroke": look.inks.halo, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.85}
    words = {**place, "text": word("text")}
    return (
        mark("rule", data, leader, transform=[*transform, where("datum.led")], **rule),
        mark("text", data, words, transform=transform, **halo, **text),
        mark("text", data, {**words, "fill": literal("colour")}, transform=transform, **text),
    )
