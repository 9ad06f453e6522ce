"""Where the blocks of :mod:`dlviz.drawing.voxels` stand, and the faces of their cells, as Vega expressions."""

from __future__ import annotations

from collections.abc import Sequence

from dlviz.drawing.piece import Spec
from dlviz.drawing.theme import Look

SLANT = (0.55, 0.42)
"""How far one cell of depth moves a block to the right and up, in cells."""
TALLEST = 6
"""A block of more cells in height has flatter ones, so that it is about as wide as high."""


class Room:
    """Where the blocks stand, as Vega expressions: columns, pixels per cell, and each block's corner."""

    def __init__(self, count: int, right: int, down: int, back: int, look: Look) -> None:
        self.right, self.down, self.back = right, down, back
        self.count = count
        self.flat = min(1.0, TALLEST / down)  # height of a cell over its width
        self.wide = right + SLANT[0] * back
        self.high = self.flat * down + SLANT[1] * back
        self.head, self.foot, self.side = 4.4 * look.label, 1.7 * look.label, 3.4 * look.label
        sizes = {columns: self._pixels(columns) for columns in range(1, count + 1)}
        best = "1"
        for columns in range(2, count + 1):
            others = " && ".join(f"{sizes[columns]} > {sizes[other]} * 1.0001" for other in sizes if other < columns)
            best = f"{others} ? {columns} : ({best})"
        largest = 46 * look.unit
        self.params = (
            {"name": "voxel_columns", "expr": best},
            {"name": "voxel_size", "expr": f"max(1, min({largest:g}, max({', '.join([*sizes.values(), '1'])})))"},
        )

    def _pixels(self, columns: int) -> str:
        lines = -(-self.count // columns)
        across = f"(width / {columns} - {self.side:g}) / {self.wide:g}"
        down = f"(height / {lines} - {self.head + self.foot:g}) / {self.high:g}"
        return f"min({across}, {down})"

    def corner(self) -> list[Spec]:
        """Fields ``left`` and ``top`` of the front face's upper left corner, in px, for the field ``block``."""
        cell_width, lines = "(width / voxel_columns)", f"ceil({self.count} / voxel_columns)"
        cell_height = f"(height / {lines})"
        left = f"(datum.block % voxel_columns) * {cell_width} + ({cell_width} - voxel_size * {self.wide:g}) / 2"
        free = f"({cell_height} - {self.head + self.foot:g} - voxel_size * {self.high:g}) / 2"
        top = f"floor(datum.block / voxel_columns) * {cell_height} + {self.head:g} + {free}"
        return [
            {"calculate": left, "as": "left"},
            {"calculate": f"{top} + voxel_size * {SLANT[1] * self.back:g}", "as": "top"},
            {"calculate": f"{self.flat:g}", "as": "flat"},
        ]


def point(right: str, down: str, back: str) -> str:
    """A corner of a cell on the screen, as part of an SVG path: 'x,y'."""
    x = f"datum.left + voxel_size * ({right} + {SLANT[0]} * ({back}))"
    y = f"datum.top + voxel_size * (datum.flat * ({down}) - {SLANT[1]} * ({back}))"
    return f"format({x}, '.1f') + ',' + format({y}, '.1f')"


_R, _D, _B = "datum.r", "datum.d", "datum.b"
CORNERS = {
    "front": [(_R, _D, _B), (f"{_R} + 1", _D, _B), (f"{_R} + 1", f"{_D} + 1", _B), (_R, f"{_D} + 1", _B)],
    "top": [(_R, _D, _B), (f"{_R} + 1", _D, _B), (f"{_R} + 1", _D, f"{_B} + 1"), (_R, _D, f"{_B} + 1")],
    "side": [
        (f"{_R} + 1", _D, _B),
        (f"{_R} + 1", f"{_D} + 1", _B),
        (f"{_R} + 1", f"{_D} + 1", f"{_B} + 1"),
        (f"{_R} + 1", _D, f"{_B} + 1"),
    ],
}


def polygon(corners: Sequence[tuple[str, str, str]]) -> str:
    return "'M' + " + " + 'L' + ".join(point(*corner) for corner in corners) + " + 'Z'"


def face_shape() -> Spec:
    """The face named by the field ``face``; a padded cell's is crossed out."""

    def crossed(name: str) -> str:
        corners = [point(*corner) for corner in CORNERS[name]]
        cross = f"'M' + {corners[0]} + 'L' + {corners[2]} + 'M' + {corners[1]} + 'L' + {corners[3]}"
        return f"({polygon(CORNERS[name])} + (datum.padded ? {cross} : ''))"

    faces = f"datum.face == 'front' ? {crossed('front')} : datum.face == 'top' ? {crossed('top')} : {crossed('side')}"
    return {"calculate": faces, "as": "shape"}
