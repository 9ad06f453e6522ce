"""Figures as files: what opens, what is refused, and that nobody waits for it."""

from __future__ import annotations

import csv
import io
import math
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from dlviz.drawing.export import files
from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar import interaction
from dlviz.drawing.grammar.axes import Plane, frame
from dlviz.drawing.grammar.finish import WIDTH, finish, message
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces import paths, surface

PLANE = Plane((-2.0, 2.0, -2.0, 2.0))
PAGE = Page("Momentum wins", "η = 0.1, seed 0", "https://example.org/?surface=Ravine", '{"seed": 0, "torch": "2.13.0"}')


def figure(look=None, **top):
    look = look or Look()
    x, y = np.meshgrid(np.linspace(-2, 2, 40), np.linspace(-2, 2, 40))
    w = np.array([[-1.5 * 0.8**t, 1.5 * 0.5**t] for t in range(20)])
    far = np.array([[0.0, 1.0], [1.0, 5.0], [2.0, 500.0]])
    runs = [paths.Path("Adam", w, (w**2).sum(axis=1)), paths.Path("=GD", far, (far**2).sum(axis=1), diverged=2)]
    piece = frame(PLANE.x, PLANE.y, look) + surface.background(x**2 + 9 * y**2, PLANE, look)
    piece += interaction.click_grid(PLANE) + paths.paths(runs, PLANE, look) + interaction.step_slider(19, look)
    return finish(piece, look, height=400, **top)


def test_svg_opens_with_its_texts():
    root = ElementTree.fromstring(files.render(figure(), "svg", page=PAGE))
    assert root.tag.endswith("svg") and float(root.get("width")) == WIDTH
    said = " ".join(root.itertext())
    assert "Adam" in said and "η = 0.1" in said and PAGE.record in said


def test_svg_leaves_the_cells_to_click_on_out():
    assert len(files.render(figure(), "svg")) < 200_000


@pytest.mark.parametrize("scale", files.SCALES)
def test_png_has_the_size_asked_for(scale):
    image = Image.open(
        io.BytesIO(files.render(message("Nothing yet", Look(), height=100), "png", scale=scale, width=300))
    )
    assert image.format == "PNG" and image.size == (300 * scale, 100 * scale)
    assert image.info["dpi"] == pytest.approx((72 * scale, 72 * scale), rel=1e-3), "as large on paper as on screen"


@pytest.mark.parametrize("count", [1, 2])
def test_a_slide_is_one_with_its_words(count):
    look = Look(slide=True)
    charts = [figure(own) for own in PAGE.looks(look, count)]
    image = Image.open(io.BytesIO(files.render(charts, "png", look=look, page=PAGE, scale=2)))
    assert image.size == (2560, 1440)
    said = list(ElementTree.fromstring(files.render(charts, "svg", look=look, page=PAGE)).itertext())
    assert PAGE.title in said and PAGE.line in said and said.count("Adam") >= count


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_transparent_leaves_the_paper_out(theme):
    def corner(transparent):
        look = Look(theme=theme, transparent=transparent)
        return Image.open(io.BytesIO(files.render(figure(look), "png", look=look))).convert("RGBA").getpixel((0, 0))

    assert corner(True)[3] == 0
    assert corner(False)[3] == 255


def test_pdf_is_a_pdf_with_vectors():
    data = files.render(figure(), "pdf", page=PAGE)
    assert data.startswith(b"%PDF-") and b"%%EOF" in data[-32:]
    about = PdfReader(io.BytesIO(data)).metadata
    assert about.title == PAGE.title and about.subject == PAGE.record
    assert len(data) < 400_000, "only the relief is an image"


def test_two_exports_are_the_same_file():
    """Also after others, and in another process; Vega itself numbers clips on and on."""
    first = files.render(figure(), "svg")
    assert b"clip1" in first
    files.render(figure(Look(slide=True)), "svg")
    assert files.render(figure(), "svg") == first
    files.WORKER.end()
    assert files.render(figure(), "svg") == first


# ---- in a notebook


@pytest.mark.parametrize("suffix", ["svg", "html", "png"])
def test_a_figure_saved_by_altair_has_its_natural_size(tmp_path, suffix):
    target = tmp_path / f"figure.{suffix}"
    chart = figure()
    chart.save(str(target))
    if suffix == "png":
        assert Image.open(target).size == (WIDTH, 400)
    else:
        assert f'width="{WIDTH}"' in target.read_text() or f'"width": {WIDTH}' in target.read_text()
    assert chart.to_dict()["width"] == "container", "the page still gives it its own"


def test_what_altair_would_take_apart_says_what_to_do_instead():
    for joined in (lambda: figure() | figure(), lambda: figure() & figure(), lambda: figure() + figure()):
        with pytest.raises(TypeError, match="save\\(\\) each"):
            joined()
    with pytest.raises(TypeError, match="change the settings"):
        figure().interactive()


