"""Words beside a curve keep off all curves and off each other."""

from __future__ import annotations

import numpy as np
import pytest

from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.theme import Look

X, Y = Axis("x", 0, 10), Axis("y", 0, 1)
XS = np.linspace(0, 10, 50)
RISING, FALLING, FLAT = XS / 10, 1 - XS / 10, np.full(50, 0.5)


def _row(piece):
    (rows,) = piece.data.values()
    return rows[0]


@pytest.mark.parametrize("slide", [False, True])
def test_words_lie_on_no_curve_and_on_no_other_words(slide):
    beside = Beside([(XS, RISING), (XS, FALLING), (XS, FLAT)], X, Y, Look(slide=slide), height=400)
    for values, at in ((RISING, 0.5), (FALLING, 0.5), (FLAT, 0.5)):
        beside.words(XS, values, "a formula", name="theory", at=at)
    for size, boxes in enumerate([*beside.taken][: None if slide else 1]):
        for i, box in enumerate(boxes):
            beside.taken[size] = [other for other in boxes if other is not box]
            assert beside._rooms(size, box[:, None])[0] > 0, (size, i)


def test_words_that_have_no_room_in_a_narrow_plot_are_not_there():
    short, long = (_row(Beside([(XS, FLAT)], X, Y, Look(), height=400).words(XS, FLAT, text, name="theory"))
                   for text in ("y = ½", "a formula of thirty-five letters ...."))  # fmt: skip
    assert short["least"] == 0
    assert 200 < long["least"] < 320


def test_callouts_at_one_point_keep_off_each_other():
    beside = Beside([], X, Y, Look(), height=400)
    for _ in range(12):
        beside.callout(5.0, 0.5, "diverged at step 9", "#000000", 10)
    boxes = beside.taken[0]
    for i, box in enumerate(boxes):
        beside.taken[0] = [other for other in boxes if other is not box]
        assert beside._rooms(0, box[:, None])[0] > 0, i


def test_words_stand_where_they_are_wanted_when_there_is_room():
    beside = Beside([(XS, FLAT)], X, Y, Look(), height=400)
    row = _row(beside.words(XS, FLAT, "y = ½", name="theory", at=0.5))
    assert row["x"] == pytest.approx(5, abs=0.6)
    assert (row["y"], row["baseline"]) == (0.5, "bottom")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, -1e300])
def test_curves_without_a_finite_value_leave_the_words_of_others(bad):
    lost = np.full(50, bad)
    beside = Beside([(XS, lost), (XS, FLAT)], X, Y, Look(), height=400)
    assert beside.words(XS, lost, "gone", name="lost").data == {}
    assert _row(beside.words(XS, FLAT, "y = ½", name="theory"))["text"] == "y = ½"
    assert _row(beside.words(XS, FLAT, "a text that is far too long for the plot " * 3, name="long"))["text"]
