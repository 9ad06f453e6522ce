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

from dlviz.drawing.oblique import CORNERS, SLANT, Room, face_shape, polygon
from dlviz.drawing.palette import colour, mix, rgb
from dlviz.drawing.piece import Piece, Spec, literal, mark, number, rows, where, word
from dlviz.drawing.scrubber import START
from dlviz.drawing.theme import Look

HOVER = "pointed"


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
    shade = np.clip(0.5 + (finite - middle) / (4 * spread if spread > 0 else 1), 0, 1).ravel()
    padded = ~np.broadcast_to(real[:, None], x.shape).ravel()
    names = list(ids)
    columns = {name: ids[name].ravel() for name in names}
    chosen = {f"{name}_": int(ids[name][cell]) for name in names}
    data = {
        "cells": rows(n=n, c=c, p=p, x=x.ravel(), t=np.round(shade, 3), padded=padded, **columns, **chosen),
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
                "now": chosen[f"{block.key}_"],
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
    lit = {"calculate": _lit(blocks, names), "as": "lit"}
    layers = [
        _core(place, lit, room, blocks, look),
        _hull(place, lit, room, blocks, look, names, hints),
        _outline(place, room, look),
        *_words(room, look, names),
        *_axis_names(room, shape, look),
    ]
    return Piece(tuple(layers), data, room.params)


def _now(name: str, fallback: str) -> str:
    """The id, in a set, of the cell pointed at, or else of the chosen one."""
    return f"(isArray({HOVER}.{name}) && isValid({HOVER}.{name}[0]) ? {HOVER}.{name}[0] : {fallback})"


def _lit(blocks: Sequence[Glass], names: Sequence[str]) -> str:
    """Whether a cell belongs to a set of the current cell, by the sets of its block."""
    same = {name: f"datum.{name} == {_now(name, f'datum.{name}_')}" for name in names}
    expression = "false"
    for i, block in enumerate(blocks):
        expression = f"datum.block == {i} ? ({' || '.join(same[name] for name in block.sets)}) : ({expression})"
    return expression


LIGHT = {"front": 1.0, "top": 1.06, "side": 0.88}


def _fills(blocks: Sequence[Glass], look: Look) -> list[Spec]:
    """Fields ``fill`` and ``edge``: darker (on dark paper lighter) for greater values, in the block's colour if lit."""
    inks, light = look.inks, look.theme == "light"
    quiet = (mix(inks.paper, inks.muted, 0.06), mix(inks.paper, inks.muted, 0.5))

    def ends(block: Glass) -> tuple[str, str]:
        hue = colour(block.name, look)
        return (mix(inks.paper, hue, 0.3), mix(hue, "#000000", 0.12) if light else mix(hue, "#ffffff", 0.12))

    def table(colours: Sequence[str]) -> str:
        return str([[round(255 * float(v)) for v in rgb(c)] for c in colours])

    low = f"(datum.lit ? {table([ends(b)[0] for b in blocks])}[datum.block] : {table([quiet[0]])}[0])"
    high = f"(datum.lit ? {table([ends(b)[1] for b in blocks])}[datum.block] : {table([quiet[1]])}[0])"
    shade = f"(datum.face == 'front' ? {LIGHT['front']} : datum.face == 'top' ? {LIGHT['top']} : {LIGHT['side']})"
    t = "(datum.padded ? 0 : isValid(datum.t) ? datum.t : 0.5)"

    def channel(i: int) -> str:
        return f"min(255, round((datum.low[{i}] + (datum.high[{i}] - datum.low[{i}]) * {t}) * {shade}))"

    edges = [mix(colour(b.name, look), "#000000" if light else "#ffffff", 0.35) for b in blocks]
    quiet_edge = mix(inks.paper, inks.muted, 0.45)
    return [
        {"calculate": low, "as": "low"},
        {"calculate": high, "as": "high"},
        {"calculate": f"'rgb(' + {channel(0)} + ',' + {channel(1)} + ',' + {channel(2)} + ')'", "as": "fill"},
        {"calculate": f"datum.lit ? {edges}[datum.block] : '{quiet_edge}'", "as": "edge"},
    ]


ORIGIN = {"x": {"value": 0}, "y": {"value": 0}, "shape": literal("shape")}
STYLE = {"size": 4, "strokeJoin": "round"}  # one unit of the path is one px


def _faces(which: str) -> list[Spec]:
    return [{"calculate": which, "as": "face"}, {"flatten": ["face"]}]


def _all_faces(room: Room) -> str:
    return "['front', 'top', 'side']" if room.back else "['front']"


def _core(place: list[Spec], lit: Spec, room: Room, blocks: Sequence[Glass], look: Look) -> Spec:
    """The lit cells, wherever they stand in the block, from far to near."""
    nearness = "-datum.b * 10000 - datum.d * 100 + datum.r"
    transform = [
        *place,
        lit,
        where("datum.lit"),
        *_faces(_all_faces(room)),
        *room.corner(),
        face_shape(),
        *_fills(blocks, look),
        {"calculate": nearness, "as": "nearness"},
    ]
    encoding = {**ORIGIN, "fill": literal("fill"), "stroke": literal("edge"), "order": number("nearness")}
    return mark(
        "point", "cells", encoding, transform=transform, opacity=1, strokeWidth=0.8 * look.unit, tooltip=None, **STYLE
    )


def _hull(
    place: list[Spec],
    lit: Spec,
    room: Room,
    blocks: Sequence[Glass],
    look: Look,
    names: Sequence[str],
    hints: Mapping[str, str],
) -> Spec:
    """The outer faces: translucent, in full colour where lit; what the pointer meets."""
    outer = f"datum.face == 'front' ? datum.b == 0 : datum.face == 'top' ? datum.d == 0 : datum.r == {room.right - 1}"
    # Few cells have an outer face; and what the pointer changes comes last.
    transform = [
        *place,
        where(f"datum.b == 0 || datum.d == 0 || datum.r == {room.right - 1}"),
        *_faces(_all_faces(room)),
        where(outer),
        *room.corner(),
        face_shape(),
        lit,
        *_fills(blocks, look),
        {"calculate": "datum.lit ? 1 : 0.45", "as": "solid"},
    ]
    encoding = {
        **ORIGIN,
        "fill": literal("fill"),
        "stroke": literal("edge"),
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
        *place,
        where(f"datum.cell == {_now('cell', 'datum.cell_')}"),
        *room.corner(),
        {"calculate": polygon(CORNERS["front"]), "as": "shape"},
    ]
    return mark(
        "point", "cells", ORIGIN, transform=transform, fill=None, stroke=look.inks.ink, strokeWidth=2.2 * look.unit,
        opacity=1, tooltip=None, **STYLE,
    )  # fmt: skip


def _pixels() -> Spec:
    return {axis: number(f"p{axis}", scale=None, axis=None) for axis in "xy"}


def _words(room: Room, look: Look, names: Sequence[str]) -> list[Spec]:
    """The heading of each block, and what is known of the lit set."""
    above = f"datum.top - voxel_size * {SLANT[1] * room.back:g}"
    middle = [*room.corner(), {"calculate": f"datum.left + voxel_size * {room.wide / 2:g}", "as": "px"}]
    style = {"align": "center", "baseline": "middle", "tooltip": None}
    heading = mark(
        "text", "_blocks", {**_pixels(), "text": word("text"), "fill": literal("colour")},
        transform=[*middle, {"calculate": f"{above} - {3.6 * look.label:g}", "as": "py"}],
        fontSize=look.label + (2 if not look.slide else 4), fontWeight="bold", **style,
    )  # fmt: skip
    current = "datum.now"
    for name in names:
        current = f"datum.key == '{name}' ? {_now(name, 'datum.now')} : ({current})"
    lines = []
    for field_, up, ink in (("first", 2.2, look.inks.muted), ("second", 0.95, look.inks.ink)):
        transform = [
            where(f"datum.id == ({current})"),
            *middle,
            {"calculate": f"{above} - {up * look.label:g}", "as": "py"},
        ]
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
    layers = []
    for text, (r, d, b, dx, dy, align) in zip(shape.names, at, strict=False):
        transform = [
            *room.corner(),
            {"calculate": f"datum.left + voxel_size * ({r} + {SLANT[0]} * {b}) + {dx:g}", "as": "px"},
            {"calculate": f"datum.top + voxel_size * (datum.flat * {d} - {SLANT[1]} * {b}) + {dy:g}", "as": "py"},
        ]
        layers.append(
            mark("text", "_blocks", {**_pixels()}, transform=transform, text=text, align=align, baseline="middle",
                 fontSize=look.small, color=look.inks.muted, tooltip=None)
        )  # fmt: skip
    return layers
