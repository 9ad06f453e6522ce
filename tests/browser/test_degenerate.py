"""Figures with the numbers of a run that went wrong, in Streamlit's own Vega: never blank, nothing in the console."""

from __future__ import annotations

import pytest
from degenerate import KINDS, MISSHAPEN, bare, cases, results

from dlviz import catalog
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.piece import says
from dlviz.drawing.grammar.theme import Look

from .vega import vega

STEMS = list(catalog.concepts())
SOUND = [kind for kind in KINDS if kind not in MISSHAPEN]
LEAST = 40
"""Pixels that a picture has to have besides its axes: a small mark has a hundred."""


@pytest.fixture(scope="session")
def canvas(chromium):
    with vega(chromium) as drawing:
        yield drawing


def check(canvas, case, look) -> None:
    chart = case.chart(look)
    if chart is None:
        return  # the page says so in its place (tests/ui/test_faults.py)
    empty = bare(chart)
    if not empty.layer:
        empty = message("", look, height=chart.height)  # the figure is a sentence
    canvas.heard.clear()
    different = canvas.different(chart, empty)
    assert different >= LEAST, (case, different)
    assert not canvas.heard, (case, canvas.heard)


def test_the_check_sees_a_blank_picture(canvas):
    sentence = message("Nothing.", Look())
    assert says(type("P", (), {"layers": sentence.layer})())
    assert canvas.different(sentence, sentence) == 0
    assert canvas.different(sentence, message("Something else.", Look())) > LEAST


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_is_seen_with_one_kind_of_wrong_numbers(canvas, stem):
    """In turn, so that every kind is drawn for some figures of each concept."""
    names = list(catalog.concepts()[stem].figures.FIGURES)
    for case in cases(stem):
        turn = names.index(case.figure) + STEMS.index(stem)
        if case.number == len(results(stem)) - 1 and case.kind == SOUND[turn % len(SOUND)]:
            check(canvas, case, Look(theme=["light", "dark"][turn % 2]))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_is_seen_with_every_kind_of_wrong_numbers(canvas, stem, theme):
    for case in cases(stem):
        check(canvas, case, Look(theme=theme))
