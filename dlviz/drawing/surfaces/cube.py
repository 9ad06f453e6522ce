"""A surface in three dimensions that turns in the browser, with paths on it. Plain Vega-Lite.

Every facet of the surface is a point mark whose shape is an SVG path, computed in the browser from
the two angles, so turning it asks no server and a file holds vectors. Facets and pieces of path are
painted from far to near (painter's algorithm); over a grid of facets that is exact: a piece of path
takes the depth of the facet it lies on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from dlviz.drawing.grammar.axes import Plane, ticks
from dlviz.drawing.grammar.interaction import AT_STEP, END, UP_TO_STEP
from dlviz.drawing.grammar.legends import identity_scales
from dlviz.drawing.grammar.message import say
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, Table, literal, mark, number, where, word
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces.block import TALL, Height, coarse, draped, facets, places, short, spots
from dlviz.drawing.surfaces.isolines import plain
from dlviz.drawing.surfaces.paths import Path, table
from dlviz.drawing.surfaces.relief import normalise
from dlviz.drawing.surfaces.surface import grid, points_of

DEPTH = "({x} * sin_a + {y} * cos_a)"
SCREEN_X = "(size * ({x} * cos_a - {y} * sin_a))"
SCREEN_Y = "(-size * (({x} * sin_a + {y} * cos_a) * sin_e + ({z} - " + f"{TALL / 2}" + ") * cos_e))"


def cube(
    z: np.ndarray,
    plane: Plane,
    look: Look,
    *,
    runs: Sequence[Path] = (),
    ghosts: Sequence[Path] = (),
    minima: np.ndarray | None = None,
    floor: float | None = None,
    symbol: str = "f",
    compress: bool | None = None,
    scrub: bool = False,
    azimuth: int = 35,
    elevation: int = 38,
) -> Piece:
    """The surface as a block that can be turned with two sliders, with the runs lying on it.

    ``z``: (H, W) heights on an even grid, row 0 at y_min. ``compress`` draws heights logarithmically
    (the ticks keep their true values and the axis says so); None decides by the range, as isolines do.
    ``scrub`` draws the paths up to the step of :func:`interaction.step_slider`. No frame belongs under it.
    """
    z = np.ascontiguousarray(z, dtype=np.float64)
    if not np.isfinite(z).any():
        return say(tr(look, "the function is not finite anywhere here"), look)
    height = Height(z, floor, compress)
    model = height(coarse(z))
    data = {
        "_block": _ground(z.tobytes(), z.shape, look, height.compress, floor)
        + draped(runs, model, plane, look, ghosts=ghosts)
        + spots(runs, minima, model, plane, look),
        "paths": places(runs, model, plane),
        "_floor": _floor(plane),
        "_ticks": _tick_labels(plane, height, look, symbol),
    }
    names = list(dict.fromkeys(run.name for run in runs))
    layers = [_floor_layer(look), _block_layer(look, scrub), *_labels(look), _hints(plane, look, scrub)]
    if names:
        hue, dashes = identity_scales(names, look)
        nowhere = {"x": {"value": 0}, "y": {"value": 0}}
        rows = {"values": [{"name": name} for name in names]}
        layers.insert(
            0, mark("line", rows, {**nowhere, "color": hue, "strokeDash": dashes}, strokeWidth=0, tooltip=None)
        )
    # In a file the surface is what it is when it is drawn flat.
    tables: dict[str, Table] = {"surface": partial(grid, {"loss": z}, plane), "paths": partial(table, runs, plane)}
    if minima is not None:
        tables["minima"] = partial(points_of, np.asarray(minima, dtype=float).reshape(-1, 2), plane)
    if ghosts:
        tables["pinned paths"] = partial(table, ghosts, plane)
    return Piece(tuple(layers), data, _angles(look, azimuth, elevation), tables)


@lru_cache(maxsize=12)
def _ground(z: bytes, shape: tuple[int, int], look: Look, compress: bool, floor: float | None) -> Rows:
    """The facets; kept, because between two runs on one surface they stay the same."""
    heights = np.frombuffer(z).reshape(shape)
    return facets(Height(heights, floor, compress)(coarse(heights)), coarse(normalise(heights)), look)


def _angles(look: Look, azimuth: int, elevation: int) -> tuple[Spec, ...]:
    sliders = (
        {
            "name": "azimuth",
            "value": azimuth,
            "bind": {"input": "range", "min": 0, "max": 360, "step": 1, "name": tr(look, "azimuth") + " "},
        },
        {
            "name": "elevation",
            "value": elevation,
            "bind": {"input": "range", "min": 8, "max": 75, "step": 1, "name": tr(look, "elevation") + " "},
        },
    )
    turned = (
        {"name": "sin_a", "expr": "sin(azimuth * PI / 180)"},
        {"name": "cos_a", "expr": "cos(azimuth * PI / 180)"},
        {"name": "sin_e", "expr": "sin(elevation * PI / 180)"},
        {"name": "cos_e", "expr": "cos(elevation * PI / 180)"},
        # The block fills the picture at every elevation and keeps its size while it turns.
        {
            "name": "size",
            "expr": f"min((width - {7 * look.label}) / 2.83, "
            f"(height - {2 * look.label}) / (2.9 * sin_e + 1.05 * cos_e))",
        },
    )
    return sliders + turned


def _hints(plane: Plane, look: Look, scrub: bool) -> Spec:
    """Unseen dots over the present places of the runs, for their hints."""
    at = {axis: f"datum._{axis}" for axis in "xyz"}
    transform = [
        where(AT_STEP if scrub else f"datum.until == {END}"),
        {"calculate": f"width / 2 + {SCREEN_X.format(**at)}", "as": "px"},
        {"calculate": f"height / 2 + {SCREEN_Y.format(**at)}", "as": "py"},
    ]
    fields = [word("name", title=tr(look, "optimizer")), number("step", title=tr(look, "step"))]
    fields += [number(axis, title=name, format=".4~g") for axis, name in zip("xy", plane.names, strict=True)]
    fields.append(number("loss", title=tr(look, "loss"), format=".4~g"))
    return mark("point", "paths", {**_pixels(), "tooltip": fields}, transform=transform, size=120, opacity=0)


def _floor(plane: Plane) -> Rows:
    """The ground plate with grid lines at the ticks, as polygons."""

    def polygon(points: list[tuple[float, float]], kind: str) -> dict:
        record = {"kind": kind, "near": 0.0, "depth_x": 0.0, "depth_y": 0.0}
        for i, (x, y) in enumerate(points):
            record |= {f"x{i}": x, f"y{i}": y, f"z{i}": 0.0}
        return record

    lines = [polygon([(-1, -1), (1, -1), (1, 1), (-1, 1)], "plate")]
    for value in ticks(plane.x, 4):
        at = short(2 * plane.x.share(value) - 1)
        lines.append(polygon([(at, -1), (at, 1), (at, 1), (at, -1)], "line"))
    for value in ticks(plane.y, 4):
        at = short(2 * plane.y.share(value) - 1)
        lines.append(polygon([(-1, at), (1, at), (1, at), (-1, at)], "line"))
    return lines


CENTRE = {"x": {"value": {"expr": "width / 2"}}, "y": {"value": {"expr": "height / 2"}}, "shape": literal("shape")}
ON_SCREEN = {"size": 4, "strokeJoin": "round", "strokeCap": "round", "opacity": 1, "tooltip": None}  # one px a unit


def _corner(i: int) -> str:
    at = {axis: f"datum.{axis}{i}" for axis in "xyz"}
    return f"{SCREEN_X.format(**at)} + ',' + {SCREEN_Y.format(**at)}"


POLYGON = "'M' + " + " + 'L' + ".join(_corner(i) for i in range(4)) + " + 'Z'"


def _floor_layer(look: Look) -> Spec:
    transform = [{"calculate": POLYGON, "as": "shape"}]
    inks = {"fill": look.inks.panel, "stroke": look.inks.grid, "strokeWidth": 1.2 * look.unit}
    return mark("point", "_floor", CENTRE, transform=transform, **inks, **ON_SCREEN)


def _block_layer(look: Look, scrub: bool) -> Spec:
    """Everything that can hide something else, in one mark: facets, pieces of path, crosses and dots."""
    arm, radius = 3.2 * look.unit, 5 * look.unit
    cross = f"'M' + (at_x - {arm}) + ',' + (at_y - {arm}) + 'l{2 * arm},{2 * arm}m{-2 * arm},0l{2 * arm},{-2 * arm}'"
    arc = f"a{radius},{radius} 0 1,0"
    dot = f"'M' + (at_x - {radius}) + ',' + at_y + '{arc} {2 * radius},0{arc} {-2 * radius},0Z'"
    at = {axis: f"datum.{axis}0" for axis in "xyz"}
    for name, formula in (("at_x", SCREEN_X.format(**at)), ("at_y", SCREEN_Y.format(**at))):
        cross, dot = cross.replace(name, formula), dot.replace(name, formula)
    shown = f"{UP_TO_STEP} && {AT_STEP.split(' && ')[1]}" if scrub else f"datum.until == {END}"
    transform = [
        where(f"datum.step < 0 || {shown}"),
        {"calculate": f"datum.kind == 'cross' ? {cross} : datum.kind == 'dot' ? {dot} : {POLYGON}", "as": "shape"},
        {"calculate": "datum.near - " + DEPTH.format(x="datum.depth_x", y="datum.depth_y"), "as": "nearness"},
    ]
    inks = {"fill": literal("fill"), "stroke": literal("stroke"), "strokeWidth": number("wide", scale=None)}
    return mark("point", "_block", {**CENTRE, **inks, "order": number("nearness")}, transform=transform, **ON_SCREEN)


def _tick_labels(plane: Plane, height: Height, look: Look, symbol: str) -> Rows:
    """Numbers and names along the two front edges and the leftmost upright edge.

    ``edge`` says which; ``away`` and ``down`` how far from it in px, level and upright.
    """
    records: Rows = []
    em = look.label
    for edge, axis in (("x", plane.x), ("y", plane.y)):
        for value in ticks(axis, 4):
            at = short(2 * axis.share(value) - 1)
            records.append(
                {"edge": edge, "at": at, "away": 1.5 * em, "down": 1.1 * em, "text": plain(value), "title": False}
            )
        records.append({"edge": edge, "at": 0.0, "away": 3.4 * em, "down": 2.5 * em, "text": axis.title, "title": True})
    for value, at in height.ticks():
        records.append({"edge": "z", "at": short(at), "away": 0, "down": 0, "text": plain(value), "title": False})
    title = tr(look, "{symbol} (log scale)", symbol=symbol) if height.compress else symbol
    records.append({"edge": "z", "at": TALL, "away": 0, "down": -1.6 * em, "text": title, "title": True})
    return records


FRONT_X, FRONT_Y = "(sin_a >= 0 ? -1 : 1)", "(cos_a >= 0 ? -1 : 1)"
LEFT = {"x": "(cos_a >= 0 ? -1 : 1)", "y": "(sin_a >= 0 ? 1 : -1)"}


def _labels(look: Look) -> list[Spec]:
    """The texts around the block, and the upright axis. Which edges are in front depends on the azimuth."""
    up = "datum.edge == 'z'"
    along_x, along_y = "datum.edge == 'x'", "datum.edge == 'y'"
    level = f"{along_x} ? -{FRONT_Y} * sin_a : {along_y} ? {FRONT_X} * cos_a : 0"
    upright = f"{along_x} ? abs(cos_a) : {along_y} ? abs(sin_a) : 1"
    y = SCREEN_Y.format(x="datum.mx", y="datum.my", z="datum.mz")
    transform = [
        {"calculate": f"{along_x} ? datum.at : {along_y} ? {FRONT_X} : {LEFT['x']}", "as": "mx"},
        {"calculate": f"{along_y} ? datum.at : {along_x} ? {FRONT_Y} : {LEFT['y']}", "as": "my"},
        {"calculate": f"{up} ? datum.at : 0", "as": "mz"},
        {
            "calculate": f"width / 2 + {SCREEN_X.format(x='datum.mx', y='datum.my')} + datum.away * ({level})",
            "as": "px",
        },
        {"calculate": f"height / 2 + {y} + datum.down * ({upright})", "as": "py"},
    ]
    place = {**_pixels(), "text": word("text")}
    style = {"fontSize": look.label, "baseline": "middle", "tooltip": None}
    halo = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.8}
    layers = [_upright(look)]
    for chosen, ink, placing in (
        (f"!({up}) && !datum.title", look.inks.muted, {"align": "center"}),
        (f"!({up}) && datum.title", look.inks.ink, {"align": "center"}),
        # Seen from above the upright axis is too short for numbers.
        (f"{up} && !datum.title && cos_e > 0.35", look.inks.muted, {"align": "right", "dx": -8 * look.unit}),
        (f"{up} && datum.title", look.inks.ink, {"align": "left", "dx": -3 * look.label}),
    ):
        steps = [where(chosen), *transform]
        layers.append(mark("text", "_ticks", place, transform=steps, **halo, **placing, **style))
        layers.append(mark("text", "_ticks", place, transform=steps, color=ink, **placing, **style))
    return layers


def _pixels() -> Spec:
    return {axis: number(f"p{axis}", scale=None, axis=None) for axis in "xy"}


def _upright(look: Look) -> Spec:
    transform = [
        {"calculate": f"width / 2 + {SCREEN_X.format(**LEFT)}", "as": "px"},
        {"calculate": f"height / 2 + {SCREEN_Y.format(**LEFT, z='0')}", "as": "py"},
        {"calculate": f"height / 2 + {SCREEN_Y.format(**LEFT, z=str(TALL))}", "as": "top"},
    ]
    style = {"color": look.inks.faint, "strokeWidth": 1.2 * look.unit, "tooltip": None}
    return mark("rule", {"values": [{}]}, {**_pixels(), "y2": {"field": "top"}}, transform=transform, **style)
