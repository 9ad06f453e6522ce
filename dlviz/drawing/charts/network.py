"""A network as a stack of blocks, input at the bottom, with what is frozen shaded; a block can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlviz.drawing.grammar.interaction import CELLS, START, TAP
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.palette import colour, mix
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, literal, mark, number, word
from dlviz.drawing.grammar.theme import Look

LEFT = 0.52  # of the width: where the blocks end and the columns of numbers begin
GAP = 0.2  # of a row: between two blocks


@dataclass(frozen=True)
class Block:
    """One block: its ``name``, what is happening to it (``state``, translated) and a number for each column.

    ``kind`` is "input", "frozen", "trained" or "new"; ``freeze`` the value that a click on it carries, None for none.
    """

    name: str
    state: str
    kind: str
    numbers: Sequence[str]
    freeze: int | None = None


def stack(
    blocks: Sequence[Block], headers: Sequence[str], look: Look, *, bold: int | None = None, name: str = "blocks"
) -> Piece:
    """Blocks from the input (first, at the bottom) to the output, and beside each its numbers under ``headers``.

    The numbers of block ``bold`` stand out. It offers the point selection ``start`` with the field ``freeze``.
    Letters shrink where the width is small.
    """
    count = len(blocks)
    tall = count + 1.1  # a row for the headers
    hues = {
        "input": look.inks.muted,
        "frozen": colour("Frozen", look),
        "trained": colour("Full fine-tuning", look),
        "new": colour("Full fine-tuning", look),
    }
    records: Rows = []
    numbers: Rows = []
    for row, block in enumerate(blocks):
        hue = hues[block.kind]
        fill = {"frozen": mix(look.inks.paper, hue, 0.34), "input": look.inks.panel}.get(block.kind, look.inks.paper)
        records.append(
            {
                "name": block.name,
                "state": block.state,
                "freeze": block.freeze,
                "fill": fill,
                "stroke": hue,
                "dashed": block.kind == "new",
                "y": row + GAP / 2,
                "y2": row + 1 - GAP / 2,
                "middle": row + 0.5,
            }
        )
        for column, entry in enumerate(block.numbers):
            numbers.append(
                {"name": block.name, "column": column, "text": entry, "middle": row + 0.5, "bold": row == bold}
            )
    arrows = [{"at": row - 0.02} for row in range(1, count)]
    written = [wrap(text, 16) for text in headers]
    heads: Rows = [
        {"column": column, "text": line, "middle": count + 0.6 - 0.36 * (k - (len(lines) - 1) / 2)}
        for column, lines in enumerate(written)
        for k, line in enumerate(lines)
    ]
    names = max(text_width(f"{block.name}   {block.state}", look) for block in blocks) / look.label
    columns = [
        max(text_width(text, look) for text in (*lines, *(block.numbers[i] for block in blocks))) / look.label + 1.5
        for i, lines in enumerate(written)
    ]
    ends = [sum(columns[: i + 1]) / sum(columns) for i in range(len(columns))]
    for record in (*numbers, *heads):
        record["x"] = LEFT + 0.01 + (1 - LEFT - 0.01) * ends[record["column"]]
    across = {"scale": {"domain": [0, 1], "nice": False, "zero": False}, "axis": None}
    down = {"scale": {"domain": [0, tall], "nice": False, "zero": False}, "axis": None}
    size = {"expr": f"max(6, min({look.label}, {LEFT:g} * width / {names + 2:.2f}, height / {1.6 * tall:.2f}))"}
    small = {"expr": f"max(6, min({look.label}, {1 - LEFT:g} * width / {sum(columns):.2f}, height / {1.6 * tall:.2f}))"}
    box = {
        "y": number("y", **down),
        "y2": {"field": "y2"},
        "x": {"value": 1},
        "x2": {"value": {"expr": f"{LEFT} * width"}},
    }
    edge = {**box, "fill": literal("fill"), "stroke": literal("stroke")}
    line: Spec = {"strokeWidth": 1.6 * look.unit, "cornerRadius": 4 * look.unit, "tooltip": None}
    text: Spec = {"baseline": "middle", "tooltip": None}
    middle = number("middle", **down)
    inside = {"y": middle, "text": word("name")}
    right = {"x": {"value": {"expr": f"{LEFT} * width"}}, "y": middle, "text": word("state")}
    place = {"x": number("x", **across), "y": middle, "text": word("text")}
    up = {"x": {"value": {"expr": f"{LEFT / 2} * width"}}, "y": number("at", **down)}
    layers: list[Spec] = [
        mark("rect", name, edge, transform=[{"filter": "!datum.dashed"}], **line),
        mark("rect", name, edge, transform=[{"filter": "datum.dashed"}], **line,
             strokeDash=[5 * look.unit, 3 * look.unit]),
        mark("point", f"_{name} arrows", up, shape="triangle-up", size=28 * look.unit**2, fill=look.inks.muted,
             stroke=None, opacity=1, tooltip=None),
        mark("text", name, {"x": {"value": 10 * look.unit}, **inside}, align="left", color=look.inks.ink,
             fontWeight="bold", fontSize=size, **text),
        mark("text", name, right, align="right", dx=-8 * look.unit, color=look.inks.muted, fontSize=size, **text),
        mark("text", f"{name} numbers", place, transform=[{"filter": "!datum.bold"}], align="right",
             color=look.inks.ink, fontSize=small, **text),
        mark("text", f"{name} numbers", place, transform=[{"filter": "datum.bold"}], align="right",
             color=look.inks.ink, fontWeight="bold", fontSize=small, **text),
        mark("text", f"_{name} heads", place, align="right", color=look.inks.muted, fontSize=small, **text),
    ]  # fmt: skip
    select = {"name": START, "select": {"type": "point", "fields": ["freeze"], "on": TAP, "toggle": False}}
    whole = {**box, "x2": {"value": {"expr": "width"}}, "tooltip": [word("name", title=""), word("state", title="")]}
    offered = [{"filter": "datum.freeze !== null"}]
    layers.append(
        mark("rect", name, whole, transform=offered, name=CELLS, params=[select], opacity=0, cursor="pointer")
    )
    data = {
        name: records,
        f"{name} numbers": numbers,
        f"_{name} arrows": arrows,
        f"_{name} heads": heads,
    }
    return Piece(tuple(layers), data)
