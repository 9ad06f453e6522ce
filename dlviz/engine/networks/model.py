"""What a stacked model is to the training loop: its parameters, and a forward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Alive = Callable[[], None]
"""Called every few milliseconds within a step; may raise to stop."""

LARGE = 100_000
"""Numbers of a tensor from which one layer takes so long that ``alive`` is called on its way back, too."""


class Model(Protocol):
    """M models of one shape, as a tensor program.

    A model may have a method ``gradients(x, y, loss, alive)`` of its own, which gives the losses (M,) and the gradients
    in the order of the parameters; without it they come from autograd through :meth:`forward`.
    """

    def parameters(self) -> Mapping[str, Tensor]:
        """What is trained, in place, by name: (M, ...), or (m, ...) where only the first m models train it.

        The same tensors at every call.
        """

    def layers(self) -> Sequence[int]:
        """The layer 0 ... L − 1 of each parameter, for rates by layer."""

    def forward(self, x: Any, alive: Alive) -> Any:
        """Outputs of all models for the inputs of one mini-batch, in training, as the loss takes them."""


def nothing() -> None:
    """An ``alive`` of what is not watched."""


def watched(h: Tensor, alive: Alive) -> Tensor:
    """Calls ``alive`` now and, if ``h`` is large, when autograd comes back to it."""
    alive()
    if h.requires_grad and h.numel() > LARGE:
        h.register_hook(lambda _gradient: alive())
    return h
