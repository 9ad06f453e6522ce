"""Pictures for the front page, made from the default settings by ``make thumbnails``."""

from pathlib import Path

HERE = Path(__file__).parent
SIZE = 560
"""Width in px."""


def thumbnail(stem: str, theme: str) -> Path:
    """The picture of a concept for a theme (``light`` or ``dark``)."""
    return HERE / f"{stem}.{theme}.png"
