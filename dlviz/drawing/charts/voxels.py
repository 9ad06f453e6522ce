"""Blocks of cells in three dimensions, several side by side, in which sets of cells light up together.

Every block shows the same tensor, drawn obliquely as glass: the outer faces are translucent, and the cells
that share a set with the chosen one stand in it in full colour. Pointing at a cell lights *its* set in all
blocks at once, in the browser and without the server; otherwise the chosen cell's sets are lit. All is
vectors: each face is a point mark whose shape is an SVG path. The blocks arrange themselves in as many columns
as make them largest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from dlviz.drawing.charts.oblique import FACES, SLANT, Room
from dlviz.drawing.grammar.interaction import START, TAP
from dlviz.drawing.grammar.palette import colour, hexed, mix, rgb
from dlviz.drawing.grammar.piece import Piece, Spec, listed, literal, mark, number, rows, where, word
from dlviz.drawing.grammar.theme import Look

HOVER = "pointed"
LEVELS = 32  # of brightness, by a cell's value


@dataclass(frozen=True)
class Shape:
    """How cells (n, c, p) lie in the block: which index runs right, which down, which back (None: flat).

    ``names`` are the axes' names in this order, already translated.
    """

    right: str
    down: str
    back: str | None
    names: tuple[str, str, str]


@dataclass(frozen=True)
class Glass:
    """One block: ``name`` is its identity and heading, ``sets`` the sets of cells whose union is lit.

    ``texts`` (id -> lines) stand under the heading while the lit cell has that id in the set ``key``.
    """

    name: str
    sets: tuple[str, ...]
    key: str
    texts: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    heading: str | None = None


def voxels(
    x: np.ndarray,
    ids: Mapping[str, np.ndarray],
    cell: tuple[int, int, int],
    shape: Shape,
    blocks: Sequence[Glass],
    look: Look,
    *,
    real: np.ndarray,
    hints: Mapping[str, str],
) -> Piece:
    """``x`` (N, C, P) in every block, ``ids[set]`` (N, C, P) naming each cell's sets, ``cell`` the chosen one.

    ``real`` (N, P): cells elsewhere are padding and crossed out. ``hints``: titles of the columns n, c, p and x
    for the tooltip. The chart has the point selection ``start`` with the fields n, c and p.
    """
    n, c, p = (index.ravel() for index in np.indices(x.shape))
    sizes = dict(zip("ncp", x.shape, strict=True))
    finite = np.where(np.isfinite(x), x, np.nan)
    middle, spread = float(np.nanmean(finite)), float(np.nanstd(finite))
    shade = np.nan_to_num(np.clip(0.5 + (finite - middle) / (4 * spread if spread > 0 else 1), 0, 1), nan=0.5)
    padded = ~np.broadcast_to(real[:, None], x.shape)
    level = np.where(padded, 0, np.round(shade * (LEVELS - 1))).astype(int).ravel()
    names = list(ids)
    columns = {name: ids[name].ravel() for name in names}
    chosen = {f"{name}_": int(ids[name][cell]) for name in names}
    data = {
        "cells": rows(n=n, c=c, p=p, x=x.ravel(), level=level, padded=padded.ravel().astype(int), **columns),
        "_blocks": rows(
            block=np.arange(len(blocks)),
            text=[block.heading or block.name for block in blocks],
            colour=[colour(block.name, look) for block in blocks],
            **chosen,
        ),
        "statistics": [
            {
                "block": i,
                "norm": block.name,
                "id": key,
                "key": block.key,
                "first": lines[0],
                "second": lines[1],
            }
            for i, block in enumerate(blocks)
            for key, lines in block.texts.items()
        ],
    }
    room = Room(len(blocks), sizes[shape.right], sizes[shape.down], sizes[shape.back] if shape.back else 0, look)
    r, d, b = (f"datum.{index}" if index else "0" for index in (shape.right, shape.down, shape.back))
    inside = _Inside(r, d, b, blocks, room)
    layers = [
        _core(inside, look),
        _hull(inside, look, names, hints),
        _outline(inside, look),
        *_words(room, look),
        *_axis_names(room, shape, look),
    ]
    params = (*room.params, *_colours(blocks, look), {"name": "voxel_now", "expr": _now(names)})
    table = {"n": n, "c": c, "p": p, "x": x.ravel(), "padding": padded.ravel().astype(int)}
    return Piece(tuple(layers), data, params, {"cells": partial(listed, table)})


def _now(names: Sequence[str]) -> str:
    """Set -> id of the cell pointed at, or else of the chosen one."""

    def one(name: str) -> str:
        pointed = f"{HOVER}.{name}"
        return f"{name}: isArray({pointed}) && isValid({pointed}[0]) ? {pointed}[0] : data('_blocks')[0].{name}_"

    return f"{{{', '.join(one(name) for name in names)}}}"


@dataclass(frozen=True)
class _Inside:
    """Cells within the blocks: ``r``, ``d`` and ``b`` are expressions of how far right, down and back one is.

    Every transform is interpreted item by item whenever rows come, so filters stand before what makes more items
    of one, and what has one value for all blocks before the blocks are told apart.
    """

    r: str
    d: str
    b: str
    blocks: Sequence[Glass]
    room: Room

    def each_block(self) -> list[Spec]:
        """An item for each block."""
        every = {"calculate": str(list(range(len(self.blocks)))), "as": "block"}
        return [every, {"flatten": ["block"]}]

    def corner(self) -> list[Spec]:
        """``px`` and ``py`` of a cell's front upper left corner in its block."""
        return self.room.at(self.r, self.d, self.b)

    def each_face(self) -> list[Spec]:
        """An item for each face, of which a flat block has one."""
        shown = list(range(len(FACES))) if self.room.back else [0]
        return [{"calculate": str(shown), "as": "face"}, {"flatten": ["face"]}]

    def lit(self) -> Spec:
        """``lit`` is the state of a cell in a block: 0, or 1 + block where it shares a set with the current cell."""
        expression = "0"
        for i, block in enumerate(self.blocks):
            expression = f"datum.block == {i} ? ({_shared(block.sets)} ? {i + 1} : 0) : ({expression})"
        return {"calculate": expression, "as": "lit"}

    def lit_somewhere(self) -> Spec:
        """Only cells that are lit in some block."""
        return where(_shared(list(dict.fromkeys(name for block in self.blocks for name in block.sets))))


