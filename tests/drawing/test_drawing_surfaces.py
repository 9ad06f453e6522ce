"""Relief, isolines and the block in three dimensions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import PLANE, block_figure, compiled, descent, grid, himmelblau, pixels

from dlviz.drawing.grammar.theme import INKS, Look
from dlviz.drawing.surfaces import block, cube, isolines, relief, surface

# ---- relief and isolines


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


def test_isoline_numbers_keep_off_the_paths():
    z = grid(himmelblau, count=150)

    def clearance(path, table):
        places = np.array([[PLANE.x.share(row["x"]), PLANE.y.share(row["y"])] for row in table])
        on_it = np.stack([PLANE.x.share(path[:, 0]), PLANE.y.share(path[:, 1])], axis=1)
        return np.abs(on_it[:, None] - places).max(axis=2).min()

    free = surface.background(z, PLANE, Look(), floor=0.0).data["_isoline_labels"]
    places = np.array([[row["x"], row["y"]] for row in free])
    # Straight through every number that would stand there without it, in few long steps, and out of the picture.
    through = np.concatenate([places, [[1e12, 0.0], [np.nan, np.nan]]])
    steps = np.linspace(0, len(places) - 1, 400)
    dense = np.stack([np.interp(steps, np.arange(len(places)), places[:, axis]) for axis in (0, 1)], axis=1)
    kept = surface.background(z, PLANE, Look(), floor=0.0, around=[through]).data["_isoline_labels"]
    assert clearance(dense, free) < 0.01
    assert kept and clearance(dense, kept) > 0.03


def test_a_wide_range_has_an_isoline_however_few_are_wanted():
    at = np.sinh(np.linspace(-5, 5, 200))
    for about in (12, 7, 4, 2):
        assert any(isolines.levels(at * at[:, None], about=about).values), "zero alone is no scale"


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
