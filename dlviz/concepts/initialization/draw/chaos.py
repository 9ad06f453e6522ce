"""The plane of order and chaos."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts import matrix
from dlviz.drawing.grammar.axes import Plane, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.palette import colour, mix
from dlviz.drawing.grammar.piece import Piece, Spec, listed, literal, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces import field

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 360
REACHES = (1, 3, 10)
"""Depth scales ξ whose lines are drawn."""


def chaos(runs: Sequence[Run], look: Look) -> Any:
    """The plane of σ_w and σ_b: where gradients vanish, where they explode, the line between, and the current point."""
    result: Result = runs[0].result
    found = result.chaos
    end, top = float(found.sigma_w[-1]), float(found.sigma_b[-1])
    plane = Plane((0.0, end, 0.0, top), (tr(look, r"$\sigma_w$ of the weights"), tr(look, r"$\sigma_b$ of the biases")))
    colours = tuple(mix(hue, look.inks.paper, 0.25) for hue in matrix.diverging(look))
    piece = field.ground(found.log_chi, plane, look, bounds=(-2, 2), colours=colours, title=tr(look, "log χ"))
    levels = []
    # Labels of neighbours stand at different heights.
    for i, reach in enumerate(REACHES):
        for sign, at in ((-1, 0.42 + 0.17 * i), (1, (0.36, 0.49, 0.94)[i])):
            text = {sign / reach: rf"$\xi = {reach}$"}
            levels.append(field.levels(found.log_chi, plane, look, text, at=at, name=f"ξ {sign * reach}"))
    # All lines, and then the words of each, for neighbours are close.
    piece += sum((Piece(level.layers[:1], level.data) for level in levels), frame(plane.x, plane.y, look))
    piece += _edge(found.sigma_b, found.edge, plane, look)
    piece += sum((Piece(level.layers[1:], level.data) for level in levels), Piece())
    piece += _point(result, plane, look)
    note = tr(look, "Theory. ξ = 1/|log χ|: layers over which the gradient's mean square changes by a factor e.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _edge(sigma_b: np.ndarray, edge: np.ndarray, plane: Plane, look: Look) -> Piece:
    seen = np.isfinite(edge) & (edge <= plane.x.high)
    data = {"edge": rows(x=edge[seen], y=sigma_b[seen])}
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    dashed = {"strokeWidth": 0.7 * look.line, "strokeDash": [5 * look.unit, 3 * look.unit]}
    thick: Spec = {"color": look.inks.ink, "clip": True, **dashed}
    layers = [mark("line", "edge", place, tooltip=None, **thick)]
    if seen.any():
        middle = np.flatnonzero(seen)[int(0.8 * (seen.sum() - 1))]
        at = float(edge[middle]), float(sigma_b[middle])
        share = float(plane.x.share(at[0]))
        data["_edge words"] = [{"x": at[0], "y": at[1], "text": r"$\chi = 1$"}]
        sides = (
            ("_order", 0.03, 0.93, tr(look, "order: gradients vanish"), share, "left"),
            ("_disorder", 0.98, 0.2, tr(look, "chaos: gradients explode"), 1 - share, "right"),
        )
        layers += haloed("_edge words", place, look, align="left", dx=6 * look.unit, fontWeight="bold")
        for name, across, up, text, room, side in sides:
            if room > 0.25:
                data[name] = [{"x": float(plane.x.at(across)), "y": float(plane.y.at(up)), "text": text}]
                layers += haloed(name, place, look, align=side, baseline="middle", fontSize=look.small)
    columns = {plane.x.header("x"): edge, plane.y.header("y"): sigma_b}
    return Piece(tuple(layers), data, tables={"edge": partial(listed, columns)})


def _point(result: Result, plane: Plane, look: Look) -> Piece:
    """The chosen scheme's place; a scheme without a σ_w has none."""
    point = result.chaos.point
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    if point is None:
        said = tr(look, "no point: every unit of a layer has the same weights")
        data = {"_no point": [{"x": plane.x.at(0.5).item(), "y": plane.y.at(0.5).item(), "text": said}]}
        return Piece(tuple(haloed("_no point", place, look, align="center")), data)
    scheme = result.settings.scheme
    data = {"current": rows(x=[point[0]], y=[point[1]], text=[tr(look, scheme)], hue=[colour(scheme, look)])}
    ring: Spec = {"size": 150 * look.unit**2, "stroke": look.inks.paper, "strokeWidth": 2.4 * look.unit, "opacity": 1}
    right = float(plane.x.share(point[0])) < 0.6
    text = {"align": "left" if right else "right", "dx": (12 if right else -12) * look.unit, "dy": -10 * look.unit}
    layers = [mark("point", "current", {**place, "fill": literal("hue")}, tooltip=None, clip=False, **ring)]
    columns = {"name": tr(look, scheme), plane.x.header("x"): point[0], plane.y.header("y"): point[1]}
    words = haloed("current", place, look, fontWeight="bold", **text)
    return Piece((*layers, *words), data, tables={"current": partial(listed, columns)})


def chaos_numbers(result: Result, look: Look) -> dict[str, object]:
    """The numbers of the figure's text alternative."""
    return {"activation": tr(look, result.settings.activation), "scheme": tr(look, result.settings.scheme)}


DRAWINGS = {"chaos": Drawing(chaos, chaos_numbers, HEIGHT)}
