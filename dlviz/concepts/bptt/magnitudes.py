"""Sizes as the page writes them, down to where float64 ends."""

from __future__ import annotations

import math

from dlviz.numbers import above, small

GONE = 1e-300
"""Numbers below are not drawn but said."""


def power(value: float) -> str:
    """A number that is not negative in three digits; "< 1e−300" below that."""
    return above(value, GONE)


def power_of_ten(log: float) -> str:
    """10^log, whether or not float64 can hold it; "0" for -inf, a dash where there is no number."""
    if math.isnan(log) or log == math.inf:
        return "–"
    if math.isinf(log):
        return "0"
    if abs(log) < 300:
        return small(10**log)
    exponent = math.floor(log)
    return f"{10 ** (log - exponent):.2f}e{exponent}".replace("-", "−")


def size(value: float) -> str:
    """As :func:`power`, with a dash for what is not finite."""
    return power(float(value)) if math.isfinite(value) else "–"
