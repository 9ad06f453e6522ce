"""The picture grammar: its numbers, its promises about colour and room, and that every figure is valid and drawn."""

from __future__ import annotations

import base64
import io
import itertools
import json
import math
import re

import altair as alt
import jsonschema
import numpy as np
import pytest
import vl_convert
from altair.vegalite.schema import core
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dlviz.drawing import block, cube, heat, isolines, lines, palette, paths, relief, scrubber, surface
from dlviz.drawing.axes import Axis, Plane, frame, span, ticks
from dlviz.drawing.clipping import clip
from dlviz.drawing.curve import drawable, thinned
from dlviz.drawing.endlabels import plot_height
from dlviz.drawing.labels import columns, dodge, wrap
from dlviz.drawing.legend import legend_columns
from dlviz.drawing.message import message
from dlviz.drawing.piece import Figure, Piece, beside, finish, mark, number, rows
from dlviz.drawing.theme import INKS, Look

PLANE = Plane((-6.0, 6.0, -6.0, 6.0))
MINIMA = np.array([[3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]])
LOOKS = {
    "light": Look(),
    "dark": Look(theme="dark", transparent=True),
    "slide": Look(slide=True),
    "zh": Look(language="zh", theme="dark", slide=True),
}


def himmelblau(x, y):
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def grid(function, plane=PLANE, count=60):
    x = np.linspace(plane.x.low, plane.x.high, count)
    y = np.linspace(plane.y.low, plane.y.high, count)
    return function(*np.meshgrid(x, y))


def descent(name="GD", rate=0.01, steps=40, start=(0.3, -1.3)):
    """Gradient descent on Himmelblau's function; it diverges for a large rate."""
    w = np.full((steps + 1, 2), np.nan)
    w[0] = start
    left = -1
    for step in range(1, steps + 1):
        x, y = w[step - 1]
        inner, outer = x**2 + y - 11, x + y**2 - 7
        w[step] = w[step - 1] - rate * np.array([4 * x * inner + 2 * outer, 2 * inner + 4 * y * outer])
        if np.abs(w[step]).max() > 600:
            left = step
            break
    return paths.Path(name, w, himmelblau(*w.T), left)


def hero(look, runs, z=None):
    z = grid(himmelblau) if z is None else z
    piece = frame(PLANE.x, PLANE.y, look) + surface.background(z, PLANE, look, minima=MINIMA, floor=0.0)
    piece += scrubber.click_grid(PLANE) + paths.ghosts(runs[:1], PLANE, look) + paths.paths(runs, PLANE, look)
    return finish(piece + scrubber.slider(40, look), look, alt_text="Paths")


def curves(look, runs):
    x, y = Axis("step", 0, 40), Axis("loss", *span(*(run.loss for run in runs), log=True), log=True)
    drawn = [lines.Line(run.name, np.arange(41), run.loss, diverged=run.diverged) for run in runs]
    drawn.append(lines.Line("Adam", np.arange(41), np.full(41, 3.0), low=np.full(41, 2.0), high=np.full(41, 4.0)))
    piece = frame(x, y, look) + lines.shade(30, 50, x, look, "diverges") + lines.ghost_lines(drawn[:1], x, y, look)
    piece += lines.measured(drawn, x, y, look) + lines.vertical(20, x, look, "2/λ") + scrubber.cursor(x, look)
    piece += lines.theory(np.arange(41.0), 100 * 0.9 ** np.arange(41), x, y, look, "0.9ᵗ")
    return finish(piece + scrubber.slider(40, look), look)


def block_figure(look, runs, azimuth=35, elevation=38):
    piece = cube.cube(
        grid(himmelblau), PLANE, look, runs=runs, minima=MINIMA, scrub=True, azimuth=azimuth, elevation=elevation
    )
    return finish(piece + scrubber.slider(40, look), look)


def basin_figure(look, _runs):
    minimum = np.array([[0, 1], [-1, -1]])
    diverged = np.array([[-1, -1], [-1, 7]])
    piece = heat.basins(minimum, np.array([[3, 90], [0, 0]]), diverged, PLANE, look, MINIMA)
    return finish(frame(PLANE.x, PLANE.y, look) + piece, look)


FIGURES = {"hero": hero, "curves": curves, "cube": block_figure, "basins": basin_figure}
RUNS = [descent(), descent("Momentum", 0.04)]


SCHEMA = core.load_schema()


def compiled(spec, width=800):
    spec = {**spec, "width": width} if spec.get("width") == "container" else spec
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version="6.4")
    return re.sub(r'"data:image[^"]*"', '""', svg)


