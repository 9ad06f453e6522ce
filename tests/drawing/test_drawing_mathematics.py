"""Formulas in pictures: outlines, lines of words and mathematics, titles of axes."""

import io
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import vl_convert
from pictures import check_schema, compiled
from PIL import Image
from reading import unset_in_picture

from dlviz.drawing.curves import lines
from dlviz.drawing.export.files import csv
from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.legends import text_width
from dlviz.drawing.grammar.letters import advance
from dlviz.drawing.grammar.mathematics import LARGER, outline, row
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look

TITLES = {True: r"Norm of $\partial L/\partial h_t$", False: r"$\sigma_w$ of the weights"}


def picture(look, label=r"bound $\sigma^k$, here", **style):
    x, y = Axis(r"$x_1$", 0, 10), Axis(TITLES[True], 1e-3, 10, log=True)
    place = {"x": x.along("x"), "y": y.along("y")}
    words = Piece(tuple(haloed("said", place, look, **style)), {"said": [{"x": 5, "y": 0.1, "text": label}]})
    drawn = [lines.Line("GD", np.arange(11), 0.5 ** np.arange(11), label=r"norm of $W^k$")]
    return finish(frame(x, y, look) + lines.measured(drawn, x, y, look) + words, look, title=footnote("$q^2$", look))


def test_an_outline_starts_at_its_left_end_and_says_its_box():
    made = outline(r"\frac{a}{b}", 20.0)
    numbers = [tuple(map(float, pair.split(","))) for pair in re.findall(r"-?[\d.]+,-?[\d.]+", made.path)]
    x, y = np.array(numbers).T
    np.testing.assert_allclose([x.min(), x.max(), -y.min(), y.max()], [0, made.wide, made.above, made.below], atol=0.01)
    twice = outline(r"\frac{a}{b}", 40.0)
    np.testing.assert_allclose([twice.wide, twice.above], [2 * made.wide, 2 * made.above], rtol=0.01)


def test_what_is_no_latex_is_refused():
    for tex in (r"\frac{a", "  "):
        with pytest.raises(ValueError):
            outline(tex, 20.0)


def test_many_threads_get_what_one_does():
    formulas = [rf"\sigma_{{{i}}}^2 + \sqrt{{q_{i}}}" for i in range(12)]
    one = [outline(tex, 17.0) for tex in formulas]
    outline.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda tex: outline(tex, 17.0), formulas)) == one


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_end_where_the_formula_begins_and_begin_where_it_ends(language):
    line = row("norm $W^k$ here", 20.0, language)
    before, formula, after = line.parts
    assert (before.align, formula.align, after.align) == ("right", "left", "left")
    space = formula.left - before.left
    assert space == pytest.approx(after.left - formula.left - outline("W^k", 20 * LARGER).wide)
    assert 3 < space < 7
    assert line.wide > after.left + 20


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_words_are_as_wide_as_the_renderer_draws_them(weight):
    # Arial's widths: the renderer brings Liberation Sans.
    for text in ("With ρ = 0.95 the norm of", "Share of units (and inputs): 12.5%", "Quick GOLD, jumps; WAX?"):
        reach, bars = _reach(f"|{text}|", weight), _reach("||", weight)
        assert 40 * advance(text, "en", weight == "bold") == pytest.approx(reach - bars, rel=0.015)


def _reach(text, weight):
    """The last column of pixels in which a text of 40 px has ink."""
    style = f'font-family="Arial, Liberation Sans" font-weight="{weight}" font-size="40"'
    words = f'<text x="9" y="50" {style}>{text}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="1500" height="70">{words}</svg>'
    pixels = np.asarray(Image.open(io.BytesIO(vl_convert.svg_to_png(svg, scale=1))))
    return np.flatnonzero(pixels[..., 3].any(axis=0))[-1]


