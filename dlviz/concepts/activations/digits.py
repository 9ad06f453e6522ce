"""The digits as this page's networks see them."""

from __future__ import annotations

from functools import cache

import numpy as np

from dlviz.engine.data.datasets import balanced, digits


@cache
def standardised_digits(samples: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels centred one by one, then scaled together to mean square 1: (n, 64), and the classes (n,); read-only.

    Scaled one by one, the rare pixels at the border would lie 40 standard deviations out. ``samples``: a
    class-balanced subset of so many.
    """
    pixels, labels = digits()
    x = pixels - pixels.mean(axis=0)
    x = x / np.sqrt((x**2).mean())
    if samples is not None:
        chosen = balanced(labels, samples, np.random.default_rng(0))
        x, labels = x[chosen], labels[chosen]
    for array in (x, labels):
        array.setflags(write=False)
    return x, labels
