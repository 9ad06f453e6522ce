"""How high the tables of the page are."""

from __future__ import annotations

HEIGHT = 320
"""Of what is said where there is no table."""


def height(count: int, lines: int = 1) -> int:
    """A height at which a table of so many rows of so many lines breathes."""
    return max(180, min(HEIGHT + 80 * lines, (30 + 14 * lines) * (count + 2)))
