"""Axes over a few whole numbers: batch sizes, groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look


def over_counts(x: Axis, y: Axis, counts: Iterable[int], look: Look) -> Piece:
    """The axes of a figure over whole numbers: a tick at each of them."""
    piece = frame(replace(x, log=False, low=0.0), y, look)
    ground = dict(piece.layers[0])
    encoding = dict(ground["encoding"])
    axis = encoding["x"]["axis"] | {"values": [int(count) for count in counts], "format": "d"}
    ground["encoding"] = encoding | {"x": encoding["x"] | {"scale": x.scale, "axis": axis}}
    ground["data"] = {"values": [{"x": x.low, "y": y.low}]}  # zero may lie far to the left, and take room there
    return Piece((ground, *piece.layers[1:]), piece.data, piece.params)
