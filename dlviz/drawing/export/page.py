"""The page around figures: a title above, one line of what was run below, a QR code with the link in the corner.

A slide is a page of 16:9 whose figures fill what the words leave. Anything else is a page as large as its figure, with
the line below. The page is an SVG document with a place for each figure; the worker puts the figures' own SVG there, so
that every format is made of the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr

from dlviz.drawing.export import qr
from dlviz.drawing.export.worker import PLACE
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.mathematics import row
from dlviz.drawing.grammar.theme import PADDING, SLIDE, Look
from dlviz.formulas import plain

MARGIN = 48
"""px at the left and right of a slide."""
TOP, BOTTOM = 40, 28
GAP = 32
"""px between two figures."""
QR = 96
TITLES = (36, 32, 28, 24)
"""Sizes of a title in px: the largest in which it takes two lines, or else the last."""
LETTER, BOLD = 0.52, 0.57
"""About how wide a letter is against its size, for Arial and Liberation Sans."""
SIDE = 0.44
"""Share of a slide's width for the second figure."""


@dataclass(frozen=True)
class Words:
    """Lines of one size with the baseline of the first, in px."""

    lines: tuple[str, ...]
    size: int
    y: float

    @property
    def height(self) -> float:
        return len(self.lines) * _leading(self.size)


@dataclass(frozen=True)
class Page:
    """What stands around the figures of a file; empty texts are left out.

    ``title``: a claim or a question. ``line``: what was run, in one sentence or list. ``link``: the address in the QR
    code, which slides have alone. ``record``: settings, versions and device in full, for the file's metadata.
    """

    title: str = ""
    line: str = ""
    link: str = ""
    record: str = ""

    def looks(self, look: Look, count: int = 1) -> tuple[Look, ...]:
        """The look for each of one or two figures: on a slide they fill the room that the words leave."""
        if not look.slide:
            return (look,) * count
        return tuple(replace(look, area=(round(width), round(height))) for _, _, width, height in self.boxes(count))

    def boxes(self, count: int = 1) -> list[tuple[float, float, float, float]]:
        """Of each figure on a slide (left, top, width, height) in px."""
        title, line = self.heading(), self.below()
        top = TOP if not title.lines else TOP + title.height + 16
        if self.link and not title.lines:
            top = TOP + QR + 8
        bottom = SLIDE[1] - BOTTOM - (line.height + 10 if line.lines else 0)
        # A figure's own padding goes into the margin, so that its small print stands under the title's edge.
        left, across = MARGIN - PADDING, SLIDE[0] - 2 * (MARGIN - PADDING)
        if count == 1:
            return [(left, top, across, bottom - top)]
        side = SIDE * (across - GAP)
        main = across - GAP - side
        return [(left, top, main, bottom - top), (left + main + GAP, top, side, bottom - top)]

    def heading(self) -> Words:
        """The title of a slide, in the largest size in which it takes at most two lines."""
        across = SLIDE[0] - 2 * MARGIN - (QR + GAP if self.link else 0)
        lines: list[str] = []
        size = TITLES[0]
        for size in TITLES:
            lines = wrap(self.title, int(across / (BOLD * size)))
            if len(lines) <= 2:
                break
        return Words(tuple(lines), size, TOP + 0.8 * size)

    def below(self) -> Words:
        """The line at the foot of a slide, of two lines at most: what is longer is cut, for the record has it all."""
        size = 20
        lines = wrap(self.line, int((SLIDE[0] - 2 * MARGIN) / (LETTER * size)))
        if len(lines) > 2:
            lines = [lines[0], f"{lines[1][:-1].rstrip(' ,;，；')} …"]
        return Words(tuple(lines), size, SLIDE[1] - BOTTOM - (len(lines) - 1) * _leading(size) - 0.25 * size)

    def svg(self, look: Look, sizes: Sequence[tuple[int, int]]) -> str:
        """The page, with ``PLACE`` where each figure goes. ``sizes``: (width, height) of the figures in px."""
        if look.slide:
            width, height = SLIDE
            boxes = self.boxes(len(sizes))
            words = [(self.heading(), "bold", look.inks.ink), (self.below(), "normal", look.inks.muted)]
        else:
            (width, tall), *_others = sizes
            line = Words(tuple(wrap(self.line, int((width - 16) / (LETTER * look.small)))), look.small, 0)
            height = round(tall + (line.height + 8 if line.lines else 0))
            boxes = [(0, 0, width, tall)]
            words = [(replace(line, y=tall + 0.9 * look.small), "normal", look.inks.muted)]
        left = MARGIN if look.slide else 8
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        ]
        if self.title:
            parts.append(f"<title>{escape(plain(self.title))}</title>")
        if self.record:
            parts.append(f"<metadata>{escape(self.record)}</metadata>")
        if not look.transparent:
            parts.append(f'<rect width="{width}" height="{height}" fill="{look.inks.paper}"/>')
        parts += [
            f'<g transform="translate({x:g} {y:g})">{PLACE.format(i)}</g>' for i, (x, y, _, _) in enumerate(boxes)
        ]
        parts += [_text(said, left, weight, colour, look) for said, weight, colour in words]
        if look.slide and self.link:
            parts.append(_code(self.link, look))
        return "".join([*parts, "</svg>"])


def _leading(size: float) -> float:
    return 1.24 * size


def _text(words: Words, left: float, weight: str, colour: str, look: Look) -> str:
    lines = "".join(
        _line(line, left, words.y + i * _leading(words.size), words.size, weight == "bold", look)
        for i, line in enumerate(words.lines)
    )
    return (
        f'<g font-family={quoteattr(look.font)} font-size="{words.size}" font-weight="{weight}" fill="{colour}">'
        f"{lines}</g>"
    )


def _line(line: str, x: float, y: float, size: int, bold: bool, look: Look) -> str:
    """One line of words, and of mathematics as outlines."""
    if "$" not in line:
        return f'<text x="{x}" y="{y:g}" xml:space="preserve">{escape(line)}</text>'
    thick = f' stroke="{look.inks.ink}" stroke-width="{0.03 * size:g}"' if bold else ""
    drawn = []
    for part in row(line, size, look.language, bold).parts:
        at, anchor = x + part.left, "end" if part.align == "right" else "start"
        if part.path:
            drawn.append(f'<path transform="translate({at:g} {y:g})" d="{part.path}"{thick}/>')
        else:
            drawn.append(f'<text x="{at:g}" y="{y:g}" text-anchor="{anchor}">{escape(part.text)}</text>')
    return "".join(drawn)


def _code(link: str, look: Look) -> str:
    """The link as a QR code at the upper right, dark on light on every paper: some readers take no other."""
    white = look.theme == "dark" or look.transparent
    scale, drawn = qr.svg(link, white=white)
    return f'<g transform="translate({SLIDE[0] - MARGIN - QR} {TOP - 8}) scale({QR * scale:g})">{drawn}</g>'
