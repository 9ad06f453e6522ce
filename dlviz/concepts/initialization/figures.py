"""The pictures of the page "Initialization": Result -> Altair chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlviz.contract import FigureSpec
from dlviz.drawing.curves import lines, ridgeline
from dlviz.drawing.curves.curve_labels import Beside, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.palette import colour, ghost_colour, mix
from dlviz.drawing.grammar.piece import Piece, mark, number, rows, word
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.language import words

from . import measure
from .measure import Hills, Result
from .pictures import chaos, grid, rank, spectra, train_accuracy, train_loss, units
from .settings import Settings

HERO = 430
SUPPORT = 400
"""Heights of the two figures at the top in px."""
DECADES = 310
"""Powers of ten that an axis may reach down: signals vanish as far as float64 goes."""


def hero(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The distribution of the activations, layer by layer, the first on top; a slider lights one."""
    hills, depth = result.hills, result.settings.depth
    overlap = float(np.clip(depth / 9, 0.9, 6.0))
    logarithmic = result.settings.density == "Logarithmic"
    low, high = float(hills.edges[0]), float(hills.edges[-1])
    x = Axis(tr(look, "Activation h"), low - 0.02 * (high - low), high + 0.02 * (high - low))
    y = ridgeline.depth_axis(tr(look, "Layer"), depth, overlap)
    name = result.settings.activation
    hue = colour(name, look)
    pale = mix(hue, look.inks.paper, 0.55)
    lit = [_lit(result, layer, look) for layer in range(depth)]
    piece = frame(x, y, look)
    piece += ridgeline.ridges(
        hills.edges, overlap * _heights(hills, logarithmic), x, y, look, colours=(pale, hue), texts=lit
    )
    piece += _bare(result, y, look, overlap)
    piece += _zeros(hills, x, y, look)
    if ghost is not None and ghost.settings.depth == depth:
        piece += _ghost_ridges(ghost, overlap, logarithmic, x, y, look)
    piece += _sizes(result, y, look, overlap)
    piece += ridgeline.layer_slider(depth, tr(look, "layer"), depth)
    scaled = (
        "Height: log of the density, one scale for all." if logarithmic else "Each layer is scaled to its own height."
    )
    note = tr(look, scaled)
    if hills.zero.any():
        note += " " + tr(look, "Bars: share of exact zeros, a full layer for all.")
    if ghost is not None and ghost.settings.depth == depth:
        note += " " + tr(look, "Thin lines: the pinned run.")
    if hills.bare.any():
        note += " " + tr(
            look, "Bare line: most values other than zero lie beyond the picture, the written share of them."
        )
    return finish(piece, look, height=HERO, title=footnote(note, look))


def _heights(hills: Hills, logarithmic: bool) -> np.ndarray:
    """Heights of the ridges (L, B) from 0 to 1; a layer with none or few of its values in view lies flat."""
    # A few stray values, scaled up to full height, would look like a distribution.
    density = np.where(hills.bare[:, None], 0.0, hills.density)
    if not logarithmic:
        tallest = density.max(axis=1, keepdims=True)
        return density / np.where(tallest > 0, tallest, 1.0)
    one = 1 / (hills.counted * (hills.edges[1] - hills.edges[0]))  # the density of a bin with a single value
    return np.log1p(density / one) / max(np.log1p(density.max() / one), 1e-9)


def _lit(result: Result, layer: int, look: Look) -> str:
    """What is written beside the lit ridge."""
    size = _number(measure.middle(result.std)[layer])
    flat = measure.middle(result.saturated)[layer]
    return tr(
        look,
        "layer {layer}: std {size}, flat slopes {share}",
        layer=layer + 1,
        size=size,
        share=f"{flat:.0%}" if np.isfinite(flat) else "–",
    )


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "∞"
    if value < measure.LOWEST:
        return "0"
    if 1e-4 <= value < 1e5:
        rounded = float(f"{value:.2g}")
        return f"{rounded:g}" if rounded >= 10 else f"{rounded:#.2g}"  # 0.90 under 0.91
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}".replace("-", "−")


def _zeros(hills: Hills, x: Axis, y: Axis, look: Look) -> Piece:
    """A bar at zero for the share of exact zeros, from the foot of each ridge; all of them would fill the layer."""
    at = np.flatnonzero(hills.zero > 0)
    tops = at + 1 - 0.9 * hills.zero[at]
    data = {"exact zeros": rows(x=np.zeros(len(at)), layer=at + 1.0, top=tops, share=hills.zero[at])}
    place = {"x": x.along("x"), "y": y.along("layer"), "y2": {"field": "top"}}
    hints = [number("layer", title=y.title), number("share", title=tr(look, "exact zeros"), format=".0%")]
    bar = {"color": look.inks.ink, "strokeWidth": 2.4 * look.unit, "opacity": 0.75, "clip": True}
    return Piece((mark("rule", "exact zeros", {**place, "tooltip": hints}, **bar),), data)


