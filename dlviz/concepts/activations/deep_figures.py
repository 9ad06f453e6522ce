"""Pictures of deep random networks and of the zigzag."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve_labels import Beside, drawn_curves
from dlviz.drawing.curves.lines import Line
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, literal, mark, rows, word
from dlviz.drawing.grammar.theme import Look, tr

from . import zigzag
from .depth import SEEDS
from .measure import Depth, Paths, Result

SUPPORT = 340
BESIDE = 460
"""Heights in px: of support figures, and of one that may stand beside the hero."""


def missing(look: Look, height: int = SUPPORT) -> Any:
    """What a figure says whose panel is not chosen."""
    return message(tr(look, "Switch this panel on in the settings."), look, height=height)


def _over_seeds(name: str, xs: np.ndarray, values: np.ndarray) -> Line:
    """Median and min–max band over seeds of (S, L)."""
    if not np.isfinite(values).any():
        return Line(name, xs, np.full(len(xs), np.nan))
    # A layer at which one seed's numbers have overflowed has no median to speak of.
    whole = np.isfinite(values).all(axis=0)
    kept = np.where(whole, values, np.nan)
    return Line(name, xs, np.median(kept, axis=0), kept.min(axis=0), kept.max(axis=0))


def gradients(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """∂loss/∂z of every layer as a multiple of the last layer's, read from the output backwards."""
    if result.deep is None:
        return missing(look, BESIDE)
    if not result.deep:
        return message(tr(look, "Choose at least one function."), look, height=BESIDE)

    def back(deep: Mapping[str, Depth]) -> list[Line]:
        return [_over_seeds(name, np.arange(d.gradient.shape[1]), d.passed_back[:, ::-1]) for name, d in deep.items()]

    drawn, pinned = back(result.deep), back(ghost.deep or {}) if ghost is not None else []
    heights = [line.y for line in (*drawn, *pinned)] + [part for line in drawn for part in (line.low, line.high)]
    heights = [values for values in heights if values is not None]
    theory = result.theory
    if theory is not None:
        heights.append(theory.gradient)
    longest = max(len(line.x) for line in (*drawn, *pinned)) - 1
    x = Axis(tr(look, "Layers back from the last"), 0, longest)
    y = Axis(tr(look, "Gradient, as a multiple of the last layer's"), *span(*heights, log=True, decades=290), log=True)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    predicted = []
    if theory is not None:
        k = np.arange(len(theory.gradient), dtype=float)
        with np.errstate(over="ignore", under="ignore"):
            plain = theory.steepest**k
        predicted.append(("bound", theory.bound[::-1], "Π max|f′| ||W||", 0.7))
        if abs(theory.steepest - 1) > 1e-9:
            at = 0.8 if theory.steepest < 1 else 0.95
            predicted.append(("activations alone", plain, "(max f′)^k", at))
        predicted.append(("mean field", theory.gradient[::-1], "√Πχ", 0.6))
    for name, values, _, _ in predicted:
        piece += lines.theory(k, values, x, y, look, None, name=name)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    curves = [*drawn_curves([*drawn, *pinned]), *((k, values) for _, values, _, _ in predicted)]
    beside = Beside(curves, x, y, look, height=BESIDE)
    for name, values, formula, at in predicted:
        piece += beside.words(k, values, formula, name=name, at=at)
    return finish(piece, look, height=BESIDE, title=_note(drawn, look, pinned))


def _note(drawn: list[Line], look: Look, pinned: list[Line]) -> Any:
    """What lines and bands are; and that signals which are gone lie at the foot of the axis, where there are any."""
    said = [tr(look, "Median of {count} seeds; bands from least to greatest.", count=SEEDS)]
    if any(np.any(line.y == 0) for line in drawn):
        said.append(tr(look, "At the foot: below 1e−290."))
    return footnote(" ".join(said) + lines.ghost_note(pinned, look), look)


def _by_layer(
    pick: Callable[[Depth], np.ndarray],
    title: Callable[[Look], str],
    theory: Callable[[Result], np.ndarray | None],
    formula: str,
    log: bool,
) -> Callable[..., Any]:
    def draw(result: Result, look: Look, ghost: Result | None = None) -> Any:
        if result.deep is None:
            return missing(look)
        if not result.deep:
            return message(tr(look, "Choose at least one function."), look, height=SUPPORT)

        def curves(deep: Mapping[str, Depth]) -> list[Line]:
            return [_over_seeds(name, np.arange(1, d.std.shape[1] + 1), pick(d)) for name, d in deep.items()]

        drawn, pinned = curves(result.deep), curves(ghost.deep or {}) if ghost is not None else []
        expected = theory(result)
        heights = [line.y for line in (*drawn, *pinned)] + ([expected] if expected is not None else [])
        heights += [line.low for line in drawn if line.low is not None]
        heights += [line.high for line in drawn if line.high is not None]
        x = Axis(tr(look, "Layer"), 1, max(len(line.x) for line in (*drawn, *pinned)))
        low, high = span(*heights, log=True, decades=290) if log else (-0.02, 1.02)
        y = Axis(title(look), low, high, log=log)
        piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
        if expected is not None:
            layers = np.arange(1, len(expected) + 1, dtype=float)
            piece += lines.theory(layers, expected, x, y, look, None)
        piece += lines.measured(drawn, x, y, look, height=SUPPORT)
        if expected is not None:
            beside = Beside([*drawn_curves([*drawn, *pinned]), (layers, expected)], x, y, look, height=SUPPORT)
            piece += beside.words(layers, expected, formula, name="theory", at=0.3)
        return finish(piece, look, height=SUPPORT, title=_note(drawn if log else [], look, pinned))

    return draw