def texts(spec):
    """Every text that a figure can show."""
    return json.dumps({name: part for name, part in spec.items() if name != "config"}, ensure_ascii=False)


# ---- figures as a whole


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_every_figure_is_valid_and_drawn(figure, look):
    spec = figure(look, RUNS).to_dict()
    for part, kind in [*((layer, "UnitSpec") for layer in spec["layer"]), (spec | {"layer": []}, "TopLevelLayerSpec")]:
        rest = {name: value for name, value in part.items() if name != "datasets"}
        jsonschema.Draft7Validator({**SCHEMA, "$ref": f"#/definitions/{kind}"}).validate(rest)
    svg = compiled(spec)
    assert "NaN" not in svg
    if look.slide:
        assert 'width="1280"' in svg and 'height="720"' in svg


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_new_rows_leave_the_spec_alone(figure):
    """What the browser keeps its sliders by: another run of the same optimizers differs in its rows only."""
    one, other = (
        figure(Look(), [descent(rate=rate), descent("Momentum", 0.04)]).to_dict() for rate in (0.0100, 0.0101)
    )
    assert one["datasets"] != other["datasets"] or figure is basin_figure
    for spec in (one, other):
        del spec["datasets"]
    assert one == other


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_rows_are_plain_json(figure):
    for table in figure(Look(), RUNS).to_dict()["datasets"].values():
        for row in table:
            assert all(type(value) in (str, int, float, bool, type(None)) for value in row.values()), row
            assert all(math.isfinite(value) for value in row.values() if isinstance(value, float)), row


def test_a_figure_is_an_altair_chart():
    figure = hero(Look(), RUNS)
    assert isinstance(figure, alt.LayerChart)
    assert figure.datasets["paths"] == figure.to_dict()["datasets"]["paths"]
    assert figure.copy().to_dict() == figure.to_dict()
    assert isinstance(figure.properties(width=500), Figure)
    assert figure.properties(width=500).to_dict()["width"] == 500


def test_pieces_refuse_to_mix_up_their_rows():
    first, second = Piece(data={"paths": [{"x": 1}]}), Piece(data={"paths": [{"x": 2}]})
    with pytest.raises(ValueError, match="'paths'"):
        first + second
    assert (first + first).data == first.data


def test_layers_written_in_altair_join_in():
    chart = alt.Chart(alt.NamedData("own")).mark_point().encode(alt.X("x:Q"), alt.Y("y:Q"))
    piece = frame(PLANE.x, PLANE.y, Look()) + Piece.of(chart, {"own": [{"x": 1.0, "y": 2.0}]})
    spec = finish(piece, Look()).to_dict()
    assert spec["layer"][-1]["mark"] == {"type": "point"} and spec["datasets"]["own"]
    assert compiled(spec).count('aria-roledescription="point"') == 1


def test_panels_side_by_side_keep_all_rows():
    look = Look(slide=True)
    panels = beside([hero(look, RUNS), curves(look, RUNS)], look)
    assert {"paths", "lines"} <= set(panels.to_dict()["datasets"])
    assert "NaN" not in compiled(panels.to_dict())


# ---- colours


def cvd(kind):
    """Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB."""
    return {
        "normal": np.eye(3),
        "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.052]],
        "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.96888]],
        "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
    }[kind]  # fmt: skip


