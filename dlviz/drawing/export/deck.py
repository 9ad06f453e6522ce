"""Slides for PowerPoint: the page around figures (:mod:`page`) with titles and lines that can be edited.

A figure is a picture, as it is in a PNG. Sizes are those of the page in px, of which 96 are an inch.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.lang import MSO_LANGUAGE_ID
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.oxml import serialize_part_xml
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.util import Emu, Pt

from dlviz.drawing.export import qr
from dlviz.drawing.export.page import GAP, MARGIN, QR, TOP, Page, Words
from dlviz.drawing.grammar.theme import SLIDE, Look
from dlviz.formulas import plain

PX = 9525
"""EMU in a px: 914400 in an inch, and 96 px."""
POINT = 0.75
"""Points in a px."""
TITLE_ONLY = 5
"""The layout of python-pptx's own template that has nothing but a title."""
BASELINE = 0.8
"""Where in a line of exact height PowerPoint puts the baseline."""
# Names that Office brings along. A renderer's own list of fonts (``theme.FONTS``) is no use here: a run has one name.
CHINESE = "Microsoft YaHei"
LATIN = {"en": "Arial", "zh": CHINESE}
TONGUES = {"en": MSO_LANGUAGE_ID.ENGLISH_US, "zh": MSO_LANGUAGE_ID.SIMPLIFIED_CHINESE}


@dataclass(frozen=True)
class Sheet:
    """What one slide holds: the page, its figures as PNG, in words for each what it shows, and the speaker's notes."""

    page: Page
    pictures: tuple[bytes, ...]
    alts: tuple[str, ...]
    notes: str = ""


def deck(sheets: Sequence[Sheet], look: Look) -> bytes:
    """A presentation of 16:9 in the look's theme and language; a transparent one has its theme's paper, too.

    Title and comments of the file are the first sheet's title and the records of all, a line each.
    """
    presentation = Presentation()
    _dress(presentation, look)
    for sheet in sheets:
        _add(presentation, sheet, look)
    about = presentation.core_properties
    about.author = about.last_modified_by = "dlviz"
    about.title, about.comments = plain(sheets[0].page.title)[:255], ""
    # python-pptx keeps comments to 255 characters, of which the format says nothing.
    described = about._element.find(qn("dc:description"))
    described.text = "\n".join(dict.fromkeys(sheet.page.record for sheet in sheets))
    about.created = about.modified = datetime.now(UTC).replace(tzinfo=None)
    out = io.BytesIO()
    presentation.save(out)
    return out.getvalue()


def _dress(presentation: Any, look: Look) -> None:
    """The template in 16:9 with the look's colours and fonts, so that what is added to a deck by hand looks alike."""
    scale = SLIDE[0] * PX / presentation.slide_width
    presentation.slide_width, presentation.slide_height = Emu(SLIDE[0] * PX), Emu(SLIDE[1] * PX)
    master = presentation.slide_master
    for layout in (master, *presentation.slide_layouts):
        for frame in layout._element.iter(qn("a:xfrm")):
            for place, name in ((frame.find(qn("a:off")), "x"), (frame.find(qn("a:ext")), "cx")):
                place.set(name, str(round(int(place.get(name)) * scale)))
    ink, paper = look.inks.ink, look.inks.paper
    if look.theme == "dark":
        ink, paper = paper, ink
        colours = master._element.find(qn("p:clrMap"))
        for name, mapped in {"bg1": "dk1", "tx1": "lt1", "bg2": "dk2", "tx2": "lt2"}.items():
            colours.set(name, mapped)
    part = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme = parse_xml(part.blob)
    for name, colour in (("dk1", ink), ("lt1", paper)):
        (old,) = theme.find(f".//{qn('a:' + name)}")
        old.getparent().replace(old, old.makeelement(qn("a:srgbClr"), val=colour.lstrip("#")))
    for kind in ("a:majorFont", "a:minorFont"):
        font = theme.find(f".//{qn(kind)}")
        font.find(qn("a:latin")).set("typeface", LATIN[look.language])
        font.find(qn("a:ea")).set("typeface", CHINESE)
    part._blob = serialize_part_xml(theme)


