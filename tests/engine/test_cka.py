"""CKA and principal axes against their definitions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dlviz.engine.signals.cka import linear_cka, principal_axes

RNG = np.random.default_rng(0)
N = 40
X = RNG.standard_normal((N, 12)) * np.linspace(0.1, 3, 12) + 5
Y = np.maximum(X @ RNG.standard_normal((12, 9)) - 1, 0)
WIDE = np.tanh(X @ RNG.standard_normal((12, 100)))


def by_hsic(x, y):
    """tr(KHLH)/√(tr(KHKH) tr(LHLH)) with linear kernels: the definition (Kornblith et al. 2019, equations 1 and 2)."""
    h = np.eye(len(x)) - 1 / len(x)
    k, gram = x @ x.T, y @ y.T

    def hsic(a, b):
        return np.trace(a @ h @ b @ h) / (len(x) - 1) ** 2

    return hsic(k, gram) / np.sqrt(hsic(k, k) * hsic(gram, gram))


@pytest.mark.parametrize(("x", "y"), [(X, Y), (X, WIDE), (WIDE, Y), (X, RNG.standard_normal((N, 3)))])
def test_linear_cka_is_its_definition_by_hsic(x, y):
    assert linear_cka(x, y) == pytest.approx(by_hsic(x, y), rel=1e-10)


def test_cka_ignores_rotations_scales_and_shifts_and_nothing_else():
    q, _ = np.linalg.qr(RNG.standard_normal((9, 9)))
    before = linear_cka(X, Y)
    assert before < 0.95
    assert linear_cka(X, Y @ q) == pytest.approx(before, rel=1e-12)
    assert linear_cka(1e-9 * X, 1e9 * Y + 7) == pytest.approx(before, rel=1e-10)
    assert linear_cka(X, X @ np.linalg.qr(RNG.standard_normal((12, 12)))[0]) == pytest.approx(1, abs=1e-12)
    stretched = Y @ np.diag(np.geomspace(1e-2, 1e2, 9))  # invertible
    assert abs(linear_cka(X, stretched) - before) > 0.02
    assert linear_cka(Y, stretched) < 0.9


def test_cka_of_independent_features_goes_to_zero():
    many = RNG.standard_normal((2, 20_000, 4))
    assert linear_cka(many[0], many[1]) < 0.01


def test_a_batch_of_pairs_is_as_the_pairs_one_by_one():
    x, y = RNG.standard_normal((2, 3, N, 12)), RNG.standard_normal((2, 3, N, 50))
    found = linear_cka(x, y)
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(by_hsic(x[1, 2], y[1, 2]), rel=1e-10)


@pytest.mark.parametrize("dead", [np.zeros((N, 5)), np.full((N, 5), 0.1), np.full((N, 5), np.inf)])
def test_features_that_do_not_differ_or_overflowed_have_no_cka(dead):
    assert np.isnan(linear_cka(X, dead))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_cka_does_not_overflow(size):
    assert linear_cka(size * X, Y) == pytest.approx(by_hsic(X, Y), rel=1e-9)


def test_different_examples_are_refused():
    with pytest.raises(ValueError, match="same examples"):
        linear_cka(X, Y[:-1])


@pytest.mark.parametrize("x", [X, WIDE])
def test_principal_axes_are_scikit_learns(x):
    theirs, ours = PCA(2, svd_solver="full").fit(x), principal_axes(x)
    signs = np.sign((theirs.components_ * ours.components).sum(1))
    assert ours.components == pytest.approx(theirs.components_ * signs[:, None], abs=1e-10)
    assert ours.share == pytest.approx(theirs.explained_variance_ratio_, rel=1e-10)
    assert ours.project(x) == pytest.approx(theirs.transform(x) * signs, abs=1e-9)
    # Of the features they were fitted on, the share is that of the fit.
    assert ours.share_of(x) == pytest.approx(ours.share, rel=1e-10)
    assert ours.components.max(1) == pytest.approx(np.abs(ours.components).max(1))


def test_principal_axes_of_little():
    flat = principal_axes(np.ones((5, 4)))
    assert np.array_equal(flat.share, [0, 0])
    assert np.isnan(flat.share_of(np.ones((5, 4)))).all()
    line = principal_axes(np.linspace(0, 1, 5)[:, None])
    assert line.share == pytest.approx([1, 0])
    assert np.array_equal(line.components, [[1], [0]])
    with pytest.raises(ValueError, match="finite"):
        principal_axes(np.array([[1.0, np.nan], [0.0, 1.0]]))
