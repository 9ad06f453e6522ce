"""What of figures can be played: the slider of their steps, or their first, from stop to stop.

A frame is the page as PNG with the slider at one of its stops; :mod:`worker` makes one GIF of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar.finish import Figure, sliders
from dlviz.drawing.grammar.interaction import STEP
from dlviz.drawing.grammar.piece import Spec
from dlviz.drawing.grammar.theme import Look

FRAMES = 48
"""At most."""
WIDE = 1280
"""px: how wide a frame is."""
LOOP = 6000
"""ms of a loop, where that leaves a frame neither too little nor too much."""
SHORTEST, LONGEST = 100, 400
"""ms of a frame."""
HELD = 2000
"""ms of the last frame."""
MOST_BYTES = 8_000_000
"""Of a file, which a mail or a course's page still takes. Above it, half of the frames go, and then size."""
FEWEST = 12
"""Frames below which the picture shrinks instead."""


def slider(figures: Sequence[Figure]) -> Spec | None:
    """The slider that moves, a parameter of Vega-Lite: that of steps, else the first of the first figure with one."""
    found = [found for figure in figures for found in sliders(figure.to_dict()["params"]).values()]
    return next((one for one in found if one["name"] == STEP), found[0] if found else None)


def stops(moved: Spec) -> list[float]:
    """The slider's stops, or an even part of them, at most ``FRAMES``, with the first and the last."""
    low, high, step = (moved["bind"][name] for name in ("min", "max", "step"))
    last = int((high - low) / step + 1e-9)
    count = min(last + 1, FRAMES)
    at = dict.fromkeys(round(i * last / max(count - 1, 1)) for i in range(count))
    return [min(low + step * i, high) for i in at]


def durations(count: int) -> list[int]:
    """ms of each frame, in the hundredths of a second that a GIF counts in."""
    each = min(max(LOOP // max(count, 1), SHORTEST), LONGEST) // 10 * 10
    return [each] * (count - 1) + [HELD]


def pages(page: Page, moved: Spec, at: Sequence[float], look: Look, size: tuple[int, int]) -> list[Page]:
    """The page of each frame: its line says where the slider stands, for a file has no slider to read it from.

    Not where that would take a line more, on a slide, whose figures fill the rest; nor where some frames would then be
    higher than others. ``size``: (width, height) in px of the first figure.
    """
    name, pause = moved["bind"]["name"].strip(), "，" if look.language == "zh" else ", "
    told = [replace(page, line=pause.join([*filter(None, [page.line]), f"{name} {value:g}"])) for value in at]
    lines = {len(one.below().lines) for one in (page, *told)}
    heads = {one.svg(look, [size]).partition(">")[0] for one in told}
    return told if len(heads) == 1 and (len(lines) == 1 or not look.slide) else [page] * len(told)
