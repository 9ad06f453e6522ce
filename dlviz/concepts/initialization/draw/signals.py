"""The hero: the distribution of the activations, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import ridgeline
from dlviz.drawing.curves.histogram import bins
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.palette import colour, ghost_colour, mix
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, mark, number, rows, word
from dlviz.drawing.grammar.runs import run_names
from dlviz.drawing.grammar.theme import Look, tr

from ..curves import middle
from ..hills import Hills
from .sizes import written

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 430


def hero(runs: Sequence[Run], look: Look) -> Any:
    """The distribution of the activations, layer by layer, the first on top; a slider lights one."""
    own, *others = runs
    result: Result = own.result
    hills, depth = result.signals.hills, result.settings.depth
    beside = [run for run in others if run.result.settings.depth == depth]
    overlap = float(np.clip(depth / 9, 0.9, 6.0))
    logarithmic = result.settings.density == "Logarithmic"
    low, high = float(hills.edges[0]), float(hills.edges[-1])
    x = Axis(tr(look, "Activation h"), low - 0.02 * (high - low), high + 0.02 * (high - low))
    y = ridgeline.depth_axis(tr(look, "Layer"), depth, overlap)
    hue = colour(result.settings.activation, look)
    pale = mix(hue, look.inks.paper, 0.55)
    lit = [_lit(result, layer, look) for layer in range(depth)]
    piece = frame(x, y, look)
    piece += ridgeline.ridges(
        hills.edges, overlap * _heights(hills, logarithmic), x, y, look, colours=(pale, hue), texts=lit
    )
    # Heights are scaled and few sizes are written: a file has what was measured.
    piece += Piece(tables={"ridges": partial(_densities, hills), "layers": partial(_layers, result, look)})
    piece += _bare(result, y, look, overlap)
    piece += _zeros(hills, x, y, look)
    for i, run in enumerate(beside):
        name = f"pinned ridges {i + 1}" if i else "pinned ridges"
        piece += _ghost_ridges(run.result, overlap, logarithmic, x, y, look, name)
        piece += Piece(tables={name: partial(_densities, run.result.signals.hills, {"run": run.label})})
    piece += _sizes(result, y, look, overlap)
    piece += ridgeline.layer_slider(depth, tr(look, "layer"), depth)
    scaled = (
        "Height: log of the density, one scale for all." if logarithmic else "Each layer is scaled to its own height."
    )
    note = tr(look, scaled)
    if hills.zero.any():
        note += " " + tr(look, "Bars: share of exact zeros, a full layer for all.")
    if beside:
        note += " " + tr(look, "Thin lines: {runs}.", runs=run_names([run.label for run in beside], look))
    if hills.bare.any():
        note += " " + tr(
            look, "Bare line: most values other than zero lie beyond the picture, the written share of them."
        )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _densities(hills: Hills, run: Mapping[str, str] = MappingProxyType({})) -> Rows:
    """The density in every bin of every layer."""
    layers = enumerate(hills.density, 1)
    return [row for at, part in layers for row in listed({"layer": at, **run, **bins(hills.edges, part)})]


def _layers(result: Result, look: Look) -> Rows:
    """What is written of the layers: medians over the draws, and of the first draw what cannot be seen as a hill."""
    signals = result.signals
    return listed({
        "layer": np.arange(1, result.settings.depth + 1), tr(look, "std"): middle(signals.std),
        tr(look, "share of flat slopes"): middle(signals.saturated), tr(look, "exact zeros"): signals.hills.zero,
        tr(look, "beyond"): signals.hills.outside,
    })  # fmt: skip


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
    size = written(middle(result.signals.std)[layer])
    flat = middle(result.signals.saturated)[layer]
    return tr(
        look,
        "layer {layer}: std {size}, flat slopes {share}",
        layer=layer + 1,
        size=size,
        share=f"{flat:.0%}" if np.isfinite(flat) else "–",
    )


def _zeros(hills: Hills, x: Axis, y: Axis, look: Look) -> Piece:
    """A bar at zero for the share of exact zeros, from the foot of each ridge; all of them would fill the layer."""
    at = np.flatnonzero(hills.zero > 0)
    tops = at + 1 - 0.9 * hills.zero[at]
    data = {"exact zeros": rows(x=np.zeros(len(at)), layer=at + 1.0, top=tops, share=hills.zero[at])}
    place = {"x": x.along("x"), "y": y.along("layer"), "y2": {"field": "top"}}
    hints = [number("layer", title=y.title), number("share", title=tr(look, "exact zeros"), format=".0%")]
    bar: Spec = {"color": look.inks.ink, "strokeWidth": 2.4 * look.unit, "opacity": 0.75, "clip": True}
    return Piece((mark("rule", "exact zeros", {**place, "tooltip": hints}, **bar),), data)


def _bare(result: Result, y: Axis, look: Look, overlap: float) -> Piece:
    """The baselines of layers most of whose values lie beyond the picture, and how many of them do."""
    hills = result.signals.hills
    hue = colour(result.settings.activation, look)
    said = [layer for layer in _spaced(result, look, overlap) if hills.bare[layer - 1]]
    share = hills.outside / np.maximum(1 - hills.zero, 1e-9)
    texts = [tr(look, "{share} beyond", share=_share(float(share[layer - 1]))) for layer in said]
    data = {
        "bare": rows(layer=np.flatnonzero(hills.bare) + 1.0),
        "_bare words": rows(layer=np.array(said, dtype=float), text=texts),
    }
    place = {"x": {"value": {"expr": "0.04 * width"}}, "y": y.along("layer")}
    style = {"align": "left", "baseline": "bottom", "fontSize": look.small, "dy": -2 * look.unit}
    # They begin beside the words, which some of them would else go through.
    wide = max((text_width(text, look) * look.small / look.label for text in texts), default=0.0)
    across = {"x": {"value": {"expr": f"0.04 * width + {wide:.0f}"}}, "x2": {"value": "width"}, "y": place["y"]}
    line = mark("rule", "bare", across, color=hue, strokeWidth=0.25 * look.line, opacity=0.6, tooltip=None)
    return Piece((line, *haloed("_bare words", place, look, **style)), data)


def _share(value: float) -> str:
    """A share of nearly all is not called all."""
    return ">99%" if 0.995 <= value < 1 else f"{value:.0%}"


def _ghost_ridges(ghost: Result, overlap: float, logarithmic: bool, x: Axis, y: Axis, look: Look, name: str) -> Piece:
    """The outlines of another run's ridges."""
    hills = ghost.signals.hills
    middles = (hills.edges[:-1] + hills.edges[1:]) / 2
    seen = (middles >= x.low) & (middles <= x.high)
    records = []
    for layer, heights in enumerate(overlap * _heights(hills, logarithmic), 1):
        records += rows(layer=layer, x=middles[seen], y=layer - heights[seen])
    place = {"x": x.along("x"), "y": y.along("y"), "detail": number("layer")}
    thin: Spec = {"stroke": ghost_colour(ghost.settings.activation, look), "strokeWidth": 0.4 * look.line}
    thin |= {"opacity": 0.7, "clip": True, "tooltip": None}
    return Piece((mark("line", name, place, **thin),), {name: records})


