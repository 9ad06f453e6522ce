"""Figures as files: SVG, PNG and PDF drawn by vl-convert in a process that stays, CSV of their numbers.

A slide for PowerPoint and an animation are made of such PNGs.
"""

from __future__ import annotations

import base64
import copy
import csv as csv_writer
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import altair as alt

from dlviz.drawing.export import animation
from dlviz.drawing.export.page import Page
from dlviz.drawing.export.process import Busy, Ended, Slow, Worker
from dlviz.drawing.export.worker import NO_FONT
from dlviz.drawing.grammar.finish import WIDTH, Figure
from dlviz.drawing.grammar.interaction import CELLS
from dlviz.drawing.grammar.theme import FONTS, SLIDE, Look, tr
from dlviz.formulas import plain
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from dlviz.drawing.export.deck import Sheet

Format = Literal["svg", "png", "pdf", "pptx", "gif", "csv"]
FORMATS: tuple[str, ...] = ("svg", "png", "pdf", "pptx", "gif", "csv")
SCALES = (2, 3, 4)
WORKER = Worker(Path(__file__).with_name("worker.py"))
"""One for all sessions: once it has started, a figure takes it a fraction of a second."""

NO_CHINESE_FONT = (
    "no font with Chinese characters is installed where dlviz runs, so the file would show boxes; "
    "install one (on Debian and Ubuntu: fonts-noto-cjk) or export the English figure or the SVG"
)
NO_FORMAT = "unknown format {given}; allowed: {allowed}"
NO_SLIDER = "this figure has no slider that could be played; choose PNG instead of GIF"
NO_SCALE = "scale {given} is out of bounds; allowed: 1 to 4"
BUSY = "no figure could be written within {seconds} s: other exports are under way; try again"
SLOW = "the figure was not written within {seconds} s; try a smaller scale or SVG"
NO_WORKER = "the figure could not be drawn: no process could be started for it; try again later"
ENDED = "the figure could not be drawn: its process ended early (code {code}); try again, or a smaller scale"
NO_FILE = "the figure could not be drawn: what came is no {format} file; try again"
REFUSED = "the figure could not be drawn: {reason}"
MESSAGES = (NO_CHINESE_FONT, NO_FORMAT, NO_SLIDER, NO_SCALE, BUSY, SLOW, NO_WORKER, ENDED, NO_FILE, REFUSED)
HEADERS = (
    "dataset", "name", "run", "what", "row", "column", "class", "value", "low", "high", "from", "to", "at", "density",
    "loss at step", "minimum", "padding",
)  # fmt: skip
"""Of columns, those that are the same on all pages, for translation; others are translated where they are given."""
STARTS = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "gif": b"GIF89a"}
"""How the bytes of each format begin."""


class ExportError(Exception):
    """A figure that could not be written, in one line for people.

    ``message`` is a template for translation, one of :data:`MESSAGES`; ``values`` fill its placeholders.
    """

    def __init__(self, message: str, **values: object) -> None:
        self.message, self.values = message, values
        super().__init__(message.format(**values))


def render(
    charts: alt.TopLevelMixin | Sequence[alt.TopLevelMixin],
    fmt: str,
    *,
    look: Look | None = None,
    page: Page | None = None,
    scale: float = 2,
    width: int = WIDTH,
    alts: Sequence[str] = (),
    notes: str = "",
    timeout: float = 60,
    progress: Progress = silent,
) -> bytes:
    """One figure, or two on a slide, as the bytes of a file.

    ``look`` is the page's; the figures were drawn with ``page.looks(look, ...)``. ``scale`` is for PNG and PPTX: 2
    to 4 times the size on screen. ``width`` is taken where a chart would take its container's. ``alts`` (what each
    figure shows, in words) and ``notes`` go into a PPTX. A GIF plays the slider of steps, or else the first, in all
    figures that have one of its name; ``progress`` is called after each of its frames, and may raise.

    Raises :class:`ExportError` after ``timeout`` seconds (for each frame), for an unknown format or scale, when the
    chart cannot be drawn, when there is nothing to play, or when Chinese labels would come out as boxes (an SVG is
    allowed: its reader brings the font).
    """
    look, page = look or Look(), page or Page()
    drawn = [charts] if isinstance(charts, alt.TopLevelMixin) else list(charts)
    if fmt not in FORMATS:
        raise ExportError(NO_FORMAT, given=repr(fmt), allowed=", ".join(FORMATS))
    if not 1 <= scale <= 4:
        raise ExportError(NO_SCALE, given=repr(scale))
    if fmt == "csv":
        return csv(*drawn, look=look)
    if fmt == "pptx":
        from dlviz.drawing.export.deck import deck

        return deck([sheet(drawn, look, page, alts, notes, scale=scale, width=width, timeout=timeout)], look)
    if fmt == "gif":
        return _played(drawn, look, page, width, timeout, progress)
    return _work(_job(drawn, fmt, look, page, scale, width), timeout)


def sheet(
    charts: Sequence[alt.TopLevelMixin],
    look: Look,
    page: Page,
    alts: Sequence[str] = (),
    notes: str = "",
    *,
    scale: float = 2,
    width: int = WIDTH,
    timeout: float = 60,
) -> Sheet:
    """A slide of a deck (:func:`dlviz.drawing.export.deck.deck`); as :func:`render`, with each figure a picture."""
    from dlviz.drawing.export.deck import Sheet

    # What stands around a figure is the slide's own text.
    bare = replace(look, slide=False)
    pictures = [_work(_job([chart], "png", bare, Page(), scale, width), timeout) for chart in charts]
    return Sheet(page, tuple(pictures), tuple(alts) or ("",) * len(pictures), notes)


