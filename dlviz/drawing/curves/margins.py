"""A curve with what goes in and what comes out: the input's distribution above it, the output's beside it.

All of it is one layered chart over one pair of axes. The curve keeps to the *main part*; the axes reach
further, and the strips beyond hold the two densities, each on a scale of its own. Ticks keep to the main part.
A file holds the densities as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from dlviz.drawing.curves.histogram import bins
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.piece import Piece, Spec, listed, literal, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look

TOP, RIGHT = 0.24, 0.22
"""Shares of the picture that the strips take."""
GAP = 0.025
"""Share of the picture between the main part and the base of a strip."""


@dataclass(frozen=True)
class Margins:
    """The main part, ``across`` (low, high) by ``up`` (low, high), and the axes that reach beyond it."""

    across: tuple[float, float]
    up: tuple[float, float]
    titles: tuple[str, str]

    def __post_init__(self) -> None:
        # What a run that went wrong leaves can be no part of a picture; see Axis.
        for name in ("across", "up"):
            part = Axis("", *getattr(self, name))
            object.__setattr__(self, name, (part.low, part.high))

    @cached_property
    def x(self) -> Axis:
        low, high = self.across
        return Axis(self.titles[0], low, low + (high - low) / (1 - RIGHT), ticks_to=high)

    @cached_property
    def y(self) -> Axis:
        low, high = self.up
        return Axis(self.titles[1], low, low + (high - low) / (1 - TOP), ticks_to=high)

    def into_top(self, share: np.ndarray | float) -> np.ndarray:
        """Heights in the upper strip: 0 at its base, 1 at the edge of the picture."""
        return self.y.at(1 - TOP + GAP + np.asarray(share) * (TOP - GAP))

    def into_right(self, share: np.ndarray | float) -> np.ndarray:
        """Places in the strip on the right: 0 at its base, 1 at the edge of the picture."""
        return self.x.at(1 - RIGHT + GAP + np.asarray(share) * (RIGHT - GAP))


def borders(margins: Margins, look: Look) -> Piece:
    """The bases of the two strips."""
    x, y = margins.x, margins.y
    base = float(margins.into_top(0.0)), float(margins.into_right(0.0))
    data = {
        "_borders": [
            {"x": x.low, "x2": margins.across[1], "y": base[0], "y2": base[0]},
            {"x": base[1], "x2": base[1], "y": y.low, "y2": margins.up[1]},
        ]
    }
    place = {"x": x.along("x"), "y": y.along("y"), "x2": {"field": "x2"}, "y2": {"field": "y2"}}
    return Piece((mark("rule", "_borders", place, color=look.inks.faint, strokeWidth=look.unit, tooltip=None),), data)


def above(edges: np.ndarray, density: np.ndarray, highest: float, margins: Margins, colour: str) -> Piece:
    """A measured density over bins with ``edges`` (b+1,) in the upper strip; ``highest`` fills 0.82 of it."""
    tops = margins.into_top(0.82 * np.clip(np.asarray(density) / highest, 0, 1.15))
    base = float(margins.into_top(0.0))
    data = {"pre-activations": rows(x=edges[:-1], x2=edges[1:], y=tops, base=base, density=density)}
    place = {
        "x": margins.x.along("x"),
        "x2": {"field": "x2"},
        "y": margins.y.along("base"),
        "y2": {"field": "y"},
        "tooltip": [
            number("x", title="≥", format=".3~g"),
            number("x2", title="<", format=".3~g"),
            number("density", format=".3~g"),
        ],
    }
    layers = (mark("rect", "pre-activations", place, fill=colour, opacity=0.55, stroke=None),)
    return Piece(layers, data, tables={"pre-activations": partial(listed, bins(edges, density))})


def beside(edges: np.ndarray, density: np.ndarray, highest: float, margins: Margins, colour: str) -> Piece:
    """A measured density over bins with ``edges`` (b+1,) in the strip on the right."""
    tips = margins.into_right(0.82 * np.clip(np.asarray(density) / highest, 0, 1.15))
    base = float(margins.into_right(0.0))
    data = {"outputs": rows(y=edges[:-1], y2=edges[1:], x=tips, base=base, density=density)}
    place = {
        "y": margins.y.along("y"),
        "y2": {"field": "y2"},
        "x": margins.x.along("base"),
        "x2": {"field": "x"},
        "tooltip": [
            number("y", title="≥", format=".3~g"),
            number("y2", title="<", format=".3~g"),
            number("density", format=".3~g"),
        ],
    }
    layers = (mark("rect", "outputs", place, fill=colour, opacity=0.55, stroke=None),)
    return Piece(layers, data, tables={"outputs": partial(listed, bins(edges, density))})


def theory_above(xs: np.ndarray, density: np.ndarray, highest: float, margins: Margins, look: Look) -> Piece:
    """A predicted density in the upper strip, thin and dashed."""
    heights = margins.into_top(0.82 * np.clip(np.asarray(density) / highest, 0, 1.2))
    piece = _dashed("pre-activations, theory", np.asarray(xs, dtype=float), heights, margins, look)
    return piece + Piece(tables={"pre-activations, theory": partial(listed, {"at": xs, "density": density})})


def theory_beside(edges: np.ndarray, density: np.ndarray, highest: float, margins: Margins, look: Look) -> Piece:
    """A predicted density over bins with ``edges`` (b+1,) in the strip on the right, thin and dashed.

    As steps, for bins are compared; from the first to the last bin in which there is something to see.
    """
    middles = (edges[1:] + edges[:-1]) / 2
    shown = np.flatnonzero((density > 1e-3 * highest) & (middles <= margins.up[1]))
    piece = Piece(tables={"outputs, theory": partial(listed, bins(edges, density))})
    if not shown.size:
        return piece
    first, last = shown[[0, -1]]
    ys = np.repeat(edges[first : last + 2], 2)[1:-1]
    places = margins.into_right(0.82 * np.clip(np.repeat(density[first : last + 1], 2) / highest, 0, 1.2))
    return _dashed("outputs, theory", places, ys, margins, look) + piece


def _dashed(name: str, xs: np.ndarray, ys: np.ndarray, margins: Margins, look: Look) -> Piece:
    place = {"x": margins.x.along("x"), "y": margins.y.along("y")}
    style: Spec = {
        "color": look.inks.ink,
        "strokeWidth": 1.3 * look.unit,
        "strokeDash": [4 * look.unit, 3 * look.unit],
        "opacity": 0.85,
    }
    return Piece((mark("line", name, place, tooltip=None, **style),), {name: rows(x=xs, y=ys)})


def masses(points: Sequence[tuple[float, str, bool]], margins: Margins, look: Look, colour: str) -> Piece:
    """Point masses in the strip on the right, as arrows with their text: (value, text, whether it stands below)."""
    base, tip = float(margins.into_right(0.0)), float(margins.into_right(0.9))
    data = {
        "point masses": [
            {"y": float(v), "base": base, "tip": tip, "text": text, "_below": below} for v, text, below in points
        ]
    }
    y = margins.y.along("y")
    rule = {"y": y, "x": margins.x.along("base"), "x2": {"field": "tip"}}
    head = {"y": y, "x": margins.x.along("tip")}
    layers = [
        mark("rule", "point masses", rule, color=colour, strokeWidth=look.line, tooltip=None),
        mark("point", "point masses", head, shape="triangle-right", fill=colour, stroke=None, opacity=1,
             size=70 * look.unit**2, tooltip=None),
        *haloed("point masses", head, look, align="right", dx=4 * look.unit, fontSize=narrow(look),
                baseline={"expr": "datum._below ? 'top' : 'bottom'"},
                dy={"expr": f"datum._below ? {6 * look.unit} : {-5 * look.unit}"}),
    ]  # fmt: skip
    return Piece(tuple(layers), data)


def inside(xs: np.ndarray, ys: np.ndarray, up: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A curve cut to the main part: where it leaves through the bottom or the top it ends exactly there.

    NaN parts the pieces. Points that are not finite are left out.
    """
    xs, ys = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    low, high = up
    found_x, found_y = [], []
    for i in range(len(xs)):
        if i and np.isfinite(ys[i - 1]) and np.isfinite(ys[i]):
            crossings = [
                (edge - ys[i - 1]) / (ys[i] - ys[i - 1])
                for edge in (low, high)
                if (ys[i - 1] - edge) * (ys[i] - edge) < 0
            ]
            for share in sorted(crossings):
                at = xs[i - 1] + share * (xs[i] - xs[i - 1])
                edge = low if abs(ys[i - 1] + share * (ys[i] - ys[i - 1]) - low) < 1e-9 * (high - low) else high
                leaving = low <= ys[i - 1] <= high
                found_x += [at, np.nan] if leaving else [np.nan, at]
                found_y += [edge, np.nan] if leaving else [np.nan, edge]
        if np.isfinite(ys[i]) and low <= ys[i] <= high:
            found_x.append(xs[i])
            found_y.append(ys[i])
    return np.array(found_x), np.array(found_y)


