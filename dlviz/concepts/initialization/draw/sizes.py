"""How a standard deviation is written."""

from __future__ import annotations

import numpy as np

from ..curves import LOWEST


def written(value: float) -> str:
    """Two digits, so that sizes below each other can be compared."""
    if not np.isfinite(value):
        return "∞"
    if value < LOWEST:
        return "0"
    if 1e-4 <= value < 1e5:
        rounded = float(f"{value:.2g}")
        return f"{rounded:g}" if rounded >= 10 else f"{rounded:#.2g}"  # 0.90 under 0.91
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}".replace("-", "−")
