"""Where the blocks of :mod:`~dlviz.drawing.charts.voxels` stand, and their cells' faces, in the browser's own sizes.

Expressions are interpreted there, item by item, so what is the same for all items is worked out once, in
parameters: the size of a cell, the corners of the blocks, and the shapes of the three faces in units of a cell.
"""

from __future__ import annotations

from dlviz.drawing.grammar.piece import Spec
from dlviz.drawing.grammar.theme import Look

SLANT = (0.55, 0.42)
"""How far one cell of depth moves a block to the right and up, in cells."""
TALLEST = 6
"""A block of more cells in height has flatter ones, so that it is about as wide as high."""
FACES = ("front", "top", "side")


class Room:
    """``count`` blocks of ``right`` x ``down`` x ``back`` cells (``back`` 0: flat).

    They stand in as many columns as make them largest.

    Parameters of the chart: ``voxel_columns``, ``voxel_size`` (px of a cell), ``voxel_lefts`` and ``voxel_tops`` (px,
    upper left corner of each block's front) and ``voxel_shapes`` (face -> SVG path, plain and crossed out).
    """

    def __init__(self, count: int, right: int, down: int, back: int, look: Look) -> None:
        self.right, self.down, self.back = right, down, back
        self.count = count
        self.wide = right + SLANT[0] * back
        self.head, self.foot, self.side = 4.4 * look.label, 1.7 * look.label, 3.4 * look.label
        self.flat = min(1.0, TALLEST / down)  # height of a cell over its width
        if look.slide:
            # A row of blocks leaves room below it there: cells up to as high as wide fill it.
            size = (look.area[0] / count - self.side) / self.wide
            room = look.area[1] - self.head - self.foot - 4 * look.label
            self.flat = min(1.0, max(self.flat, (room / size - SLANT[1] * back) / down))
        self.high = self.flat * down + SLANT[1] * back
        sizes = {columns: self._pixels(columns) for columns in range(1, count + 1)}
        best = "1"
        for columns in range(2, count + 1):
            others = " && ".join(f"{sizes[columns]} > {sizes[other]} * 1.0001" for other in sizes if other < columns)
            best = f"{others} ? {columns} : ({best})"
        largest = 46 * look.unit
        lefts, tops = zip(*(self._corner(block) for block in range(count)), strict=True)
        self.params: tuple[Spec, ...] = (
            {"name": "voxel_columns", "expr": best},
            {"name": "voxel_size", "expr": f"max(1, min({largest:g}, max({', '.join([*sizes.values(), '1'])})))"},
            {"name": "voxel_lefts", "expr": f"[{', '.join(lefts)}]"},
            {"name": "voxel_tops", "expr": f"[{', '.join(tops)}]"},
            {"name": "voxel_shapes", "value": [self._shape(face) for face in FACES]},
        )

    def _pixels(self, columns: int) -> str:
        lines = -(-self.count // columns)
        across = f"(width / {columns} - {self.side:g}) / {self.wide:g}"
        down = f"(height / {lines} - {self.head + self.foot:g}) / {self.high:g}"
        return f"min({across}, {down})"

    def _corner(self, block: int) -> tuple[str, str]:
        """Of the front face of a block, in px."""
        cell_width, lines = "(width / voxel_columns)", f"ceil({self.count} / voxel_columns)"
        cell_height = f"(height / {lines})"
        left = f"({block} % voxel_columns) * {cell_width} + ({cell_width} - voxel_size * {self.wide:g}) / 2"
        free = f"({cell_height} - {self.head + self.foot:g} - voxel_size * {self.high:g}) / 2"
        top = f"floor({block} / voxel_columns) * {cell_height} + {self.head:g} + {free}"
        return left, f"{top} + voxel_size * {SLANT[1] * self.back:g}"

    def at(self, right: str, down: str, back: str, *, dx: float = 0.0, dy: float = 0.0) -> list[Spec]:
        """Fields ``px`` and ``py`` of a point of the block ``datum.block``, given in cells and moved by px."""
        x = f"voxel_lefts[datum.block] + voxel_size * ({right} + {SLANT[0]} * {back}) + {dx:g}"
        y = f"voxel_tops[datum.block] + voxel_size * ({self.flat:g} * {down} - {SLANT[1]} * {back}) + {dy:g}"
        return [{"calculate": x, "as": "px"}, {"calculate": y, "as": "py"}]

    def _shape(self, face: str) -> list[str]:
        """A face of a cell whose front upper left corner is at the origin, in cells: plain, and crossed out."""
        flat, (x, y) = self.flat, SLANT
        corners: dict[str, list[tuple[float, float]]] = {
            "front": [(0, 0), (1, 0), (1, flat), (0, flat)],
            "top": [(0, 0), (1, 0), (1 + x, -y), (x, -y)],
            "side": [(1, 0), (1, flat), (1 + x, flat - y), (1 + x, -y)],
        }
        a, b, c, d = (f"{across:.4g},{up:.4g}" for across, up in corners[face])
        outline = f"M{a}L{b}L{c}L{d}Z"
        return [outline, f"{outline}M{a}L{c}M{b}L{d}"]