@pytest.mark.parametrize("look", [Look(), Look(slide=True, theme="dark"), Look(language="zh")])
def test_every_text_of_a_picture_may_hold_mathematics(look):
    spec = picture(look).to_dict()
    check_schema(spec)
    assert unset_in_picture(spec) == []
    svg = compiled(spec)
    for tex, size in ((r"\sigma^k", LARGER), ("W^k", LARGER), ("x_1", LARGER), (r"\partial L/\partial h_t", LARGER)):
        # The renderer writes paths in its own way, and keeps how many curves they have.
        curves = outline(tex, round(size * look.label, 2)).path.count("Q")
        assert re.search(rf'd="M([^"Q]*Q){{{curves}}}[^"Q]*"', svg), tex
    assert ">bound<" in svg and ">norm of<" in svg and ">Norm of<" in svg and ">, here<" in svg


def test_the_title_of_an_axis_stands_where_the_unseen_plain_one_does():
    look = Look()
    for log in (True, False):
        axis = Axis(TITLES[log], 1e-3 if log else 0, 100.0 if log else 90, log=log)
        spec = finish(frame(Axis("k", 0, 9), axis, look), look).to_dict()
        svg = compiled(spec)
        turned = r"transform=.translate\(([-\d.]+),[-\d.]+\) rotate"
        unseen = float(re.search(rf"<text [^>]*{turned}\(-90\)", svg)[1])
        words = float(re.search(rf"<text [^>]*{turned}\(270\)", svg)[1])
        formula = float(re.search(rf"<path {turned}\(270\)", svg)[1])
        # Vega has the baseline of a text whose foot is given 0.21 em above it.
        np.testing.assert_allclose([words, formula + 0.21 * look.label], unseen, atol=1)


@pytest.mark.parametrize("align", ["left", "center", "right"])
def test_a_label_lies_as_its_text_would(align):
    """The formula's path starts where alignment, offset and the words before it put it."""
    look, label = Look(), r"$\sigma^k$"
    svg = compiled(picture(look, label, align=align, baseline="alphabetic", dx=3, dy=-4).to_dict())
    plain = compiled(picture(look, "o", align="left", baseline="alphabetic", dx=3, dy=-4).to_dict())
    anchor = np.array(re.findall(r'translate\(([-\d.]+),([-\d.]+)\)"[^>]*>o<', plain)[-1], dtype=float)
    made = outline(r"\sigma^k", round(LARGER * look.label, 2))
    start = made.path.partition("Q")[0].partition("L")[0].lstrip("M")
    places = [
        found for found in re.findall(r'translate\(([-\d.]+),([-\d.]+)\)" d="M([-\d.,]+)', svg) if found[2] == start
    ]
    share = {"left": 0, "center": 0.5, "right": 1}[align]
    np.testing.assert_allclose(np.array(places[-1][:2], dtype=float), anchor - [share * made.wide, 0], atol=0.6)


def test_a_file_of_numbers_holds_the_plain_form():
    written = csv(picture(Look())).decode("utf-8-sig")
    assert "x₁,Norm of ∂L/∂hₜ" in written
    assert "norm of Wᵏ," in written


def test_labels_are_measured_with_their_mathematics():
    look = Look()
    assert text_width(r"$\sigma_w^2 + \sigma_b^2$", look) == pytest.approx(
        outline(r"\sigma_w^2 + \sigma_b^2", 14.82).wide
    )
    assert text_width(r"norm $W^k$", look) > text_width("$W^k$", look) + 20


def test_lines_are_never_broken_within_a_formula():
    assert wrap(r"one $a + b + c + d$ two", 6) == ["one", "$a + b + c + d$", "two"]
    assert wrap("梯度 $x + y$ 与 $z$", 4)[1] == "$x + y$"
    assert "".join(wrap(r"for \$5 or \$6", 3)) == r"for\$5or\$6"


def test_a_slide_has_mathematics_in_its_title_and_in_what_was_run():
    page = Page(title=r"0.22 is above $2/\lambda_{\max}$ <here>", line=r"$\sigma_b$ = 0.1", record="σ")
    svg = page.svg(Look(slide=True), [(100, 100)])
    assert outline(r"2/\lambda_{\max}", round(LARGER * 36, 2)).path in svg
    assert outline(r"\sigma_b", round(LARGER * 20, 2)).path in svg
    assert "<title>0.22 is above 2/λₘₐₓ &lt;here&gt;</title>" in svg
    assert "$" not in svg and "lambda" not in svg
