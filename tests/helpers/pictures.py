"""Figures to test with: real descents on Himmelblau's function, drawn in every look."""

from __future__ import annotations

import base64
import io
import json
import re

import jsonschema
import numpy as np
import vl_convert
from altair.vegalite.schema import core
from PIL import Image

from dlviz.drawing.curves import lines
from dlviz.drawing.grammar import interaction
from dlviz.drawing.grammar.axes import Axis, Plane, frame, span
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces import cube, heat, paths, surface

PLANE = Plane((-6.0, 6.0, -6.0, 6.0))
MINIMA = np.array([[3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]])
LOOKS = {
    "light": Look(),
    "dark": Look(theme="dark", transparent=True),
    "slide": Look(slide=True),
    "zh": Look(language="zh", theme="dark", slide=True),
}


def himmelblau(x, y):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def grid(function, plane=PLANE, count=60):
    x = np.linspace(plane.x.low, plane.x.high, count)
    y = np.linspace(plane.y.low, plane.y.high, count)
    return function(*np.meshgrid(x, y))


def descent(name="GD", rate=0.01, steps=40, start=(0.3, -1.3)):
    """Gradient descent on Himmelblau's function; it diverges for a large rate."""
    w = np.full((steps + 1, 2), np.nan)
    w[0] = start
    left = -1
    for step in range(1, steps + 1):
        x, y = w[step - 1]
        inner, outer = x**2 + y - 11, x + y**2 - 7
        w[step] = w[step - 1] - rate * np.array([4 * x * inner + 2 * outer, 2 * inner + 4 * y * outer])
        if np.abs(w[step]).max() > 600:
            left = step
            break
    return paths.Path(name, w, himmelblau(*w.T), left)


def hero(look, runs, z=None):
    z = grid(himmelblau) if z is None else z
    piece = frame(PLANE.x, PLANE.y, look) + surface.background(z, PLANE, look, minima=MINIMA, floor=0.0)
    piece += interaction.click_grid(PLANE) + paths.ghosts(runs[:1], PLANE, look) + paths.paths(runs, PLANE, look)
    return finish(piece + interaction.step_slider(40, look), look, alt_text="Paths")


def curves(look, runs):
    x, y = Axis("step", 0, 40), Axis("loss", *span(*(run.loss for run in runs), log=True), log=True)
    drawn = [lines.Line(run.name, np.arange(41), run.loss, diverged=run.diverged) for run in runs]
    drawn.append(lines.Line("Adam", np.arange(41), np.full(41, 3.0), low=np.full(41, 2.0), high=np.full(41, 4.0)))
    piece = frame(x, y, look) + lines.shade(30, 50, x, look, "diverges") + lines.ghost_lines(drawn[:1], x, y, look)
    piece += lines.measured(drawn, x, y, look) + lines.vertical(20, x, look, "2/λ")
    piece += lines.theory(np.arange(41.0), 100 * 0.9 ** np.arange(41), x, y, look, "0.9ᵗ")
    return finish(piece + interaction.step_slider(40, look), look)


def block_figure(look, runs, azimuth=35, elevation=38):
    piece = cube.cube(
        grid(himmelblau), PLANE, look, runs=runs, minima=MINIMA, scrub=True, azimuth=azimuth, elevation=elevation
    )
    return finish(piece + interaction.step_slider(40, look), look)


def basin_figure(look, _runs):
    minimum = np.array([[0, 1], [-1, -1]])
    diverged = np.array([[-1, -1], [-1, 7]])
    piece = heat.basins(minimum, np.array([[3, 90], [0, 0]]), diverged, PLANE, look, MINIMA)
    return finish(frame(PLANE.x, PLANE.y, look) + piece, look)


FIGURES = {"hero": hero, "curves": curves, "cube": block_figure, "basins": basin_figure}
RUNS = [descent(), descent("Momentum", 0.04)]


SCHEMA = core.load_schema()


def check_schema(spec):
    """Raise ``jsonschema.ValidationError`` where a figure is no Vega-Lite. Layer by layer, which is far quicker."""
    for part, kind in [*((layer, "UnitSpec") for layer in spec["layer"]), (spec | {"layer": []}, "TopLevelLayerSpec")]:
        rest = {name: value for name, value in part.items() if name != "datasets"}
        jsonschema.Draft7Validator({**SCHEMA, "$ref": f"#/definitions/{kind}"}).validate(rest)


def compiled(spec, width=800):
    spec = {**spec, "width": width} if spec.get("width") == "container" else spec
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version="6.4")
    return re.sub(r'"data:image[^"]*"', '""', svg)


def texts(spec):
    """Every text that a figure can show."""
    return json.dumps({name: part for name, part in spec.items() if name != "config"}, ensure_ascii=False)


def pixels(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"), dtype=int)
