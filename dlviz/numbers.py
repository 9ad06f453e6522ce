"""Numbers as texts, for sentences, readouts and labels. A real minus; nothing is rounded to what it is not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Real
from string import Formatter
from typing import Any


def fixed(value: float, digits: int) -> str:
    """So many decimals, and no minus before zero."""
    text = f"{value:.{digits}f}"
    return _written(text.removeprefix("-") if float(text) == 0 else text)


def small(value: float) -> str:
    """A number of any size in three digits; a dash for one that is not finite."""
    return _written(f"{value:.3g}") if math.isfinite(value) else "–"


def above(value: float, least: float) -> str:
    """A number that is not negative in three digits; "< least" where it is smaller."""
    return f"< {_written(f'{least:g}')}" if value < least else small(value)


def percent(share: float) -> str:
    """A share in words: nothing but zero is called 0%, and nothing but all 100%."""
    if not math.isfinite(share):
        return "–"
    if share in (0, 1):
        return f"{share:.0%}"
    if share < 5e-4:
        return _written(f"{100 * share:.1g}%")
    if share < 0.9995:
        return f"{share:.1%}"
    return f"{share:.3%}" if share < 0.99999 else "> 99.999%"


def signed(value: float, digits: int = 4) -> str:
    """A number of a calculation to some significant digits; zero for what is zero but for rounding."""
    return _written(f"{_exact(value):.{digits}g}")


def short(value: float) -> str:
    """Two decimals, or one significant digit of what they would show as zero."""
    return signed(value, 1) if 0 < abs(value) < 0.005 else _written(f"{value + 0.0:.2f}")


def latex(value: float) -> str:
    """A number to four significant digits in LaTeX."""
    mantissa, _, power = f"{_exact(value):.4g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa


def filled(template: str, values: Mapping[str, Any]) -> str:
    """``template.format(**values)``, with its numbers written as everywhere else. Raises what ``format`` raises."""
    return _Filler().vformat(template, (), values)


class _Filler(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        text = super().format_field(value, format_spec)
        return _written(text) if isinstance(value, Real) else text


def _written(text: str) -> str:
    """A number of Python's as people write it: 1.3e4, 2e−5, −0.1."""
    return re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", text).replace("-", "−")


def _exact(value: float) -> float:
    """Zero for what is zero but for rounding, and never −0."""
    return value if abs(value) >= 1e-12 else 0.0
