"""The figure of all pairs of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.triangle import LEAST, RESOLVE, triangle
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.palette import colour
from dlviz.drawing.grammar.theme import Look, tr

from ..magnitudes import power_of_ten

if TYPE_CHECKING:
    from ..result import Result

HEIGHT = 430


def pairs(runs: Sequence[Run], look: Look) -> Any:
    """‖∂h_t/∂h_s‖ for all s up to t as an image, and one row of it under a slider."""
    result: Result = runs[0].result
    found, settings = result.pairs, result.settings
    below = np.arange(1, found.logs.shape[1] + 1) <= found.targets[:, None]
    if np.isnan(found.logs[below]).all():
        return message(tr(look, "The Jacobians are not finite numbers."), look, height=HEIGHT)
    titles = (
        tr(look, "Step s that is differentiated by"),
        tr(look, "Step t"),
        tr(look, "Norm"),
    )
    piece = triangle(
        found.logs, found.targets, look, titles=titles, bar=tr(look, "Norm, as a power of ten"), slider_name="bptt_t",
        colour=colour(settings.cell, look),
    )  # fmt: skip
    # No double bars for the norm: few fonts have them.
    said = (
        "Frobenius norm of the state (h, c) at t differentiated by that at s, over √(2n). 1 keeps; more explodes."
        if settings.cell == "LSTM"
        else "Frobenius norm of the state h at t differentiated by that at s, over √n. 1 keeps; more explodes."
    )
    note = tr(look, said)
    if found.probes:
        note += " " + tr(look, "Estimated with {count} random probes.", count=found.probes)
    if (found.logs[below] < LEAST).any():
        note += " " + tr(look, "Below 1e−299: drawn at the foot.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look), resolve=RESOLVE)


def pairs_numbers(result: Result, _look: Look) -> Mapping[str, object]:
    """What the text alternative quotes."""
    found = result.pairs
    return {
        "cell": result.settings.cell,
        "value": power_of_ten(found.logs[-1, 0]),
        "last": int(found.targets[-1]),
    }


DRAWINGS = {"pairs": Drawing(pairs, pairs_numbers, HEIGHT)}
