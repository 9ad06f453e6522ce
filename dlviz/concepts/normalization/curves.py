"""Figures of numbers: histograms step by step, spreads, errors, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dlviz.drawing.charts.matrix import matrix, sequential
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.curves.strips import Strip, strips
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.interaction import slider
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, rows
from dlviz.drawing.grammar.theme import Look, tr

from .measure import Result

HEIGHT = 340
VARIANCE = (
    "σ²√((N − 1)((N − 1)κ − N + 3)/N³)"  # the standard deviation of the variance of N values, as a picture says it
)
ACTIVATED = {
    "ReLU": "max(0, {})",
    # Vega's expressions have no hyperbolic tangent.
    "Tanh": "(1 - 2 / (1 + exp(2 * ({}))))",
    "Sigmoid": "(1 / (1 + exp(-({}))))",
}


def off(look: Look, height: int = HEIGHT) -> Any:
    """What stands in place of the figure of a panel that is off."""
    return message(tr(look, "Switch this panel on in the settings."), look, height=height)


def _no_network(result: Result, panel: str, look: Look) -> Any:
    if panel not in result.settings.panels:
        return off(look)
    return message(tr(look, "Choose at least one network."), look, height=HEIGHT)


def steps(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """x, s1 = w·x, s2 standardised, s3 scaled and shifted, and the activation, as histograms under γ and β."""
    found = result.steps
    if found is None:
        return off(look)
    settings = result.settings
    name = settings.activation
    scaled = "(bn_gamma * datum.s2 + bn_beta)"
    hue, quiet = colour("BatchNorm", look), look.inks.ghost
    drawn = [
        Strip(tr(look, "x: pixels"), "pixels", "datum.x", quiet, "datum.share"),
        # The fonts of many systems have no lowered digits.
        Strip("s1 = w·x", "unit", "datum.s1", quiet),
        Strip("s2 = (s1 − μ)/√(σ² + ε)", "unit", "datum.s2", hue),
        Strip("s3 = γ·s2 + β", "unit", scaled, hue),
        Strip(f"{name}(s3)", "unit", ACTIVATED[name].format(scaled), colour(name, look)),
    ]
    data = {
        "pixels": rows(x=found.pixels, share=found.shares),
        "unit": rows(s1=found.sums, s2=found.x_hat),
    }
    sliders = (
        slider("bn_gamma", settings.gamma, -3, 3, 0.05, "γ"),
        slider("bn_beta", settings.beta, -3, 3, 0.05, "β"),
    )
    x = Axis(tr(look, "Value, in {count} examples", count=len(found.sums)), -8, 8)
    piece = strips(
        drawn,
        data,
        x,
        look,
        bin_width=0.25,
        outside=tr(look, "beyond"),
        highest=tr(look, "highest bar"),
        sliders=sliders,
    )
    return finish(piece, look, height=460)


def _sized(x: Axis, y: Axis, sizes: Sequence[int], look: Look) -> Piece:
    """The axes of a figure over batch sizes: a tick at each size."""
    piece = frame(replace(x, log=False, low=0.0), y, look)
    ground = dict(piece.layers[0])
    encoding = dict(ground["encoding"])
    axis = encoding["x"]["axis"] | {"values": [int(size) for size in sizes], "format": "d"}
    ground["encoding"] = encoding | {"x": encoding["x"] | {"scale": x.scale, "axis": axis}}
    ground["data"] = {"values": [{"x": x.low, "y": y.low}]}  # zero may lie far to the left, and take room there
    return Piece((ground, *piece.layers[1:]), piece.data, piece.params)


def spread(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """How far batch means and variances scatter, against the batch size, with what theory says."""
    found = result.batches
    if found is None:
        return off(look)
    sizes = found.sizes
    drawn = [
        Line("mean", sizes, found.mean_spread, label=tr(look, "mean, in σ")),
        Line("variance", sizes, found.var_spread, label=tr(look, "variance, in σ²")),
    ]
    x = Axis(tr(look, "Batch size N"), 1.6, float(sizes[-1]) * 1.15, log=True)
    heights = span(found.mean_spread, found.var_spread, found.mean_theory(), found.var_theory(), log=True)
    y = Axis(tr(look, "Standard deviation over {count} batches", count=found.count), *heights, log=True)
    piece = _sized(x, y, sizes, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    piece += lines.theory(sizes, found.var_theory(), x, y, look, VARIANCE, name="theory of the variance", at=0.15)
    piece += lines.theory(sizes, found.mean_theory(), x, y, look, None, name="theory of the mean")
    # Below its line: the other one is close above.
    at = len(sizes) // 2
    label = {"_theory of the mean": rows(x=[float(sizes[at])], y=[float(found.mean_theory()[at])], text=["σ/√N"])}
    place = {"x": x.along("x"), "y": y.along("y")}
    piece += Piece(
        tuple(haloed("_theory of the mean", place, look, align="right", dx=-7 * look.unit, dy=12 * look.unit)), label
    )
    note = tr(
        look, "Drawn with replacement. κ = {kurtosis}: the kurtosis of the values.", kurtosis=f"{found.kurtosis:.2f}"
    )
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def gap(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """How far x̂ in training mode is from x̂ in evaluation mode, against the batch size, from N = 1."""
    found = result.batches
    if found is None:
        return off(look)
    sizes = np.concatenate([[1], found.sizes])
    drawn = [Line("BatchNorm", sizes, np.concatenate([[found.one_gap], found.gap]), label=tr(look, "measured"))]
    x = Axis(tr(look, "Batch size N"), 0.85, float(sizes[-1]) * 1.2, log=True)
    y = Axis(
        tr(look, "Root mean square of training − evaluation"), *span(drawn[0].y, found.gap_theory(), log=True), log=True
    )
    piece = _sized(x, y, sizes, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    piece += lines.theory(found.sizes, found.gap_theory(), x, y, look, "√((3 + κ)/4N)")
    note = tr(look, "Of standardised values. At N = 1 all are 0. Theory: to first order.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def error(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Test error against batch size for each norm: median and range over seeds."""
    runs = result.training
    if runs is None:
        return _no_network(result, "Training", look)
    drawn = _errors(result)
    pinned = _errors(ghost) if ghost is not None and ghost.training is not None else []
    heights = [values for line in (*drawn, *pinned) for values in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Batch size N"), 1.7, 145, log=True)
    y = Axis(tr(look, "Test error in %"), *span(*heights, log=True), log=True)
    piece = _sized(x, y, runs.sizes, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT + 40) + dots(drawn, x, y, look)
    note = tr(
        look, "Median and range over seeds ({seeds}); {tested} test digits; learning rate proportional to N.",
        seeds=runs.error.shape[2], tested=runs.tested,
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note + lines.ghost_note(pinned, look), look))


