"""Waiting for what will come, however busy the machine is."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something holds. Raises ``AssertionError`` if it does not within so long."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end, f"waited for {seconds:g} s"
        sleep(0.005)
