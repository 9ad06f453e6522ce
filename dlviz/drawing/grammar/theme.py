"""The look of every picture: two themes, a slide form, one font stack, one Vega-Lite configuration.

Streamlit's own chart theme does not exist outside the browser, so none of it is used: a chart in the
app (``theme=None``), in a notebook and on disk takes its colours and sizes from here alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dlviz.language import LANGUAGES, translate

# Arial and Liberation Sans have the same metrics, so labels take the same room on every system. In
# Chinese the Latin letters come from the Chinese font too: mixing two fonts in a line looks ragged,
# and the renderer's own fallback for a missing glyph is a serif.
FONTS = {
    "en": "Arial, 'Liberation Sans', Helvetica, sans-serif",
    "zh": "'Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', SimHei, sans-serif",
}
SLIDE = (1280, 720)  # px, 16:9
PADDING = 4
"""px around a figure on a slide, which has margins of its own."""
AREA = (1192, 518)
"""px of the figure on a slide with a title of two lines and one line below; ``drawing.export.page`` gives others."""


@dataclass(frozen=True)
class Inks:
    """The colours of a theme that are no one's identity.

    ``paper`` is the page, ``panel`` what lies a shade off it; ``ink`` is text, ``muted`` labels,
    ``faint`` what should hardly be seen, ``grid`` lines behind data; ``halo`` surrounds marks on a
    relief; ``ghost`` is what a pinned run fades towards; ``warn`` marks divergence; ``hole`` is where a function has no
    finite value.
    """

    paper: str
    panel: str
    ink: str
    muted: str
    faint: str
    grid: str
    halo: str
    ghost: str
    warn: str
    hole: str
    isoline: str
    isoline_opacity: float
    relief: tuple[str, ...]  # from low loss to high loss


Theme = Literal["light", "dark"]

INKS: dict[Theme, Inks] = {
    "light": Inks(
        paper="#ffffff",
        panel="#f3f6fa",
        ink="#16233b",
        muted="#55637a",
        faint="#a3aebd",
        grid="#e7ebf1",
        halo="#ffffff",
        ghost="#9aa5b4",
        warn="#b3261e",
        hole="#c3c6cb",
        isoline="#ffffff",
        isoline_opacity=0.75,
        relief=("#3a5985", "#6384ac", "#93adca", "#bccddf", "#dbe4ee"),
    ),
    "dark": Inks(
        paper="#0e1420",
        panel="#161e2c",
        ink="#e9eef6",
        muted="#a4b1c4",
        faint="#5d6b80",
        grid="#212b3b",
        halo="#0a0f18",
        ghost="#77849a",
        warn="#ff8a80",
        hole="#45484f",
        isoline="#b7c9e2",
        isoline_opacity=0.32,
        relief=("#0a101c", "#13203a", "#1f3354", "#2e476d", "#435f88"),
    ),
}


@dataclass(frozen=True)
class Look:
    """How a figure is to look: language, theme, screen or slide, with its paper or without.

    ``transparent`` leaves the paper out. The app draws with it too: the page itself is the paper. ``area`` is the
    figure's room on a slide, in px.
    """

    language: str = "en"
    theme: Theme = "light"
    slide: bool = False
    transparent: bool = False
    area: tuple[int, int] = AREA

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"unknown language {self.language!r}; allowed: {', '.join(LANGUAGES)}")
        if self.theme not in INKS:
            raise ValueError(f"unknown theme {self.theme!r}; allowed: {', '.join(INKS)}")

    @property
    def inks(self) -> Inks:
        return INKS[self.theme]

    @property
    def font(self) -> str:
        return FONTS[self.language]

    @property
    def label(self) -> int:
        """Size of labels in px."""
        return 22 if self.slide else 13

    @property
    def small(self) -> int:
        """Size of the least important text in px."""
        return 20 if self.slide else 11

    @property
    def line(self) -> float:
        """Width of a data line in px."""
        return 4.0 if self.slide else 2.5

    @property
    def unit(self) -> float:
        """Scale of everything else (marks, gaps, dashes) against the screen form."""
        return 1.6 if self.slide else 1.0

    @property
    def ticks(self) -> int:
        """About how many ticks an axis has."""
        return 4 if self.slide else 6

    @property
    def height(self) -> int:
        """Height in px of a figure that does not say its own."""
        return self.area[1] if self.slide else 360

    @property
    def plot_width(self) -> float:
        """About the least width in px of the plot in a figure without legend: on a screen, of one in half a page."""
        return 0.78 * self.area[0] if self.slide else 320.0


def tr(look: Look, message: str, **values: object) -> str:
    """A label in the look's language; ``message`` is the English text with ``{placeholders}``."""
    return translate(message, look.language, **values)


def config(look: Look) -> dict[str, Any]:
    """The Vega-Lite configuration of a look."""
    inks, small = look.inks, look.unit
    return {
        "background": "transparent" if look.transparent else inks.paper,
        "font": look.font,
        "padding": PADDING if look.slide else 8,
        "view": {"stroke": None},
        "axis": {
            "domain": False,
            "grid": True,
            "gridColor": inks.grid,
            "gridWidth": 1 * small,
            "ticks": False,
            "labelColor": inks.muted,
            "labelFontSize": look.label,
            "labelPadding": 8 * small,
            "labelFlush": False,
            "labelOverlap": True,
            "titleColor": inks.ink,
            "titleFontSize": look.label,
            "titleFontWeight": "normal",
            "titlePadding": 10 * small,
            # Named once more where Streamlit's page would put its own font.
            "labelFont": look.font,
            "titleFont": look.font,
        },
        "legend": {
            "labelColor": inks.ink,
            "labelFontSize": look.label,
            "titleColor": inks.muted,
            "titleFontSize": look.label,
            "titleFontWeight": "normal",
            "labelLimit": 0,
            "titleLimit": 0,
            "offset": 10 * small,
            "rowPadding": 4 * small,
            "columnPadding": 16 * small,
            "labelFont": look.font,
            "titleFont": look.font,
        },
        "title": {
            "color": inks.ink,
            "fontSize": look.label + 3,
            "fontWeight": "bold",
            "anchor": "start",
            "offset": 12 * small,
            "font": look.font,
            "subtitleFont": look.font,
        },
        "text": {"color": inks.ink, "fontSize": look.label, "font": look.font},
        "range": {"category": ["#0072B2"]},
    }


def plot_height(look: Look, height: int | None) -> float:
    """About the height of the plot itself in px, for a figure of ``height`` without legend."""
    axis = 4.3 * look.label + (40 if look.slide else 22)
    return max((look.height if look.slide else height or look.height) - axis, 60.0)
