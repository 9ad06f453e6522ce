"""A measured curve, and what of it a screen can show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dlviz.contract.runs import Run
from dlviz.drawing.grammar.axes import SMALLEST, Axis
from dlviz.drawing.grammar.piece import Rows, listed

LONG = 1_500  # points in a line; beyond, it is thinned to what a screen can show


@dataclass(frozen=True, eq=False)
class Line:
    """One measured curve: ``x``, ``y`` (n,), a band ``low``, ``high`` (n,) where it is random.

    ``name`` is its identity; ``label`` the text at its end (the name by default). ``diverged`` is the
    step at which it ended in divergence, -1 if it did not. ``run`` is the label of the run that it is of, where that is
    not the picture's own. ``computed`` is the same curve before anything was cut for the picture, where that was.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    diverged: int = -1
    label: str | None = None
    run: str = ""
    computed: Line | None = None


def of_others(runs: Sequence[Run], curves: Callable[[Any], Sequence[Line]]) -> list[Line]:
    """The curves of the runs beside the picture's own: ``curves(result)`` gives those of one."""
    return [replace(line, run=run.label) for run in runs for line in curves(run.result)]


def table(lines: Sequence[Line], x: Axis, y: Axis) -> Rows:
    """Every point of the curves, as it was computed, with its band; ``run`` where it is not the picture's own.

    The columns of the values are headed by the titles of the axes.
    """
    found: Rows = []
    for line in lines:
        whole = line.computed or line
        columns = {x.header("x"): whole.x, y.header("y"): whole.y, "low": whole.low, "high": whole.high}
        own = {"name": line.label or line.name} | ({"run": line.run} if line.run else {})
        given = {name: np.asarray(values) for name, values in columns.items() if values is not None}
        found += listed({**own, **given})
    return found


def shares(values: np.ndarray, y: Axis) -> np.ndarray:
    """Where values lie on the axis; what a logarithmic axis cannot show because it is zero lies at its foot."""
    values = np.asarray(values, dtype=float)
    up = y.share(values)
    return np.where(values == 0, 0.0, up) if y.log else up


def drawable(values: np.ndarray, y: Axis) -> np.ndarray:
    """Values as they can be drawn: far beyond the axis is cut (a dash of 1e30 px hangs the browser)."""
    values = np.asarray(values, dtype=float)
    with np.errstate(invalid="ignore"):
        up = np.where(values == 0, -3.0, y.share(values)) if y.log else y.share(values)
        least = np.maximum(y.at(-2.0), SMALLEST) if y.log else y.at(-2.0)
        kept = np.where(up > 3, y.at(3.0), np.where(up < -2, least, values))
    return np.where(np.isfinite(up), kept, np.nan)


def thinned(values: np.ndarray, most: int = LONG) -> np.ndarray:
    """Indices that draw the same line on a screen: of each stretch the first, last, lowest and highest.

    Jugel et al. (2014), "M4: a visualization-oriented time series data aggregation", PVLDB 7(10).
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most // 4 + 1).astype(int)
    kept = []
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        part = np.nan_to_num(values[first:last], nan=0.0)
        kept += [first, first + int(np.argmin(part)), first + int(np.argmax(part)), last - 1]
    return np.unique(kept)


def drawn_curves(lines: Sequence[Line]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The curves of measured lines."""
    return [(np.asarray(line.x, dtype=float), np.asarray(line.y, dtype=float)) for line in lines]
