"""The QR code with a slide's link."""

from __future__ import annotations

import io
from typing import Any

import segno

DARK, LIGHT = "#16233b", "#ffffff"
QUIET = 4
"""Modules of white around a QR code that does not stand on white paper (ISO/IEC 18004, 6.3.8)."""


def svg(link: str, *, white: bool) -> tuple[float, str]:
    """The code as an SVG element of one px a module, and what makes it 1 px wide in all; see :func:`png`."""
    code = segno.make(link, error="l", micro=False)
    modules = code.symbol_size(border=QUIET if white else 0)[0]
    return 1 / modules, code.svg_inline(**_look(white))


def png(link: str, *, white: bool) -> bytes:
    """The code as a PNG of dark on clear ground, or on ``white`` with its quiet zone. Eight pixels a module."""
    out = io.BytesIO()
    segno.make(link, error="l", micro=False).save(out, kind="png", scale=8, **_look(white))
    return out.getvalue()


def _look(white: bool) -> dict[str, Any]:
    return {"border": QUIET if white else 0, "dark": DARK, "light": LIGHT if white else None}
