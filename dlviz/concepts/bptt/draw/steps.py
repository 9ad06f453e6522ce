"""The Jacobian of one step over time, and the powers of W between ρ^k and σ^k."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 360
FEW = 40
"""Up to so many points of a line are marked one by one."""


def jacobian(runs: Sequence[Run], look: Look) -> Any:
    """Largest, median and smallest singular value of ∂h_t/∂h_{t−1} by t, and its spectral radius."""
    result: Result = runs[0].result
    found = result.steps
    if not np.isfinite(found.singular).any():
        return message(tr(look, "The Jacobians are not finite numbers."), look, height=HEIGHT)
    drawn = [
        Line("amount 5", found.at, found.singular[:, 0], label=tr(look, r"max $\sigma$")),
        Line("amount 3", found.at, found.singular[:, 1], label=tr(look, r"median $\sigma$")),
        Line("amount 1", found.at, found.singular[:, 2], label=tr(look, r"min $\sigma$")),
        Line("step", found.at, found.rho, label=r"$\rho$"),
    ]
    x = Axis(tr(look, "Step t"), 0.5, result.settings.steps_read + 0.5, ticks_from=1, whole=True)
    # The smallest is often far below: it may run out at the foot.
    most = span(found.singular[:, :2], found.rho, 1.0, log=True, decades=6)
    foot = max(most[0] / 100, span(found.singular, log=True)[0])
    # No empty decades for what does not come so far.
    foot = foot if np.mean(found.singular[:, 2] > foot) > 0.5 else most[0]
    heights = min(foot, most[0]), most[1]
    y = Axis(tr(look, r"$\sigma$ and $\rho$ of $\partial h_t/\partial h_{t-1}$"), *heights, log=True)
    piece = frame(x, y, look)
    piece += lines.level(1.0, x, y, look, None, name="one")
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    if len(found.at) <= FEW:
        piece += dots(drawn, x, y, look)
    note = tr(
        look, "Singular values σ and spectral radius of one step of one {cell}, at {count} of {steps} steps.",
        cell=result.settings.cell, count=len(found.at), steps=result.settings.steps_read,
    )  # fmt: skip
    if (found.singular[:, 2] < y.low).any():
        note += " " + tr(look, "What is smaller runs out at the foot.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def powers(runs: Sequence[Run], look: Look) -> Any:
    """‖W^k‖₂ against k, between ρ^k and σ^k."""
    result: Result = runs[0].result
    found = result.steps
    k = np.arange(len(found.powers))
    rho, sigma = found.radius ** k.astype(float), found.norm ** k.astype(float)
    cell = result.settings.cell
    drawn = [Line(cell, k, found.powers, label=tr(look, "norm of $W^k$"))]
    x = Axis(tr(look, "Power k"), -0.3, k[-1] + 0.3, whole=True)  # room for the whole of the outer points
    low, high = span(found.powers, rho, log=True)
    if found.norm > found.radius * 1.001:
        high *= (high / low) ** 0.25  # room for the bound to be seen leaving
    y = Axis(tr(look, "Spectral norm of $W^k$"), low, min(high, 1e300), log=True)
    piece = frame(x, y, look)
    piece += lines.theory(k, rho, x, y, look, None, name="rho")
    piece += lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    beside = Beside([(k, found.powers), (k, rho), (k, sigma)], x, y, look, height=HEIGHT)
    text = tr(look, r"$\rho^k,\ \rho = {value}$", value=small(found.radius))
    piece += beside.words(k, rho, text, name="power of rho", at=0.6)
    if found.norm > found.radius * 1.001:
        piece += lines.theory(k, sigma, x, y, look, None, name="sigma")
        text = tr(look, r"$\sigma^k,\ \sigma = {value}$", value=small(found.norm))
        piece += beside.words(k, sigma, text, name="power of sigma", at=1.0)
        note = tr(
            look,
            "W is not normal: its largest singular value σ exceeds ρ, and its powers' norms can exceed those of ρ.",
        )
    else:
        note = tr(
            look,
            "W is normal: all its singular values are ρ, and its powers' norms are those of ρ from the start.",
        )
    if cell in ("LSTM", "GRU"):
        note += " " + tr(look, "Here W is the block of the gate {gate}.", gate="i" if cell == "LSTM" else "r")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def jacobian_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the Jacobian quotes."""
    found, s = result.steps, result.settings
    largest = found.singular[:, 0][np.isfinite(found.singular[:, 0])]
    return {
        "cell": s.cell,
        "count": len(found.at),
        "steps": s.steps_read,
        "low": small(float(largest.min())) if largest.size else "–",
        "high": small(float(largest.max())) if largest.size else "–",
    }


def powers_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative of the powers quotes."""
    found = result.steps
    at = int(np.argmax(found.powers))
    return {
        "rho": small(found.radius),
        "sigma": small(found.norm),
        "peak": small(float(found.powers[at])),
        "at": at,
        "top": len(found.powers) - 1,
    }


DRAWINGS = {
    "jacobian": Drawing(jacobian, jacobian_numbers, HEIGHT),
    "powers": Drawing(powers, powers_numbers, HEIGHT),
}
