"""The pictures of the panels: the grid, order and chaos, singular values, symmetry, training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dlviz.drawing.charts import matrix
from dlviz.drawing.curves import lines
from dlviz.drawing.grammar.axes import Axis, Plane, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.palette import colour, mix
from dlviz.drawing.grammar.piece import Piece, literal, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces import field

from . import measure
from .measure import Result, Training

HEIGHT = 360
GRID_HEIGHT = 430
REACHES = (1, 3, 10)
"""Depth scales ξ whose lines are drawn in the plane of order and chaos."""


def missing(look: Look) -> Any:
    """What a figure says whose panel is closed."""
    return message(tr(look, "Open this panel in the settings."), look)


def grid(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Every activation with every scheme; a click makes a cell the current setting."""
    found, settings = result.grid, result.settings
    if found is None:
        return missing(look)
    backwards = settings.grid_shows == "Gradients"
    values = found.backward if backwards else found.forward
    title = tr(look, "powers of ten")
    texts = np.vectorize(_decades)(values)
    names = (*found.activations, *found.schemes)
    piece = matrix.matrix(
        values, found.activations, found.schemes, look,
        bounds=(-4, 4), colours=matrix.diverging(look), title=title,
        texts=texts, good=found.good, chosen=(settings.activation, settings.scheme), click=True,
        written_as={name: tr(look, name) for name in names},
    )  # fmt: skip
    note = tr(look, "One draw.") + " "
    note += tr(
        look,
        "Gradients, layer {layers} to 1; framed: both ways less than a factor of {factor}; {width} units."
        if backwards
        else "Activations, layer 1 to {layers}; framed: both ways less than a factor of {factor}; {width} units.",
        factor=f"{measure.GOOD:g}",
        layers=settings.depth,
        width=found.width,
    )
    return finish(piece, look, height=GRID_HEIGHT, title=footnote(note, look))


def _decades(value: float) -> str:
    """The text of a cell: powers of ten, or what happened where there is no number."""
    if np.isnan(value):
        return "0"
    if np.isinf(value):
        return "→∞" if value > 0 else "→0"
    return f"{value + 0.0:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"


