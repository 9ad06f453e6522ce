"""Axes that can always be drawn, and texts that keep out of each other's way."""

from __future__ import annotations

import itertools
import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import compiled

from dlviz.drawing.curves.curve import drawable
from dlviz.drawing.grammar.axes import Axis, frame, span, ticks
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.labels import columns, dodge, wrap
from dlviz.drawing.grammar.legends import legend_columns
from dlviz.drawing.grammar.theme import Look

# ---- axes


numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), max_size=12)


@given(numbers, st.booleans())
def test_a_span_can_always_be_drawn(values, log):
    low, high = span(values, log=log)
    axis = Axis("any", low, high, log=log)
    marks = ticks(axis, 5)
    slack = 1e-9 * (high - low)
    assert all(low - slack <= mark <= high + slack for mark in marks)
    assert len(marks) <= 12
    assert np.isfinite(axis.share(np.array([low, high]))).all()


@given(numbers)
def test_a_span_holds_all_finite_values(values):
    finite = [v for v in values if math.isfinite(v) and abs(v) < 1e300]
    low, high = span(values)
    assert all(low <= v <= high for v in finite)


def test_a_logarithmic_span_ignores_what_is_not_positive():
    low, high = span([0.0, -3.0, np.nan, 1e-2, 1e3], log=True)
    assert 1e-4 < low < 1e-2 and 1e3 < high < 1e5
    low, high = span([1e-200, 1.0], log=True)
    assert low == pytest.approx(10**-16.8, rel=0.5), "float64 has no digits below"


def test_axis_mends_what_cannot_be_drawn():
    for low, high, log in ((1, 1, False), (np.nan, 1, False), (0, 1, True), (0, np.inf, False)):
        axis = Axis("bad", low, high, log=log)
        assert (axis.low, axis.high) == span(low, high, log=log)


def test_ticks_are_few_and_round():
    assert ticks(Axis("x", -6, 6), 6) == [-6, -4, -2, 0, 2, 4, 6]
    assert ticks(Axis("x", 0, 90), 4) == [0, 20, 40, 60, 80]
    assert ticks(Axis("y", 1e-6, 1e3, log=True), 5) == pytest.approx([1e-6, 1e-4, 1e-2, 1, 100])
    assert ticks(Axis("y", 0.05, 0.9, log=True), 5) == [0.05, 0.1, 0.2, 0.5]


def test_powers_of_ten_are_written_as_such():
    y = Axis("loss", 1e-5, 1e3, log=True)
    svg = compiled(finish(frame(Axis("step", 1e-3, 10, log=True), y, Look()), Look()).to_dict())
    said = re.findall(r">([^<]+)</text>", svg)
    assert {"10", "−4", "−2", "0", "2"} <= set(said), said
    assert not any("e" in text for text in said if text not in ("loss", "step"))


@given(st.floats(-1e6, 1e6), st.floats(0, 1))
def test_share_and_at_are_inverse(low, share):
    axis = Axis("x", low, low + 7)
    assert float(axis.share(axis.at(share))) == pytest.approx(share, abs=1e-6)
    axis = Axis("x", 1e-3, 1e4, log=True)
    assert float(axis.share(axis.at(share))) == pytest.approx(share, abs=1e-9)


def test_an_axis_of_nearly_all_powers_of_ten_is_drawn_without_a_warning():
    axis = Axis("x", 1e-299, 1e300, log=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert axis.at(3.0) == math.inf and axis.at(-2.0) == 0
        kept = drawable(np.array([0.0, 5e-324, 1e-299, 1.0, 1e300]), axis)
    assert kept.tolist() == pytest.approx([1e-300, 5e-324, 1e-299, 1.0, 1e300], rel=1e-12, abs=0)


# ---- labels


@given(st.lists(st.tuples(st.floats(-50, 450), st.floats(5, 40)), max_size=12))
def test_labels_never_overlap(items):
    wanted, heights = [w for w, _ in items], [h for _, h in items]
    spots = dodge(wanted, heights, 0, 400)
    order = np.argsort(wanted, kind="stable")
    for a, b in itertools.pairwise(order):
        assert spots[b] - spots[a] >= (heights[a] + heights[b]) / 2 - 1e-6
    if sum(heights) <= 400:
        for spot, height in zip(spots, heights, strict=True):
            assert spot - height / 2 >= -1e-6 and spot + height / 2 <= 400 + 1e-6


def test_labels_that_have_room_stay():
    np.testing.assert_allclose(dodge([30, 200, 100], [10, 10, 10], 0, 400), [30, 200, 100])
    # Two that meet share the move.
    np.testing.assert_allclose(dodge([100, 100], [10, 10], 0, 400), [95, 105])


@given(st.text(alphabet="ab 损失，。学习率", max_size=60), st.integers(4, 20))
def test_wrapped_lines_keep_every_character(text, width):
    assert "".join(wrap(text, width)).replace(" ", "") == text.replace(" ", "")


def test_lines_are_wrapped_where_one_may_break():
    assert wrap("seed 0, torch", 8) == ["seed 0,", "torch"]
    assert wrap("学习率，损失曲面", 8) == ["学习率，", "损失曲面"]
    assert wrap("梯度裁剪，动量", 8) == ["梯度裁", "剪，动量"], "a closing mark never begins a line"
    assert wrap("γ = 1, β = 0", 8) == ["γ = 1,", "β = 0"], "nothing is broken at an equals sign"
    assert wrap("各种子（8 个）", 8) == ["各种子", "（8 个）"], "an opening one never ends one"
    assert columns("损失 f") == 6


def test_no_word_is_left_alone_on_the_last_line():
    assert wrap("Point at a cell to light those that share its μ and σ; click to choose it.", 64) == [
        "Point at a cell to light those that share its μ and σ;",
        "click to choose it.",
    ]
    assert wrap("aaaa bbbb cccc d", 15) == ["aaaa bbbb", "cccc d"]
    assert wrap("aaaa bbbbbbbbbbbb c", 12) == ["aaaa", "bbbbbbbbbbbb", "c"], "not where it takes another line"


def test_legend_columns_depend_on_the_width():
    expression = legend_columns([100, 100, 100, 100], Look())["expr"]
    assert eval_ternary(expression, 450) == 4
    assert eval_ternary(expression, 250) == 2
    assert eval_ternary(expression, 50) == 1
    assert [legend_columns([100] * 4, Look(slide=True, area=(wide, 500))) for wide in (600, 400, 100)] == [4, 2, 1]


def eval_ternary(expression, width):
    """The value of a nested ``room >= n ? a : (b)`` of Vega's expression language, the room being ``width``."""
    room = expression[: expression.index(" >=")]
    expression = expression.replace(room, "width")
    while "?" in expression:
        test, _, rest = expression.partition("?")
        yes, _, no = rest.partition(":")
        if width >= float(test.split(">=")[1]):
            return int(yes)
        expression = no.strip()[1:-1]
    return int(expression)


def test_a_link_longer_than_a_line_is_broken_and_nothing_of_it_is_lost():
    link = "http://127.0.0.1:8501/bptt?cells=" + "&cells=".join(f"cell{i}" for i in range(30))
    lines = wrap(f"link {link}", 40)
    assert max(map(columns, lines)) <= 40
    assert "".join(lines[1:]) == link
