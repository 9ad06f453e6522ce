"""Learning-rate sensitivity: final loss against learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, span
from dlviz.drawing.grammar.theme import Look, tr

from ..scene import stability_limit
from .curves import curves, near

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 320


def sensitivity(runs: Sequence[Run], look: Look) -> Any:
    """Final loss against learning rate, with the rates in use, GD's limit, and where runs diverge."""
    own, *others = runs
    result: Result = own.result
    race, scan = result.race, result.sensitivity
    logarithmic, offset = _final_scale(result)
    drawn = _final_losses(result)
    pinned = curve.of_others(others, _final_losses)
    title = "Loss above the minimum after {steps} steps" if offset else "Loss after {steps} steps"
    heights = [*(line.y for line in (*drawn, *pinned)), np.array([race.start_loss - offset])]
    if not logarithmic:
        heights = [near(values, race.scene) for values in heights]
    x = Axis(tr(look, "Learning rate"), float(scan.rates[0]), float(scan.rates[-1]), log=True)
    y = Axis(tr(look, title, steps=result.settings.steps), *span(*heights, log=logarithmic), log=logarithmic)
    piece = lines.ghost_lines(pinned, x, y, look)
    gone = [scan.rates[values >= 0].min() for values in scan.diverged.values() if (values >= 0).any()]
    if gone:
        piece += lines.shade(float(min(gone)), float(scan.rates[-1]), x, look, tr(look, "Some runs diverge"))
    limit = stability_limit(race.scene)
    if limit is not None and x.low < limit < x.high:
        piece += lines.vertical(limit, x, look, r"$2/\lambda_{\max}$")
    rates = {descent.rate for descent in race.descents}
    if len(rates) == 1:
        piece += lines.vertical(rates.pop(), x, look, tr(look, "Current rate"), dashed=False, name="current", row=1)
    # The first repeat has the draws of the scan, so its end lies on the line.
    used = {descent.optimizer: (descent.rate, descent.loss[-1, 0] - offset) for descent in race.descents}
    piece += lines.marks(used, x, y, look)
    # Curves that end where they diverge would have their names in the middle of the others.
    return curves(drawn, x, y, look, HEIGHT, piece, pinned=pinned, labels=False)


def _final_losses(result: Result) -> list[Line]:
    _logarithmic, offset = _final_scale(result)
    scan = result.sensitivity
    return [Line(name, scan.rates, values - offset) for name, values in scan.loss.items()]


def _final_scale(result: Result) -> tuple[bool, float]:
    """Whether final losses can stand on a logarithmic axis, and what is subtracted from them then."""
    lowest = result.race.scene.lowest or 0.0
    finals = np.concatenate([[np.inf], *result.sensitivity.loss.values()])
    above = bool(np.nanmin(finals) >= lowest - 1e-9 * (1 + abs(lowest)))
    return above, lowest if above else 0.0


def sensitivity_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What its text alternative tells."""
    return {"steps": result.settings.steps, "optimizers": ", ".join(result.sensitivity.loss)}


DRAWINGS = {"sensitivity": Drawing(sensitivity, sensitivity_numbers, HEIGHT)}
