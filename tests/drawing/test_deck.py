"""Slides for PowerPoint: what stands on them can be edited, is read aloud, and is where the picture has it."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pptx import Presentation

from dlviz.drawing.export import files
from dlviz.drawing.export.deck import PX, deck
from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar.theme import INKS, Look

from .test_export import PAGE, figure

NOTES = "What it shows.\n\nhttps://example.org/?surface=Ravine\n\nseed = 0"
ZH = Page("动量沿着山谷前进", "η = 0.1，种子 0", PAGE.link, PAGE.record)


def opened(data):
    return Presentation(io.BytesIO(data))


def slide_of(look, page=PAGE, count=1, **more):
    charts = [figure(own) for own in page.looks(look, count)]
    alts = [f"Paths to the minimum, {i}" for i in range(count)]
    made = opened(files.render(charts, "pptx", look=look, page=page, alts=alts, notes=NOTES, **more))
    (slide,) = made.slides
    return made, slide


def descriptions(slide):
    return [shape._element.nvPicPr.cNvPr.get("descr") for shape in pictures(slide)]


def pictures(slide):
    return [shape for shape in slide.shapes if shape._element.tag.endswith("}pic")]


def px(shape):
    return [side / PX for side in (shape.left, shape.top, shape.width, shape.height)]


@pytest.mark.parametrize("count", [1, 2])
def test_a_slide_has_its_words_as_text_and_its_figures_in_their_places(count):
    look = Look(slide=True)
    made, slide = slide_of(look, count=count)
    assert (made.slide_width, made.slide_height) == (1280 * PX, 720 * PX)
    assert slide.shapes.title.text_frame.text == PAGE.title
    assert PAGE.line in [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    assert slide.notes_slide.notes_text_frame.text == NOTES
    assert descriptions(slide) == [*(f"Paths to the minimum, {i}" for i in range(count)), PAGE.link]
    *figures, code = pictures(slide)
    assert code.click_action.hyperlink.address == PAGE.link
    for shape, box in zip(figures, PAGE.boxes(count), strict=True):
        assert px(shape) == pytest.approx(box, abs=2), "a figure fills its box"
    for shape in slide.shapes:
        left, top, width, height = px(shape)
        assert left >= 0 and top >= 0 and left + width <= 1280 and top + height <= 720


def test_the_picture_is_the_figure_alone_without_the_page_around_it():
    look = Look(slide=True)
    _, slide = slide_of(look, scale=3)
    image = Image.open(io.BytesIO(pictures(slide)[0].image.blob))
    (own,) = PAGE.looks(look)
    assert image.size == (3 * own.area[0], 3 * own.area[1])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_slide_and_what_is_added_to_it_have_the_colours_of_the_theme(theme):
    made, slide = slide_of(Look(slide=True, theme=theme))
    inks = INKS[theme]
    assert f"#{slide.background.fill.fore_color.rgb}".lower() == inks.paper
    (run,) = slide.shapes.title.text_frame.paragraphs[0].runs
    assert f"#{run.font.color.rgb}".lower() == inks.ink
    colours = made.slide_master._element.find("{*}clrMap")
    xml = next(
        part for part in made.part.package.iter_parts() if part.partname == "/ppt/theme/theme1.xml"
    ).blob.decode()
    for role, colour in (("bg1", inks.paper), ("tx1", inks.ink)):
        assert f'<a:{colours.get(role)}><a:srgbClr val="{colour[1:]}"/>' in xml


def test_chinese_has_a_chinese_font_and_says_what_it_is():
    if not files.has_chinese_font():
        pytest.skip("no Chinese font here: fonts-noto-cjk")
    _, slide = slide_of(Look(slide=True, language="zh"), ZH)
    notes = slide.notes_slide.notes_text_frame.paragraphs
    for run in (slide.shapes.title.text_frame.paragraphs[0].runs[0], notes[0].runs[0]):
        properties = run.font._rPr
        assert properties.get("lang") == "zh-CN"
        assert properties.find("{*}ea").get("typeface") == "Microsoft YaHei"
    assert slide.shapes.title.text_frame.text == ZH.title


def test_a_page_without_words_has_no_empty_places_for_them():
    _, slide = slide_of(Look(slide=True), Page())
    assert slide.shapes.title is None
    assert len(slide.shapes) == 1


def test_a_deck_has_all_slides_and_its_file_all_records():
    look = Look(slide=True)
    other = Page("A second claim", "β = 0.9", "", '{"seed": 1, "long": "' + "x" * 400 + '"}')
    sheets = [
        files.sheet([figure(own) for own in page.looks(look)], look, page, ["words"], scale=1)
        for page in (PAGE, other, other)
    ]
    made = opened(deck(sheets, look))
    assert [slide.shapes.title.text_frame.text for slide in made.slides] == [PAGE.title, other.title, other.title]
    assert made.core_properties.title == PAGE.title
    assert made.core_properties.comments == f"{PAGE.record}\n{other.record}"
    assert not made.slides[0].has_notes_slide


def test_a_line_that_is_too_long_ends_where_the_picture_ends_it():
    page = Page("Title", "a long list of settings, " * 30, "", "")
    _, slide = slide_of(Look(slide=True), page)
    said = next(s.text_frame.text for s in slide.shapes if s.has_text_frame and s != slide.shapes.title)
    assert said.split("\v") == list(page.below().lines) and said.endswith("…")
