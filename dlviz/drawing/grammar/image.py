"""Pixels as an image that a chart can hold."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def data_url(pixels: np.ndarray) -> str:
    """Pixels in [0, 1], shape (H, W, 3), row 0 at the bottom -> a PNG as a data URL."""
    flipped = np.round(255 * np.clip(pixels[::-1], 0, 1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(flipped).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
