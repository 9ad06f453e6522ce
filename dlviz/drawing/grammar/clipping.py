"""Segments cut to what can be seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlviz.drawing.grammar.axes import Plane


class Clipped(NamedTuple):
    """Segments after cutting: ends (n, 2), whether each end was moved (n,), and whether anything is left (n,)."""

    start: np.ndarray
    stop: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    seen: np.ndarray


def clip(a: np.ndarray, b: np.ndarray, plane: Plane, room: float = 0.0) -> Clipped:
    """The parts of the segments a-b (n, 2) within the plane, enlarged by ``room`` of its size on every side.

    A segment with an end that is not finite is not seen. Liang and Barsky (1984), "A new concept and
    method for line clipping", ACM Transactions on Graphics 3(1).
    """
    low = np.array([plane.x.low, plane.y.low])
    size = np.array([plane.x.high, plane.y.high]) - low
    finite = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    # In units of the plane and bounded, so that 1e300 does not overflow (and 1e9 keeps its digits).
    start, stop = (np.clip(np.nan_to_num((p - low) / size), -1e9, 1e9) for p in (a, b))
    way = stop - start
    toward = np.concatenate([-way, way], axis=1)
    room_left = np.concatenate([start + room, 1 + room - start], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = room_left / toward
    first = np.max(np.where(toward < 0, at, 0.0), axis=1, initial=0.0)
    last = np.min(np.where(toward > 0, at, 1.0), axis=1, initial=1.0)
    beside = ((toward == 0) & (room_left < 0)).any(axis=1)
    entered, left = first > 0, last < 1
    # An end that stays is passed on to the last digit.
    head, tail = (
        np.where(moved[:, None], low + size * (start + share[:, None] * way), kept)
        for moved, share, kept in ((entered, first, a), (left, last, b))
    )
    return Clipped(head, tail, entered, left, finite & ~beside & (first <= last))
