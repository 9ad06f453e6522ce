"""Numbers as the page writes them, down to where float64 ends."""

from __future__ import annotations

import math

from dlviz.numbers import above, small

from .measure import GONE
from .trained import End


def ended(end: End) -> str:
    """Where a run ended: the tensor, in symbols that are the same in every language, and the training step."""
    return f"{tensor(end)} ({end.step})"


def tensor(end: End) -> str:
    """The tensor in which a run ended."""
    if end.tensor == "hidden state":
        return f"h_{end.time}"
    if end.tensor.startswith("gradient of "):
        return "∂L/∂" + end.tensor.removeprefix("gradient of ")
    return {"loss": "L", "output": "y", "gradient norm": "‖∂L/∂θ‖"}.get(end.tensor, end.tensor)


def power(value: float) -> str:
    """A number that is not negative, in three digits; what is too small to be drawn as such."""
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
