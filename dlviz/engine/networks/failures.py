"""The first number of a recurrent network's training that is not finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.networks.recording import Step
from dlviz.engine.networks.rnn import Unrolled, forward

if TYPE_CHECKING:
    from dlviz.engine.networks.model import Alive

ORDER = ("weight_out", "bias_out", "weight_hh", "weight_ih", "bias")
"""The order in which the backward pass comes to the parameters."""


@dataclass(frozen=True)
class Failure:
    """The first number of a run that is not finite: before step ``step`` (from 0), in ``tensor``.

    ``tensor`` is "hidden state", "output", "loss", "gradient of <parameter>", "gradient norm", or "<parameter>"
    (after the update of this step); ``time`` is the time step 1 ... T of a hidden state, else 0.
    """

    step: int
    tensor: str
    time: int = 0


class Failures:
    """Records the first failure of each network, None for those without; needs the norm of the gradient recorded."""

    found_by_model: list[Failure | None]

    def begin(self, model: Unrolled, models: int, steps: int) -> None:
        self.found_by_model = [None] * models

    def before(self, model: Unrolled, number: int, alive: Alive) -> None: ...

    def seen(self, model: Unrolled, step: Step) -> None:
        finite = step.loss.isfinite().cpu()
        if step.norm is not None:
            finite = finite & step.norm.isfinite().cpu()
        for m in np.flatnonzero(~finite.numpy()):
            self.found_by_model[m] = self.found_by_model[m] or _failure(model, int(m), step)

    def updated(self, model: Unrolled, number: int) -> None:
        for name in ORDER:
            bad = ~model.parameters()[name].flatten(1).isfinite().all(1)
            for m in np.flatnonzero(bad.cpu().numpy()):
                self.found_by_model[m] = self.found_by_model[m] or Failure(number, name)

    def found(self) -> Mapping[str, np.ndarray]:
        """Nothing: the failures are no numbers."""
        return {}

    def until(self, values: np.ndarray) -> np.ndarray:
        """Records (N, M) up to each failure, NaN after it: a loss may be finite when its gradient is not."""
        kept = values.copy()
        for m, failure in enumerate(self.found_by_model):
            if failure is not None:
                kept[failure.step + 1 :, m] = np.nan
        return kept


def _failure(model: Unrolled, m: int, step: Step) -> Failure:
    """What is first not finite on the way of network m forward and back, before the update of this step."""
    x, length = step.x, model.lengths[m]
    passed = forward(model.networks.one(m), x if len(x) == 1 else x[m : m + 1], [length])
    bad = ~passed.states[0, 1:].flatten(1).isfinite().all(1)
    if bad.any():
        return Failure(step.number, "hidden state", int(bad.nonzero()[0]) + 1 - (x.shape[1] - length))
    if not passed.outputs.isfinite().all():
        return Failure(step.number, "output")
    if not step.loss[m].isfinite():
        return Failure(step.number, "loss")
    by_name = dict(zip(model.parameters(), step.gradients, strict=True))
    for name in ORDER:
        if not by_name[name][m].isfinite().all():
            return Failure(step.number, f"gradient of {name}")
    # Finite entries whose squares leave even float64's range: not in float32.
    return Failure(step.number, "gradient norm")
