"""Heights turned into a quiet shaded image.

Brightness is a compressed height, for seeing the shape; it is no scale to read values from.
"""

from __future__ import annotations

import numpy as np

from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.palette import from_oklab, oklab, ramp, rgb
from dlviz.drawing.grammar.theme import Look


def normalise(z: np.ndarray) -> np.ndarray:
    """Heights (H, W) -> brightness in [0, 1], NaN where ``z`` is not finite.

    Half logarithm of the height above the lowest point, half its rank among all heights: the first
    keeps the shape of a deep ravine visible, the second leaves no large area flat.
    """
    finite = np.isfinite(z)
    t = np.full(z.shape, np.nan)
    if not finite.any():
        return t
    values = np.clip(z[finite], -1e300, 1e300)
    height = values - values.min()
    if not height.max() > 0:
        t[finite] = 0.5
        return t
    height = height / height.max()
    unit = max(float(np.quantile(height, 0.08)), 1e-12)
    logs = np.log1p(height / unit) / np.log1p(1 / unit)
    ranks = np.searchsorted(np.sort(height), height) / max(len(height) - 1, 1)
    t[finite] = 0.5 * logs + 0.5 * ranks
    return t


def shade(t: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """How much light each point of a height field in [0, 1] gets from the north-west, about -1 to 1."""
    # The size of the relief is a choice of looks: as if it were a fifth as high as it is wide.
    rows_, columns = t.shape
    slope_y, slope_x = np.gradient(0.2 * t, 1 / max(rows_, 2), 1 / max(columns, 2))
    return strength * (slope_x - slope_y) / np.sqrt(2 * (1 + slope_x**2 + slope_y**2))


def relief(z: np.ndarray, look: Look) -> str:
    """Heights (H, W), row 0 at the lowest y -> a PNG as a data URL, row 0 at the bottom.

    Where ``z`` is not finite it is grey.
    """
    t = normalise(np.asarray(z, dtype=float))
    holes = ~np.isfinite(t)
    filled = np.where(holes, np.nanmean(t) if not holes.all() else 0.5, t)
    colours = oklab(ramp(look.inks.relief, filled))
    colours[..., 0] += (0.08 if look.theme == "light" else 0.07) * shade(filled)
    pixels = from_oklab(colours)
    pixels[holes] = rgb(look.inks.hole)
    return data_url(pixels)
