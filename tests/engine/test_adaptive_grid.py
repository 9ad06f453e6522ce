"""A landscape from few points: computed where it bends, and its error measured."""

import numpy as np
import pytest

from dlviz.engine.surfaces import network_slice
from dlviz.engine.surfaces.adaptive_grid import HELD_OUT, sample

LINE = np.linspace(-1, 1, 161)


def counted(function):
    points = []

    def call(x, y):
        points.append(np.size(x))
        return function(x, y)

    return call, points


def test_a_cubic_is_had_from_the_first_grids():
    function, points = counted(lambda x, y: 5 + x**3 - x * y**2)
    found = sample(function, LINE, LINE, 4, 1e-6)
    assert sum(points) == found.computed + found.held_out == 21**2 + HELD_OUT
    np.testing.assert_allclose(found.z, 5 + LINE**3 - LINE * LINE[:, None] ** 2, rtol=1e-12)
    assert found.error < 1e-12


def test_more_is_computed_where_it_bends():
    def bump(x, y):
        return 1 + np.exp(-40 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))

    function, points = counted(bump)
    found = sample(function, LINE, LINE, 4, 1e-3)
    assert found.computed < 0.1 * found.z.size
    truth = bump(*np.meshgrid(LINE, LINE))
    assert np.abs(found.z - truth).max() < 5e-3
    assert found.error <= np.abs(found.z / truth - 1).max()
    assert sum(points) == found.computed + found.held_out


def test_the_error_is_measured_and_not_assumed():
    """A ripple that the first grids cannot see is told by the points that were left out."""
    found = sample(lambda x, y: 2 + np.sin(53 * np.pi * x) * np.sin(53 * np.pi * y), LINE, LINE, 2, 0.5)
    assert found.computed < found.z.size
    assert found.error > 0.3


def test_what_is_not_finite_is_computed_everywhere():
    with np.errstate(divide="ignore"):
        found = sample(lambda x, y: 1 / (x * x + y * y), LINE, LINE, 4, 1e-3)
    assert found.computed == found.z.size
    assert np.isinf(found.z[80, 80])


def test_a_grid_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="100 x 161 points cannot be halved 4 times"):
        sample(lambda x, y: x, LINE[:100], LINE, 4, 0.1)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_landscape_of_the_page_is_what_it_says(seed):
    ground = network_slice.build(seed)
    found = sample(ground.value, LINE, LINE, 4, 0.005)
    assert found.computed < 0.03 * found.z.size
    chosen = np.random.default_rng(1).integers(161, size=(2, 800))
    truth = ground.value(LINE[chosen[1]], LINE[chosen[0]])
    relative = np.abs(found.z[*chosen] - truth) / truth
    assert relative.max() < 0.015
    assert np.sqrt(np.mean(relative**2)) < 0.002
    assert found.error < 0.015
