"""How the size of a signal is written that has shrunk."""

from __future__ import annotations

from dlviz.numbers import above

GONE = 1e-290
"""Numbers below this are gone: runs of :mod:`dlviz.engine.signals.propagation` hold zeros there."""


def left(value: float) -> str:
    """A gradient, an activation or a norm as text; that it is below 1e−290 where it is gone."""
    return above(value, GONE)
