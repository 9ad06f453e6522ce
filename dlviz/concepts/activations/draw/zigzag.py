"""Pictures of the zigzag: the way of two weights, and how far the signs of a neuron's gradients agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, Rows, listed, literal, mark, rows, word
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent, small

from ..zigzag import PATH_STEPS, TARGET, WIDTH, chance
from .heights import BESIDE, SUPPORT

if TYPE_CHECKING:
    from ..result import Result
    from ..zigzag import Paths

SHAPES = ("circle", "square", "triangle-up")


def path(runs: Sequence[Run], look: Look) -> Any:
    """The way of two weights from (0, 0) to (1, −1), one sample a step."""
    ways = runs[0].result.zigzag.paths
    places = np.concatenate([p.w for p in ways])
    places = places[np.isfinite(places).all(axis=1)]
    low = np.minimum(places.min(axis=0, initial=0.0), (-0.35, -1.25)).clip(-3, None)
    high = np.maximum(places.max(axis=0, initial=0.0), (1.25, 0.35)).clip(None, 3)
    x = Axis(tr(look, "First weight"), float(low[0]) - 0.05, float(high[0]) + 0.05)
    y = Axis(tr(look, "Second weight"), float(low[1]) - 0.05, float(high[1]) + 0.05)
    piece = frame(x, y, look) + _quadrants(x, y, look) + _ways(ways, x, y, look)
    piece += _place("start", (0.0, 0.0), tr(look, "start"), x, y, look)
    piece += _place("target", TARGET, tr(look, "target"), x, y, look)
    left = [tr(look, "{name}: beyond ±100 at step {step}.", name=p.name, step=p.left) for p in ways if p.left >= 0]
    note: dict[str, Any] = {"title": footnote(" ".join(left), look)} if left else {}
    return finish(piece, look, height=BESIDE, **note)


def _ways(ways: Sequence[Paths], x: Axis, y: Axis, look: Look) -> Piece:
    """Every step a mark, joined by a fine line: what turns that often would be lost in a dashed line."""
    data: dict[str, Any] = {"paths": [], "_names": []}
    found: Rows = []
    for i, way in enumerate(ways):
        hue, shape = colour(way.name, look), SHAPES[i % len(SHAPES)]
        steps = np.arange(len(way.w))
        data["paths"] += rows(name=way.name, step=steps, x=way.w[:, 0], y=way.w[:, 1], colour=hue, shape=shape)
        # Its name where it lies farthest to its own side of the straight way, between two of the target's coordinates.
        off = (way.w[:, 0] + way.w[:, 1]) * (1 if np.nansum(way.w[:60].sum(axis=1)) > 0 else -1)
        off = np.where(np.isfinite(off) & (np.abs(way.w).max(axis=1) < 2.5) & (steps > 2), off, -np.inf)
        at = way.w[int(off.argmax())]
        if np.isfinite(at).all():
            spot = {"x": float(at[0]), "y": float(at[1]), "right": bool(at.sum() > 0)}
            data["_names"].append({**spot, "text": way.name, "colour": hue})
        columns = {"name": way.name, "step": steps, x.header("x"): way.w[:, 0], y.header("y"): way.w[:, 1]}
        found += listed(columns)
    place = {"x": x.along("x"), "y": y.along("y")}
    hints = [word("name", title=""), {"field": "step", "type": "quantitative", "title": tr(look, "step")}]
    layers = [
        mark("line", "paths", {**place, "detail": word("name"), "stroke": literal("colour")},
             strokeWidth=0.5 * look.line, strokeJoin="round", clip=True, tooltip=None),
        mark("point", "paths", {**place, "fill": literal("colour"), "shape": literal("shape"), "tooltip": hints},
             size=22 * look.unit**2, opacity=1, stroke=None, clip=True),
    ]  # fmt: skip
    bold: dict[str, Any] = {"fontSize": look.label, "fontWeight": "bold", "tooltip": None}
    halo: dict[str, Any] = {
        "stroke": look.inks.paper,
        "strokeWidth": 4 * look.unit,
        "strokeJoin": "round",
        "opacity": 0.85,
    }
    for on, side in ((True, "left"), (False, "right")):
        shift: dict[str, Any] = {
            "align": side,
            "dx": (10 if on else -10) * look.unit,
            "baseline": "bottom" if on else "top",
        }
        chosen = [{"filter": "datum.right" if on else "!datum.right"}]
        text = {**place, "text": word("text")}
        layers.append(mark("text", "_names", text, transform=chosen, **halo, **bold, **shift))
        layers.append(mark("text", "_names", {**text, "fill": literal("colour")}, transform=chosen, **bold, **shift))
    return Piece(tuple(layers), data, tables={"paths": partial(list, found)})


def _quadrants(x: Axis, y: Axis, look: Look) -> Piece:
    """The directions in which both weights move alike, seen from the start."""
    data = {
        "_quadrants": [
            {"x": 0.0, "x2": x.high, "y": 0.0, "y2": y.high, "text": tr(look, "both up")},
            {"x": 0.0, "x2": x.low, "y": 0.0, "y2": y.low, "text": tr(look, "both down")},
        ]
    }
    place = {"x": x.along("x"), "x2": {"field": "x2"}, "y": y.along("y"), "y2": {"field": "y2"}}
    words = {"x": x.along("x2"), "y": y.along("y2"), "text": word("text")}
    style = {"color": look.inks.muted, "fontSize": look.label, "tooltip": None}
    return Piece(
        (
            mark("rect", "_quadrants", place, fill=look.inks.ghost, opacity=0.16, tooltip=None),
            mark("text", "_quadrants", words, transform=[{"filter": "datum.x2 > 0"}], align="right", baseline="top",
                 dx=-6 * look.unit, dy=6 * look.unit, **style),
            mark("text", "_quadrants", words, transform=[{"filter": "datum.x2 < 0"}], align="left", baseline="bottom",
                 dx=6 * look.unit, dy=-6 * look.unit, **style),
        ),
        data,
    )  # fmt: skip


def _place(name: str, at: tuple[float, float], text: str, x: Axis, y: Axis, look: Look) -> Piece:
    data = {name: rows(x=[float(at[0])], y=[float(at[1])], text=[text])}
    place = {"x": x.along("x"), "y": y.along("y")}
    ring: dict[str, Any] = {
        "shape": "circle" if name == "start" else "diamond", "size": 110 * look.unit**2,
        "fill": look.inks.paper, "stroke": look.inks.ink, "strokeWidth": 2 * look.unit,
    }  # fmt: skip
    style: dict[str, Any] = {
        "align": "left", "baseline": "bottom", "dx": 8 * look.unit, "dy": -6 * look.unit, "fontSize": look.label,
    }  # fmt: skip
    halo: dict[str, Any] = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round"}
    words = {**place, "text": word("text")}
    return Piece(
        (
            mark("point", name, place, opacity=1, tooltip=None, **ring),
            mark("text", name, words, tooltip=None, **halo, **style),
            mark("text", name, words, tooltip=None, color=look.inks.ink, **style),
        ),
        data,
    )


def path_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """How far each path ends from the target."""
    found = result.zigzag.paths
    return {"steps": PATH_STEPS, "paths": ", ".join(f"{p.name} {small(float(p.distance[-1]))}" for p in found)}


def agreement(runs: Sequence[Run], look: Look) -> Any:
    """Sign agreement against the batch size, with what chance gives."""
    found = runs[0].result.zigzag.agreement
    drawn = [Line(a.name, a.batches, a.mean, a.low, a.high) for a in found]
    batches = found[0].batches
    x = Axis(tr(look, "Batch size"), float(batches[0]), float(batches[-1]), log=True)
    y = Axis(tr(look, "Share of gradients with the same sign"), 0.48, 1.02)
    fair = np.full(len(batches), chance(found[0].inputs))
    label = tr(look, "fair signs: {share}", share=f"{fair[0]:.1%}")
    piece = frame(x, y, look) + lines.theory(batches.astype(float), fair, x, y, look, None)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    beside = Beside([*drawn_curves(drawn), (batches, fair)], x, y, look, height=SUPPORT)
    piece += beside.words(batches.astype(float), fair, label, name="theory", at=0.15)
    note = footnote(tr(look, "Mean; bands 10–90% over neurons and batches."), look)
    return finish(piece, look, height=SUPPORT, title=note)


def agreement_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """How far the signs agree on one sample."""
    found = ", ".join(f"{a.name} {percent(float(a.mean[0]))}" for a in result.zigzag.agreement)
    return {"agreement": found, "chance": percent(chance(WIDTH))}


DRAWINGS = {
    "path": Drawing(path, path_numbers, BESIDE),
    "agreement": Drawing(agreement, agreement_numbers, SUPPORT),
}
