"""Pictures of deep random networks, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, drawn_curves, of_others
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from ..depth import SEEDS
from .heights import BESIDE, SUPPORT
from .seeds import medians, shares

if TYPE_CHECKING:
    from ..depth import Measured
    from ..result import Result


def gradients(runs: Sequence[Run], look: Look) -> Any:
    """∂loss/∂z of every layer as a multiple of the last layer's, read from the output backwards."""
    own, *others = runs
    drawn, theory = _back(own.result), own.result.depth.theory
    pinned = of_others(others, _back)
    heights = [line.y for line in (*drawn, *pinned)] + [part for line in drawn for part in (line.low, line.high)]
    heights = [values for values in heights if values is not None]
    if theory is not None:
        heights.append(theory.gradient)
    longest = max(len(line.x) for line in (*drawn, *pinned)) - 1
    x = Axis(tr(look, "Layers back from the last"), 0, longest)
    y = Axis(tr(look, "Gradient, as a multiple of the last layer's"), *span(*heights, log=True, decades=290), log=True)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    predicted: list[tuple[str, np.ndarray, str, float]] = []
    if theory is not None:
        k = np.arange(len(theory.gradient), dtype=float)
        with np.errstate(over="ignore", under="ignore"):
            plain = theory.steepest**k
        predicted.append(("bound", theory.bound[::-1], r"$\prod \max|f'|\, \lVert W\rVert$", 0.7))
        if abs(theory.steepest - 1) > 1e-9:
            at = 0.8 if theory.steepest < 1 else 0.95
            predicted.append(("activations alone", plain, r"$(\max f')^k$", at))
        predicted.append(("mean field", theory.gradient[::-1], r"$\sqrt{\prod\chi}$", 0.6))
    for name, values, _, _ in predicted:
        piece += lines.theory(k, values, x, y, look, None, name=name)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    curves = [*drawn_curves([*drawn, *pinned]), *((k, values) for _, values, _, _ in predicted)]
    beside = Beside(curves, x, y, look, height=BESIDE)
    for name, values, formula, at in predicted:
        piece += beside.words(k, values, formula, name=name, at=at)
    return finish(piece, look, height=BESIDE, title=_note(drawn, look, pinned))


def _back(result: Result) -> list[Line]:
    found = result.depth.functions.items()
    return [_over_seeds(name, np.arange(d.gradient.shape[1]), d.passed_back[:, ::-1]) for name, d in found]


def _over_seeds(name: str, xs: np.ndarray, values: np.ndarray) -> Line:
    """Median and min–max band over seeds of (S, L)."""
    if not np.isfinite(values).any():
        return Line(name, xs, np.full(len(xs), np.nan))
    # A layer at which one seed's numbers have overflowed has no median to speak of.
    whole = np.isfinite(values).all(axis=0)
    kept = np.where(whole, values, np.nan)
    return Line(name, xs, np.median(kept, axis=0), kept.min(axis=0), kept.max(axis=0))


def _note(drawn: list[Line], look: Look, pinned: list[Line]) -> Any:
    """What lines and bands are; and that signals which are gone lie at the foot of the axis, where there are any."""
    said = [tr(look, "Median of {count} seeds; bands from least to greatest.", count=SEEDS)]
    if any(np.any(line.y == 0) for line in drawn):
        said.append(tr(look, "At the foot: below 1e−290."))
    return footnote(" ".join(said) + lines.ghost_note(pinned, look), look)


def gradients_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """What is left of each function's gradient in the first layer."""
    found = {name: d.passed_back[:, 0] for name, d in result.depth.functions.items()}
    return {"depth": result.settings.depth, "gradients": medians(found)}


def saturation(runs: Sequence[Run], look: Look) -> Any:
    """The share of saturated pre-activations in every layer, with the mean field's."""
    theory = runs[0].result.depth.theory
    expected = (theory.saturated, r"$P(|f'(\sqrt{q}\, z)| < \varepsilon)$") if theory is not None else None
    title = tr(look, r"Share of units and inputs with $|f'| < \varepsilon$")
    return _by_layer(runs, look, lambda d: d.saturated, title, expected)


def saturation_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The saturated share in the last layer."""
    found = {name: d.saturated[:, -1] for name, d in result.depth.functions.items()}
    return {"depth": result.settings.depth, "flat": shares(found)}


def dead(runs: Sequence[Run], look: Look) -> Any:
    """The share of units in every layer whose slope is 0 on every input."""
    return _by_layer(runs, look, lambda d: d.dead, tr(look, "Share of units with slope 0 on every input"), None)


def dead_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The dead share in the last layer."""
    found = {name: d.dead[:, -1] for name, d in result.depth.functions.items()}
    return {"depth": result.settings.depth, "dead": shares(found)}


def spread(runs: Sequence[Run], look: Look) -> Any:
    """The standard deviation of the activations in every layer, with the mean field's."""
    theory = runs[0].result.depth.theory
    expected = (theory.std, r"$\sqrt{\mathbb{E}[f^2] - \mathbb{E}[f]^2}$") if theory is not None else None
    title = tr(look, "Standard deviation of the activations")
    return _by_layer(runs, look, lambda d: d.std, title, expected, log=True)


def spread_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The standard deviation in the last layer."""
    found = {name: d.std[:, -1] for name, d in result.depth.functions.items()}
    return {"depth": result.settings.depth, "spread": medians(found)}


def _by_layer(
    runs: Sequence[Run],
    look: Look,
    pick: Callable[[Measured], np.ndarray],
    title: str,
    theory: tuple[np.ndarray, str] | None,
    log: bool = False,
) -> Any:
    """What ``pick`` takes of a function, (S, L), by layer; ``theory`` is what is expected of it, with its formula."""

    def curves(result: Result) -> list[Line]:
        found = result.depth.functions.items()
        return [_over_seeds(name, np.arange(1, d.std.shape[1] + 1), pick(d)) for name, d in found]

    own, *others = runs
    drawn, pinned = curves(own.result), of_others(others, curves)
    heights = [line.y for line in (*drawn, *pinned)] + ([theory[0]] if theory is not None else [])
    heights += [line.low for line in drawn if line.low is not None]
    heights += [line.high for line in drawn if line.high is not None]
    x = Axis(tr(look, "Layer"), 1, max(len(line.x) for line in (*drawn, *pinned)))
    low, high = span(*heights, log=True, decades=290) if log else (-0.02, 1.02)
    y = Axis(title, low, high, log=log)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    if theory is not None:
        expected, formula = theory
        layers = np.arange(1, len(expected) + 1, dtype=float)
        piece += lines.theory(layers, expected, x, y, look, None)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    if theory is not None:
        beside = Beside([*drawn_curves([*drawn, *pinned]), (layers, expected)], x, y, look, height=SUPPORT)
        piece += beside.words(layers, expected, formula, name="theory", at=0.3)
    return finish(piece, look, height=SUPPORT, title=_note(drawn if log else [], look, pinned))


DRAWINGS = {
    "gradients": Drawing(gradients, gradients_numbers, BESIDE),
    "saturation": Drawing(saturation, saturation_numbers, SUPPORT),
    "dead": Drawing(dead, dead_numbers, SUPPORT),
    "spread": Drawing(spread, spread_numbers, SUPPORT),
}