def narrow(look: Look) -> dict[str, str]:
    """A size of letters with which a dozen of them fit into the strip on the right, on a phone too."""
    return {"expr": f"max(8, min({look.label}, width * {RIGHT:g} / 6.8))"}


def words(texts: Sequence[dict], margins: Margins, look: Look, *, name: str = "_words", **style: Any) -> Piece:
    """Texts at places in the picture: rows with x, y, text."""
    place = {"x": margins.x.along("x"), "y": margins.y.along("y")}
    return Piece(tuple(haloed(name, place, look, **style)), {name: _placed(texts)})


def _placed(texts: Sequence[dict]) -> list[dict]:
    return [text for text in texts if np.isfinite([text["x"], text["y"]]).all()]


def coloured_words(texts: Sequence[dict], margins: Margins, look: Look, *, name: str = "_names", **style: Any) -> Piece:
    """Bold texts in a colour of their own: rows with x, y, text, colour."""
    place = {"x": margins.x.along("x"), "y": margins.y.along("y"), "text": word("text")}
    style = {"fontSize": look.label, "fontWeight": "bold", "tooltip": None, **style}
    halo: Spec = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.85}
    layers = (
        mark("text", name, place, **halo, **style),
        mark("text", name, {**place, "fill": literal("colour")}, **style),
    )
    return Piece(layers, {name: _placed(texts)})
