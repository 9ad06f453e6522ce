"""One unit of a layer, and what it makes of every digit."""

from __future__ import annotations

import numpy as np

from dlviz.engine.data.datasets import digits


def pixels() -> np.ndarray:
    """The pixels of every digit, (1797, 64), standardised over all of them."""
    values, _ = digits()
    return (values - values.mean()) / values.std()


def sums(seed: int) -> np.ndarray:
    """s = w·x of one unit for every digit, (1797,), w normal with variance 2/64."""
    import torch

    weight = torch.randn(64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (2 / 64) ** 0.5
    return pixels() @ weight.numpy()
