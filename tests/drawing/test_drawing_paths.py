"""Paths and curves: true to the run, marked where they leave, and obedient to the slider."""

from __future__ import annotations

import itertools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import PLANE, RUNS, compiled, descent, hero, texts

from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import drawable, thinned
from dlviz.drawing.grammar import interaction, palette
from dlviz.drawing.grammar.axes import Axis, frame
from dlviz.drawing.grammar.clipping import clip
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.theme import Look, plot_height
from dlviz.drawing.surfaces import paths

# ---- paths


coordinate = st.floats(allow_nan=True, allow_infinity=True)


@given(*[coordinate] * 4)
def test_clipped_segments_lie_within_the_frame(ax, ay, bx, by):
    cut = clip(np.array([[ax, ay]]), np.array([[bx, by]]), PLANE, room=1.0)
    if cut.seen[0]:
        assert (np.abs(np.stack([cut.start[0], cut.stop[0]])) <= 18 + 1e-4).all()
    elif np.isfinite([ax, ay, bx, by]).all():
        assert not (PLANE.inside(np.array([ax, ay])) or PLANE.inside(np.array([bx, by])))


def test_a_clipped_segment_stays_on_its_line():
    cut = clip(np.array([[0.0, 0.0]]), np.array([[60.0, 30.0]]), PLANE)
    np.testing.assert_allclose(cut.stop[0], [6.0, 3.0])
    assert cut.left[0] and not cut.entered[0]
    beside = clip(np.array([[-60.0, 7.0]]), np.array([[60.0, 7.0]]), PLANE)
    assert not beside.seen[0]


def test_at_every_step_each_path_has_one_place():
    table = paths.paths([descent()], PLANE, Look()).data["paths"]
    for step in range(41):
        assert sum(row["step"] <= step < row["until"] for row in table) == 1


def test_places_are_those_of_the_run():
    run = descent()
    table = paths.paths([run], PLANE, Look()).data["paths"]
    np.testing.assert_array_equal([[row["x"], row["y"]] for row in table], run.w)
    np.testing.assert_array_equal([row["loss"] for row in table], run.loss)


def test_a_diverged_run_ends_in_a_mark_on_the_frame():
    run = descent("Momentum", 0.04)
    assert run.diverged > 0
    piece = paths.paths([run], PLANE, Look())
    (mark_row,) = piece.data["_exits"]
    assert max(abs(mark_row["x"]), abs(mark_row["y"])) == pytest.approx(6)
    assert mark_row["text"] == f"diverged at step {run.diverged}" and mark_row["step"] == run.diverged
    assert all(row["x"] is None or abs(row["x"]) <= 18 + 1e-9 for row in piece.data["paths"])
    for row in piece.data["paths"]:
        if "_aid" not in row and row["x"] is not None:
            np.testing.assert_array_equal([row["x"], row["y"]], run.w[int(row["step"])])


def test_many_divergence_texts_keep_apart():
    runs = [descent(name, 0.04) for name in palette.OPTIMIZERS]
    look = Look()
    table = paths.paths(runs, PLANE, look).data["_exits"]
    spots = [(row["dx"], row["dy"], row["align"], row["baseline"]) for row in table]
    assert len({(row["x"], row["y"]) for row in table}) == 1
    assert len(set(spots)) == len(spots) == len(runs)


@pytest.mark.parametrize("end", [np.nan, np.inf, 1e300])
def test_paths_that_start_badly_say_so_or_are_marked(end):
    w = np.full((5, 2), end)
    spec = finish(frame(PLANE.x, PLANE.y, Look()) + paths.paths([paths.Path("GD", w)], PLANE, Look()), Look()).to_dict()
    assert "no path to draw" in texts(spec)
    w[0] = 0
    run = paths.Path("GD", w, diverged=1)
    assert paths.paths([run], PLANE, Look()).data["_exits"]


def test_long_runs_are_thinned_without_moving():
    w = np.cumsum(np.full((20_000, 2), 1e-5), axis=0)
    table = paths.paths([paths.Path("GD", w)], PLANE, Look()).data["paths"]
    assert 5 < len(table) < 2_000
    for row in table:
        np.testing.assert_array_equal([row["x"], row["y"]], w[row["step"]])
    assert table[-1]["until"] == interaction.END and table[0]["until"] == table[1]["step"]


def test_a_ghost_is_fainter_and_dashed():
    look = Look()
    ghost, full = paths.ghosts(RUNS, PLANE, look), paths.paths(RUNS, PLANE, look)
    assert ghost.layers[-1]["mark"]["strokeWidth"] < full.layers[1]["mark"]["strokeWidth"]
    assert ghost.layers[-1]["mark"]["strokeDash"]
    colours = {row["_colour"] for row in ghost.data["pinned paths"]}
    assert len(colours) == 2 and palette.colour("GD", look) not in colours


