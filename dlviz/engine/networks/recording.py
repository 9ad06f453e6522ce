"""What a training run keeps, as an argument of :func:`dlviz.engine.networks.fit.fit`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from dlviz.engine.networks.model import Alive, Model

Quantity = Literal["loss", "grad_norm", "clip_angle", "clip_share"]


@dataclass(frozen=True)
class Step:
    """What is known in the middle of a step, before the update."""

    number: int  # from 0
    x: Any  # the inputs of its mini-batch
    loss: Tensor  # (M,)
    gradients: Sequence[Tensor]  # before clipping, in the order of the model's parameters
    norm: Tensor | None  # (M,) of the gradients, float64; where it is recorded or clipped by
    clip_angle: Tensor | None = None  # (M,) degrees between the gradient and its clipped form
    clip_share: Tensor | None = None  # (M,) share of the gradient's entries that clipping changed


class Recorder(Protocol):
    """Looks at a run; an object serves one run at a time, and ``begin`` forgets the last one."""

    def begin(self, model: Model, models: int, steps: int) -> None: ...

    def before(self, model: Model, number: int, alive: Alive) -> None:
        """Before step ``number``, and, with the number of steps, after the last."""

    def seen(self, model: Model, step: Step) -> None:
        """With the gradients of a step, before its update."""

    def updated(self, model: Model, number: int) -> None:
        """After the update of step ``number``."""

    def found(self) -> Mapping[str, np.ndarray]: ...


class Record:
    """One number of every model at every step, before its update: (T, M), float64.

    "loss"; "grad_norm", the gradient's Euclidean norm before clipping; "clip_angle", by how many degrees clipping
    turned it, and "clip_share", the share of its entries that clipping changed.
    """

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    def begin(self, model: Model, models: int, steps: int) -> None:
        self._values: list[Tensor] = []

    def before(self, model: Model, number: int, alive: Alive) -> None: ...

    def seen(self, model: Model, step: Step) -> None:
        value = getattr(step, "norm" if self.quantity == "grad_norm" else self.quantity)
        self._values.append(value)

    def updated(self, model: Model, number: int) -> None: ...

    def found(self) -> Mapping[str, np.ndarray]:
        import torch

        return {self.quantity: torch.stack(self._values).cpu().double().numpy()}


class Every:
    """Look at the model before the first step, after every ``period`` steps, and after the last.

    ``look(model, alive)`` gives arrays or tensors by name, each the same shape at every look; they are kept one after
    another, (P, ...), and the numbers of the steps taken by then, (P,), under ``"steps"`` and the ``name``. ``alive``
    is to be called every few milliseconds.
    """

    def __init__(self, period: int, look: Callable[[Any, Alive], Mapping[str, Any]], name: str = "steps") -> None:
        self.period, self.look, self.name = period, look, name

    def begin(self, model: Model, models: int, steps: int) -> None:
        self._steps: list[int] = []
        self._last = steps
        self._values: dict[str, list[np.ndarray]] = {}

    def due(self, number: int) -> bool:
        """Whether the model is looked at when so many steps are done."""
        return number % self.period == 0 or number == self._last

    def before(self, model: Model, number: int, alive: Alive) -> None:
        if not self.due(number):
            return
        self._steps.append(number)
        for name, value in self.look(model, alive).items():
            self._values.setdefault(name, []).append(_plain(value))

    def seen(self, model: Model, step: Step) -> None: ...

    def updated(self, model: Model, number: int) -> None: ...

    def found(self) -> Mapping[str, np.ndarray]:
        return {self.name: np.array(self._steps), **{name: np.array(values) for name, values in self._values.items()}}


class At(Every):
    """Look at the model when so many ``steps`` are done, and at no other time; otherwise as :class:`Every`."""

    def __init__(
        self, steps: Collection[int], look: Callable[[Any, Alive], Mapping[str, Any]], name: str = "steps"
    ) -> None:
        super().__init__(1, look, name)
        self.steps = steps

    def due(self, number: int) -> bool:
        return number in self.steps


def _plain(value: Any) -> np.ndarray:
    """A copy as NumPy's, of numbers with a point in float64."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    value = np.array(value)
    return value.astype(float) if value.dtype.kind == "f" else value