def _bare(result: Result, y: Axis, look: Look, overlap: float) -> Piece:
    """The baselines of layers most of whose values lie beyond the picture, and how many of them do."""
    hills = result.hills
    hue = colour(result.settings.activation, look)
    lines_ = rows(layer=np.flatnonzero(hills.bare) + 1.0)
    said = [layer for layer in _spaced(result, look, overlap) if hills.bare[layer - 1]]
    share = hills.outside / np.maximum(1 - hills.zero, 1e-9)
    texts = [tr(look, "{share} beyond", share=_share(float(share[layer - 1]))) for layer in said]
    data = {"bare": lines_, "_bare words": rows(layer=np.array(said, dtype=float), text=texts)}
    place = {"x": {"value": {"expr": "0.04 * width"}}, "y": y.along("layer")}
    style = {"align": "left", "baseline": "bottom", "fontSize": look.small, "dy": -2 * look.unit}
    line = mark("rule", "bare", {"y": place["y"]}, color=hue, strokeWidth=0.25 * look.line, opacity=0.6, tooltip=None)
    return Piece((line, *haloed("_bare words", place, look, **style)), data)


def _share(value: float) -> str:
    """A share of nearly all is not called all."""
    return ">99%" if 0.995 <= value < 1 else f"{value:.0%}"


def _ghost_ridges(ghost: Result, overlap: float, logarithmic: bool, x: Axis, y: Axis, look: Look) -> Piece:
    """The outlines of the pinned run's ridges."""
    hills = ghost.hills
    middles = (hills.edges[:-1] + hills.edges[1:]) / 2
    seen = (middles >= x.low) & (middles <= x.high)
    records = []
    for layer, heights in enumerate(overlap * _heights(hills, logarithmic), 1):
        records += rows(layer=layer, x=middles[seen], y=layer - heights[seen])
    place = {"x": x.along("x"), "y": y.along("y"), "detail": number("layer")}
    thin = {"stroke": ghost_colour(ghost.settings.activation, look), "strokeWidth": 0.4 * look.line, "opacity": 0.7}
    thin |= {"clip": True, "tooltip": None}
    return Piece((mark("line", "pinned ridges", place, **thin),), {"pinned ridges": records})


def _sizes(result: Result, y: Axis, look: Look, overlap: float) -> Piece:
    """The standard deviation of every layer, or of as many as have room, in a column on the right."""
    layers = _spaced(result, look, overlap)
    sizes = measure.middle(result.std)
    data = {
        "sizes": rows(layer=layers.astype(float), text=[_number(sizes[layer - 1]) for layer in layers]),
        "_sizes head": [{"layer": y.low, "text": tr(look, "std")}],
    }
    place = {"x": {"value": {"expr": "width"}}, "y": y.along("layer"), "text": word("text")}
    style = {"align": "left", "dx": 8 * look.unit, "fontSize": look.small, "color": look.inks.muted, "tooltip": None}
    layers_ = (
        mark("text", "sizes", place, baseline="middle", **style),
        mark("text", "_sizes head", place, baseline="top", fontWeight="bold", **style),
    )
    return Piece(layers_, data)


def _spaced(result: Result, look: Look, overlap: float) -> np.ndarray:
    """The layers whose lines of text have room above each other, the last among them."""
    depth = result.settings.depth
    height = (look.height if look.slide else HERO) - 6 * look.label
    every = max(1, int(np.ceil(1.25 * look.small * (depth + overlap) / height)))
    return np.arange(depth, 0, -every)[::-1]


