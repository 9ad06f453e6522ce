"""Pictures (photographs) in a grid, each with its name above and words below, in their own proportions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.piece import Piece, Spec, mark, number, word
from dlviz.drawing.grammar.theme import Look


@dataclass(frozen=True, eq=False)
class Image:
    """``pixels`` (H, W, 3) uint8 or in [0, 1], row 0 on top; all of one size. ``name`` and ``words`` are translated."""

    pixels: np.ndarray
    name: str
    words: tuple[str, ...] = ()


def pictures(images: Sequence[Image], look: Look, *, columns: int = 2, name: str = "pictures") -> Piece:
    """The images from left to right and from top to bottom, as large as there is room."""
    high, wide = images[0].pixels.shape[:2]
    lines = -(-len(images) // columns)
    head = 1.9 * look.label
    foot = (1.35 * max(len(image.words) for image in images) + 0.7) * look.small
    gap = 0.8 * look.label
    cell_wide, cell_high = f"(width / {columns})", f"(height / {lines})"
    scale = f"max(0.01, min(({cell_wide} - {gap:g}) / {wide}, ({cell_high} - {head + foot:g}) / {high}))"
    place: list[Spec] = [
        {"calculate": f"(datum.index % {columns} + 0.5) * {cell_wide} - {scale} * {wide / 2:g}", "as": "px"},
        {"calculate": f"datum.px + {scale} * {wide}", "as": "px2"},
        {
            "calculate": f"floor(datum.index / {columns}) * {cell_high} + {head:g}"
            f" + ({cell_high} - {head + foot:g} - {scale} * {high}) / 2",
            "as": "py",
        },
        {"calculate": f"datum.py + {scale} * {high}", "as": "py2"},
    ]
    box = {
        "x": number("px", scale=None, axis=None),
        "x2": {"field": "px2"},
        "y": number("py", scale=None, axis=None),
        "y2": {"field": "py2"},
    }
    layers = [mark("image", f"_{name}", box | {"url": word("url")}, transform=place, aspect=False, tooltip=None)]
    longest = max(text_width(image.name, look) for image in images) / look.label + 0.5  # in letters' heights
    middle = [*place, {"calculate": "(datum.px + datum.px2) / 2", "as": "middle"}]
    at = {"x": number("middle", scale=None, axis=None)}
    style = {"align": "center", "baseline": "middle", "tooltip": None}
    above = {**at, "y": number("py", scale=None, axis=None), "text": word("name")}
    layers.append(
        mark(
            "text",
            name,
            above,
            transform=middle,
            dy=-0.95 * look.label,
            fontSize={"expr": f"min({look.label}, {cell_wide} / {longest:.2f})"},
            fontWeight="bold",
            **style,
        )
    )
    below = {**at, "y": number("py2", scale=None, axis=None)}
    for line in range(max(len(image.words) for image in images)):
        layers.append(
            mark("text", name, below | {"text": word(f"line {line}")}, transform=middle,
                 dy=(0.95 + 1.35 * line) * look.small, fontSize=look.small, color=look.inks.muted, **style)
        )  # fmt: skip
    texts = [
        {"index": i, "name": image.name, **{f"line {n}": words for n, words in enumerate(image.words)}}
        for i, image in enumerate(images)
    ]
    shown = [{"index": i, "url": _url(image.pixels)} for i, image in enumerate(images)]
    return Piece(tuple(layers), {name: texts, f"_{name}": shown})


def _url(pixels: np.ndarray) -> str:
    share = pixels / 255 if pixels.dtype == np.uint8 else pixels
    return data_url(share[::-1])
