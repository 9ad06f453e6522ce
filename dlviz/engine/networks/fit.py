"""The training loop of M stacked models: many runs as one tensor program, on the CPU and on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.engine.networks.batches import Batches
from dlviz.engine.networks.clipping import Clip, change, norms
from dlviz.engine.networks.clipping import clip as clipped_by
from dlviz.engine.networks.losses import cross_entropy
from dlviz.engine.networks.model import Alive, Model
from dlviz.engine.networks.recording import Record, Recorder, Step
from dlviz.engine.networks.updates import Update
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[[Any, "Tensor"], "Tensor"]
"""Outputs of the models, targets -> the loss of each model, (M,)."""


@dataclass(frozen=True)
class Result:
    """What was recorded, by name; NumPy arrays."""

    values: Mapping[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]


def fit(
    model: Model,
    batches: Batches,
    update: Update,
    *,
    loss: Loss = cross_entropy,
    clip: Clip | None = None,
    record: Sequence[Recorder] = (),
    progress: Progress = silent,
) -> Result:
    """Train a stacked model, in place: at each step the gradient of every model's loss, clipped, and an update.

    ``batches`` gives the inputs and targets of every step. The models are independent: the sum of their losses gives
    each its own gradient. ``record`` says what is kept of the run. Numbers that overflow stay as they come (inf, NaN)
    and stay within their model; :mod:`dlviz.engine.networks.scores` says how such a model is scored.

    ``progress`` is called with the share that is done after every step, and with the same share within one, every few
    milliseconds; what it raises passes through.
    """
    import torch

    named = model.parameters()
    parameters = list(named.values())
    models, steps = max(len(parameter) for parameter in parameters), len(batches)
    done = 0.0

    def alive() -> None:
        progress(done)

    wanted = {item.quantity for item in record if isinstance(item, Record)}
    turning = bool(wanted & {"clip_angle", "clip_share"})
    by_hand = getattr(model, "gradients", None)
    with torch.no_grad(), _leaves(parameters if by_hand is None else ()):
        state = update.init(parameters, list(model.layers()), models, steps)
        for item in record:
            item.begin(model, models, steps)
        for number, (x, y) in enumerate(batches):
            for item in record:
                item.before(model, number, alive)
            if by_hand is not None:
                value, gradients = by_hand(x, y, loss, alive)
            else:
                value, gradients = _autograd(model, parameters, x, y, loss, alive)
            norm = norms(gradients, models) if clip is not None or turning or "grad_norm" in wanted else None
            moved = gradients
            if clip is not None and norm is not None:
                moved = clipped_by(gradients, clip, norm)
            if record:
                turned = (None, None) if norm is None or not turning else change(gradients, moved, norm)
                seen = Step(number, x, value, gradients, norm, *turned)
                for item in record:
                    item.seen(model, seen)
            update.update(state, moved, number)
            for item in record:
                item.updated(model, number)
            done = (number + 1) / steps
            progress(done)
        for item in record:
            item.before(model, steps, alive)
    return Result({name: value for item in record for name, value in item.found().items()})


def _autograd(
    model: Model, parameters: list[Tensor], x: Any, y: Tensor, loss: Loss, alive: Alive
) -> tuple[Tensor, Sequence[Tensor]]:
    """Losses (M,) and the gradients of their sum, which are each model's own."""
    import torch

    with torch.enable_grad():
        values = loss(model.forward(x, alive), y)
        return values.detach(), torch.autograd.grad(values.sum(), parameters, materialize_grads=True)


@contextmanager
def _leaves(parameters: Sequence[Tensor]) -> Iterator[None]:
    """Autograd follows these tensors within."""
    for parameter in parameters:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(False)