def animated(*charts: alt.TopLevelMixin) -> str | None:
    """The name of the slider that a GIF of these figures plays, if they have one."""
    moved = animation.slider(_figures(charts))
    return None if moved is None else str(moved["name"])


def _played(
    charts: Sequence[alt.TopLevelMixin], look: Look, page: Page, width: int, timeout: float, progress: Progress
) -> bytes:
    """The GIF. Each frame is a request of its own, so that other visitors' files go between."""
    moved = animation.slider(_figures(charts))
    if moved is None:
        raise ExportError(NO_SLIDER)
    stops, frames = animation.stops(moved), []
    first = still(charts[0].to_dict(), width)
    pages = animation.pages(page, moved, stops, look, (first["width"], first["height"]))
    scale = animation.WIDE / (SLIDE[0] if look.slide else first["width"])
    for at, (stop, told) in enumerate(zip(stops, pages, strict=True), start=1):
        view = [chart.at({moved["name"]: stop}) if isinstance(chart, Figure) else chart for chart in charts]
        frame = _work(_job(view, "png", look, told, scale, width), timeout)
        frames.append(base64.b64encode(frame).decode())
        progress(at / (len(stops) + 1))
    gif = {
        "format": "gif",
        "frames": frames,
        "durations": animation.durations(len(frames)),
        "paper": look.inks.paper,
        "most": animation.MOST_BYTES,
        "fewest": animation.FEWEST,
        "record": page.record,
    }
    data = _work(gif, timeout)
    progress(1.0)
    return data


def _figures(charts: Sequence[alt.TopLevelMixin]) -> list[Figure]:
    return [chart for chart in charts if isinstance(chart, Figure)]


def _job(
    charts: Sequence[alt.TopLevelMixin], fmt: str, look: Look, page: Page, scale: float, width: int
) -> dict[str, Any]:
    """What the worker needs to draw a page."""
    specs = [still(chart.to_dict(), width) for chart in charts]
    return {
        "format": fmt,
        "specs": specs,
        "page": page.svg(look, [(spec["width"], spec["height"]) for spec in specs]),
        "title": plain(page.title),
        "record": page.record,
        "scale": scale,
        "version": ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2]),
        "font": look.font,
        "needs_chinese": look.language == "zh" and fmt != "svg",
    }


def _work(job: dict[str, Any], timeout: float) -> bytes:
    try:
        outcome, said = WORKER.request(json.dumps(job | {"seconds": timeout}).encode(), timeout)
    except Busy:
        raise ExportError(BUSY, seconds=f"{timeout:g}") from None
    except Slow:
        raise ExportError(SLOW, seconds=f"{timeout:g}") from None
    except Ended as error:
        raise ExportError(ENDED, code=error.code) from None
    except (OSError, RuntimeError) as error:  # no memory for a process, or too many, of threads, too
        raise ExportError(NO_WORKER) from error
    except ValueError:
        outcome, said = b"", b""
    if outcome == b"refused":
        reason = said.decode(errors="replace")
        raise ExportError(NO_CHINESE_FONT) if reason == NO_FONT else ExportError(REFUSED, reason=reason)
    if outcome != b"done" or not said.startswith(STARTS.get(job["format"], b"")):
        raise ExportError(NO_FILE, format=job["format"].upper())
    return said


@cache
def has_chinese_font() -> bool:
    """Whether the export can draw Chinese here. Asks the renderer once; raises :class:`ExportError` if it fails."""
    return _work({"format": "probe", "font": FONTS["zh"]}, timeout=60) == b"found"


def still(spec: dict[str, Any], width: int) -> dict[str, Any]:
    """The spec as it stands on paper: with a width of its own, and without the unseen cells to click on."""
    spec = copy.copy(spec)
    if spec.get("width") == "container":
        spec["width"] = width
    spec["layer"] = [layer for layer in spec["layer"] if layer.get("name") != CELLS]
    return spec


def csv(*charts: alt.TopLevelMixin, look: Look | None = None) -> bytes:
    """The numbers behind pictures as one table: a column ``dataset`` says which rows, then all their columns.

    They are the ``tables`` of their pieces, of each picture the shortest first: what was computed, also where the
    picture cannot show it, beyond its axes or of a curve that is thinned to what a screen can show. Nothing of the
    drawing is in them. Headers are in the language of the ``look`` with which they were drawn. What is not a number is
    left empty. UTF-8 with a byte order mark, without which Excel takes Chinese for Latin-1.
    """
    made = ([(name, table()) for name, table in getattr(chart, "tables", {}).items()] for chart in charts)
    tables = [named for of_one in made for named in sorted(of_one, key=lambda named: len(named[1]))]
    columns = list(dict.fromkeys(column for _, rows in tables for row in rows for column in row))
    out = io.StringIO(newline="")
    writer = csv_writer.writer(out)
    look = look or Look()
    writer.writerow([_cell(tr(look, column)) for column in ("dataset", *columns)])
    for name, rows in tables:
        writer.writerows([name, *(_cell(row.get(column)) for column in columns)] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet reads as what it is: a text is plain, and never taken for a formula."""
    if value is None or value != value:  # NaN: there is no number
        return ""
    if isinstance(value, str):
        value = plain(value)
        return f"'{value}" if value[:1] in "=+-@\t\r" and not _is_number(value) else value
    return repr(float(value)) if isinstance(value, float) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
