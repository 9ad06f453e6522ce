"""From a piece to an Altair chart: sizes, configuration, small print, and what is said in place of a blank picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from dlviz.drawing.grammar.blank import blank
from dlviz.drawing.grammar.labels import columns, wrap
from dlviz.drawing.grammar.message import say
from dlviz.drawing.grammar.piece import Piece, Spec, Table, says
from dlviz.drawing.grammar.theme import Look, config, tr
from dlviz.drawing.grammar.typeset import typeset
from dlviz.formulas import plain

WIDTH = 960
"""px of a figure that takes its container's width where there is no container."""
LETTER = 0.51
"""About how wide a letter of a sentence is against its size, for Arial and Liberation Sans."""


class Figure(alt.LayerChart):
    """A finished picture: an Altair chart that carries its rows as ``datasets``.

    ``to_dict`` neither validates nor walks through the rows (Altair takes 140 ms for 5,000 of them,
    and 400 ms with validation); the tests validate every figure against Vega-Lite's schema instead.
    ``tables`` are those of its piece.
    """

    def __init__(self, tables: Mapping[str, Table] | None = None, **spec: Any) -> None:
        # Past LayerChart's own initialiser, which expects Altair objects as layers.
        super(alt.LayerChart, self).__init__(**spec)
        object.__setattr__(self, "tables", dict(tables or {}))  # Altair takes every attribute for a part of the spec

    def to_dict(self, validate: bool = False, **options: Any) -> Spec:
        return {
            "$schema": alt.SCHEMA_URL,
            **{name: value for name, value in self._kwds.items() if value is not alt.Undefined},
        }

    def copy(self, deep: bool | Iterable[Any] = False, ignore: list[str] | None = None) -> Figure:
        return Figure(self.tables, **self._kwds)

    def at(self, view: Mapping[str, float]) -> Figure:
        """The picture with its sliders where ``view`` says."""
        return Figure(self.tables, **(self._kwds | {"params": at(self._kwds["params"], view)}))

    def moved(self, view: Mapping[str, float]) -> list[str]:
        """Where the sliders stand that ``view`` names, in words: ``step 19``."""
        standing = sliders(at(self._kwds["params"], view))
        return [
            f"{param['bind']['name'].strip()} {param['value']:g}" for name, param in standing.items() if name in view
        ]

    def save(self, *where: Any, **options: Any) -> None:
        """As Altair's; where a page would give the figure its width, it has ``WIDTH``."""
        chart = self.copy()
        if chart._kwds.get("width") == "container":
            chart._kwds["width"] = WIDTH
        super(Figure, chart).save(*where, **options)

    def __or__(self, _other: Any) -> Any:
        """Altair's ``|``, ``&`` and ``+`` take charts apart: the sliders of a finished one would come loose."""
        raise TypeError("a finished figure cannot be joined with another: save() each and put the files side by side")

    __and__ = __add__ = __or__

    def interactive(self, *_args: Any, **_options: Any) -> Any:
        """Altair's binds the scales of layers, which are finished here."""
        raise TypeError("the axes of a finished figure stay as they are: change the settings and draw it again")


def sliders(params: Iterable[Spec]) -> dict[str, Spec]:
    """The parameters that a hand moves under a chart, by name."""
    return {param["name"]: param for param in params if param.get("bind", {}).get("input") == "range"}


def at(params: Iterable[Spec], view: Mapping[str, float]) -> list[Spec]:
    """Parameters with the sliders where ``view`` says; a value beyond a slider's ends stands at that end."""
    found = list(params)
    moving = sliders(found)

    def placed(param: Spec) -> Spec:
        bind, value = param["bind"], view[param["name"]]
        return {**param, "value": min(max(value, bind["min"]), bind["max"])}

    return [placed(param) if param["name"] in view and param["name"] in moving else param for param in found]


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
    container's. On a slide it fills the look's ``area``.
    """
    if blank(piece) and not says(piece):
        piece += say(tr(look, "nothing to draw: no value that this picture can show"), look)
    piece = typeset(piece, look)
    if look.slide:
        width, height = look.area
    spec: Spec = {
        "description": plain(alt_text),
        "layer": _titled(piece.layers, look, height or look.height, top.get("title")),
        "params": list(piece.params),
        "width": width or "container",
        "height": height or look.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "datasets": dict(piece.data),
        "config": config(look),
        **top,
    }
    return Figure(piece.tables, **spec)


def _titled(layers: Iterable[Spec], look: Look, height: int, note: Spec | None) -> list[Spec]:
    """The layers with titles of axes that fit: upright ones broken into lines, level ones smaller on a phone.

    ``height`` of the figure in px; ``note``: its small print, which takes a part of that.
    """
    room = height - 4 * look.label - (len(note["text"]) * 1.3 * look.small + look.label if note else 0)
    found = []
    for layer in layers:
        sides = {side: coding for side in ("x", "y") if _title(coding := layer.get("encoding", {}).get(side))}
        if sides:
            layer = layer | {"encoding": dict(layer["encoding"])}
        for side, coding in sides.items():
            axis, text = coding["axis"], coding["axis"]["title"]
            if side == "y":
                fitting: Spec = {"title": _lines(wrap(text, int(room / (LETTER * look.label))))}
            else:
                wide = 1.05 * LETTER * columns(text)
                fitting = {"titleFontSize": {"expr": f"min({look.label}, (width + {look.label}) / {wide:.1f})"}}
            layer["encoding"][side] = coding | {"axis": axis | fitting}
        found.append(layer)
    return found


def _title(coding: Spec | None) -> bool:
    """Whether a channel has an axis with a title."""
    axis = (coding or {}).get("axis")
    return bool(axis and isinstance(axis.get("title"), str) and axis["title"])


def _lines(lines: list[str]) -> str | list[str]:
    """A text as Vega-Lite takes it: a list only where there are several lines."""
    return lines if len(lines) > 1 else "".join(lines)


def message(text: str, look: Look, *, height: int | None = None) -> Figure:
    """A figure that only says something."""
    return finish(say(text, look), look, height=height, alt_text=text)


def footnote(text: str, look: Look) -> Spec:
    """Small print under the picture, already translated: ``finish(..., title=footnote(...))``.

    Sentences, with a space between them, which Chinese does not have. Broken so that they fit half a page, or a
    phone: Vega would cut a longer line.
    """
    # A Chinese character takes its two columns in full, a letter less than its one.
    narrow = 54 if look.language == "zh" else 55
    width = int((look.area[0] - 8) / (1.04 * LETTER * look.small)) if look.slide else narrow
    return {
        "text": wrap(plain(text).replace("。 ", "。"), width),
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
