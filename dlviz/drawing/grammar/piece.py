"""How a picture is put together: pieces are layered with ``+`` and finished into an Altair chart.

A piece carries its layers *and* the rows they draw::

    picture = frame(x, y, look) + surface.background(...) + paths.paths(...)
    chart = finish(picture, look)

Layers are Vega-Lite unit specs as plain dicts. The same layers as Altair objects cost 3 ms each to
build and serialise (validation and deep copies), a hundred times more, and a class of students pays
for it at every rerun. The finished :class:`Figure` is an Altair chart again: Streamlit, a notebook
and vl-convert draw it like any other. :meth:`Piece.of` takes layers written in Altair.

Rows are named datasets of the whole chart, never inline values: Altair's global data transformer is
not touched, and new rows under an unchanged spec do not rebuild the view in the browser, so that the
sliders in the chart stay where they are. What changes from run to run therefore belongs in the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np

Rows = list[dict[str, Any]]
Spec = dict[str, Any]
Table = Callable[[], Rows]
"""Rows of a file of numbers, by column headers; made only when a file is."""

CROSS = "M-1,-1L1,1M1,-1L-1,1"
"""A cross as the shape of a point mark."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Layers, bottom first, with the named rows they draw and the chart's parameters they use.

    ``tables`` gives, by name, what a file holds: the numbers as they were computed and the texts that say which they
    are (see :func:`listed`). Rows that are drawn are cut, scaled, placed and coloured, and are in no file. Of two
    tables of one name the later counts, so that who knows more of the numbers can say more.
    """

    layers: tuple[Spec, ...] = ()
    data: Mapping[str, Rows] = field(default_factory=dict)
    params: tuple[Spec, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)

    def __add__(self, other: Piece) -> Piece:
        """``other`` on top of this. One name stands for one set of rows, one parameter for one slider."""
        for name in self.data.keys() & other.data.keys():
            if self.data[name] is not other.data[name] and self.data[name] != other.data[name]:
                raise ValueError(
                    f"two pieces bring different rows under the name {name!r}; give one of them another name"
                )
        params = {param["name"]: param for param in (*self.params, *other.params)}
        data, tables = {**self.data, **other.data}, {**self.tables, **other.tables}
        return Piece(self.layers + other.layers, data, tuple(params.values()), tables)

    @classmethod
    def of(cls, chart: alt.Chart | alt.LayerChart, data: Mapping[str, Rows]) -> Piece:
        """A piece from layers written in Altair over ``alt.NamedData(name)``.

        Give selections and views explicit names: Altair counts its automatic ones up, and a spec that
        differs at every run resets the chart.
        """
        spec = chart.to_dict(validate=False)
        layers = spec.get("layer") or [{k: v for k, v in spec.items() if k not in ("$schema", "config", "params")}]
        return cls(tuple(layers), data, tuple(spec.get("params", ())))


SAID: Rows = [{"here": 0}]
"""The one row under a sentence; without a column it would be lost on the way to the browser."""


def says(piece: Piece) -> bool:
    """Whether a sentence stands in the picture."""
    return any(layer.get("data", {}).get("values") == SAID for layer in piece.layers)


def listed(columns: Mapping[str, Any]) -> Rows:
    """Columns of one length (or single values) by their headers -> records, every number as it is."""
    length = max((len(c) for c in columns.values() if _is_column(c)), default=1)
    whole = {name: list(_plain(c)) if _is_column(c) else [c] * length for name, c in columns.items()}
    return [dict(zip(whole, values, strict=True)) for values in zip(*whole.values(), strict=True)]


def rows(**columns: Any) -> Rows:
    """Columns of one length (or single values) -> records to draw; numbers that are not finite become None."""
    return listed({name: _drawable(column) if _is_column(column) else column for name, column in columns.items()})


def _is_column(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list, tuple))


def _plain(column: Any) -> Sequence[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column


def _drawable(column: Any) -> list[Any]:
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in _plain(column)]


def mark(kind: str, data: str | Spec, encoding: Spec, *, transform: Sequence[Spec] = (), **properties: Any) -> Spec:
    """One layer: a mark over named rows. ``name`` and ``params`` go to the view, the rest to the mark."""
    spec: Spec = {"data": {"name": data} if isinstance(data, str) else data}
    for key in ("name", "params"):
        if key in properties:
            spec[key] = properties.pop(key)
    if transform:
        spec["transform"] = list(transform)
    if kind == "line" and "order" not in encoding:
        properties.setdefault("order", None)  # in the order of the rows; Vega-Lite would sort by x
    if properties.get("tooltip", "") is None:
        properties.setdefault("aria", False)  # the figure's text speaks for it; nobody wants 4,000 cells read out
    spec["mark"] = {"type": kind, **properties}
    spec["encoding"] = encoding
    return spec


def number(name: str, **options: Any) -> Spec:
    """A quantitative channel."""
    return {"field": name, "type": "quantitative", **options}


def word(name: str, **options: Any) -> Spec:
    """A nominal channel."""
    return {"field": name, "type": "nominal", **options}


def literal(name: str) -> Spec:
    """A channel whose rows hold the very colour, text or shape to draw.

    Not for ``color`` (take ``fill`` or ``stroke``): in Streamlit's Vega-Lite a colour channel without
    scale in one layer parts another layer's legend for colour and dash into two.
    """
    return {"field": name, "type": "nominal", "scale": None}


def where(expression: str) -> Spec:
    return {"filter": expression}
