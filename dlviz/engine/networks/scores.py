"""How right stacked classifiers are, and the one policy for numbers that overflow.

A network any of whose outputs is not finite has no accuracy: NaN, never "wrong". Where a picture counts such a network
as wrong, its concept says so, by :func:`right_answers` or by filling in the NaN. A network that overflows does not
touch the others: no operation mixes models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlviz.engine.networks.losses import cross_entropy
from dlviz.engine.runtime.device import doubled

if TYPE_CHECKING:
    from torch import Tensor


def accuracy(outputs: Tensor, y: Tensor) -> Tensor:
    """Share of examples whose largest output (M, B, K) is that of the class ``y``, (M,); NaN as above.

    ``y`` is (M, B), or (B,) for the same in all models. The share is in float64.
    """
    right = doubled(outputs.argmax(-1) == y).mean(-1)
    finite = outputs.isfinite().all(-1).all(-1).to(right.device)
    return right.where(finite, right.new_tensor(float("nan")))


def right_answers(outputs: Tensor, y: Tensor) -> Tensor:
    """Whether each answer is finite and right, (M, B): for pictures in which an overflowed network is wrong."""
    return (outputs.argmax(-1) == y) & outputs.isfinite().all(-1)


def score(outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy and :func:`accuracy` of each model, (M,) each."""
    return cross_entropy(outputs, y), accuracy(outputs, y)
