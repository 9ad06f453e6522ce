r"""Formulas as outlines: LaTeX becomes the ``shape`` of a point mark of size 4, which draws its path one to one.

So a formula is one vector mark in the app and in files, and needs no font where it is read. Lines that mix words and
mathematics are laid out here: words stay text in the figure's own font.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache

from dlviz.drawing.grammar.letters import advance
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import parts

LARGER = 1.14
"""Of mathematics against the words beside it: its letters are smaller for their size than Arial's."""
_PATH = re.compile(r'<path d="([^"]*)"|<rect x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"')
_PAIR = re.compile(r"(-?[\d.]+)[ ,](-?[\d.]+)")
_SIGN = re.compile(r"\\partial\b\s*")
_LOCK = threading.Lock()  # ziamath keeps its fonts, and how it writes an SVG, in globals


@dataclass(frozen=True)
class Outline:
    """A formula as an SVG path from its left end, its baseline at y = 0; px: how wide, and how far above and below."""

    path: str
    wide: float
    above: float
    below: float


@lru_cache(maxsize=1024)
def outline(tex: str, size: float) -> Outline:
    """The outline of a formula at ``size`` px a letter. Raises ``ValueError`` for LaTeX that cannot be read."""
    import ziamath  # 0.1 s, and the home page needs none of it

    with _LOCK:
        ziamath.config.svg2 = False  # every glyph where it stands, not a symbol to be put there
        try:
            # In braces it is a letter, and not a sign with room around it.
            svg = ziamath.Latex(_SIGN.sub(r"{\\partial}", tex), size=size, inline=True).svg()
        except Exception as error:  # whatever its parser stumbles on
            raise ValueError(f"this formula cannot be read: {tex!r}") from error
    drawn = []
    for found in _PATH.finditer(svg):
        if found[1]:
            drawn.append(found[1])
        else:
            x, y, wide, high = map(float, found.groups()[1:])
            drawn.append(f"M {x:g} {y:g} L {x + wide:g} {y:g} L {x + wide:g} {y + high:g} L {x:g} {y + high:g} Z")
    path = " ".join(drawn)
    points = [(float(x), float(y)) for x, y in _PAIR.findall(path)]
    if not points:
        raise ValueError(f"nothing is drawn of the formula {tex!r}")
    # From the path itself, for the box that ziamath gives has room at its sides.
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, foot = min(y for _, y in points), max(y for _, y in points)
    return Outline(_moved(path, -left), right - left, -top, foot)


def _moved(path: str, across: float) -> str:
    # To a hundredth of a px, which is finer than any screen.
    moved = _PAIR.sub(lambda pair: f"{round(float(pair[1]) + across, 2):g},{round(float(pair[2]), 2):g}", path)
    return re.sub(r"\s*([A-Z])\s*", r"\1", moved).strip()


@dataclass(frozen=True)
class Part:
    """A stretch of a line: a ``text``, or a formula's ``path``; ``left`` px of the line's start is where it is held,
    by its end on the side of ``align``."""

    text: str
    path: str
    left: float
    align: str


@dataclass(frozen=True)
class Row:
    """A line of words and mathematics: its parts, and its size in px as an :class:`Outline`'s."""

    parts: tuple[Part, ...]
    wide: float
    above: float
    below: float


@lru_cache(maxsize=1024)
def row(text: str, size: float, language: str, bold: bool = False) -> Row:
    """The layout of a line with mathematics between dollar signs, at ``size`` px a letter of its words.

    Words before the first formula end where it begins, later ones begin where the one before them ends: so a font of
    other widths than those known opens no gap. Raises ``ValueError`` as :func:`outline`.
    """
    found: list[Part] = []
    at, above, below = 0.0, 0.74 * size, 0.21 * size
    for i, part in enumerate(parts(text)):
        if i % 2:
            formula = outline(part, round(LARGER * size, 2))
            found.append(Part("", formula.path, at, "left"))
            at, above, below = at + formula.wide, max(above, formula.above), max(below, formula.below)
        elif part:
            ahead = advance(part[: len(part) - len(part.lstrip())], language, bold) * size
            whole = advance(part, language, bold) * size
            words = advance(part.rstrip(), language, bold) * size
            if part.strip():
                # Spaces at the ends are left out, for Vega does so, too.
                held = at + words if i == 0 else at + ahead
                found.append(Part(part.strip(), "", held, "right" if i == 0 else "left"))
            at += whole
    return Row(tuple(found), at, above, below)


def size_of(text: str, look: Look, bold: bool = False) -> tuple[float, float]:
    """Width and height in px of a label with mathematics."""
    line = row(text, look.label, look.language, bold)
    return line.wide, line.above + line.below
