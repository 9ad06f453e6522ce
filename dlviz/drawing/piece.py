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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np

from dlviz.drawing.labels import wrap
from dlviz.drawing.theme import SLIDE, Look, config, tr

Rows = list[dict[str, Any]]
Spec = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Piece:
    """Layers, bottom first, with the named rows they draw and the chart's parameters they use."""

    layers: tuple[Spec, ...] = ()
    data: Mapping[str, Rows] = field(default_factory=dict)
    params: tuple[Spec, ...] = ()

    def __add__(self, other: Piece) -> Piece:
        """``other`` on top of this. One name stands for one set of rows, one parameter for one slider."""
        for name in self.data.keys() & other.data.keys():
            if self.data[name] is not other.data[name] and self.data[name] != other.data[name]:
                raise ValueError(
                    f"two pieces bring different rows under the name {name!r}; give one of them another name"
                )
        params = {param["name"]: param for param in (*self.params, *other.params)}
        return Piece(self.layers + other.layers, {**self.data, **other.data}, tuple(params.values()))

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


def rows(**columns: Any) -> Rows:
    """Columns of one length (or single values) -> records; numbers that are not finite become None."""
    length = max((len(c) for c in columns.values() if _is_column(c)), default=1)
    plain = {name: _plain(column) if _is_column(column) else [column] * length for name, column in columns.items()}
    return [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]


def _is_column(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list, tuple))


def _plain(column: Any) -> list[Any]:
    values = column.tolist() if isinstance(column, np.ndarray) else list(column)
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]


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


class Figure(alt.LayerChart):
    """A finished picture: an Altair chart that carries its rows as ``datasets``.

    ``to_dict`` neither validates nor walks through the rows (Altair takes 140 ms for 5,000 of them,
    and 400 ms with validation); the tests validate every figure against Vega-Lite's schema instead.
    """

    def __init__(self, **spec: Any) -> None:
        # Past LayerChart's own initialiser, which expects Altair objects as layers.
        super(alt.LayerChart, self).__init__(**spec)

    def to_dict(self, validate: bool = False, **options: Any) -> Spec:
        return {
            "$schema": alt.SCHEMA_URL,
            **{name: value for name, value in self._kwds.items() if value is not alt.Undefined},
        }

    def copy(self, deep: bool = False) -> Figure:
        return Figure(**self._kwds)


class Panels(alt.HConcatChart):
    """Finished pictures side by side, with the rows of all of them. Fixed widths: not for the app's page."""

    def __init__(self, **spec: Any) -> None:
        super(alt.HConcatChart, self).__init__(**spec)

    to_dict = Figure.to_dict

    def copy(self, deep: bool = False) -> Panels:
        return Panels(**self._kwds)


def finish(
    piece: Piece,
    look: Look,
    *,
    height: int | None = None,
    width: int | None = None,
    alt_text: str = "",
    **top: Any,
) -> Figure:
    """The piece as a chart. ``alt_text`` is its text alternative.

    A picture of which nothing would be seen but its axes says so. Without a ``width`` it takes its
    container's. A slide is always 1280 x 720 px in all.
    """
    # Both are made of pieces.
    from dlviz.drawing.blank import blank
    from dlviz.drawing.message import say

    if blank(piece) and not says(piece):
        piece += say(tr(look, "nothing to draw: no value that this picture can show"), look)
    if look.slide:
        width, height = SLIDE
    spec: Spec = {
        "description": alt_text,
        "layer": list(piece.layers),
        "params": list(piece.params),
        "width": width or "container",
        "height": height or look.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "datasets": dict(piece.data),
        "config": config(look),
        **top,
    }
    return Figure(**spec)


def footnote(text: str, look: Look) -> Spec:
    """Small print under the picture, already translated: ``finish(..., title=footnote(...))``.

    Sentences, with a space between them, which Chinese does not have. Broken so that they fit half a page, or a
    phone: Vega would cut a longer line.
    """
    # A Chinese character takes its two columns in full, a letter less than its one.
    narrow = 60 if look.language == "zh" else 64
    return {
        "text": wrap(text.replace("。 ", "。"), 100 if look.slide else narrow),
        "lineHeight": 1.3 * look.small,
        "limit": 0,  # where there is none, Streamlit sets one that cuts lines 40 px before the edge
        "orient": "bottom",
        "anchor": "start",
        "frame": "bounds",
        "align": "left",
        "fontSize": look.small,
        "fontWeight": "normal",
        "color": look.inks.muted,
        "offset": round(0.6 * look.label),
    }


def beside(figures: Sequence[Figure], look: Look, *, spacing: int | None = None) -> Panels:
    """Figures in a row, for a slide or a file; in the app, put them into columns instead.

    Raises ``ValueError`` when two of them bring different rows or sliders under one name.
    """
    width, height = SLIDE if look.slide else (960, look.height)
    gap = spacing if spacing is not None else round(30 * look.unit)
    together = Piece()
    panels = []
    for figure in figures:
        spec = figure.to_dict()
        together += Piece((), spec["datasets"], tuple(spec["params"]))
        panel = {"layer": spec["layer"]}
        panels.append({**panel, "width": round(width / len(figures)), "height": height})
    # Room for the labels and titles around each plot, which a row of charts does not take off by itself.
    margin = round(150 * look.unit)
    for panel in panels:
        panel["width"] -= margin
        panel["height"] -= round(80 * look.unit)
    return Panels(
        description=" ".join(figure.to_dict()["description"] for figure in figures).strip(),
        hconcat=panels,
        params=list(together.params),
        spacing=gap,
        datasets=dict(together.data),
        config=config(look),
        resolve={"scale": {"color": "independent", "strokeDash": "independent"}},
    )
