"""The gradient of the final loss by the state, against the lag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import small

from ..magnitudes import GONE, size

if TYPE_CHECKING:
    from ..reach import Reach
    from ..result import Result

HEIGHT = 440


def hero(runs: Sequence[Run], look: Look) -> Any:
    """‖∂L/∂s‖ of every cell against the lag, with the band over networks and the two theories."""
    own, *others = runs
    result: Result = own.result
    drawn = _lines(result)
    pinned = curve.of_others(others, _lines)
    steps = result.settings.steps_read
    longest = max([steps, *(len(line.x) for line in pinned)])
    x = Axis(tr(look, "Lag T − t (steps back from the loss)"), 0, max(longest - 1, 1), whole=True)
    lags = np.arange(steps)
    predicted = _theories(result, lags)
    theories = None if predicted is None else (_held(predicted[0]), _held(predicted[1]))
    y = Axis(tr(look, r"Norm of $\partial L/\partial h_t$"), *_heights([*drawn, *pinned], theories), log=True)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=HEIGHT)
    if predicted is not None and theories is not None:
        slope, bound = theories
        rho, sigma = result.settings.radius, _sigma(result)
        text = tr(look, r"$\rho^{{T-t}},\ \rho = {value}$", value=small(rho))
        drawn_theories = [("slope", slope, text, 0.5, predicted[0])]
        if sigma > rho * 1.001:
            text = tr(look, r"bound $(\max f' \cdot \sigma)^{{T-t}},\ \sigma = {value}$", value=small(sigma))
            # The longer one has the first choice.
            at = 0.8 if bound[1] > bound[0] else 0.6
            drawn_theories.insert(0, ("bound", bound, text, at, predicted[1]))
        curves = [*drawn_curves([*drawn, *pinned]), *((lags, values) for _, values, *_ in drawn_theories)]
        beside = Beside(curves, x, y, look, height=HEIGHT)
        for name, values, _, _, computed in drawn_theories:
            piece += lines.theory(lags, values, x, y, look, None, name=name, computed=computed)
        for name, values, text, at, _ in drawn_theories:
            piece += beside.words(lags, values, text, name=name, at=at)
    said = "Median and 10–90% band over {seeds} networks, each with its own sequence."
    note = tr(look, said if result.settings.seeds > 1 else "One network.", seeds=result.settings.seeds)
    if "LSTM" in result.reach:
        note += " " + tr(look, "LSTM: h together with c, all that is handed on.")
    gone = [cell for cell, reach in result.reach.items() if reach.finite and (reach.band()[1] < GONE).any()]
    if gone:
        note += " " + tr(look, "Below 1e−300, not drawn: {cells}.", cells=", ".join(gone))
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _vanilla(result: Result) -> dict[str, Reach]:
    """The cells for which there is a theory."""
    return {cell: reach for cell, reach in result.reach.items() if cell in ("RNN tanh", "RNN ReLU")}


def _sigma(result: Result) -> float:
    """The largest singular value of W in any of the networks, which the vanilla cells share."""
    return float(next(iter(_vanilla(result).values())).sigma.max())


def _theories(result: Result, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """ρ^lag from the largest median at lag 0, and the bound (max f′ σ)^lag, max f′ = 1, of every network."""
    found = _vanilla(result)
    starts = [reach.band()[1][0] for reach in found.values()]
    if not starts or not np.max(starts) > GONE or not np.isfinite(starts).all():
        return None
    power = lags.astype(float)
    highest = max(reach.gradient[:, 0][np.isfinite(reach.gradient[:, 0])].max() for reach in found.values())
    with np.errstate(over="ignore", under="ignore"):
        return max(starts) * result.settings.radius**power, highest * _sigma(result) ** power


def _held(values: np.ndarray) -> np.ndarray:
    """Values as far as a scale can hold them."""
    return np.where((values > GONE) & (values < 1 / GONE), values, np.nan)


def _heights(drawn: list[Line], theories: tuple[np.ndarray, np.ndarray] | None) -> tuple[float, float]:
    """The range of what is measured and of ρ^lag, with room at the top to see the bound leave."""
    values = [part for line in drawn for part in (line.y, line.low, line.high)]
    low, high = span(*values, log=True, decades=299)
    if theories is None:
        return low, high
    slope, bound = (values[np.isfinite(values)].max() for values in theories)
    low, high = span(low, high, slope, log=True, pad=0.01, decades=299)
    top = min(np.log10(bound), np.log10(high) + 0.14 * np.log10(high / low))
    return low, float(10 ** min(max(np.log10(high), top), 300))


def _lines(result: Result) -> list[Line]:
    found = []
    for cell, reach in result.reach.items():
        low, middle, high = reach.band()
        whole = Line(cell, np.arange(len(middle)), middle, low, high)
        # What is too small for a scale to hold is left out of the picture, and said.
        kept = np.where(middle < GONE, np.nan, middle)
        cut = replace(whole, y=kept, low=np.maximum(low, GONE), high=np.maximum(high, GONE), computed=whole)
        found.append(cut)
    return found


def hero_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative quotes."""
    s = result.settings
    ends = ", ".join(f"{cell} {size(reach.band()[1][-1])}" for cell, reach in result.reach.items())
    return {"cells": ", ".join(result.reach), "ends": ends, "lag": s.steps_read - 1, "seeds": s.seeds}


DRAWINGS = {"hero": Drawing(hero, hero_numbers, HEIGHT)}
