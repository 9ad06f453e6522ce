"""Sequences to read, with one target each: real digits, and the classic tests of memory.

Every kind has its own loss after the last step: cross-entropy for classes, squared error for a number. ``Noise``
has no target; its "loss" is the one number read out, so that its gradient does not depend on any answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.data.datasets import digits

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SYMBOLS = 8
"""Different symbols of the copy task."""


@dataclass(frozen=True)
class Kind:
    """``inputs`` numbers a step, ``outputs`` of the readout, ``length`` of the sequence if the data give it.

    ``loss`` is ``cross-entropy``, ``squared`` or ``output`` (of the readout's one number itself).
    """

    inputs: int
    outputs: int
    loss: str
    length: int | None = None


KINDS = {
    "Digit by pixels": Kind(1, 10, "cross-entropy", 64),
    "Digit by rows": Kind(8, 10, "cross-entropy", 8),
    "Adding": Kind(2, 1, "squared"),
    "Copy": Kind(SYMBOLS + 1, SYMBOLS, "cross-entropy"),
    "Noise": Kind(1, 1, "output"),
}


@cache
def _standard_digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (1797, 64) standardised over all of them together, and classes (1797,)."""
    pixels, classes = digits()
    return (pixels - pixels.mean()) / pixels.std(), classes


def draw(kind: str, length: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``count`` sequences of ``length`` steps: inputs (count, T, m) in float64 and targets (count,).

    * Digits: scikit-learn's 8x8 digits, pixels standardised over all of them to mean 0 and deviation 1, from the
      upper left row by row; the target is the class. ``length`` must be 64 (pixels) or 8 (rows).
    * Adding: a number from [0, 1) and a mark at each step; one step of the first half and one of the second are
      marked, and the target is the sum of their two numbers (Hochreiter and Schmidhuber 1997, section 5.4, in the
      form of Le, Jaitly and Hinton 2015). Answering 1 always has a mean squared error of 1/6.
    * Copy: one of 8 symbols at the first step, then blanks; the target after the last step is the symbol
      (after Hochreiter and Schmidhuber 1997, experiment 2, and Arjovsky, Shah and Bengio 2016). One-hot; the last
      input is the blank.
    * Noise: one standard normal number a step, target 0.

    Raises ``ValueError`` for a length that the kind does not have (at least 2 steps).
    """
    import torch

    wanted = KINDS[kind].length
    if length < 2 or (wanted is not None and length != wanted):
        raise ValueError(f"{kind} cannot have {length} steps")
    if wanted is not None:
        pixels, classes = _standard_digits()
        chosen = torch.randint(len(pixels), (count,), generator=generator).numpy()
        return torch.from_numpy(pixels[chosen].reshape(count, length, -1)), torch.from_numpy(classes[chosen])
    if kind == "Noise":
        return torch.randn(count, length, 1, generator=generator, dtype=torch.float64), torch.zeros(count)
    if kind == "Copy":
        symbols = torch.randint(SYMBOLS, (count,), generator=generator)
        at = torch.full((count, length), SYMBOLS)
        at[:, 0] = symbols
        return torch.nn.functional.one_hot(at, SYMBOLS + 1).double(), symbols
    half = length // 2
    x = torch.zeros(count, length, 2, dtype=torch.float64)
    x[..., 0] = torch.rand(count, length, generator=generator, dtype=torch.float64)
    first = torch.randint(half, (count,), generator=generator)
    second = half + torch.randint(length - half, (count,), generator=generator)
    each = torch.arange(count)
    x[each, first, 1] = 1
    x[each, second, 1] = 1
    return x, (x[..., 0] * x[..., 1]).sum(1)


def final_loss(kind: str, h: Tensor, readout: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each network's last state, and its gradient by that state: (S,) and (S, n).

    ``h`` (S, n), ``readout`` (S, outputs, n), ``target`` (S,).
    """
    import torch

    out = torch.bmm(readout, h[..., None])[..., 0]
    loss = KINDS[kind].loss
    if loss == "cross-entropy":
        y = target.long()
        by_out = out.softmax(-1) - torch.nn.functional.one_hot(y, out.shape[-1])
        value = -out.log_softmax(-1).gather(-1, y[:, None])[:, 0]
    elif loss == "squared":
        error = out - target.to(out)[:, None]
        by_out, value = 2 * error, error[:, 0] ** 2
    else:
        by_out, value = torch.ones_like(out), out[:, 0]
    return value, torch.bmm(by_out[:, None], readout)[:, 0]