def _add(presentation: Any, sheet: Sheet, look: Look) -> None:
    page = sheet.page
    slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
    # Its own, not the master's alone: in another deck the picture keeps the paper that it was drawn for.
    slide.background.fill.solid()
    slide.background.fill.fore_color.rgb = _rgb(look.inks.paper)
    heading, below = page.heading(), page.below()
    title = slide.shapes.title
    if heading.lines:
        across = SLIDE[0] - 2 * MARGIN - (QR + GAP if page.link else 0)
        _say(title, page.title, heading, across, look.inks.ink, look, bold=True)
    else:
        title._element.getparent().remove(title._element)
    for picture, alt, box in zip(sheet.pictures, sheet.alts, page.boxes(len(sheet.pictures)), strict=True):
        _picture(slide, picture, _within(picture, box), alt)
    if below.lines:
        # Broken where the picture of this page breaks it, for what is longer than two lines is cut.
        box = slide.shapes.add_textbox(0, 0, 0, 0)
        _say(box, "\v".join(below.lines), below, SLIDE[0] - 2 * MARGIN, look.inks.muted, look)
    if page.link:
        code = qr.png(page.link, white=look.theme == "dark")
        shape = _picture(slide, code, (SLIDE[0] - MARGIN - QR, TOP - 8, QR, QR), page.link)
        shape.click_action.hyperlink.address = page.link
    if sheet.notes:
        notes = slide.notes_slide.notes_text_frame
        notes.text = plain(sheet.notes)
        for paragraph in notes.paragraphs:
            for run in paragraph.runs:
                _letter(run, look)


def _within(picture: bytes, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The picture's own proportions in the middle of a box, as large as they fit."""
    left, top, width, height = box
    with Image.open(io.BytesIO(picture)) as image:
        scale = min(width / image.width, height / image.height)
        wide, tall = image.width * scale, image.height * scale
    return left + (width - wide) / 2, top + (height - tall) / 2, wide, tall


def _picture(slide: Any, png: bytes, box: tuple[float, float, float, float], alt: str) -> Any:
    shape = slide.shapes.add_picture(io.BytesIO(png), *(Emu(round(px * PX)) for px in box))
    shape._element.nvPicPr.cNvPr.set("descr", alt)
    return shape


def _say(shape: Any, text: str, words: Words, across: float, colour: str, look: Look, *, bold: bool = False) -> None:
    """Words in a shape, their first baseline where the page has it."""
    leading = words.height / len(words.lines)
    shape.left, shape.top = Emu(MARGIN * PX), Emu(round((words.y - BASELINE * leading) * PX))
    shape.width, shape.height = Emu(round(across * PX)), Emu(round(words.height * PX))
    frame = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    # Where the named font is not installed, a wider one shrinks.
    frame.word_wrap, frame.auto_size, frame.vertical_anchor = True, MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE, MSO_ANCHOR.TOP
    (paragraph,) = frame.paragraphs
    paragraph.text = plain(text)
    paragraph.alignment = PP_ALIGN.LEFT
    paragraph.line_spacing = Pt(leading * POINT)  # exact: Chinese fonts of one size differ much in height
    for run in paragraph.runs:
        _letter(run, look)
        run.font.size, run.font.bold, run.font.color.rgb = Pt(words.size * POINT), bold, _rgb(colour)


def _letter(run: Any, look: Look) -> None:
    """Fonts for both scripts, so that neither is a fallback, and the language for the speller and screen readers."""
    run.font.language_id = TONGUES[look.language]
    run.font.name = LATIN[look.language]
    latin = run.font._rPr.find(qn("a:latin"))
    latin.addnext(latin.makeelement(qn("a:ea"), typeface=CHINESE))


def _rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.lstrip("#").upper())
