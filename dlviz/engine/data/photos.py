"""The two photographs that scikit-learn ships, small."""

from __future__ import annotations

from functools import cache

import numpy as np

from dlviz.engine.data.datasets import shipped

PHOTOS = {"China": "china.jpg", "Flower": "flower.jpg"}
"""A temple roof in the Summer Palace, Beijing, and a dahlia; both under a Creative Commons licence."""

SIZE = (160, 107)
"""Width and height in px: a quarter of the originals, averaged."""


@cache
def photo(name: str) -> np.ndarray:
    """Red, green and blue from 0 to 1, shape (3, 107, 160), row 0 on top; read-only.

    Source: those of ``sklearn.datasets.load_sample_image``. Raises ``KeyError`` for another name.
    """
    from PIL import Image

    if name not in PHOTOS:
        raise KeyError(f"unknown photograph {name!r}; allowed: {', '.join(PHOTOS)}")
    small = Image.open(shipped("images", PHOTOS[name])).resize(SIZE, Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float64).transpose(2, 0, 1) / 255
    pixels.setflags(write=False)
    return pixels
