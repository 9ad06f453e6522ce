"""Curves of a training that may overflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlviz.drawing.curves.curve import Line


def until_overflow(line: Line) -> Line:
    """The same line, marked as diverged where it stops being finite."""
    lost = np.flatnonzero(~np.isfinite(line.y))
    if not lost.size:
        return line
    return replace(line, diverged=int(line.x[lost[0]]))