def _sizes(result: Result, y: Axis, look: Look, overlap: float) -> Piece:
    """The standard deviation of every layer, or of as many as have room, in a column on the right."""
    layers = _spaced(result, look, overlap)
    sizes = middle(result.signals.std)
    data = {
        "sizes": rows(layer=layers.astype(float), text=[written(sizes[layer - 1]) for layer in layers]),
        "_sizes head": [{"layer": y.low, "text": tr(look, "std")}],
    }
    place = {"x": {"value": {"expr": "width"}}, "y": y.along("layer"), "text": word("text")}
    style: Spec = {
        "align": "left",
        "dx": 8 * look.unit,
        "fontSize": look.small,
        "color": look.inks.muted,
        "tooltip": None,
    }
    layers_ = (
        mark("text", "sizes", place, baseline="middle", **style),
        mark("text", "_sizes head", place, baseline="top", fontWeight="bold", **style),
    )
    return Piece(layers_, data)


def _spaced(result: Result, look: Look, overlap: float) -> np.ndarray:
    """The layers whose lines of text have room above each other, the last among them."""
    depth = result.settings.depth
    height = (look.height if look.slide else HEIGHT) - 6 * look.label
    every = max(1, int(np.ceil(1.25 * look.small * (depth + overlap) / height)))
    return np.arange(depth, 0, -every)[::-1]


def hero_numbers(result: Result, look: Look) -> dict[str, object]:
    """The numbers of the hero's text alternative."""
    settings, sizes = result.settings, middle(result.signals.std)
    return {
        "layers": settings.depth,
        "activation": tr(look, settings.activation),
        "scheme": tr(look, settings.scheme),
        "first": written(sizes[0]),
        "last": written(sizes[-1]),
    }


DRAWINGS = {"hero": Drawing(hero, hero_numbers, HEIGHT)}
