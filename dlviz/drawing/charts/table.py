"""A table as a picture: text in columns that fit the width, so that it exports like any other figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.palette import IDENTITIES, colour
from dlviz.drawing.grammar.piece import Piece, Spec, mark, number, word
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import plain

GAP = 1.0  # em between columns
LEADING, ROOM = 1.25, 0.25  # em: of a line of text, and above and below the lines of a row


def table(
    headers: Sequence[str],
    body: Sequence[Sequence[str]],
    look: Look,
    *,
    emphasised: Sequence[tuple[int, int]] = (),
    name: str = "table",
) -> Piece:
    """``headers`` (C,) over ``body`` (R, C), all texts, translated; the first column to the left, others centred.

    A text may have several lines, parted by a line feed.

    A first cell that is the name of an identity has its colour. ``emphasised`` (row, column) cells are bold on
    a shaded ground. The letters shrink where the width is small.
    """
    widths = [
        max(text_width(line, look) / look.label for row in (headers, *body) for line in row[c].split("\n")) + GAP
        for c in range(len(headers))
    ]
    total = sum(widths)
    ends = [sum(widths[: c + 1]) for c in range(len(widths))]
    heights = [LEADING * max(text.count("\n") + 1 for text in row) + ROOM for row in (headers, *body)]
    tall = sum(heights)
    feet = [sum(heights[: r + 1]) for r in range(len(heights))]
    bold = set(emphasised)
    records = []
    for r, row in enumerate([headers, *body]):
        for c, text in enumerate(row):
            left = ends[c] - widths[c]
            first = row[0] if r else ""
            lines = text.split("\n")
            for k, line in enumerate(lines):
                records.append(
                    {
                        "row": r,
                        "column": plain(headers[c]).replace("\n", " "),
                        "text": line,
                        "x": (left + GAP / 2 if c == 0 else left + widths[c] / 2) / total,
                        "x1": left / total,
                        "x2": ends[c] / total,
                        "y": (feet[r] - heights[r] / 2) / tall,
                        "y1": (feet[r] - heights[r]) / tall,
                        "y2": feet[r] / tall,
                        "first": c == 0,
                        "line": k - (len(lines) - 1) / 2,
                        "top": k == 0,
                        "head": r == 0,
                        "bold": (r - 1, c) in bold,
                        "fill": colour(first, look) if c == 0 and first in IDENTITIES else look.inks.ink,
                        # In the rows, for a text of another length must not build the chart anew.
                        "_wide": round(total, 2),
                        "_tall": round(tall, 2),
                    }
                )
    across = {"scale": {"domain": [0, 1], "nice": False, "zero": False}, "axis": None}
    down = {"scale": {"domain": [0, 1], "nice": False, "zero": False, "reverse": True}, "axis": None}
    cell = {
        "x": number("x1", **across),
        "x2": {"field": "x2"},
        "y": number("y1", **down),
        "y2": {"field": "y2"},
    }
    place = {"x": number("x", **across), "y": number("at", scale=None, axis=None), "text": word("text")}
    place["size"] = number("size", scale=None, legend=None)
    largest = look.label * (1.4 if look.slide else 1)
    common: Spec = {"baseline": "middle", "tooltip": None}
    sized = [
        {"calculate": f"max(5, min({largest:g}, width / datum._wide, height / datum._tall))", "as": "size"},
        {"calculate": f"datum.y * height + datum.line * {LEADING} * datum.size", "as": "at"},
    ]
    rule: Spec = {"stroke": look.inks.grid, "strokeWidth": look.unit, "tooltip": None}
    below = {"x": number("x1", **across), "x2": {"field": "x2"}, "y": number("y2", **down)}
    once = [{"filter": "datum.top"}]  # what a cell has, and not each of its lines
    bold_cells = [{"filter": "!datum.head && !datum.first && datum.bold"}]
    ground: Spec = {"fill": look.inks.ink, "opacity": 0.08, "tooltip": None}
    hue = {"fill": {"field": "fill", "type": "nominal", "scale": None}}
    head: Spec = {"color": look.inks.muted}
    normal: Spec = {"color": look.inks.ink}
    strong: Spec = {"fontWeight": "bold"}
    aside: Spec = {"align": "left"}
    middle: Spec = {"align": "center"}

    def texts(chosen: str, encoding: Spec = place, **style: Any) -> Spec:
        return mark("text", name, encoding, transform=[{"filter": chosen}, *sized], **common, **style)

    layers = (
        mark("rect", name, cell, transform=[*bold_cells, *once], **ground),
        mark("rule", name, below, transform=once, **rule),
        texts("datum.head && datum.first", **head, **aside),
        texts("datum.head && !datum.first", **head, **middle),
        texts("!datum.head && datum.first", place | hue, **aside, **strong),
        texts("!datum.head && !datum.first && !datum.bold", **normal, **middle),
        texts(bold_cells[0]["filter"], **normal, **middle, **strong),
    )
    return Piece(layers, {name: records})