def _shared(sets: Sequence[str]) -> str:
    """Whether a cell is in one of these sets with the current cell."""
    return "(" + (" || ".join(f"datum.{name} == voxel_now.{name}" for name in sets) or "false") + ")"


LIGHT = {"front": 1.0, "top": 1.06, "side": 0.88}


def _colours(blocks: Sequence[Glass], look: Look) -> tuple[Spec, Spec]:
    """Parameters ``voxel_fills`` [state][face][level] and ``voxel_edges`` [state].

    State 0 is unlit, i + 1 lit in block i. Darker (on dark paper lighter) for greater values.
    """
    inks, light = look.inks, look.theme == "light"

    def ends(block: Glass) -> tuple[str, str]:
        hue = colour(block.name, look)
        return mix(inks.paper, hue, 0.3), mix(hue, "#000000" if light else "#ffffff", 0.12)

    quiet = (mix(inks.paper, inks.muted, 0.06), mix(inks.paper, inks.muted, 0.5))
    levels = np.linspace(0, 1, LEVELS)[:, None]
    fills = [
        [[hexed(value) for value in (rgb(low) + (rgb(high) - rgb(low)) * levels) * LIGHT[face]] for face in FACES]
        for low, high in (quiet, *map(ends, blocks))
    ]
    edges = [mix(colour(block.name, look), "#000000" if light else "#ffffff", 0.35) for block in blocks]
    return (
        {"name": "voxel_fills", "value": fills},
        {"name": "voxel_edges", "value": [mix(inks.paper, inks.muted, 0.45), *edges]},
    )


PAINT = [
    {"calculate": "voxel_fills[datum.lit][datum.face][datum.level]", "as": "fill"},
    {"calculate": "voxel_edges[datum.lit]", "as": "edge"},
]
SHAPE = {"calculate": "voxel_shapes[datum.face][datum.padded]", "as": "shape"}
STYLE = {"size": {"expr": "4 * voxel_size * voxel_size"}, "strokeJoin": "round"}  # a path's unit is a cell


def _place(*, edge: bool = True) -> Spec:
    channels = {axis: number(f"p{axis}", scale=None, axis=None) for axis in "xy"}
    return {**channels, "shape": literal("shape"), **({"stroke": literal("edge")} if edge else {})}


def _core(inside: _Inside, look: Look) -> Spec:
    """The lit cells, wherever they stand in the block, from far to near."""
    nearness = {"calculate": f"-{inside.b} * 10000 - {inside.d} * 100 + {inside.r}", "as": "nearness"}
    transform = [
        inside.lit_somewhere(),
        nearness,
        *inside.each_block(),
        inside.lit(),
        where("datum.lit"),
        *inside.corner(),
        *inside.each_face(),
        SHAPE,
        *PAINT,
    ]
    encoding = {**_place(), "fill": literal("fill"), "order": number("nearness")}
    return mark(
        "point", "cells", encoding, transform=transform, opacity=1, strokeWidth=0.8 * look.unit, tooltip=None, **STYLE
    )


