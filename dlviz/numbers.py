"""Numbers as texts, for sentences, readouts and labels. A real minus; nothing is rounded to what it is not."""

from __future__ import annotations

import math
import re


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


def signed(value: float, digits: int = 4) -> str:
    """A number of a calculation to some significant digits; zero for what is zero but for rounding."""
    return re.sub(r"(e.)0", r"\1", f"{_exact(value):.{digits}g}").replace("-", "−")


def short(value: float) -> str:
    """Two decimals, or one significant digit of what they would show as zero."""
    return signed(value, 1) if 0 < abs(value) < 0.005 else f"{value + 0.0:.2f}".replace("-", "−")


def latex(value: float) -> str:
    """A number to four significant digits in LaTeX."""
    mantissa, _, power = f"{_exact(value):.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa


def _exact(value: float) -> float:
    """Zero for what is zero but for rounding, and never −0."""
    return value if abs(value) >= 1e-12 else 0.0
