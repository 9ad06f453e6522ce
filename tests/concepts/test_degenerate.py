"""Every figure of every concept with numbers of a run that went wrong: marks or a sentence, never a blank picture."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from degenerate import KINDS, MISSHAPEN, bare, cases, results
from pictures import check_schema, compiled

from dlviz import catalog
from dlviz.drawing.curves import lines
from dlviz.drawing.grammar.axes import LARGEST, SMALLEST, Axis, Plane, frame
from dlviz.drawing.grammar.blank import blank
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.piece import Piece, mark, number, says
from dlviz.drawing.grammar.runs import with_pinned
from dlviz.drawing.grammar.theme import Look

STEMS = list(catalog.concepts())
ENDS = [0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 1e-310, 1e300, -1e300, 1.7e308, math.inf, -math.inf, math.nan]


def shows(spec) -> bool:
    """Whether a finished picture has a row with a finite number or a name to draw, or a sentence."""
    if says(Piece(tuple(spec["layer"]))):
        return True
    drawn = {layer.get("data", {}).get("name") for layer in spec["layer"] if layer["mark"].get("opacity") != 0}
    return any(value is not None for name in drawn & spec["datasets"].keys() for row in spec["datasets"][name]
               for key, value in row.items() if not key.startswith("_"))  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("stem", STEMS)
def test_every_figure_shows_something_whatever_the_numbers(stem):
    """In both themes by turns: all in both are drawn by the long run of tests/browser/test_degenerate.py."""
    for turn, case in enumerate(cases(stem)):
        chart = case.chart(Look(theme=["light", "dark"][turn % 2]))
        if chart is not None:
            spec = chart.to_dict()
            json.dumps(spec, allow_nan=False)
            assert shows(spec), case


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("stem", STEMS)
def test_a_pinned_run_that_went_wrong_is_no_harm_and_neither_is_a_sound_one(stem):
    sound = [result for result, _names in results(stem)]
    for case in cases(stem):
        if case.kind in ("all NaN", "some inf", "huge"):
            case.chart(Look(), ghost=sound[case.number])
            figure = catalog.concepts()[stem].figures.FIGURES[case.figure]
            spec = figure.draw(with_pinned(sound[case.number], case.result, Look()), Look()).to_dict()
            json.dumps(spec, allow_nan=False)
            assert shows(spec), case


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("stem", STEMS)
def test_a_file_shows_more_than_axes(stem):
    """Drawn to SVG, one kind for each figure in turn, beside the same picture without its rows."""
    kinds = [kind for kind in KINDS if kind not in MISSHAPEN]
    names = list(catalog.concepts()[stem].figures.FIGURES)
    for case in cases(stem):
        if case.number == len(results(stem)) - 1 and case.kind == kinds[names.index(case.figure) % len(kinds)]:
            chart = case.chart(Look())
            check_schema(chart.to_dict())
            drawn = compiled(chart.to_dict())
            assert "NaN" not in drawn, case
            assert drawn != compiled(bare(chart).to_dict()), case


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_can_be_drawn_whatever_its_ends(log):
    for low in ENDS:
        for high in ENDS:
            axis = Axis("x", low, high, log=log, ticks_from=low, ticks_to=high)
            assert axis.low < axis.high
            assert max(abs(axis.low), abs(axis.high)) <= LARGEST
            assert axis.high - axis.low > SMALLEST
            assert axis.low > 0 or not log
            assert np.isfinite(axis.share([axis.low, axis.high])).all()
            assert compiled_ticks(axis)


def compiled_ticks(axis) -> bool:
    """The frame of an axis has ticks within it, all numbers."""
    spec = frame(axis, axis, Look()).layers[0]["encoding"]["x"]["axis"]["values"]
    return all(math.isfinite(value) for value in spec)


def test_a_plane_s_corners_are_those_of_its_axes():
    plane = Plane((math.nan, 1.0, 3.0, 3.0))
    assert plane.domain == (plane.x.low, plane.x.high, plane.y.low, plane.y.high)


PLACE = {"x": number("x", scale={"domain": [0, 1]}), "y": number("y", scale={"domain": [0, 1]})}


@pytest.mark.parametrize(
    ("rows", "is_blank"),
    [
        ([], True), ([{"x": 0.5, "y": 0.5}], False), ([{"x": None, "y": 0.5}], True), ([{"x": 0.5, "y": 2.0}], True),
        ([{"x": None, "y": 0.5}, {"x": 1.0, "y": 0.0}], False), ([{"x": math.inf, "y": 0.5}], True),
    ],
)  # fmt: skip
def test_what_lies_beyond_the_axes_is_not_seen(rows, is_blank):
    piece = Piece((mark("point", "own", PLACE),), {"own": rows})
    assert blank(piece) == is_blank
    assert says(Piece(tuple(finish(piece, Look()).to_dict()["layer"]))) == is_blank


def test_a_bar_across_the_axes_is_seen_and_an_unseen_mark_is_not():
    place = {**PLACE, "y2": {"field": "y2"}}
    bar = Piece((mark("rule", "own", place),), {"own": [{"x": 0.5, "y": -1.0, "y2": 2.0}]})
    assert not blank(bar)
    assert blank(Piece((mark("rule", "own", place, opacity=0),), bar.data))


def test_the_sentence_comes_in_the_language_and_stands_once():
    piece = frame(Axis("x", 0, 1), Axis("y", 0, 1), Look(language="zh"))
    piece += lines.measured([lines.Line("GD", np.arange(3.0), np.full(3, np.nan))], Axis("x", 0, 1), Axis("y", 0, 1),
                            Look(language="zh"))  # fmt: skip
    spec = finish(piece, Look(language="zh")).to_dict()
    sentences = {json.dumps(layer["mark"]["text"], ensure_ascii=False)
                 for layer in spec["layer"] if says(Piece((layer,)))}  # fmt: skip
    assert len(sentences) == 1
    assert "没有" in sentences.pop()
