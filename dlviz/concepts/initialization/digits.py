"""The digits as the networks get them: scaled, split into training and test images, and in mini-batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.engine.networks.batches import MiniBatches, mini_batches
from dlviz.engine.runtime.device import device

TESTED = 360  # images of the test set
BATCH = 64
SHUFFLE = 999  # offset of the generator that shuffles; layers have 1 ... 600


def digits_as(data: str) -> tuple[np.ndarray, np.ndarray]:
    """All digits (1797, 64) and their classes, scaled as ``data`` says.

    Standardised: every pixel has mean 0 and standard deviation 1 over the set, except for the three that are
    always empty. Raw: brightness from 0 to 16.
    """
    from dlviz.engine.data.datasets import digits

    x, y = digits()
    if data == "Digits, raw":
        return 16 * x, y
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0), y


def train_and_test(data: str, seed: int, dtype: Any) -> tuple[Any, ...]:
    """Training inputs and classes, test inputs and classes, as tensors."""
    import torch

    # In Gaussian noise there is nothing to learn: digits stand in.
    x, y = digits_as("Digits, standardised" if data == "Gaussian" else data)
    order = np.random.default_rng([seed, 1]).permutation(len(y))
    test, train = order[:TESTED], order[TESTED:]
    where = device(double=dtype == torch.float64)
    parts = [(torch.tensor(x[at], dtype=dtype).to(where), torch.tensor(y[at]).to(where)) for at in (train, test)]
    return *parts[0], *parts[1]


def batches(x: Any, y: Any, steps: int, seed: int) -> MiniBatches:
    """The mini-batches of a training, the same for all networks of it."""
    return MiniBatches(x, y, mini_batches(len(y), BATCH, steps, 1000 * seed + SHUFFLE))