def _errors(result: Result) -> list[Line]:
    runs = result.training
    found = []
    for norm, errors in zip(runs.norms, 100 * runs.error, strict=True):
        label = f"GroupNorm, G = {runs.groups}" if norm == "GroupNorm" else None
        low, middle, high = errors.min(axis=1), np.median(errors, axis=1), errors.max(axis=1)
        found.append(Line(norm, runs.sizes, middle, low, high, label=label))
    return found


def mixing(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Switchable's weights of the three statistics after training, for the mean and for the variance."""
    runs = result.training
    if runs is None or not np.isfinite(runs.mixing).any():
        return message(tr(look, "Train Switchable to see what it learned."), look, height=HEIGHT)
    weights = runs.mixing.mean(axis=(1, 2))  # (B, 2, 3)
    values = weights.transpose(1, 2, 0).reshape(6, -1)
    names = [f"{symbol}, {norm}" for symbol in ("μ", "σ²") for norm in ("InstanceNorm", "LayerNorm", "BatchNorm")]
    texts = np.array([[_weight(value) for value in row] for row in values], dtype=object)
    sizes = [str(size) for size in runs.sizes]
    piece = matrix(
        values, names, sizes, look, bounds=(0.0, 1.0), colours=sequential(look), texts=texts, name="weights",
        title=tr(look, "Weight"), axes=("", tr(look, "Batch size N")),
    )  # fmt: skip
    note = tr(look, "Means over layers and seeds. All weights were a third at the start.")
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note, look))


