"""Blocks of cells in three dimensions, several side by side, in which sets of cells light up together.

Every block shows the same tensor, drawn obliquely as glass: the outer faces are translucent, and the cells
that share a set with the chosen one stand in it in full colour. Pointing at a cell lights *its* set in all
blocks at once, in the browser and without the server; otherwise the chosen cell's sets are lit. All is
vectors: each face is a point mark whose shape is an SVG path. The blocks arrange themselves in as many columns
as make them largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dlviz.drawing.oblique import FACES, SLANT, Room
from dlviz.drawing.palette import colour, hexed, mix, rgb
from dlviz.drawing.piece import Piece, Spec, literal, mark, number, rows, where, word
from dlviz.drawing.scrubber import START
from dlviz.drawing.theme import Look

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
        "cells": rows(n=n, c=c, p=p, x=x.ravel(), level=level, padded=padded.ravel().astype(int), **columns, **chosen),
        "_blocks": rows(
            block=np.arange(len(blocks)),
            text=[block.heading or block.name for block in blocks],
            colour=[colour(block.name, look) for block in blocks],
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
    place = [
        {"calculate": f"datum.{shape.right}", "as": "r"},
        {"calculate": f"datum.{shape.down}", "as": "d"},
        {"calculate": f"datum.{shape.back}" if shape.back else "0", "as": "b"},
        {"calculate": str(list(range(len(blocks)))), "as": "block"},
        {"flatten": ["block"]},
    ]
    lit = {"calculate": _lit(blocks), "as": "lit"}
    layers = [
        _core(place, lit, room, look),
        _hull(place, lit, room, look, names, hints),
        _outline(place, room, look),
        *_words(room, look),
        *_axis_names(room, shape, look),
    ]
    params = (*room.params, *_colours(blocks, look), {"name": "voxel_now", "expr": _now(names)})
    return Piece(tuple(layers), data, params)


def _now(names: Sequence[str]) -> str:
    """Set -> id of the cell pointed at, or else of the chosen one."""

    def one(name: str) -> str:
        pointed = f"{HOVER}.{name}"
        return f"{name}: isArray({pointed}) && isValid({pointed}[0]) ? {pointed}[0] : data('cells')[0].{name}_"

    return f"{{{', '.join(one(name) for name in names)}}}"


def _lit(blocks: Sequence[Glass]) -> str:
    """Whether a cell belongs to a set of the current cell, by the sets of its block."""
    expression = "false"
    for i, block in enumerate(blocks):
        same = " || ".join(f"datum.{name} == voxel_now.{name}" for name in block.sets)
        expression = f"datum.block == {i} ? ({same}) : ({expression})"
    return expression


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
    {"calculate": "datum.lit ? datum.block + 1 : 0", "as": "state"},
    {"calculate": "voxel_fills[datum.state][datum.face][datum.level]", "as": "fill"},
    {"calculate": "voxel_edges[datum.state]", "as": "edge"},
]
SHAPE = {"calculate": "voxel_shapes[datum.face][datum.padded]", "as": "shape"}
STYLE = {"size": {"expr": "4 * voxel_size * voxel_size"}, "strokeJoin": "round"}  # a path's unit is a cell


def _place(*, edge: bool = True) -> Spec:
    channels = {axis: number(f"p{axis}", scale=None, axis=None) for axis in "xy"}
    return {**channels, "shape": literal("shape"), **({"stroke": literal("edge")} if edge else {})}


def _faces(room: Room) -> list[Spec]:
    shown = list(range(len(FACES))) if room.back else [0]
    return [{"calculate": str(shown), "as": "face"}, {"flatten": ["face"]}]


def _core(place: list[Spec], lit: Spec, room: Room, look: Look) -> Spec:
    """The lit cells, wherever they stand in the block, from far to near."""
    nearness = {"calculate": "-datum.b * 10000 - datum.d * 100 + datum.r", "as": "nearness"}
    transform = [*place, lit, where("datum.lit"), *room.cell(), nearness, *_faces(room), SHAPE, *PAINT]
    encoding = {**_place(), "fill": literal("fill"), "order": number("nearness")}
    return mark(
        "point", "cells", encoding, transform=transform, opacity=1, strokeWidth=0.8 * look.unit, tooltip=None, **STYLE
    )


def _hull(place: list[Spec], lit: Spec, room: Room, look: Look, names: Sequence[str], hints: Mapping[str, str]) -> Spec:
    """The outer faces: translucent, in full colour where lit; what the pointer meets."""
    last = f"datum.r == {room.right - 1}"
    outer = f"datum.face == 0 ? datum.b == 0 : datum.face == 1 ? datum.d == 0 : {last}"
    # Few cells have an outer face; and what the pointer changes comes last.
    transform = [
        *place,
        where(f"datum.b == 0 || datum.d == 0 || {last}"),
        *room.cell(),
        *_faces(room),
        where(outer),
        SHAPE,
        lit,
        *PAINT,
        {"calculate": "datum.lit ? 1 : 0.45", "as": "solid"},
    ]
    encoding = {
        **_place(),
        "fill": literal("fill"),
        "fillOpacity": number("solid", scale=None),
        "tooltip": [number(name, title=title, format=".4~g") for name, title in hints.items()],
    }
    fields = [*names, "n", "c", "p"]
    params = [
        {"name": HOVER, "select": {"type": "point", "fields": fields, "on": "pointerover", "clear": "pointerout"}},
        {"name": START, "select": {"type": "point", "fields": ["n", "c", "p"], "on": "click", "toggle": False}},
    ]
    return mark(
        "point", "cells", encoding, transform=transform, params=params, strokeWidth=0.8 * look.unit, opacity=1,
        cursor="pointer", **STYLE,
    )  # fmt: skip


def _outline(place: list[Spec], room: Room, look: Look) -> Spec:
    """The current cell itself, outlined."""
    transform = [
        where("datum.cell == voxel_now.cell"),
        *place,
        *room.cell(),
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