def linear(colour):
    values = palette.rgb(colour)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour, kind):
    values = np.clip(np.asarray(cvd(kind)) @ linear(colour), 0, 1)
    return palette.oklab(np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("theme", INKS)
@pytest.mark.parametrize("kind", ["normal", "protanopia", "deuteranopia", "tritanopia"])
def test_optimizers_with_one_dash_differ_in_colour_for_everyone(theme, kind):
    for one, other in itertools.combinations(palette.OPTIMIZERS.values(), 2):
        if one.dash == other.dash:
            apart = np.linalg.norm(seen(getattr(one, theme), kind) - seen(getattr(other, theme), kind))
            assert apart > 0.12, (one.name, other.name, apart)


@pytest.mark.parametrize("theme", INKS)
def test_every_identity_stands_out_from_the_paper(theme):
    def luminance(colour):
        return float(linear(colour) @ [0.2126, 0.7152, 0.0722])

    paper = luminance(INKS[theme].paper)
    inks = [getattr(identity, theme) for identity in palette.IDENTITIES.values()]
    for colour in [*inks, INKS[theme].ink, INKS[theme].muted, INKS[theme].warn]:
        high, low = max(luminance(colour), paper), min(luminance(colour), paper)
        assert (high + 0.05) / (low + 0.05) >= 3, colour


def test_twelve_optimizers_have_an_identity():
    assert len(palette.OPTIMIZERS) == 12
    for theme in INKS:
        assert len({getattr(identity, theme) for identity in palette.OPTIMIZERS.values()}) == 12


def test_oklab_there_and_back():
    values = np.random.default_rng(0).random((50, 3))
    np.testing.assert_allclose(palette.from_oklab(palette.oklab(values)), values, atol=1e-6)
    assert palette.mix("#000000", "#ffffff", 0.0) == "#000000"


def test_neighbouring_minima_differ_in_colour():
    places = np.array([[x, y] for x in range(6) for y in range(6)], dtype=float)
    colours = heat.area_colours(places)
    for i, j in itertools.combinations(range(len(places)), 2):
        if np.hypot(*(places[i] - places[j])) <= 1:
            assert colours[i] != colours[j]


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


def test_axis_refuses_what_cannot_be_drawn():
    for low, high, log in ((1, 1, False), (np.nan, 1, False), (0, 1, True), (0, np.inf, False)):
        with pytest.raises(ValueError, match="axis"):
            Axis("bad", low, high, log=log)


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
    assert columns("损失 f") == 6


def test_legend_columns_depend_on_the_width():
    expression = legend_columns([100, 100, 100, 100])
    assert eval_ternary(expression, 450) == 4
    assert eval_ternary(expression, 250) == 2
    assert eval_ternary(expression, 50) == 1


def eval_ternary(expression, width):
    """The value of a nested ``width >= n ? a : (b)`` of Vega's expression language."""
    while "?" in expression:
        test, _, rest = expression.partition("?")
        yes, _, no = rest.partition(":")
        if width >= float(test.split(">=")[1]):
            return int(yes)
        expression = no.strip()[1:-1]
    return int(expression)


# ---- relief and isolines


def pixels(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"), dtype=int)


@pytest.mark.parametrize("theme", INKS)
def test_low_is_dark_and_row_zero_is_at_the_bottom(theme):
    z = np.add.outer(np.linspace(0, 1, 40), np.zeros(40))  # low at y_min
    image = pixels(relief.relief(z, Look(theme=theme)))
    assert image.shape == (40, 40, 3)
    assert image[-1].sum() < image[20].sum() < image[0].sum()


def test_brightness_rises_with_height_and_shows_the_bottom():
    z = grid(himmelblau)
    t = relief.normalise(z)
    order = np.argsort(z, axis=None)
    assert (np.diff(t.ravel()[order]) >= -1e-12).all()
    assert t.min() == 0 and t.max() == 1
    # The lowest tenth of the area gets more than a tenth of a linear scale's brightness.
    lowest = z <= np.quantile(z, 0.1)
    assert np.ptp(t[lowest]) > 3 * np.ptp(z[lowest]) / np.ptp(z)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=4, max_size=36))
@settings(max_examples=60)
def test_any_heights_make_a_relief(values):
    z = np.resize(np.array(values), (6, 6))
    t = relief.normalise(z)
    assert (np.isnan(t) == ~np.isfinite(z)).all()
    assert np.nanmin(t, initial=0) >= 0 and np.nanmax(t, initial=1) <= 1 + 1e-9
    assert pixels(relief.relief(z, Look())).shape == (6, 6, 3)


def test_isolines_of_a_wide_range_have_equal_ratios():
    chosen = isolines.levels(grid(himmelblau, count=200), floor=0.0)
    assert chosen.kind == "geometric" and chosen.base == 0
    assert 5 <= len(chosen.values) <= 16
    ratios = np.array(chosen.values[1:]) / np.array(chosen.values[:-1])
    assert set(np.round(ratios, 2)) <= {2.0, 2.5, 3.0, 3.33, 10.0}


def test_isolines_of_a_saddle_lie_on_both_sides_of_zero():
    chosen = isolines.levels(grid(lambda x, y: x**3 - 3 * x * y**2))
    assert chosen.kind == "signed" and 0 in chosen.values
    assert sorted(-v for v in chosen.values) == pytest.approx(sorted(chosen.values))


def test_isolines_count_from_the_minimum_where_it_is_not_zero():
    chosen = isolines.levels(grid(himmelblau) - 40.0, floor=-40.0)
    assert chosen.kind == "geometric" and chosen.base == -40.0
    assert chosen.text(chosen.values[0]) == isolines.plain(chosen.values[0] + 40.0)


