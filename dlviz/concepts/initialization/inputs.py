"""What is sent through the random networks: digits, or noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .digits import digits_as
from .settings import CLASSES


@lru_cache(maxsize=16)
def inputs(data: str, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``samples`` inputs (n, 64) and their classes (n,): digits, as many of each class, or noise of random class."""
    from dlviz.engine.data.datasets import balanced

    rng = np.random.default_rng([seed, 0])
    if data == "Gaussian":
        return rng.standard_normal((samples, 64)), rng.integers(0, CLASSES, samples)
    x, y = digits_as(data)
    chosen = balanced(y, samples, rng)
    return x[chosen], y[chosen]
