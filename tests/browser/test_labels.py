"""Words of every preset's figures, on screens and slides, measured as drawn: none on another, struck through or cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import run

from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.lines import measured, theory
from dlviz.drawing.export.files import still
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.halo import haloed
from dlviz.drawing.grammar.piece import Piece, mark, word
from dlviz.drawing.grammar.theme import Look

from .vega import vega

MEASURE = Path(__file__).with_name("boxes.js").read_text(encoding="utf-8")
SIZES = (
    (Look(slide=True), 1184),
    (Look(), 620),  # the main figure of a page of 1280 px
    (Look(language="zh", slide=True), 1184),
    (Look(language="zh"), 480),  # one of two in a row
    (Look(), 340),  # a phone
)
"""Looks with the width of the column that a figure stands in, in px."""


@pytest.fixture(scope="session")
def paper(chromium):
    with vega(chromium) as drawing:
        yield drawing


def wrong(paper, figure, width: int) -> list[str]:
    """What is wrong with the words of a figure; without the unseen cells to click on, which take most of the time."""
    return paper.measured(still(figure.to_dict(), "container"), width, MEASURE)


def test_the_check_sees_words_on_words_lines_through_words_and_words_beyond_the_picture(paper):
    x, y, look = Axis("Step", 0, 10), Axis("Loss", 0, 10), Look()
    place = {"x": x.along("x"), "y": y.along("y")}

    def said(piece: Piece) -> list[str]:
        return wrong(paper, finish(frame(x, y, look) + piece, look), 500)

    def words(*rows: tuple[float, float, str], **style) -> Piece:
        data = {"_words": [dict(zip(("x", "y", "text"), row, strict=True)) for row in rows]}
        return Piece(tuple(haloed("_words", place, look, **style)), data)

    level = theory([0, 10], [5, 5], x, y, look, None)
    assert said(words((1, 5, "one"), (5, 5, "other"))) == []
    assert said(words((5, 5, "one"), (5, 5.2, "other"))) == ["on each other: one | other"]
    assert said(words((5, 5, "under a line"), baseline="middle") + level) == ["struck through: under a line"]
    assert said(level + words((5, 5, "on a line"), baseline="middle")) == ["crossed: on a line"]
    assert said(level + words((5, 5, "above a line"), baseline="bottom", dy=-3)) == []
    long = finish(frame(x, y, look), look, title=footnote("", look) | {"text": ["far too far " * 20]})
    assert any(what.startswith("beyond the picture: far too far") for what in wrong(paper, long, 500))
    bare = mark("text", "_bare", {**place, "text": word("text")}, baseline="middle", tooltip=None)
    assert said(level + Piece((bare,), {"_bare": [{"x": 5, "y": 5, "text": "bare"}]})) == ["struck through: bare"]


def test_names_at_one_place_are_moved_apart_whatever_the_height(paper):
    x, y = Axis("Step", 0, 10), Axis("Loss", 0, 10)
    for look, width in SIZES:
        for up in (0.0, 5.0, 10.0):
            drawn = [Line(name, [0, 10], [5, up], diverged=3 if i % 2 else -1)
                     for i, name in enumerate(("GD", "Momentum", "Adam", "RMSprop"))]  # fmt: skip
            for height in (240, 420):
                figure = finish(frame(x, y, look) + measured(drawn, x, y, look, height=420), look, height=height)
                assert wrong(paper, figure, width) == [], (look, up, height)


@pytest.mark.parametrize("stem", list(catalog.concepts()))
def test_no_words_are_on_each_other_struck_through_or_cut(paper, stem):
    concept, found, seen = catalog.concepts()[stem], [], set()
    for number, preset in enumerate(concept.experiment.PRESETS):
        result = run(stem, preset.settings)
        for place, name in enumerate(concept.figures.shown(preset.settings)):
            for turn, (look, width) in enumerate(SIZES):
                # A slide of each, and screens in turn.
                if turn and (number + place) % (len(SIZES) - 1) != turn - 1:
                    continue
                figure = concept.figures.FIGURES[name].draw([Run(result)], look)
                key = (repr(figure.to_dict()), width)
                if key not in seen:
                    seen.add(key)
                    found += [f"{preset.name}, {name}, {look.language} {width} px: {what}"
                              for what in wrong(paper, figure, width)]  # fmt: skip
    assert found == []
