"""The runs that a figure draws. Apart from the other results, for pictures need no more of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Run:
    """A run to draw. ``label`` names it in the small print (translated); the page's own run has none."""

    result: Any
    label: str = ""