def signals(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Standard deviations of activations and gradients in every layer, with bands over draws, against theory."""
    drawn = _signal_lines(result, look)
    gone = [line for line in drawn if measure.gone(line.y) is not None]
    # A curve of which nothing can be drawn has no place for its name.
    drawn = [line for line in drawn if (line.y >= measure.LOWEST).any()]
    pinned = _signal_lines(ghost, look) if ghost is not None else []
    depth = max(result.settings.depth, ghost.settings.depth if ghost is not None else 1)
    x = Axis(tr(look, "Layer"), *((1, depth) if depth > 1 else (0.5, 1.5)), whole=True)
    predicted = _predicted(result)
    everything = [v for line in (*drawn, *pinned) for v in (line.y, line.low, line.high) if v is not None]
    if not any(np.isfinite(v[v > 0]).any() for v in everything):
        return message(tr(look, "Nothing to draw: no standard deviation is positive and finite."), look, height=SUPPORT)
    everything += [values for values, _ in predicted]
    y = Axis(tr(look, "Standard deviation"), *span(*everything, log=True, decades=DECADES), log=True)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    piece += _dots(drawn, x, y, look)
    steps = np.arange(1, result.settings.depth + 1)
    curves = [*drawn_curves([*drawn, *pinned]), *((steps, values) for values, _ in predicted)]
    beside = Beside(curves, x, y, look, height=SUPPORT)
    for i, (values, formula) in enumerate(predicted):
        piece += lines.theory(steps, values, x, y, look, None, name=f"theory {i}")
        piece += beside.words(steps, values, formula, name=f"theory {i}", at=0.15 + 0.6 * i)
    draws = result.settings.repeats
    note = tr(look, "Median and range of {draws} draws.", draws=draws) if draws > 1 else tr(look, "One draw.")
    if predicted:
        note += " " + tr(look, "Dashed: theory of infinite width.")
    if gone:
        note += " " + tr(look, "No line where it is below 1e−300.")
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=SUPPORT, title=footnote(note, look))


def _signal_lines(result: Result, look: Look) -> list[lines.Line]:
    steps = np.arange(1, result.settings.depth + 1)
    found = []
    for name, label, values in (
        ("forward", tr(look, "activations"), result.std),
        ("backward", tr(look, "gradients"), result.gradient),
    ):
        held = np.where(np.isnan(values), np.inf, values)
        low, high = (held.min(axis=0), held.max(axis=0)) if len(held) > 1 else (None, None)
        found.append(lines.Line(name, steps, _seen(measure.middle(values)), _seen(low), _seen(high), label=label))
    return found


def _seen(values: np.ndarray | None) -> np.ndarray | None:
    """Without what is below the least size that is told from nothing: a logarithmic axis has no place for it."""
    return None if values is None else np.where(values < measure.LOWEST, np.nan, values)


def _predicted(result: Result) -> list[tuple[np.ndarray, str]]:
    """The theory's curves (L,) with their formulas; the gradients' starts at the measured size in the last layer."""
    if result.theory is None:
        return []
    last = measure.middle(result.gradient)[-1]
    if result.settings.depth == 1:
        return []
    found = [(_seen(result.theory.std), "q = σ_w² E[φ²] + σ_b²")]
    if np.isfinite(last) and last > 0:
        found.append((_seen(last * result.theory.gradient), "χ = σ_w² E[φ′²]"))
    return found


def _dots(drawn: list[lines.Line], x: Axis, y: Axis, look: Look) -> Piece:
    """A mark at every measured layer, as far as they stay apart."""
    records = []
    for line in drawn:
        keep = (line.y >= y.low) & (line.y <= y.high) & np.isfinite(line.y)
        if keep.sum() <= 40:
            hue = [colour(line.name, look)] * int(keep.sum())
            records += rows(x=line.x[keep].astype(float), y=line.y[keep], hue=hue)
    place = {"x": x.along("x"), "y": y.along("y"), "fill": {"field": "hue", "type": "nominal", "scale": None}}
    dot = {"size": 26 * look.unit**2, "opacity": 1, "stroke": look.inks.paper, "strokeWidth": 0.6 * look.unit}
    return Piece((mark("point", "_dots", place, tooltip=None, clip=True, **dot),), {"_dots": records})


def _alt(figure: str) -> Callable[[Result, Look], str]:
    def text(result: Result, look: Look) -> str:
        settings = result.settings
        size, gradient = measure.middle(result.std), measure.middle(result.gradient)
        values = {
            "activation": tr(look, settings.activation),
            "scheme": tr(look, settings.scheme),
            "layers": settings.depth,
            "first": _number(size[0]),
            "last": _number(size[-1]),
            "gradient_first": _number(gradient[0]),
            "gradient_last": _number(gradient[-1]),
        }
        if result.grid is not None:
            values |= {"good": int(result.grid.good.sum()), "cells": result.grid.good.size}
        if result.symmetry is not None:
            values |= {"units": result.symmetry.units, "steps": settings.symmetry_steps}
        if result.training is not None:
            values |= {"steps": settings.train_steps, "schemes": len(result.training.schemes)}
        return words("initialization", look.language).alt[figure].format_map(_Lenient(values))

    return text


class _Lenient(dict):
    """Numbers of a panel that is closed are not there; its figure says so itself."""

    def __missing__(self, key: str) -> str:
        return "–"


FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec("Activations, layer by layer", hero, _alt("hero")),
    "signals": FigureSpec("Forward and backward", signals, _alt("signals")),
    "grid": FigureSpec(
        "Every activation with every scheme", grid, _alt("grid"), click={"activation": "row", "scheme": "column"}
    ),
    "chaos": FigureSpec("Order and chaos", chaos, _alt("chaos")),
    "spectra": FigureSpec("Singular values of the product of all layers", spectra, _alt("spectra")),
    "rank": FigureSpec("Rank of the first layer during training", rank, _alt("rank")),
    "units_same": FigureSpec("Similarity of hidden units, without noise", units(0), _alt("units_same")),
    "units_noisy": FigureSpec("Similarity of hidden units, with noise", units(1), _alt("units_noisy")),
    "train_loss": FigureSpec("Test loss during training", train_loss, _alt("train_loss")),
    "train_accuracy": FigureSpec("Test accuracy during training", train_accuracy, _alt("train_accuracy")),
}
OF_PANEL = {
    "Forward and backward": ("signals",),
    "Grid": ("grid",),
    "Order and chaos": ("chaos",),
    "Singular values": ("spectra",),
    "Symmetry": ("rank", "units_same", "units_noisy"),
    "Training": ("train_loss", "train_accuracy"),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first."""
    return ("hero", *(name for panel in settings.panels for name in OF_PANEL[panel]))