def test_isolines_of_a_narrow_range_have_equal_steps():
    chosen = isolines.levels(grid(lambda x, y: 10 + np.hypot(x, y)))
    assert chosen.kind == "linear"
    assert np.ptp(np.diff(chosen.values)) < 1e-9


def test_traced_isolines_lie_at_their_level():
    def bowl(x, y):
        return x**2 + y**2

    traced = isolines.trace(grid(bowl, count=300), PLANE, floor=0.0)
    np.testing.assert_allclose(bowl(*traced.points.T), traced.level, rtol=0.02, atol=0.02)
    assert len(traced.points) < 3000


def test_isoline_numbers_keep_apart():
    z = grid(himmelblau, count=150)
    table = surface.background(z, PLANE, Look(), floor=0.0).data["_isoline_labels"]
    assert len(table) >= 3
    places = np.array([[PLANE.x.share(row["x"]), PLANE.y.share(row["y"])] for row in table])
    assert min(np.hypot(*(a - b)) for a, b in itertools.combinations(places, 2)) > 0.12
    assert all(-90 <= row["angle"] <= 90 for row in table)


def test_plain_numbers():
    assert isolines.plain(-0.25) == "−0.25"
    assert isolines.plain(2.5e7) == "2.5×10⁷"
    assert isolines.plain(1e-9) == "10⁻⁹"
    assert isolines.plain(0.0) == "0"


def test_the_note_says_what_isolines_mean():
    look = Look()
    assert "logarithmic" in isolines.note(grid(himmelblau), PLANE, look, floor=0.0)
    assert "steps of" in isolines.note(grid(lambda x, y: 10 + np.hypot(x, y)), PLANE, look)
    assert "±" in isolines.note(grid(lambda x, y: x**3 - 3 * x * y**2), PLANE, look)
    assert "minimum" in isolines.note(grid(himmelblau) - 40, PLANE, look, floor=-40.0)


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
    height = look.height * 1.2
    for side in (False, True):
        spots = sorted(PLANE.y.share(row["text_y"]) * height for row in table if row["right"] == side)
        assert all(b - a >= 1.4 * look.label for a, b in itertools.pairwise(spots))


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
    assert table[-1]["until"] == scrubber.END and table[0]["until"] == table[1]["step"]


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
    single = sorted(float(y.share(row["y"])) * plot for row in table if "\n" not in row["text"])
    assert all(b - a >= 1.2 * look.label for a, b in itertools.pairwise(single))
    assert [row["text"] for row in table if "Lion" in row["text"]] == ["Lion\ndiverged at step 7"]
    assert any(row["moved"] for row in table)


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
    (param,) = scrubber.slider(73, Look()).params
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
    (layer,) = scrubber.click_grid(PLANE, columns=3, rows=2).layers
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


# ---- the block


def test_heights_rise_and_ticks_lie_on_them():
    z = grid(himmelblau)
    for compress in (True, False):
        height = block.Height(z, 0.0, compress)
        up = height(np.sort(z, axis=None))
        assert (np.diff(up) >= 0).all() and up[0] == 0 and up[-1] == pytest.approx(block.TALL)
        marks = height.ticks()
        assert 2 <= len(marks) <= 6
        assert all(at == pytest.approx(float(height(value))) for value, at in marks)


def test_paths_lie_on_the_facets():
    z = grid(himmelblau)
    model = block.Height(z, 0.0, True)(block.coarse(z))
    run = descent()
    for row in block.draped([run], model, PLANE, Look()):
        point = np.array([[row["x0"], row["y0"]]])
        assert row["z0"] == pytest.approx(float(block._on_surface(point, model)[0]) + block.LIFT, abs=1e-3)
        assert 1 <= row["step"] <= 40


@pytest.mark.parametrize(("azimuth", "elevation"), [*itertools.product((0, 35, 135, 270), (8, 38, 75))])
@pytest.mark.parametrize("width", [358, 1100])
def test_the_block_fits_its_frame_from_every_side(azimuth, elevation, width):
    look, height = Look(), 440
    (size,) = (p["expr"] for p in cube.cube(grid(himmelblau), PLANE, look).params if p["name"] == "size")
    sin_a, cos_a = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    sin_e, cos_e = math.sin(math.radians(elevation)), math.cos(math.radians(elevation))
    values = {"min": min, "width": width, "height": height, "sin_e": sin_e, "cos_e": cos_e}
    scale = eval(size, {"__builtins__": {}}, values)
    for x, y, z in itertools.product((-1, 1), (-1, 1), (0, block.TALL)):
        across = scale * (x * cos_a - y * sin_a)
        up = scale * ((x * sin_a + y * cos_a) * sin_e + (z - block.TALL / 2) * cos_e)
        assert abs(across) < width / 2 and abs(up) < height / 2


