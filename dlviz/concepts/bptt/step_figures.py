"""Figures of single steps: the Jacobian of one, the powers of W, and each one's part in the weight gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.curve_labels import Beside
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.piece import Piece, literal, mark, number, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

from .alternatives import missing
from .measure import Result

HEIGHT = 360
FEW = 40
"""Up to so many points of a line are marked one by one."""


def jacobian(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Largest, median and smallest singular value of ∂h_t/∂h_{t−1} by t, and its spectral radius."""
    found = result.steps
    if (text := missing("jacobian", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    if not np.isfinite(found.singular).any():
        return message(tr(look, "The Jacobians are not finite numbers."), look, height=HEIGHT)
    drawn = [
        Line("amount 5", found.at, found.singular[:, 0], label=tr(look, "max σ")),
        Line("amount 3", found.at, found.singular[:, 1], label=tr(look, "median σ")),
        Line("amount 1", found.at, found.singular[:, 2], label=tr(look, "min σ")),
        Line("step", found.at, found.rho, label="ρ"),
    ]
    x = Axis(tr(look, "Step t"), 0.5, result.settings.steps_read + 0.5, ticks_from=1, whole=True)
    # The smallest is often far below: it may run out at the foot.
    most = span(found.singular[:, :2], found.rho, 1.0, log=True, decades=6)
    foot = max(most[0] / 100, span(found.singular, log=True)[0])
    # No empty decades for what does not come so far.
    foot = foot if np.mean(found.singular[:, 2] > foot) > 0.5 else most[0]
    heights = min(foot, most[0]), most[1]
    y = Axis(tr(look, "σ and ρ of ∂h_t/∂h_(t−1)"), *heights, log=True)
    piece = frame(x, y, look)
    piece += lines.theory(np.array([x.low, x.high]), np.ones(2), x, y, look, None, name="one")
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


def powers(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """‖W^k‖₂ against k, between ρ^k and σ^k."""
    found = result.steps
    if (text := missing("powers", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    k = np.arange(len(found.powers))
    rho, sigma = found.radius ** k.astype(float), found.norm ** k.astype(float)
    cell = result.settings.cell
    drawn = [Line(cell, k, found.powers, label=tr(look, "norm of W^k"))]
    x = Axis(tr(look, "Power k"), -0.3, k[-1] + 0.3, whole=True)  # room for the whole of the outer points
    low, high = span(found.powers, rho, log=True)
    if found.norm > found.radius * 1.001:
        high *= (high / low) ** 0.25  # room for the bound to be seen leaving
    y = Axis(tr(look, "Spectral norm of W^k"), low, min(high, 1e300), log=True)
    piece = frame(x, y, look)
    piece += lines.theory(k, rho, x, y, look, None, name="rho")
    piece += lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    beside = Beside([(k, found.powers), (k, rho), (k, sigma)], x, y, look, height=HEIGHT)
    text = tr(look, "ρ^k, ρ = {value}", value=small(found.radius))
    piece += beside.words(k, rho, text, name="power of rho", at=0.6)
    if found.norm > found.radius * 1.001:
        piece += lines.theory(k, sigma, x, y, look, None, name="sigma")
        text = tr(look, "σ^k, σ = {value}", value=small(found.norm))
        piece += beside.words(k, sigma, text, name="power of sigma", at=1.0)
        note = tr(look, "W is not normal: its largest singular value σ exceeds ρ, and the norm of W^k can exceed ρ^k.")
    else:
        note = tr(look, "W is normal: all its singular values are ρ, and the norm of W^k is ρ^k from the start.")
    if cell in ("LSTM", "GRU"):
        note += " " + tr(look, "Here W is the block of the gate {gate}.", gate="i" if cell == "LSTM" else "r")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _nothing(result: Result, look: Look) -> Any:
    """What to say where there is no gradient to take apart."""
    if (text := missing("contributions", result, look)) is not None:
        return message(text, look, height=HEIGHT)
    found = result.weight
    if not np.isfinite(found.share).all():
        said = "The gradient is zero, or below what float64 can hold."
        if not np.isfinite(found.norm[0]):
            said = "The gradient is not a finite number."
        return message(tr(look, said), look, height=HEIGHT)
    return None


def contributions(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The full gradient built up from the last step backwards: one block for the contribution of each step."""
    found = result.weight
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    share = 100 * found.share
    after = share.cumsum()
    before = after - share
    # As far back as there is something to see.
    k = result.settings.truncation
    last = int(np.flatnonzero(np.abs(share) > 0.1).max(initial=0))
    seen = min(len(share), max(last + 4, k + 3, 12))
    lags = np.arange(seen)
    x = Axis(tr(look, "Lag T − t (steps back from the loss)"), -0.5, seen - 0.5, ticks_from=0, whole=True)
    low, high = min(0.0, float(after.min())), max(100.0, float(after.max()))
    # Two lines of text have room above the blocks: where the cut is, and under it what the whole is.
    room = high - low
    y = Axis(tr(look, "Sum so far, % of the gradient"), low - 0.03 * room, high + 0.2 * room, ticks_to=high)
    hues = [colour(result.settings.cell, look), look.inks.warn]
    records = rows(
        lag=lags, left=lags - 0.5, right=lags + 0.5, before=before[:seen], after=after[:seen], share=share[:seen],
        size=100 * found.size[:seen], fill=[hues[int(value < 0)] for value in share[:seen]],
    )  # fmt: skip
    place = {
        "x": x.along("left"), "x2": {"field": "right"}, "y": y.along("before"), "y2": {"field": "after"},
        "fill": literal("fill"),
        "tooltip": [
            number("lag", title=tr(look, "Lag T − t (steps back from the loss)")),
            number("share", title=tr(look, "part along the whole gradient, %"), format=".3~g"),
            number("size", title=tr(look, "its own norm, %"), format=".3~g"),
        ],
    }  # fmt: skip
    piece = frame(x, y, look)
    style = {"stroke": look.inks.paper, "strokeWidth": 0.4 * look.unit, "opacity": 1}
    piece += Piece((mark("rect", "contributions", place, **style),), {"contributions": records})
    whole = tr(look, "whole gradient")
    along = x.at(np.array([0.0, 0.45, 1.0]))  # the label stands at the middle one
    piece += lines.theory(along, np.full(3, 100.0), x, y, look, whole, name="whole")
    piece += _cut(result, x, look)
    note = tr(look, "Each block is what one step adds along the gradient by the recurrent weights; one {cell}.",
              cell=result.settings.cell)  # fmt: skip
    if (share < -0.1).any():
        note += " " + tr(look, "Red: it points against the whole.")
    if seen < len(share):
        note += " " + tr(look, "Each step further back adds less than 0.1%.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _cut(result: Result, x: Axis, look: Look) -> Piece:
    """Where truncated BPTT stops."""
    k = min(result.settings.truncation, result.settings.steps_read)
    return lines.vertical(k - 0.5, x, look, f"k = {k}", name="cut")


def _over_seeds(values: np.ndarray, name: str, label: str) -> tuple[Line, np.ndarray]:
    """Median and 10–90% band over the networks whose gradient is finite and not zero, against k."""
    good = values[np.isfinite(values).any(axis=1)]
    # Where nothing has arrived yet there is no angle.
    known = np.isfinite(good).any(axis=0)
    low, middle, high = np.full((3, values.shape[1]), np.nan)
    if known.any():
        low[known], middle[known], high[known] = np.nanquantile(good[:, known], [0.1, 0.5, 0.9], axis=0)
    return Line(name, np.arange(1, values.shape[1] + 1), middle, low, high, label=label), good


def truncation(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """‖g_k − g‖/‖g‖ of the gradient truncated to the last k steps, against k."""
    found, cell = result.weight, result.settings.cell
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    # The last two leave nothing out: the first step reads the state zero, which has no part in the gradient.
    line, good = _over_seeds(found.error[:, :-2], cell, cell)
    x = Axis(tr(look, "Steps kept, k"), 1, result.settings.steps_read, ticks_from=1, whole=True)
    heights = span(line.low, line.high, line.y, log=True, decades=20)
    y = Axis(tr(look, "Relative error of the gradient"), *heights, log=True)
    piece = frame(x, y, look) + lines.measured([line], x, y, look, height=HEIGHT)
    piece += _kept(result, x, look)
    return finish(piece, look, height=HEIGHT, title=footnote(_networks(good, look), look))


def angle(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The angle between the truncated gradient and the whole, against k."""
    found, cell = result.weight, result.settings.cell
    if (nothing := _nothing(result, look)) is not None:
        return nothing
    line, good = _over_seeds(found.angle, cell, cell)
    x = Axis(tr(look, "Steps kept, k"), 1, max(result.settings.steps_read, 2), ticks_from=1, whole=True)
    top = 180.0 if np.nanmax(line.high) > 92 else 95.0
    y = Axis(tr(look, "Angle to the whole gradient, degrees"), 0, top)
    piece = frame(x, y, look) + lines.measured([line], x, y, look, height=HEIGHT)
    piece += _kept(result, x, look)
    return finish(piece, look, height=HEIGHT, title=footnote(_networks(good, look), look))


def _kept(result: Result, x: Axis, look: Look) -> Piece:
    k = min(result.settings.truncation, result.settings.steps_read)
    return lines.vertical(k, x, look, f"k = {k}", name="cut")


def _networks(good: np.ndarray, look: Look) -> str:
    if len(good) == 1:
        return tr(look, "One network; gradient by the recurrent weights.")
    said = "Median and 10–90% band over {count} networks; gradient by the recurrent weights."
    return tr(look, said, count=len(good))
