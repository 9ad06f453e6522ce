"""Pictures of softmax against the scale of its logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent

from ..softmax import probability
from ..wording import left
from .heights import BESIDE, SUPPORT, TALL

if TYPE_CHECKING:
    from ..result import Result
    from ..softmax import Softmax


def probabilities(runs: Sequence[Run], look: Look) -> Any:
    """Largest probability and entropy against the scale of the logits."""
    found: Softmax = runs[0].result.softmax
    drawn = [
        _line("forward", found.scales, found.largest, tr(look, "largest p")),
        _line("backward", found.scales, found.entropy, tr(look, "entropy")),
    ]
    x = _scale(found, look)
    y = Axis(tr(look, "Largest probability; entropy / log {count}", count=found.classes), -0.02, 1.04)
    # Under the curves' upper ends.
    piece = frame(x, y, look) + lines.vertical(1 / found.temperature, x, look, "$s = 1/T$", dashed=False, row=1)
    piece += _uniform(found.classes, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    here = 1 / found.temperature
    piece += lines.marks({"forward": (here, found.here[0]), "backward": (here, found.here[1])}, x, y, look)
    return finish(piece, look, height=BESIDE, title=footnote(_digits(found, look), look))


def probabilities_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The largest probability and the entropy at the chosen temperature."""
    largest, entropy, _ = result.softmax.here
    return {**_temperature(result), "largest": probability(largest), "entropy": percent(entropy)}


def _temperature(result: Result) -> dict[str, object]:
    return {"temperature": f"{result.settings.temperature:g}"}


def _line(name: str, scales: np.ndarray, values: np.ndarray, label: str) -> Line:
    middle, low, high = values
    return Line(name, scales, middle, low, high, label=label)


def _uniform(classes: int, x: Axis, y: Axis, look: Look) -> Any:
    return lines.level(1 / classes, x, y, look, "$1/K$", at=0.9)


def _scale(found: Softmax, look: Look) -> Axis:
    scales = found.scales
    return Axis(tr(look, "Scale s of the logits, 1/T"), float(scales[0]), float(scales[-1]), log=True)


def _digits(found: Softmax, look: Look) -> str:
    return tr(look, "Median of {count} digits; bands 10–90%.", count=len(found.gap))


def jacobian(runs: Sequence[Run], look: Look) -> Any:
    """Frobenius norm of softmax's Jacobian: closed form, autograd at the chosen temperature, and both limits."""
    found: Softmax = runs[0].result.softmax
    x = _scale(found, look)
    y = Axis(tr(look, "Frobenius norm of softmax's Jacobian"), 1e-16, 2.0, log=True)
    # Cut at the foot, where its name is to stand.
    seen = np.where(found.jacobian[0] > y.low, found.jacobian[0], np.nan)
    whole = _line("backward", found.scales, found.jacobian, r"$\lVert\partial p/\partial(sz)\rVert$")
    drawn = [replace(whole, y=seen, computed=whole)]
    piece = frame(x, y, look) + lines.vertical(1 / found.temperature, x, look, "", dashed=False)
    flat = np.sqrt(found.classes - 1) / found.classes
    with np.errstate(under="ignore"):
        tail = 2 * np.exp(-found.scales * float(np.median(found.gap)))
    cut = np.where(tail < 1.9, tail, np.nan)
    across, here = x.at(np.linspace(0, 1, 41)), (np.full(41, 1 / found.temperature), y.at(np.linspace(0, 1, 41)))
    level = np.full(41, flat)
    curves = [*drawn_curves(drawn), here, (across, level), (found.scales, cut)]
    beside = Beside(curves, x, y, look, height=TALL)
    piece += lines.level(flat, x, y, look, None, name="uniform")
    piece += lines.theory(found.scales, cut, x, y, look, None, name="one-hot", computed=tail)
    piece += beside.words(across, level, r"$\sqrt{K - 1}/K$", name="uniform", at=0.8)
    piece += beside.words(found.scales, cut, r"$2 \exp({-}s\Delta)$", name="one-hot", at=0.7)
    piece += beside.words(*here, "$s = 1/T$", name="chosen", at=0.3)
    piece += lines.measured(drawn, x, y, look, height=TALL)
    piece += lines.marks({"backward": (1 / found.temperature, found.by_autograd)}, x, y, look)
    gap = f"{np.median(found.gap):.2f}"
    note = tr(look, "Ring: by autograd. Δ: largest logit minus the second largest, median {gap}.", gap=gap)
    # Higher than others, for the title of its axis is long.
    return finish(piece, look, height=TALL, title=footnote(f"{_digits(found, look)} {note}", look))


def jacobian_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The norm of the Jacobian at the chosen temperature."""
    return {**_temperature(result), "jacobian": left(result.softmax.here[2])}


DRAWINGS = {
    "probabilities": Drawing(probabilities, probabilities_numbers, BESIDE),
    "jacobian": Drawing(jacobian, jacobian_numbers, SUPPORT),
}