def chaos(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The plane of σ_w and σ_b: where gradients vanish, where they explode, the line between, and the current point."""
    found = result.chaos
    if found is None:
        return missing(look)
    end, top = float(found.sigma_w[-1]), float(found.sigma_b[-1])
    plane = Plane((0.0, end, 0.0, top), (tr(look, "σ_w of the weights"), tr(look, "σ_b of the biases")))
    # Left of the domain's first column there is no log of zero.
    values = np.maximum(found.log_chi, -30.0)
    colours = tuple(mix(hue, look.inks.paper, 0.25) for hue in matrix.diverging(look))
    piece = field.ground(values, plane, look, bounds=(-2, 2), colours=colours, title=tr(look, "log χ"))
    # Labels of neighbours stand at different heights.
    for i, reach in enumerate(REACHES):
        for sign, at in ((-1, 0.42 + 0.17 * i), (1, 0.36 + 0.13 * i)):
            text = {sign / reach: f"ξ = {reach}"}
            piece += field.levels(values, plane, look, text, at=at, name=f"ξ {sign * reach}")
    piece += frame(plane.x, plane.y, look)
    piece += _edge(found.sigma_b, found.edge, plane, look)
    piece += _point(result, plane, look)
    note = tr(look, "Theory. ξ = 1/|log χ|: layers over which the gradient's mean square changes by a factor e.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _edge(sigma_b: np.ndarray, edge: np.ndarray, plane: Plane, look: Look) -> Piece:
    seen = np.isfinite(edge) & (edge <= plane.x.high)
    data = {"edge": rows(x=edge[seen], y=sigma_b[seen])}
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    dashed = {"strokeWidth": 0.7 * look.line, "strokeDash": [5 * look.unit, 3 * look.unit]}
    thick = {"color": look.inks.ink, "clip": True, **dashed}
    layers = [mark("line", "edge", place, tooltip=None, **thick)]
    if seen.any():
        middle = np.flatnonzero(seen)[int(0.8 * (seen.sum() - 1))]
        at = float(edge[middle]), float(sigma_b[middle])
        share = float(plane.x.share(at[0]))
        data["_edge words"] = [{"x": at[0], "y": at[1], "text": "χ = 1"}]
        sides = (
            ("_order", 0.03, 0.93, tr(look, "order: gradients vanish"), share, "left"),
            ("_disorder", 0.98, 0.2, tr(look, "chaos: gradients explode"), 1 - share, "right"),
        )
        layers += haloed("_edge words", place, look, align="left", dx=6 * look.unit, fontWeight="bold")
        for name, across, up, text, room, side in sides:
            if room > 0.25:
                data[name] = [{"x": float(plane.x.at(across)), "y": float(plane.y.at(up)), "text": text}]
                layers += haloed(name, place, look, align=side, baseline="middle", fontSize=look.small)
    return Piece(tuple(layers), data)


def _point(result: Result, plane: Plane, look: Look) -> Piece:
    """The chosen scheme's place; a scheme without a σ_w has none."""
    point = result.chaos.point
    if point is None:
        text = tr(look, "no point: every unit of a layer has the same weights")
        data = {"_no point": [{"x": plane.x.at(0.5).item(), "y": plane.y.at(0.5).item(), "text": text}]}
        place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
        return Piece(tuple(haloed("_no point", place, look, align="center")), data)
    scheme = result.settings.scheme
    data = {"current": rows(x=[point[0]], y=[point[1]], text=[tr(look, scheme)], hue=[colour(scheme, look)])}
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    ring = {"size": 150 * look.unit**2, "stroke": look.inks.paper, "strokeWidth": 2.4 * look.unit, "opacity": 1}
    right = float(plane.x.share(point[0])) < 0.6
    text = {"align": "left" if right else "right", "dx": (12 if right else -12) * look.unit, "dy": -10 * look.unit}
    layers = [mark("point", "current", {**place, "fill": literal("hue")}, tooltip=None, clip=False, **ring)]
    return Piece((*layers, *haloed("current", place, look, fontWeight="bold", **text)), data)


def spectra(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Singular values of a product of Gaussian and of orthogonal matrices, in order of size."""
    found = result.spectra
    if found is None:
        return missing(look)
    ranks = np.arange(1, found.width + 1)
    drawn = []
    for name, label, logs in (
        ("Normal", tr(look, "Gaussian"), found.gaussian),
        ("Orthogonal", tr(look, "orthogonal"), found.orthogonal),
    ):
        values = 10.0**logs
        middle = np.median(values, axis=0)
        low, high = (values.min(axis=0), values.max(axis=0)) if len(values) > 1 else (None, None)
        drawn.append(lines.Line(name, ranks, middle, low, high, label=label))
    everything = [line.y[np.isfinite(line.y)] for line in drawn]
    x = Axis(tr(look, "Singular value, from the largest"), 1, found.width)
    y = Axis(tr(look, "Size"), *span(*everything, log=True, decades=60), log=True)
    theory = 10.0 ** np.maximum(found.theory, -250)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += lines.theory(ranks, theory, x, y, look, tr(look, "Fuss–Catalan law"), at=0.3)
    flat = np.full(found.width, found.gain**found.depth)
    piece += lines.theory(ranks, flat, x, y, look, "g^L", name="theory flat", at=0.5)
    note = tr(
        look,
        "Factors: {layers}, each {width} × {width}. Below 1e−13 of the largest float64 resolves nothing.",
        layers=found.depth,
        width=found.width,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def rank(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The numerical rank of the first layer's weights during training, with and without noise at the start."""
    found = result.symmetry
    if found is None:
        return missing(look)
    drawn = [
        lines.Line("Constant", found.steps, found.rank[0], label=tr(look, "equal weights")),
        lines.Line("Normal", found.steps, found.rank[1], label=tr(look, "with noise")),
    ]
    drawn = [_until_overflow(line) for line in drawn]
    x = Axis(tr(look, "Step"), 0, float(found.steps[-1]))
    y = Axis(tr(look, "Rank"), 0, found.units + 1)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    note = tr(
        look,
        "Rank: singular values above {share} of the largest; {units} hidden units, 64 inputs.",
        share=f"{measure.RANK:.0%}",
        units=found.units,
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _until_overflow(line: lines.Line) -> lines.Line:
    """The same line, marked as diverged where it stops being finite."""
    lost = np.flatnonzero(~np.isfinite(line.y))
    if not lost.size:
        return line
    return replace(line, diverged=int(line.x[lost[0]]))


def units(which: int) -> Callable[..., Any]:
    def draw(result: Result, look: Look, ghost: Result | None = None) -> Any:
        """Cosines between the incoming weights of the hidden units after training."""
        found = result.symmetry
        if found is None:
            return missing(look)
        if not np.isfinite(found.end[which]).any():
            return message(tr(look, "The training diverged: no weights are finite."), look, height=HEIGHT)
        names = [str(i + 1) for i in range(found.units)]
        piece = matrix.matrix(
            found.end[which], names, names, look,
            bounds=(-1, 1), colours=matrix.diverging(look), title=tr(look, "cosine"),
            axes=(tr(look, "Hidden unit"), tr(look, "Hidden unit")),
        )  # fmt: skip
        return finish(piece, look, height=HEIGHT)

    return draw


def train_loss(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Test loss of every scheme while it trains."""
    found = result.training
    if found is None:
        return missing(look)
    y = Axis(tr(look, "Test loss"), *span(np.minimum(measure.middle(found.loss), 30.0), log=True), log=True)
    return _race(found, found.loss, y, result, look)


def train_accuracy(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Test accuracy of every scheme while it trains."""
    found = result.training
    if found is None:
        return missing(look)
    return _race(found, found.accuracy, Axis(tr(look, "Test accuracy"), 0, 1), result, look)


def _race(found: Training, values: np.ndarray, y: Axis, result: Result, look: Look) -> Any:
    """Medians over the draws, and bands as far as all draws are finite."""
    draws = len(values)
    finite = np.where(np.isfinite(values).all(axis=0), values, np.nan)
    low, high = finite.min(axis=0), finite.max(axis=0)
    drawn = []
    for m, name in enumerate(found.schemes):
        line = lines.Line(name, found.steps, measure.middle(values)[m], label=tr(look, name))
        drawn.append(_until_overflow(line if draws == 1 else replace(line, low=low[m], high=high[m])))
    x = Axis(tr(look, "Step"), 0, float(found.steps[-1]))
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=GRID_HEIGHT)
    note = tr(look, "Median and range of {draws} draws.", draws=draws) if draws > 1 else tr(look, "One draw.")
    note += " " + tr(
        look,
        "{layers} hidden layers of {width}, SGD, learning rate {rate}, {tested} test digits.",
        layers=result.settings.train_depth,
        width=found.width,
        rate=f"{result.settings.train_rate:g}",
        tested=found.tested,
    )
    return finish(piece, look, height=GRID_HEIGHT, title=footnote(note, look))
