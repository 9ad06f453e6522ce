"""How high the figures of the page are, in px."""

BESIDE = 460
"""The hero, and what may stand beside it."""
SUPPORT = 340
"""Figures below the first row."""
TALL = 380
"""One of these with a long title of its axis, or with many rows."""