def _hull(inside: _Inside, look: Look, names: Sequence[str], hints: Mapping[str, str]) -> Spec:
    """The outer faces: translucent, in full colour where lit; what the pointer meets."""
    last = f"{inside.r} == {inside.room.right - 1}"
    outer = f"datum.face == 0 ? {inside.b} == 0 : datum.face == 1 ? {inside.d} == 0 : {last}"
    hint = ", ".join(f"{json.dumps(title)}: format(datum.{name}, '.4~g')" for name, title in hints.items())
    # What the pointer changes comes last.
    transform = [
        where(f"{inside.b} == 0 || {inside.d} == 0 || {last}"),
        {"calculate": f"{{{hint}}}", "as": "hint"},  # once a cell, not once a face
        *inside.each_face(),
        where(outer),
        SHAPE,
        *inside.each_block(),
        *inside.corner(),
        inside.lit(),
        *PAINT,
    ]
    encoding = {
        **_place(),
        "fill": literal("fill"),
        "fillOpacity": {"condition": {"test": "datum.lit", "value": 1}, "value": 0.45},
        "tooltip": {"value": {"expr": "datum.hint"}},
    }
    fields = [*names, "n", "c", "p"]
    params = [
        {"name": HOVER, "select": {"type": "point", "fields": fields, "on": "pointerover", "clear": "pointerout"}},
        {"name": START, "select": {"type": "point", "fields": ["n", "c", "p"], "on": TAP, "toggle": False}},
    ]
    return mark(
        "point", "cells", encoding, transform=transform, params=params, strokeWidth=0.8 * look.unit, opacity=1,
        cursor="pointer", aria=False, **STYLE,
    )  # fmt: skip


def _outline(inside: _Inside, look: Look) -> Spec:
    """The current cell itself, outlined."""
    transform = [
        where("datum.cell == voxel_now.cell"),
        *inside.each_block(),
        *inside.corner(),
        {"calculate": "voxel_shapes[0][0]", "as": "shape"},
    ]
    return mark(
        "point", "cells", _place(edge=False), transform=transform, fill=None, stroke=look.inks.ink,
        strokeWidth=2.2 * look.unit, opacity=1, tooltip=None, **STYLE,
    )  # fmt: skip


def _pixels() -> Spec:
    return {axis: number(f"p{axis}", scale=None, axis=None) for axis in "xy"}


def _words(room: Room, look: Look) -> list[Spec]:
    """The heading of each block, and what is known of the lit set."""
    style = {"align": "center", "baseline": "middle", "tooltip": None}

    def above(lines: float) -> list[Spec]:
        # The middle of the drawing, and its upper edge: that of the hindmost cells.
        middle, edge = f"{room.wide / 2:g}", f"{-SLANT[1] * room.back / room.flat:g}"
        return room.at(middle, f"({edge})", "0", dy=-lines * look.label)

    heading = mark(
        "text", "_blocks", {**_pixels(), "text": word("text"), "fill": literal("colour")}, transform=above(3.6),
        fontSize=look.label + (2 if not look.slide else 4), fontWeight="bold", **style,
    )  # fmt: skip
    lines = []
    for field_, up, ink in (("first", 2.2, look.inks.muted), ("second", 0.95, look.inks.ink)):
        transform = [where("datum.id == voxel_now[datum.key]"), *above(up)]
        encoding = {**_pixels(), "text": word(field_)}
        lines.append(mark("text", "statistics", encoding, transform=transform, fontSize=look.label, color=ink, **style))
    return [heading, *lines]


def _axis_names(room: Room, shape: Shape, look: Look) -> list[Spec]:
    """The names of the three axes at the edges of every block."""
    right, down, back = room.right, room.down, room.back
    gap = 0.45 * look.label
    # Along the lower edge, the left edge, and the lower edge that runs back.
    at = [
        (f"{right / 2:g}", f"{down}", "0", 0.0, 2 * gap, "center"),
        ("0", f"{down / 2:g}", "0", -gap, 0.0, "right"),
    ]
    if back:
        at.append((f"{right}", f"{down}", f"{back / 2:g}", gap, gap, "left"))
    return [
        mark(
            "text", "_blocks", _pixels(), transform=room.at(r, d, b, dx=dx, dy=dy), text=text, align=align,
            baseline="middle", fontSize=look.small, color=look.inks.muted, tooltip=None,
        )
        for text, (r, d, b, dx, dy, align) in zip(shape.names, at, strict=False)
    ]  # fmt: skip
