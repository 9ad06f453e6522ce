"""The QR code with a slide's link."""

from __future__ import annotations

import io

import segno

DARK, LIGHT = "#16233b", "#ffffff"
QUIET = 4
"""Modules of white around a QR code that does not stand on white paper (ISO/IEC 18004, 6.3.8)."""


def png(link: str, *, white: bool) -> bytes:
    """The code as a PNG of black on clear ground, or ``white`` with its quiet zone. Eight pixels a module."""
    out = io.BytesIO()
    segno.make(link, error="l", micro=False).save(
        out, kind="png", scale=8, border=QUIET if white else 0, dark=DARK, light=LIGHT if white else None
    )
    return out.getvalue()
