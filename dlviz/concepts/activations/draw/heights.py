"""How high the figures of the page are, in px."""

BESIDE = 460
"""The hero, and what may stand beside it."""
SUPPORT = 340
TALL = 380
"""A support figure with a long title of its axis, or with many rows."""