def _weight(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def depth(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """‖∂L/∂h‖ of every layer at the start of training: median and range over seeds, with the predicted growth."""
    found = result.depth
    if found is None:
        return _no_network(result, "Depth", look)
    drawn = _gradients(result)
    pinned = _gradients(ghost) if ghost is not None and ghost.depth is not None else []
    layers = np.arange(1, len(found.gradient) + 1)
    predicted = {
        norm: np.median(found.gradient[-1, k]) * found.factors[norm] ** (layers[-1] - layers)
        for k, norm in enumerate(found.norms)
        if norm in found.factors
    }
    longest = max((int(line.x[-1]) for line in (*drawn, *pinned)), default=2)
    heights = [values for line in (*drawn, *pinned) for values in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Layer"), 1, longest)
    y = Axis(
        tr(look, "Norm of the gradient ∂L/∂h"), *span(*heights, *predicted.values(), log=True, decades=300), log=True
    )
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT + 40)
    labelled: list[float] = []
    for norm, values in predicted.items():
        at = 0.5 if values[0] > 1.01 * values[-1] else 0.65  # there the text goes to the left, towards the axis
        # Where two predictions lie on each other, only the first has its formula.
        middle = float(y.share(values[len(values) // 2]))
        free = all(abs(middle - other) > 0.07 for other in labelled)
        label = f"{_rule(norm)} = {found.factors[norm]:.3f}" if free else ""
        piece += lines.theory(layers, values, x, y, look, label, name=f"theory {norm}", at=at)
        labelled += [middle] if free else []
    note = tr(
        look,
        "Median and range over 3 seeds. Dashed: from the last layer on, the factor per layer that theory predicts.",
    )
    return finish(piece, look, height=HEIGHT + 40, title=footnote(note + lines.ghost_note(pinned, look), look))


def _rule(norm: str) -> str:
    return {"BatchNorm": "√(E f′²/Var f)", "None": "gain · √(2 E f′²)"}.get(norm, "√(E f′²/E f²)")


def _gradients(result: Result) -> list[Line]:
    found = result.depth
    layers = np.arange(1, len(found.gradient) + 1)
    drawn = []
    for k, norm in enumerate(found.norms):
        values = found.gradient[:, k]
        drawn.append(Line(norm, layers, np.median(values, axis=1), values.min(axis=1), values.max(axis=1)))
    return drawn


def groups(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """GroupNorm's distance from its two limits, for every G that divides C."""
    found = result.groups
    if found is None:
        return off(look)
    drawn = [
        Line("LayerNorm", found.counts, found.to_layer, label=tr(look, "to LayerNorm")),
        Line("InstanceNorm", found.counts, found.to_instance, label=tr(look, "to InstanceNorm")),
    ]
    highest = max(float(np.max(found.to_layer)), float(np.max(found.to_instance)), 1e-3)
    x = Axis(tr(look, "Groups G"), 0.8, found.counts[-1] + 0.02 * max(int(found.counts[-1]), 5))
    y = Axis(tr(look, "Root mean square difference"), -0.04 * highest, 1.1 * highest)
    piece = _sized(x, y, found.counts, look) + lines.measured(drawn, x, y, look, height=HEIGHT)
    piece += dots(drawn, x, y, look)
    piece += lines.vertical(result.block.groups, x, look, f"G = {result.block.groups}", dashed=False)
    note = tr(look, "LayerNorm over all channels and positions of an example.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def padding(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """How far x̂ of the real cells moves as padding is appended, against statistics over real cells only."""
    found = result.padding
    if found is None:
        return off(look)
    drawn = [Line(norm, found.appended, values) for norm, values in found.shift.items()]
    highest = max(max(float(np.nanmax(values)) for values in found.shift.values()), 1e-3)
    x = Axis(tr(look, "Padded positions appended"), -0.1, float(found.appended[-1]) + 0.1)
    y = Axis(tr(look, "Root mean square change"), -0.04 * highest, 1.1 * highest)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    return finish(piece, look, height=HEIGHT)


def described(result: Result) -> dict[str, object]:
    """Numbers for the text alternatives; zeros where a panel is off."""
    batches, runs, deep = result.batches, result.training, result.depth
    found: dict[str, object] = {"count": 0, "two": 0.0, "last": 0.0, "errors": "–", "growths": "–", "weights": "–"}
    found |= {"deviation": 0.0, "batch": 0, "moved": "–", "distance": 0.0, "middle": 0.0}
    if result.steps is not None:
        found |= {"batch": len(result.steps.sums), "middle": float(result.steps.sums.mean())}
        found["deviation"] = float(result.steps.sums.std())
    if batches is not None:
        found |= {"count": batches.count, "two": float(batches.mean_spread[0]), "last": float(batches.mean_spread[-1])}
    if runs is not None:
        found["errors"] = ", ".join(
            f"{norm} {100 * runs.median(norm, 2):.1f}% / {100 * runs.median(norm, 128):.1f}%" for norm in runs.norms
        )
        found["weights"] = ", ".join(map(_weight, runs.mixing.mean(axis=(1, 2))[:, 1, 2]))
    if deep is not None:
        ends = np.median(deep.gradient[[0, -1]], axis=2)
        found["growths"] = ", ".join(f"{norm} {ends[0, k]:.2g} / {ends[1, k]:.2g}" for k, norm in enumerate(deep.norms))
    if result.padding is not None:
        found["moved"] = ", ".join(f"{norm} {values[0]:.3f}" for norm, values in result.padding.shift.items())
    if result.groups is not None:
        found["distance"] = float(result.groups.to_layer[-1])
    return found
