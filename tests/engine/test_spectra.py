"""Singular values of products against NumPy and the laws known for infinite width."""

import numpy as np
import pytest

from dlviz.engine.signals.initializers import base
from dlviz.engine.signals.propagation import generator
from dlviz.engine.signals.spectra import product_singular_values, product_theory


@pytest.mark.parametrize("draw", ["normal", "orthogonal"])
def test_singular_values_are_those_of_the_plain_product(draw):
    product = np.eye(12)
    for layer in range(4):
        product = 1.3 / np.sqrt(12) * base(draw, 12, 12, generator(7, layer + 2)).numpy() @ product
    found = product_singular_values(draw, 12, 4, 1.3, [7])
    assert found[0] == pytest.approx(np.log10(np.linalg.svd(product, compute_uv=False)), abs=1e-7)


def test_the_law_of_one_matrix_is_the_quarter_circle():
    # Marchenko & Pastur 1967 for square matrices: s = 2 cos(φ), and the share above s is (2φ - sin 2φ)/π.
    angle = np.linspace(0.1, 1.5, 20)
    share = (2 * angle - np.sin(2 * angle)) / np.pi
    assert 10 ** product_theory(1, share) == pytest.approx(2 * np.cos(angle), abs=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
def test_the_law_has_the_exact_second_moment_and_the_measured_values(depth):
    shares = (np.arange(4000) + 0.5) / 4000
    assert np.mean(10 ** (2 * product_theory(depth, shares))) == pytest.approx(1, rel=0.01)
    found = product_singular_values("normal", 200, depth, 1.0, range(3)).mean(axis=0)[5:100]
    assert found == pytest.approx(product_theory(depth, (np.arange(5, 100) + 0.5) / 200), abs=0.08)


def test_orthogonal_products_are_isometries_at_any_depth_and_gaussian_ones_are_cut_at_rounding():
    orthogonal = product_singular_values("orthogonal", 32, 100, 0.5, [0])
    assert orthogonal == pytest.approx(100 * np.log10(0.5), abs=1e-4)
    gaussian = product_singular_values("normal", 64, 100, 1.0, [0])[0]
    seen = gaussian[np.isfinite(gaussian)]
    assert np.isnan(gaussian[-1]) and (np.diff(seen) <= 0).all() and seen[0] - seen[-1] < 13


def test_progress_may_stop_the_work():
    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        product_singular_values("normal", 8, 3, 1.0, [0], stop)
