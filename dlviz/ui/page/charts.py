"""Charts on the page: those that Jupyter shows and the export writes, sent in a form that is quick to change."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from zlib import crc32

import pyarrow as pa
import streamlit as st

from dlviz.drawing.grammar.finish import at, sliders
from dlviz.engine.runtime.cache import Cache
from dlviz.links import View
from dlviz.ui.page.steady import steady

START = "start"
"""Name of the point selection by which a figure offers its plane for clicking."""
CLICKED = "clicked"
"""Session state: whether a click has just set settings, for which the whole page has to run."""
Move = Callable[[View], None]

MOST_BYTES = 3_500_000
"""Of a chart: Streamlit ends the page with its own error at a message over 4 MB (``server.maxMessageSize``)."""


class TooLargeError(Exception):
    """A chart that is too large to be sent, with its size in bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(f"a chart of {size} bytes; at most {MOST_BYTES} can be sent")


@dataclass(frozen=True)
class Drawing:
    """A chart in the form in which it is sent, with its text alternative, None where that could not be made.

    ``sliders`` are the parameters that a hand moves under it, with their first values. ``form`` is the same for charts
    between which the browser leaves them where they are. Never changed, for sessions share it.
    """

    spec: dict[str, Any]
    alt: str | None
    offers_click: bool
    sliders: Mapping[str, float]
    form: str

    def at(self, view: View) -> dict[str, Any]:
        """The spec with its sliders where ``view`` says at first."""
        return {**self.spec, "params": at(self.spec["params"], dict(view))} if view else self.spec

    def moved(self, view: View) -> View:
        """What of a view differs from where the sliders stand at first, each within its ends."""
        standing = sliders(at(self.spec["params"], dict(view)))
        return tuple((name, param["value"]) for name, param in standing.items() if param["value"] != self.sliders[name])


_drawings = Cache(max_entries=512)


def shared(key: Hashable, draw: Callable[[], tuple[Any, str | None]]) -> Drawing:
    """The drawing for a key, made by ``draw`` (Altair chart, text alternative) if no visitor saw it lately.

    The key names all that the picture depends on. To draw a page's charts and to write them for the browser takes
    longer than all the rest of the page. One without its text alternative is not kept: ``draw`` tells each visitor that
    it is missing.
    """
    found = _drawings.get(key)
    if found is None:
        found = prepared(*draw())
        if found.alt is not None:
            _drawings.put(key, found)
    return found


def prepared(figure: Any, alt: str | None) -> Drawing:
    """An Altair chart in the form in which it is sent. Raises :class:`TooLargeError` where it is more than can be."""
    spec = figure.to_dict()
    offers_click = _offers_click(spec)
    spec = steady(spec)
    bare = json.dumps({name: part for name, part in spec.items() if name != "datasets"})
    size = len(bare)
    spec["datasets"] = {dataset: _arrow(rows) for dataset, rows in spec["datasets"].items()}
    size += sum(len(rows if isinstance(rows, bytes) else json.dumps(rows)) for rows in spec["datasets"].values())
    if size > MOST_BYTES:
        raise TooLargeError(size)
    # As SVG, the thousands of unseen cells that catch a click would take half a second to paint.
    spec["usermeta"] = {"embedOptions": {"renderer": "canvas"}}
    moving = {name: param["value"] for name, param in sliders(spec["params"]).items()}
    if moving:
        # Streamlit listens to selections alone and looks for them in all parts of a specification, also in this one,
        # which Vega-Lite does not read in a layered chart. Its front end listens to any parameter by its name.
        spec["spec"] = {"params": [{"name": name, "select": "point"} for name in moving]}
    return Drawing(spec, alt, offers_click, moving, f"{crc32(bare.encode()):08x}")


@dataclass
class Seen:
    """What is known of a chart in a visitor's browser.

    ``form`` is that of its drawing, ``first`` where its sliders stood when it was built, ``chosen`` what has been said
    of it since the page shows it: Streamlit says all of it again each time.
    """

    form: str = ""
    first: View = ()
    chosen: dict[str, Any] = field(default_factory=dict)


def chart(drawing: Drawing, name: str, label: str, click: Mapping[str, str], seen: Seen, move: Move) -> None:
    """Show a chart under its own theme, with its text alternative, its label where there is none.

    ``click`` maps the settings that a click on it sets to fields of the clicked row. ``move`` is told of the sliders
    that a hand has moved, when it rests. The alternative, which says what this very run shows, stands beside the chart
    for screen readers only: within the chart's specification, any change of it would build the chart anew and put its
    sliders back.
    """
    select: dict[str, Any] = {}
    listened = [*drawing.sliders, *([START] if click and drawing.offers_click else [])]
    if listened:
        key = f"{name}_chart"
        select = {"key": key, "on_select": lambda: _touched(key, click, seen, move), "selection_mode": listened}
    st.vega_lite_chart(drawing.at(seen.first), theme=None, width="stretch", alt=label, **select)
    st.html(f'<p class="dlviz-alt">{escape(drawing.alt or label)}</p>')


def _touched(key: str, click: Mapping[str, str], seen: Seen, move: Move) -> None:
    """What the browser says of a chart."""
    chosen = dict(st.session_state[key]["selection"])
    new = {name: value for name, value in chosen.items() if seen.chosen.get(name) != value}
    seen.chosen = chosen
    points = new.pop(START, None)
    # The front end says nothing where a value is 0.
    move(tuple((name, value if isinstance(value, int | float) else 0) for name, value in new.items()))
    if points:
        st.session_state[CLICKED] = True
        _clicked(points[0], click)


def _arrow(rows: list[dict[str, Any]]) -> Any:
    """Rows in the form in which Streamlit sends them; its own way there leads through pandas and is slow."""
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
    except pa.ArrowException:
        return rows  # a column of mixed kinds
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _offers_click(spec: dict[str, Any]) -> bool:
    return any(param["name"] == START for part in (spec, *spec.get("layer", ())) for param in part.get("params", ()))


def _clicked(point: Mapping[str, Any], click: Mapping[str, str]) -> None:
    for name, column in click.items():
        value = point[column]
        if isinstance(value, str) and isinstance(st.session_state[name], int | float):
            value = float(value)  # the name of a row or a column of a matrix
        # Four digits are finer than a pixel, and keep links short.
        st.session_state[name] = float(f"{value:.4g}") if isinstance(value, float) else value
