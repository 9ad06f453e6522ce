"""How alike two representations of the same examples are (CKA), and what of them two axes show (PCA).

Everything is float64 NumPy on the CPU: the features are small, and a ratio of norms near 1 wants the digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def linear_cka(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Linear centred kernel alignment of features ``x`` (..., n, p) and ``y`` (..., n, q) of n examples: (...).

    ‖Yᵀ X‖²_F / (‖Xᵀ X‖_F ‖Yᵀ Y‖_F) with every feature centred over the examples (Kornblith, Norouzi, Lee and
    Hinton 2019, "Similarity of neural network representations revisited", section 3). From 0 to 1; unchanged by
    orthogonal transforms, by a common scale and by a shift of either side, but not by other invertible maps.
    NaN where the features of one side do not differ between the examples, or are not finite.

    Raises ``ValueError`` for different numbers of examples.
    """
    if x.shape[-2] != y.shape[-2]:
        raise ValueError(f"CKA needs the same examples on both sides, got {x.shape[-2]} and {y.shape[-2]}")
    x, y = _unit(x), _unit(y)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if max(x.shape[-1], y.shape[-1]) > x.shape[-2]:
            # The same by the n x n matrices of inner products: ‖YᵀX‖² = ⟨XXᵀ, YYᵀ⟩.
            of_x, of_y = x @ x.swapaxes(-1, -2), y @ y.swapaxes(-1, -2)
            shared = (of_x * of_y).sum((-1, -2))
        else:
            of_x, of_y = x.swapaxes(-1, -2) @ x, y.swapaxes(-1, -2) @ y
            shared = ((y.swapaxes(-1, -2) @ x) ** 2).sum((-1, -2))
        found = shared / np.sqrt((of_x**2).sum((-1, -2)) * (of_y**2).sum((-1, -2)))
    # Rounding may lead a hair beyond 1.
    return np.minimum(found, 1.0)


def _unit(x: np.ndarray) -> np.ndarray:
    """Centred over the examples, with norm 1 (CKA does not see the scale, but squares of squares overflow)."""
    x = np.asarray(x, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        largest = np.abs(x).max((-1, -2), keepdims=True, initial=0)
        centred = x / np.where(largest > 0, largest, 1)
        centred = centred - centred.mean(-2, keepdims=True)
        size = np.sqrt((centred**2).sum((-1, -2), keepdims=True))
        # What is left of equal features by rounding is no difference.
        return centred / np.where(size > 1e-12, size, np.nan)


@dataclass(frozen=True)
class Axes:
    """Principal axes: ``mean`` (p,), ``components`` (k, p) orthonormal, ``share`` (k,) of the variance."""

    mean: np.ndarray
    components: np.ndarray
    share: np.ndarray

    def project(self, x: np.ndarray) -> np.ndarray:
        """Coordinates (n, k) of features ``x`` (n, p) along the axes."""
        return (np.asarray(x, dtype=np.float64) - self.mean) @ self.components.T

    def share_of(self, x: np.ndarray) -> np.ndarray:
        """The share of the variance of ``x`` (n, p), about its own mean, that lies along each axis, (k,).

        NaN where ``x`` has no variance.
        """
        x = np.asarray(x, dtype=np.float64)
        total = x.var(0).sum()
        return self.project(x).var(0) / (total if total > 0 else np.nan)


def principal_axes(x: np.ndarray, count: int = 2) -> Axes:
    """The first ``count`` principal axes of ``x`` (n, p) (Hotelling 1933), by the singular values of the centred x.

    The largest entry of each axis is positive, so that equal features give equal pictures. Where there are fewer
    than ``count`` axes, or nothing varies, the rest is zeros. Raises ``ValueError`` for values that are not finite.
    """
    x = np.asarray(x, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError("principal axes need finite features")
    mean = x.mean(0)
    _, sizes, found = np.linalg.svd(x - mean, full_matrices=False)
    components, share = np.zeros((count, x.shape[1])), np.zeros(count)
    kept = min(count, len(found))
    signs = np.sign(found[:kept][np.arange(kept), np.abs(found[:kept]).argmax(1)])
    components[:kept] = found[:kept] * signs[:, None]
    if (total := (sizes**2).sum()) > 0:
        share[:kept] = sizes[:kept] ** 2 / total
    return Axes(mean, components, share)