# ---- CSV


def table(data):
    assert data.startswith(b"\xef\xbb\xbf"), "Excel needs the byte order mark"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_holds_what_was_computed_and_nothing_that_is_drawn():
    drawn = table(files.render(figure(), "csv"))
    assert list(dict.fromkeys(row["dataset"] for row in drawn)) == ["paths", "surface"], "the shorter one first"
    assert set(drawn[0]) == {"dataset", "name", "step", "x", "y", "loss"}
    adam = [row for row in drawn if row["dataset"] == "paths" and row["name"] == "Adam"]
    assert [int(row["step"]) for row in adam] == list(range(20))
    assert [float(row["x"]) for row in adam] == [-1.5 * 0.8**t for t in range(20)], "to the last digit"


def test_csv_holds_the_places_of_the_run_and_none_that_only_cut_its_line():
    places = {(float(row["x"]), float(row["y"])) for row in table(files.csv(figure())) if row["name"] == "'=GD"}
    assert places == {(0.0, 1.0), (1.0, 5.0), (2.0, 500.0)}, "the last is far beyond the picture"


def test_csv_texts_are_never_formulas():
    assert any(row["name"] == "'=GD" for row in table(files.csv(figure())))


def test_csv_keeps_chinese():
    piece = surface.crosses(np.zeros((1, 2)), PLANE, Look())
    piece += Piece(tables={"损失": lambda: [{"name": "学习率", "x": 0.1}]})
    rows = table(files.render(finish(piece, Look()), "csv", look=Look(language="zh")))
    assert {"数据集": "损失", "名称": "学习率", "x": "0.1", "y": ""} in rows


def test_csv_tells_numbers_in_texts_from_formulas():
    piece = Piece(tables={"cells": lambda: [{"bias": "-0.5"}, {"bias": "-1+2"}, {"bias": math.inf}]})
    assert [row["bias"] for row in table(files.csv(finish(piece, Look())))] == ["-0.5", "'-1+2", "inf"]


# ---- refusals


def test_unknown_formats_and_scales_are_named():
    with pytest.raises(files.ExportError, match="allowed: svg, png, pdf, pptx, gif, csv"):
        files.render(figure(), "tiff")
    with pytest.raises(files.ExportError, match="allowed: 1 to 4"):
        files.render(figure(), "png", scale=40)


def test_a_broken_chart_is_an_error_in_one_line():
    broken = finish(frame(PLANE.x, PLANE.y, Look()), Look(), params=[{"name": "a", "expr": "("}])
    with pytest.raises(files.ExportError) as caught:
        files.render(broken, "svg")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("the figure could not be drawn: ")


@pytest.fixture
def no_fonts(monkeypatch, tmp_path):
    """The export's worker sees a machine without fonts."""
    (tmp_path / "fonts.conf").write_text("<?xml version='1.0'?><fontconfig><dir>/nonexistent</dir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    files.has_chinese_font.cache_clear()
    files.WORKER.end()
    yield
    files.has_chinese_font.cache_clear()
    files.WORKER.end()


@pytest.mark.skipif("sys.platform != 'linux'", reason="fonts are found through fontconfig on Linux only")
@pytest.mark.usefixtures("no_fonts")
def test_without_a_chinese_font_boxes_are_refused():
    look = Look(language="zh")
    assert not files.has_chinese_font()
    for fmt in ("png", "pdf"):
        with pytest.raises(files.ExportError, match="fonts-noto-cjk"):
            files.render(figure(look), fmt, look=look)
    assert files.render(figure(look), "svg", look=look), "its reader brings the font"
    assert files.render(figure(), "png"), "English needs no such font"


def test_chinese_is_drawn_where_there_is_a_font():
    if not files.has_chinese_font():
        pytest.skip("no Chinese font here: fonts-noto-cjk")
    look = Look(language="zh")

    def ink(text):
        image = Image.open(io.BytesIO(files.render(message(text, look, height=80), "png", look=look, width=200)))
        return np.asarray(image.convert("L"), dtype=int)

    one, other = ink("学习率"), ink("梯度裁")
    assert one.shape == other.shape and np.abs(one - other).max() > 100, "two boxes would be the same"


# ---- nobody waits


def test_other_sessions_go_on_while_a_figure_is_written():
    """The caller's interpreter must not be held: nearly all is computed in the other process."""
    resource = pytest.importorskip("resource", reason="Windows does not tell what a process has computed")
    chart, look = figure(Look(slide=True)), Look(slide=True)

    def theirs():
        files.WORKER.end()  # a process counts once it has ended
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return spent.ru_utime + spent.ru_stime

    before, began = theirs(), time.process_time()
    files.render(chart, "png", look=look, scale=2)
    ours = time.process_time() - began
    assert ours < 0.2 * (theirs() - before)