def test_nearer_facets_are_painted_later():
    """The last facets in the file are those in front: at azimuth 0 the ones with the least y."""
    svg = compiled(block_figure(Look(), [], azimuth=0, elevation=30).to_dict())
    assert svg.count("Z") > 900
    model = block.Height(grid(himmelblau), 0.0, True)(block.coarse(grid(himmelblau)))
    table = block.facets(model, block.coarse(relief.normalise(grid(himmelblau))), Look())
    front = [row["fill"] for row in sorted(table, key=lambda row: row["depth_y"])[: block.FACETS]]
    drawn = [part.split('"')[0] for part in svg.split('fill="')[1:]]
    shown = [colour for colour in drawn if colour in {row["fill"] for row in table}]
    assert set(shown[-block.FACETS :]) <= set(front)


# ---- nothing to draw


EMPTY = {
    "no finite value": (np.full((9, 9), np.nan), "not finite anywhere"),
    "infinite": (np.full((9, 9), np.inf), "not finite anywhere"),
    "constant": (np.ones((9, 9)), "constant"),
}


@pytest.mark.parametrize(("z", "said"), EMPTY.values(), ids=EMPTY)
def test_a_surface_without_shape_says_so(z, said):
    spec = hero(Look(), RUNS, z=z).to_dict()
    assert said in texts(spec)
    assert said in compiled(spec)
    turned = finish(cube.cube(z, PLANE, Look()), Look()).to_dict()
    assert said == "constant" or said in texts(turned)
    compiled(turned)


@pytest.mark.filterwarnings("error::RuntimeWarning:dlviz")
@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1e200, 1e306])
def test_extreme_heights_are_drawn(scale):
    z = scale * grid(lambda x, y: x**2 + y**2) / 72
    assert "NaN" not in compiled(hero(Look(), RUNS, z=z).to_dict())
    assert "NaN" not in compiled(finish(cube.cube(z, PLANE, Look()), Look()).to_dict())


def test_holes_in_a_surface_are_grey():
    z = grid(himmelblau)
    z[10:20, 10:20] = np.nan
    image = pixels(relief.relief(z, Look()))
    np.testing.assert_array_equal(image[::-1][15, 15], np.round(255 * palette.rgb(INKS["light"].hole)))
    assert "NaN" not in compiled(hero(Look(), RUNS, z=z).to_dict())


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.full(5, np.inf), np.zeros(5), np.full(5, -1.0), np.empty(0)])
def test_curves_without_values_say_so(values):
    look, x = Look(), Axis("step", 0, 5)
    y = Axis("loss", *span(values, log=True), log=True)
    line = lines.Line("GD", np.arange(float(len(values))), values)
    spec = finish(frame(x, y, look) + lines.measured([line], x, y, look), look).to_dict()
    assert "no finite values" in compiled(spec) or (values == 0).any()
    assert "NaN" not in compiled(spec)


def test_basins_without_arrivals_are_drawn():
    nothing = np.full((4, 4), -1)
    spec = finish(
        frame(PLANE.x, PLANE.y, Look()) + heat.basins(nothing, nothing, nothing, PLANE, Look(), MINIMA), Look()
    )
    assert "arrived nowhere" in compiled(spec.to_dict())


def test_a_message_is_a_figure():
    figure = message("Nothing was computed yet.", Look())
    assert "Nothing was computed yet." in compiled(figure.to_dict())
    assert figure.to_dict()["description"] == "Nothing was computed yet."


# ---- small things


def test_rows_take_columns_and_single_values():
    assert rows(name="GD", x=np.array([1.0, np.nan]), step=[1, 2]) == [
        {"name": "GD", "x": 1.0, "step": 1},
        {"name": "GD", "x": None, "step": 2},
    ]
    with pytest.raises(ValueError, match="argument"):
        rows(x=[1, 2], y=[1, 2, 3])


def test_look_names_what_is_allowed():
    with pytest.raises(ValueError, match="allowed: light, dark"):
        Look(theme="sepia")
    with pytest.raises(ValueError, match="allowed: en, zh"):
        Look(language="fr")


def test_slides_read_from_the_back_row():
    look = Look(slide=True)
    assert min(look.label, look.small) >= 20 and look.line >= 3


def test_what_gives_no_hint_is_not_read_out():
    assert mark("line", "own", {"x": number("x")}, tooltip=None)["mark"]["aria"] is False
    assert "aria" not in mark("line", "own", {"x": number("x")})["mark"]