# ---- lines


def test_a_thinned_line_keeps_every_extreme():
    values = np.random.default_rng(0).normal(size=40_000)
    kept = thinned(values)
    assert len(kept) <= 1_500
    assert values[kept].max() == values.max() and values[kept].min() == values.min()
    np.testing.assert_array_equal(thinned(values[:100]), np.arange(100))


def test_what_lies_far_beyond_the_axis_is_cut():
    y = Axis("loss", 1e-3, 1e3, log=True)
    kept = drawable(np.array([1.0, 1e300, 0.0, -1.0, np.nan]), y)
    assert kept[0] == 1.0
    assert 1e3 < kept[1] < 1e30 and 1e-30 < kept[2] < 1e-3
    assert np.isnan(kept[3:]).all()


def test_end_labels_do_not_collide_and_say_divergence():
    look = Look()
    x, y = Axis("step", 0, 40), Axis("loss", 1e-3, 1e3, log=True)
    drawn = [lines.Line(name, np.arange(41), np.full(41, 1.0)) for name in list(palette.OPTIMIZERS)[:8]]
    drawn.append(lines.Line("Lion", np.arange(41), np.full(41, 1.0), diverged=7))
    table = lines.measured(drawn, x, y, look, height=360).data["_lines labels"]
    plot = plot_height(look, 360)
    single = sorted(float(y.share(row["y"])) * plot - row["down"] for row in table if "\n" not in row["text"])
    assert all(b - a >= 1.2 * look.label for a, b in itertools.pairwise(single))
    assert [row["text"] for row in table if "Lion" in row["text"]] == ["Lion\ndiverged at step 7"]
    assert all(row["led"] == ("\n" not in row["text"]) and row["far"] for row in table), "those in a column are alike"


def test_a_curve_that_ends_early_has_its_name_there():
    x, y = Axis("rate", 1e-3, 1.0, log=True), Axis("loss", 0.1, 10, log=True)
    rates = np.logspace(-3, 0, 50)
    line = lines.Line("GD", rates, np.where(rates < 0.05, 1.0, np.nan))
    (row,) = lines.measured([line], x, y, Look()).data["_lines labels"]
    assert row["x"] == pytest.approx(rates[rates < 0.05][-1])


def test_marks_outside_the_axis_are_left_out():
    x = Axis("rate", 1e-3, 1.0, log=True)
    assert lines.vertical(5.0, x, Look(), "far").data["mark"] == []
    assert lines.vertical(np.nan, x, Look(), "none").data["mark"] == []
    (row,) = lines.shade(0.5, 9.0, x, Look(), "diverges").data["shaded"]
    assert row["x2"] == 1.0


# ---- looking and clicking in the browser


def test_the_slider_bounds_stand_in_the_spec():
    (param,) = interaction.step_slider(73, Look()).params
    assert param["name"] == "step" and param["value"] == 73
    assert param["bind"]["max"] == 73 and param["bind"]["input"] == "range"


def test_paths_obey_the_slider_only_if_asked():
    filters = json.dumps(paths.paths(RUNS, PLANE, Look(), scrub=True).layers)
    assert "datum.step <= step" in filters
    assert "<= step" not in json.dumps(paths.paths(RUNS, PLANE, Look(), scrub=False).layers)


def test_scrubbing_hides_later_steps():
    figure = hero(Look(), RUNS).to_dict()
    early = {**figure, "params": [{**p, "value": 1} if p["name"] == "step" else p for p in figure["params"]]}
    assert "diverged at step" in compiled(figure)
    assert "diverged at step" not in compiled(early)


def test_a_click_gives_the_middle_of_its_cell():
    (layer,) = interaction.click_grid(PLANE, columns=3, rows=2).layers
    assert layer["params"][0]["name"] == "start" and layer["params"][0]["select"]["fields"] == ["x", "y"]
    assert layer["data"]["sequence"]["stop"] == 6
    middles = []
    for cell in range(6):
        datum = {"cell": cell}
        for step in layer["transform"]:
            formula = re.sub(r"datum\.(\w+)", r"datum['\1']", step["calculate"])
            datum[step["as"]] = eval(formula, {"__builtins__": {}}, {"datum": datum, "floor": math.floor})
        assert datum["left"] < datum["x"] < datum["right"] and datum["bottom"] < datum["y"] < datum["top"]
        middles.append((round(datum["x"], 9), round(datum["y"], 9)))
    assert middles == [(x, y) for y in (-3, 3) for x in (-4, 0, 4)]
