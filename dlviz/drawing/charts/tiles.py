"""A grid of grids: between each pair of outer names a small grid of coloured cells, all with one colour scale."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from dlviz.drawing.grammar.interaction import CELLS, START, TAP
from dlviz.drawing.grammar.legends import colour_bar, text_width
from dlviz.drawing.grammar.palette import hexed, oklab, ramp
from dlviz.drawing.grammar.piece import Piece, Spec, listed, literal, mark, number, word
from dlviz.drawing.grammar.theme import Look

GAP = 0.35  # between two groups, in cells
HEAD = 2.1  # rows above the groups, for their names and the columns' names


def tiles(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    inner: tuple[Sequence[str], Sequence[str]],
    look: Look,
    *,
    bound: float,
    colours: tuple[str, ...],
    title: str,
    titles: tuple[str, str],
    texts: np.ndarray,
    blank: np.ndarray,
    fields: tuple[str, str],
    written_as: Sequence[Sequence[str]],
    chosen: tuple[str, str] | None = None,
    name: str = "cells",
) -> Piece:
    """Cells ``values`` (A, B, R, C): outer ``rows`` (A) and ``columns`` (B), in each a grid of ``inner`` (R) by (C).

    Colours spread over -``bound`` to ``bound``; a cell of ``blank`` (A, B, R, C) has the paper's colour. ``texts`` are
    the same shape and stand in the cells where these are wide enough. ``title`` names the colour bar, ``titles`` the
    inner rows and columns, ``written_as`` (2 lists) how the outer names are written; all translated. ``fields`` are
    the names under which a row of the data carries the outer names, for the point selection ``start``; ``chosen`` is
    framed.
    """
    down, across = inner
    a, b, r, c = values.shape
    wide, tall = b * (c + GAP) - GAP, HEAD + a * (r + GAP) - GAP
    share = np.clip((np.nan_to_num(values, nan=0.0) + bound) / (2 * bound), 0, 1)
    tints = ramp(colours, share)
    records = []
    for at in np.ndindex(values.shape):
        i, j, k, l = at
        finite = bool(np.isfinite(values[at]))
        plain = bool(blank[at]) or not finite
        tint = look.inks.paper if plain else hexed(tints[at])
        dark = look.theme == "dark" if plain else oklab(tints[at])[0] < 0.62
        records.append(
            {
                fields[0]: rows[i],
                fields[1]: columns[j],
                "row": down[k],
                "column": across[l],
                "value": float(values[at]) if finite else None,
                "text": str(texts[at]),
                "fill": tint,
                "pen": "#ffffff" if dark and not plain else look.inks.muted if plain else "#16233b",
                "x": j * (c + GAP) + l,
                "x2": j * (c + GAP) + l + 1,
                "y": HEAD + i * (r + GAP) + k,
                "y2": HEAD + i * (r + GAP) + k + 1,
            }
        )
    margin = max(text_width(text, look) for text in written_as[0]) / look.label
    small = max(text_width(text, look) for text in down) / look.label
    # The outer and the inner names of rows take letters of the left edge: in cells, at the size that letters have.
    left = f"(({margin:.2f} + {small:.2f} + 1.6) * tiles_label)"
    size = f"max(6, min({0.92 * look.label:.1f}, width / 46, height / {tall + 3:.1f}))"
    params = (
        {"name": "tiles_label", "expr": size},
        {"name": "tiles_cell", "expr": f"(width - {left}) / {wide:.3f}"},
        {"name": "tiles_line", "expr": f"height / {tall:.3f}"},
    )
    y_scale = {"scale": {"domain": [0, tall], "reverse": True, "nice": False, "zero": False}, "axis": None}
    x_scale = {"domain": [0, wide], "range": [{"expr": left}, {"expr": "width"}], "nice": False, "zero": False}
    x = {"scale": x_scale, "axis": None}
    box: Spec = {
        "x": number("x", **x), "x2": {"field": "x2"}, "y": number("y", **y_scale), "y2": {"field": "y2"},
    }  # fmt: skip
    middle = {
        "x": number("mx", **x), "y": number("my", **y_scale), "text": word("text"),
    }  # fmt: skip
    centre = [
        {"calculate": "(datum.x + datum.x2) / 2", "as": "mx"},
        {"calculate": "(datum.y + datum.y2) / 2", "as": "my"},
    ]
    centred: Spec = {"align": "center", "baseline": "middle", "tooltip": None}
    longest = max((text_width(text, look) for text in np.ravel(texts)), default=1.0) / look.label
    inside = {"expr": f"min(tiles_label, 0.94 * tiles_cell / {longest:.2f}, 0.8 * tiles_line)"}
    legible = {"expr": f"min(0.94 * tiles_cell / {longest:.2f}, 0.8 * tiles_line) < 6.5 ? 0 : 1"}
    layers = [
        mark("rect", name, {**box, "fill": literal("fill")}, stroke=look.inks.grid, strokeWidth=0.7 * look.unit,
             tooltip=None),
        mark("text", name, {**middle, "fill": literal("pen")}, transform=centre, fontSize=inside, opacity=legible,
             **centred),
    ]  # fmt: skip
    data = {name: records}
    heads, groups = [], []
    for j, text in enumerate(written_as[1]):
        first = j * (c + GAP)
        heads.append({"mx": first + c / 2, "my": 0.55, "text": text})
        groups += [{"mx": first + l + 0.5, "my": HEAD - 0.45, "text": across[l]} for l in range(c)]
    data |= {f"_{name} heads": heads, f"_{name} columns": groups}
    head_room = max(text_width(text, look) for text in written_as[1]) / look.label
    head_size = {"expr": f"min(tiles_label, {c + GAP:.2f} * tiles_cell / {head_room:.2f})"}
    layers += [
        mark("text", f"_{name} heads", middle, color=look.inks.ink, fontWeight="bold", fontSize=head_size, **centred),
        mark(
            "text",
            f"_{name} columns",
            middle,
            color=look.inks.muted,
            fontSize={"expr": "0.85 * tiles_label"},
            **centred,
        ),
    ]
    sides = [{"my": HEAD + i * (r + GAP) + r / 2, "text": text} for i, text in enumerate(written_as[0])]
    depths = [{"my": HEAD + i * (r + GAP) + k + 0.5, "text": down[k]} for i in range(a) for k in range(r)]
    data |= {f"_{name} sides": sides, f"_{name} rows": depths}
    edge = {"y": middle["y"], "text": word("text")}
    layers += [
        mark("text", f"_{name} sides", {**edge, "x": {"value": 0}}, color=look.inks.ink, fontWeight="bold",
             fontSize={"expr": "tiles_label"}, align="left", baseline="middle", tooltip=None),
        mark("text", f"_{name} rows", {**edge, "x": {"value": {"expr": f"{left} - 0.4 * tiles_label"}}},
             color=look.inks.muted, fontSize={"expr": "min(0.85 * tiles_label, tiles_line)"}, align="right",
             baseline="middle", tooltip=None),
        mark("text", {"values": [{"text": titles[0], "my": HEAD - 0.45}]},
             {**edge, "x": {"value": {"expr": f"{left} - 0.4 * tiles_label"}}}, color=look.inks.muted,
             fontSize={"expr": "0.85 * tiles_label"}, align="right", baseline="middle", tooltip=None),
    ]  # fmt: skip
    if chosen is not None and chosen[0] in rows and chosen[1] in columns:
        i, j = list(rows).index(chosen[0]), list(columns).index(chosen[1])
        corner = {"x": j * (c + GAP), "y": HEAD + i * (r + GAP)}
        data[f"_{name} chosen"] = [corner | {"x2": corner["x"] + c, "y2": corner["y"] + r}]
        layers.append(
            mark("rect", f"_{name} chosen", box, fill=None, stroke=look.inks.warn, strokeWidth=2.4 * look.unit,
                 tooltip=None)
        )  # fmt: skip
    select = {"name": START, "select": {"type": "point", "fields": list(fields), "on": TAP, "toggle": False}}
    hints = [word(field, title="") for field in fields]
    hints += [word("column", title=titles[1]), word("row", title=titles[0]), word("text", title=title)]
    layers.append(
        mark("rect", name, {**box, "tooltip": hints}, name=CELLS, params=[select], opacity=0, cursor="pointer")
    )
    layers.append(colour_bar(-bound, bound, colours, title, look))
    places = np.indices(values.shape).reshape(4, -1)
    named = zip((*fields, *titles), (rows, columns, down, across), places, strict=True)
    table: dict[str, object] = {head: [of[i] for i in at] for head, of, at in named}
    return Piece(tuple(layers), data, params, {name: partial(listed, {**table, title: values.ravel()})})
