"""Numbers as texts, for sentences and readouts."""

from __future__ import annotations

import math


def fixed(value: float, digits: int) -> str:
    """So many decimals, and no minus before zero."""
    text = f"{value:.{digits}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def small(value: float) -> str:
    """A number of any size in three digits; a dash for one that is not finite."""
    return f"{value:.3g}".replace("-", "−") if math.isfinite(value) else "–"


def above(value: float, least: float) -> str:
    """A positive number in three digits, and what has fallen below ``least`` or to zero as such."""
    return f"< {least:g}" if value < least else small(value)


def percent(share: float) -> str:
    """A share in words: nothing but zero is called 0%, and nothing but all 100%."""
    if not math.isfinite(share):
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"
    if share < 5e-4:
        return f"{100 * share:.1g}%".replace("-", "−")
    if share < 0.9995:
        return f"{share:.1%}"
    return f"{share:.3%}" if share < 0.99999 else "> 99.999%"
