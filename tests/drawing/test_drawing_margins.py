"""A curve with densities in its margins, and ranges by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import compiled

from dlviz.drawing.curves import margins
from dlviz.drawing.curves.margins import Margins
from dlviz.drawing.curves.ranges import ranges
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.theme import Look

MARGINS = Margins((-6.0, 6.0), (-0.1, 1.1), ("z", "f(z)"))


def test_strips_lie_beyond_the_main_part_and_ticks_do_not():
    x, y = MARGINS.x, MARGINS.y
    assert x.low == -6 and x.ticks_to == 6 and x.share(6.0) == pytest.approx(1 - margins.RIGHT)
    assert y.share(1.1) == pytest.approx(1 - margins.TOP)
    assert MARGINS.into_right(0.0) > 6 and MARGINS.into_right(1.0) == pytest.approx(x.high)
    assert MARGINS.into_top(0.0) > 1.1 and MARGINS.into_top(1.0) == pytest.approx(y.high)
    spec = json.dumps(finish(frame(x, y, Look()), Look()).to_dict()["layer"])
    assert json.loads(spec)[0]["encoding"]["x"]["axis"]["values"] == [-6, -4, -2, 0, 2, 4, 6]


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=30))
def test_a_curve_cut_to_the_main_part_stays_in_it_and_on_itself(heights):
    xs, ys = np.arange(len(heights), dtype=float), np.array(heights)
    cut_x, cut_y = margins.inside(xs, ys, (-1.0, 1.0))
    kept = np.isfinite(cut_x)
    assert np.array_equal(kept, np.isfinite(cut_y))
    assert (np.abs(cut_y[kept]) <= 1).all()
    assert np.interp(cut_x[kept], xs, ys) == pytest.approx(cut_y[kept], abs=1e-6)
    assert set(xs[np.abs(ys) <= 1]) <= set(cut_x[kept])


def test_a_curve_that_leaves_ends_at_the_edge():
    x, y = margins.inside(np.array([0.0, 1.0]), np.array([0.0, 4.0]), (-1.0, 1.0))
    assert (x[0], y[0]) == (0, 0) and (x[1], y[1]) == (0.25, 1)
    x, y = margins.inside(np.array([0.0, 1.0]), np.array([-4.0, 4.0]), (-1.0, 1.0))
    assert y[np.isfinite(y)].tolist() == [-1, 1]


def test_densities_are_true_to_each_other_in_their_strip():
    edges = np.linspace(-6, 6, 4)
    piece = margins.above(edges, np.array([0.1, 0.4, 0.2]), 0.4, MARGINS, "#000000")
    heights = np.array([row["y"] - row["base"] for row in piece.data["pre-activations"]])
    assert heights / heights[1] == pytest.approx([0.25, 1, 0.5])


@pytest.mark.parametrize("look", [Look(), Look(theme="dark", slide=True)])
def test_ranges_show_every_name_with_its_text(look):
    x = Axis("time", 0.5, 50.0, log=True)
    low, middle, high = np.array([[1, 2.5], [1, 3], [1, 4]])
    piece = ranges(["ReLU", "Tanh"], middle, low, high, x, look, texts=["1×", "3×"])
    drawn = compiled(finish(piece, look).to_dict())
    assert all(f">{text}<" in drawn for text in ("ReLU", "Tanh", "1×", "3×", "time"))