saturation = _by_layer(
    lambda d: d.saturated,
    lambda look: tr(look, "Share of units and inputs with |f′| < ε"),
    lambda r: r.theory.saturated if r.theory else None,
    "P(|f′(√q z)| < ε)",
    False,
)
dead = _by_layer(
    lambda d: d.dead,
    lambda look: tr(look, "Share of units with slope 0 on every input"),
    lambda _r: None,
    "",
    False,
)
spread = _by_layer(
    lambda d: d.std,
    lambda look: tr(look, "Standard deviation of the activations"),
    lambda r: r.theory.std if r.theory else None,
    "√(E[f²] − E[f]²)",
    True,
)


def agreement(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Sign agreement against the batch size, with what chance gives."""
    if result.agreement is None:
        return missing(look)
    drawn = [Line(a.name, a.batches, a.mean, a.low, a.high) for a in result.agreement]
    batches = result.agreement[0].batches
    x = Axis(tr(look, "Batch size"), float(batches[0]), float(batches[-1]), log=True)
    y = Axis(tr(look, "Share of gradients with the same sign"), 0.48, 1.02)
    chance = np.full(len(batches), zigzag.chance(result.agreement[0].inputs))
    label = tr(look, "fair signs: {share}", share=f"{chance[0]:.1%}")
    piece = frame(x, y, look) + lines.theory(batches.astype(float), chance, x, y, look, None)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    beside = Beside([*drawn_curves(drawn), (batches, chance)], x, y, look, height=SUPPORT)
    piece += beside.words(batches.astype(float), chance, label, name="theory", at=0.15)
    note = footnote(tr(look, "Mean; bands 10–90% over neurons and batches."), look)
    return finish(piece, look, height=SUPPORT, title=note)


def path(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The way of two weights from (0, 0) to (1, −1), one sample a step."""
    if result.paths is None:
        return missing(look, BESIDE)
    places = np.concatenate([p.w for p in result.paths])
    places = places[np.isfinite(places).all(axis=1)]
    low = np.minimum(places.min(axis=0, initial=0.0), (-0.35, -1.25)).clip(-3, None)
    high = np.maximum(places.max(axis=0, initial=0.0), (1.25, 0.35)).clip(None, 3)
    x = Axis(tr(look, "First weight"), float(low[0]) - 0.05, float(high[0]) + 0.05)
    y = Axis(tr(look, "Second weight"), float(low[1]) - 0.05, float(high[1]) + 0.05)
    piece = frame(x, y, look) + _quadrants(x, y, look) + _ways(result.paths, x, y, look)
    piece += _place("start", (0.0, 0.0), tr(look, "start"), x, y, look)
    piece += _place("target", zigzag.TARGET, tr(look, "target"), x, y, look)
    left = [
        tr(look, "{name}: beyond ±100 at step {step}.", name=p.name, step=p.left) for p in result.paths if p.left >= 0
    ]
    return finish(piece, look, height=BESIDE, **({"title": footnote(" ".join(left), look)} if left else {}))


SHAPES = ("circle", "square", "triangle-up")


def _ways(ways: Sequence[Paths], x: Axis, y: Axis, look: Look) -> Piece:
    """Every step a mark, joined by a fine line: what turns that often would be lost in a dashed line."""
    data: dict[str, Any] = {"paths": [], "_names": []}
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
    place = {"x": x.along("x"), "y": y.along("y")}
    hints = [word("name", title=""), {"field": "step", "type": "quantitative", "title": tr(look, "step")}]
    layers = [
        mark("line", "paths", {**place, "detail": word("name"), "stroke": literal("colour")},
             strokeWidth=0.5 * look.line, strokeJoin="round", clip=True, tooltip=None),
        mark("point", "paths", {**place, "fill": literal("colour"), "shape": literal("shape"), "tooltip": hints},
             size=22 * look.unit**2, opacity=1, stroke=None, clip=True),
    ]  # fmt: skip
    bold = {"fontSize": look.label, "fontWeight": "bold", "tooltip": None}
    halo = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.85}
    for on, side in ((True, "left"), (False, "right")):
        shift = {"align": side, "dx": (10 if on else -10) * look.unit, "baseline": "bottom" if on else "top"}
        chosen = [{"filter": "datum.right" if on else "!datum.right"}]
        text = {**place, "text": word("text")}
        layers.append(mark("text", "_names", text, transform=chosen, **halo, **bold, **shift))
        layers.append(mark("text", "_names", {**text, "fill": literal("colour")}, transform=chosen, **bold, **shift))
    return Piece(tuple(layers), data)


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
    ring = {"size": 110 * look.unit**2, "fill": look.inks.paper, "stroke": look.inks.ink, "strokeWidth": 2 * look.unit}
    style = {"align": "left", "baseline": "bottom", "dx": 8 * look.unit, "dy": -6 * look.unit, "fontSize": look.label}
    halo = {"stroke": look.inks.paper, "strokeWidth": 4 * look.unit, "strokeJoin": "round"}
    words = {**place, "text": word("text")}
    ring["shape"] = "circle" if name == "start" else "diamond"
    return Piece(
        (
            mark("point", name, place, opacity=1, tooltip=None, **ring),
            mark("text", name, words, tooltip=None, **halo, **style),
            mark("text", name, words, tooltip=None, color=look.inks.ink, **style),
        ),
        data,
    )
