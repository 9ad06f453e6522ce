"""Distributions: binned densities as stepped areas, alone or several over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dlviz.drawing.curves.curve import drawable
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, literal, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look


@dataclass(frozen=True, eq=False)
class Histogram:
    """``density`` (B,) over the bins between ``edges`` (B+1,); ``name`` is its identity."""

    name: str
    edges: np.ndarray
    density: np.ndarray


def histograms(
    drawn: Sequence[Histogram], x: Axis, y: Axis, look: Look, *, name: str = "histogram", opacity: float = 0.3
) -> Piece:
    """Stepped areas with their outline, one over the other. On a logarithmic axis an empty bin lies at the foot."""
    place = {"x": x.along("x"), "y": y.along("y"), "detail": word("name")}
    hints = [number("x", title=x.title, format=".4~g"), number("y", title=y.title, format=".4~g")]
    records = [record for i, item in enumerate(drawn) for record in steps(item, y, look, i)]
    area = {**place, "y2": {"datum": y.low}, "fill": literal("colour")}
    outline = {**place, "stroke": literal("colour"), "tooltip": hints}
    style: Spec = {"clip": True, "interpolate": "linear"}
    layers = (
        mark("area", name, area, opacity=opacity, tooltip=None, **style),
        mark("line", name, outline, strokeWidth=0.6 * look.line, **style),
    )
    return Piece(layers, {name: records}, tables={name: partial(table, drawn)})


def table(drawn: Sequence[Histogram]) -> Rows:
    """The density in every bin of every histogram."""
    return [record for item in drawn for record in listed({"name": item.name, **bins(item.edges, item.density)})]


def bins(edges: np.ndarray, density: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of a table of bins: ``density`` (B,) between ``edges`` (B+1,)."""
    return {"from": edges[:-1], "to": edges[1:], "density": density}


def steps(item: Histogram, y: Axis, look: Look, position: int = 0) -> Rows:
    """The outline of a histogram: two corners a bin, closed down to the axis at both ends."""
    edges, density = np.asarray(item.edges, dtype=float), np.asarray(item.density, dtype=float)
    floor = np.full(1, y.low)
    heights = np.concatenate([floor, np.repeat(np.where(density > 0, density, y.low), 2), floor])
    return rows(name=item.name, x=np.repeat(edges, 2), y=drawable(heights, y), colour=colour(item.name, look, position))


def density_of(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of the finite values per unit of x in each bin, (B,); what lies outside the bins is counted in no bin.

    The area under it is the share of the values that lie within the bins.
    """
    finite = np.asarray(values, dtype=float).ravel()
    finite = finite[np.isfinite(finite)]
    counts, _ = np.histogram(finite, edges)
    return counts / max(finite.size, 1) / np.diff(edges)
