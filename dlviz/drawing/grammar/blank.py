"""Whether a picture shows anything but its axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from dlviz.drawing.grammar.piece import Piece, Rows, Spec


def blank(piece: Piece) -> bool:
    """Whether no layer over named rows has a mark within the axes.

    What stands around the data (axes, colour bars, sentences) draws inline rows, so it does not count. Where a
    layer computes its places in the browser, its rows are taken for marks.
    """
    return not any(_seen(layer, piece.data) for layer in reversed(piece.layers))


def _seen(layer: Spec, data: Mapping[str, Rows]) -> bool:
    name = layer.get("data", {}).get("name")
    records = data.get(name, []) if name is not None else []
    if not records or layer["mark"].get("opacity") == 0:
        return False
    sides = []
    for side in ("x", "y"):
        coding = layer["encoding"].get(side, {})
        if coding.get("field") in records[0]:
            fields = [coding["field"]]
            if (other := layer["encoding"].get(f"{side}2", {}).get("field")) is not None:
                fields.append(other)
            sides.append((fields, (coding.get("scale") or {}).get("domain", ())))
    if layer["mark"]["type"] == "line" and sides:
        return any(_within([one, next_], sides) for one, next_ in pairwise(records))
    return any(_within([record], sides) for record in records)


def _within(records: Sequence[Mapping[str, Any]], sides: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> bool:
    """Whether what one record (or a line from one to the next) draws lies within its scales, at least in part."""
    for fields, domain in sides:
        ends = [record[field] for record in records for field in fields if field in record]
        if any(isinstance(end, str) for end in ends):
            continue  # a name on a scale of names
        if not all(isinstance(end, int | float) and math.isfinite(end) for end in ends):
            return False
        pinned = len(domain) == 2 and all(isinstance(end, int | float) for end in domain)
        if pinned and not (max(ends) >= min(domain) and min(ends) <= max(domain)):
            return False
    return True
