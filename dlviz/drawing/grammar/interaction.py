"""Looking at what is there, in the browser and without the server: step through a run, choose a start."""

from __future__ import annotations

from dlviz.drawing.grammar.axes import Plane
from dlviz.drawing.grammar.piece import Piece, Spec, mark
from dlviz.drawing.grammar.theme import Look, tr

STEP = "step"
START = "start"
TAP = "click[event.item], [touchstart, touchmove] > touchend"
"""What chooses: a click on something, or a touch that does not scroll. Vega knows what a mouse is over by its moves,
and a finger makes none, so its click would be one on nothing."""
CELLS = "cells"  # the layer to click on; a file leaves it out
UP_TO_STEP = f"datum.step <= {STEP}"
AT_STEP = f"datum.step <= {STEP} && {STEP} < datum.until"
END = 10**9  # "until" of the last row: it stays


def step_slider(last: int, look: Look) -> Piece:
    """A slider ``step`` from 0 to ``last`` under the chart, at ``last`` at first.

    Paths and lines drawn with ``scrub=True`` obey it. Its bounds stand in the spec: another number
    of steps resets it, other rows leave it where it is.
    """
    bind = {"input": "range", "min": 0, "max": max(int(last), 1), "step": 1, "name": tr(look, "step") + " "}
    return Piece(params=({"name": STEP, "value": max(int(last), 1), "bind": bind},))


def click_grid(plane: Plane, columns: int = 81, rows: int = 61) -> Piece:
    """An unseen grid to click on: point selection ``start`` with the fields x and y of the cell's middle.

    Put it over the background and under the paths. The cells are made in the browser, so they cost
    nothing to send. ``st.altair_chart(..., on_select="rerun", selection_mode="start")`` receives it.
    """
    x_min, x_max, y_min, y_max = map(float, plane.domain)
    wide, high = (x_max - x_min) / columns, (y_max - y_min) / rows
    transform = [
        {"calculate": f"{x_min} + {wide} * (datum.cell % {columns} + 0.5)", "as": "x"},
        {"calculate": f"{y_min} + {high} * (floor(datum.cell / {columns}) + 0.5)", "as": "y"},
        {"calculate": f"datum.x - {wide / 2}", "as": "left"},
        {"calculate": f"datum.x + {wide / 2}", "as": "right"},
        {"calculate": f"datum.y - {high / 2}", "as": "bottom"},
        {"calculate": f"datum.y + {high / 2}", "as": "top"},
    ]
    encoding = {
        "x": plane.x.along("left"),
        "x2": {"field": "right"},
        "y": plane.y.along("bottom"),
        "y2": {"field": "top"},
    }
    selection = {"name": START, "select": {"type": "point", "fields": ["x", "y"], "on": TAP, "toggle": False}}
    cells = {"sequence": {"start": 0, "stop": columns * rows, "as": "cell"}}
    return Piece(
        (
            mark(
                "rect",
                cells,
                encoding,
                transform=transform,
                name=CELLS,
                params=[selection],
                opacity=0,
                cursor="crosshair",
                tooltip=None,
            ),
        )
    )


def slider(name: str, value: float, low: float, high: float, step: float, text: str) -> Spec:
    """A slider under the chart whose value expressions can use by its ``name``."""
    bind = {"input": "range", "min": low, "max": high, "step": step, "name": text + " "}
    return {"name": name, "value": value, "bind": bind}
