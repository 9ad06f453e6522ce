"""How fast a descent comes near the minimum: measured on its path, and known from theory on a quadratic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .descents import Descent

if TYPE_CHECKING:
    from .race import Race

TOLERANCE = 1e-3
"""A run has converged when its loss has covered all but this share of the way from start to minimum."""


def excess(race: Race, descent: Descent) -> np.ndarray | None:
    """Loss above the lowest minimum as a share of that at the start, (T+1, R); None if none is known."""
    lowest, start = race.scene.lowest, race.start_loss
    return None if lowest is None or start <= lowest else (descent.loss - lowest) / (start - lowest)


def steps_to_tolerance(race: Race, descent: Descent, tolerance: float = TOLERANCE) -> int | None:
    """First step of the first repeat from which the excess loss stays below `tolerance`; None if never."""
    share = excess(race, descent)
    if share is None:
        return None
    # NaN counts as outside, and so does a run that has passed below the minimum on its way to -∞.
    above = np.flatnonzero(~(np.abs(share[:, 0]) < tolerance))
    last = int(above[-1]) if above.size else -1
    return last + 1 if last + 1 < len(share) else None


def contraction(race: Race, descent: Descent) -> float | None:
    """Measured factor by which the distance to the lowest minimum shrinks per step, over the last half.

    The geometric mean over a window, because momentum's distance oscillates; None once the distance
    has fallen into rounding (below 1e-12 of the start) or the run diverged.
    """
    if race.scene.lowest is None:
        return None
    centre = race.scene.minima[0]
    distance = np.linalg.norm(descent.w[:, 0] - centre, axis=1)
    usable = np.flatnonzero(distance > 1e-12 * max(distance[0], 1e-300))
    if not np.isfinite(distance).all() or usable.size < 20:
        return None
    end = int(usable[-1])
    begin = end // 2
    return float((distance[end] / distance[begin]) ** (1 / (end - begin)))


def momentum_radius(eigenvalue: float, rate: float, beta: float) -> float:
    """Spectral radius of heavy-ball momentum on a quadratic (Goh 2017, "Why momentum really works").

    The iteration matrix of (velocity, error) along an eigenvector is [[β, λ], [−ηβ, 1 − ηλ]].
    """
    matrix = np.array([[beta, eigenvalue], [-rate * beta, 1 - rate * eigenvalue]])
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def theoretical_contraction(race: Race, descent: Descent) -> float | None:
    """Asymptotic factor per step of GD and momentum on a quadratic; None for every other case.

    Only the eigenvectors along which the start lies off the minimum take part.
    """
    if race.scene.hessian is None or not race.scene.quadratic or descent.stochastic:
        return None
    values, vectors = np.linalg.eigh(race.scene.hessian)
    offset = np.abs((np.asarray(race.start) - race.scene.minima[0]) @ vectors)
    values = values[offset > 1e-9 * offset.max()]
    if not values.size:
        return None
    if descent.optimizer in ("GD", "SGD"):
        return float(np.abs(1 - descent.rate * values).max())
    if descent.optimizer == "Momentum":
        return max(momentum_radius(value, descent.rate, descent.hyper["momentum"]) for value in values)
    return None


def slowest_excess(race: Race, descent: Descent) -> np.ndarray | None:
    """GD's excess loss along its slowest eigenvector on a quadratic, ½ λ c² (1 - ηλ)^{2t}, (T+1,).

    With c the start's coordinate along that eigenvector this is exact, and what remains of the whole
    excess loss after the other direction has died out (Goodfellow et al. 2016, section 4.3.1). None for
    every other case and for a run that does not converge.
    """
    rate = theoretical_contraction(race, descent)
    if descent.optimizer != "GD" or race.scene.hessian is None or rate is None or not 0 < rate < 1:
        return None
    values, vectors = np.linalg.eigh(race.scene.hessian)
    slow = int(np.abs(np.abs(1 - descent.rate * values) - rate).argmin())
    offset = (np.asarray(race.start) - race.scene.minima[0]) @ vectors[:, slow]
    return 0.5 * values[slow] * offset**2 * rate ** (2.0 * np.arange(len(descent.loss)))


def steep_sign_changes(race: Race, descent: Descent) -> float | None:
    """Share of consecutive steps whose components along the steepest Hessian axis differ in sign.

    Only steps longer than 1e-9 of the first are counted: below that, rounding decides the sign.
    """
    if race.scene.hessian is None:
        return None
    steep = np.linalg.eigh(race.scene.hessian)[1][:, 1]
    along = np.diff(descent.w[:, 0], axis=0) @ steep
    along = along[np.isfinite(along) & (np.abs(along) > 1e-9 * np.abs(along[:1]).max(initial=0))]
    return None if along.size < 3 else float(np.mean(along[1:] * along[:-1] < 0))
