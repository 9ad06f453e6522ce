"""What a run of the page holds. Steps count from 1 to T; the lag of step t is T - t.

The *state* s is what a network carries from step to step: h, of an LSTM h and c together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz import contract

from .magnitudes import GONE
from .settings import Settings
from .trained import Exploding, Remembering, Tasks


@dataclass(frozen=True)
class Reach:
    """How far the gradient of the final loss reaches back, of one kind of cell."""

    gradient: np.ndarray  # (S, T) ‖∂L/∂s‖ at lags 0 ... T-1
    loss: np.ndarray  # (S,) L
    sigma: np.ndarray  # (S,) largest singular value of the first recurrent block
    slope: np.ndarray  # (S,) mean of f' over units and steps; NaN of cells with gates

    @property
    def finite(self) -> bool:
        """Whether every gradient is a finite number."""
        return bool(np.isfinite(self.gradient).all())

    def band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """10 % quantile, median and 90 % quantile over the networks, (T,) each; non-finite networks are left out."""
        good = self.gradient[np.isfinite(self.gradient).all(axis=1)]
        if not len(good):
            nothing = np.full(self.gradient.shape[1], np.nan)
            return nothing, nothing, nothing
        low, middle, high = np.quantile(good, [0.1, 0.5, 0.9], axis=0)
        return low, middle, high

    def rate(self) -> float | None:
        """Factor per step back: the geometric mean from lag 0 to the last one whose median is above 1e-300."""
        middle = self.band()[1]
        seen = np.flatnonzero(middle > GONE)
        if len(middle) < 2 or not len(seen) or seen[-1] == 0 or not middle[0] > GONE:
            return None
        return float(np.exp(np.log(middle[seen[-1]] / middle[0]) / seen[-1]))


@dataclass(frozen=True)
class Pairs:
    """‖∂s_t/∂s_s‖_F / √(size of the state), of the first network."""

    targets: np.ndarray  # (R,) the steps t that were taken, ascending, the last T
    logs: np.ndarray  # (R, T) log10 of the norm by s = 1 ... T; NaN for s > t, -inf for 0
    probes: int  # random rows of which it is estimated; 0: exact


@dataclass(frozen=True)
class Steps:
    """The Jacobian of one step over time, and the powers of the recurrent matrix, of the first network."""

    at: np.ndarray  # (J,) the steps t that were taken
    singular: np.ndarray  # (J, 3) largest, median and smallest singular value of ∂s_t/∂s_{t-1}
    rho: np.ndarray  # (J,) its spectral radius
    powers: np.ndarray  # (K+1,) ‖W^k‖₂ for k = 0 ... K, W the first recurrent block
    radius: float  # ρ(W)
    norm: float  # σ_max(W)


@dataclass(frozen=True)
class Weight:
    """The gradient by the recurrent weights, g, as a sum over steps; lag 0 first."""

    share: np.ndarray  # (T,) ⟨g_t, g⟩/‖g‖², of the first network: they sum to 1
    size: np.ndarray  # (T,) ‖g_t‖/‖g‖, of the first network
    error: np.ndarray  # (S, T) ‖g_k − g‖/‖g‖ of the last k = 1 ... T steps alone
    angle: np.ndarray  # (S, T) angle between g_k and g, degrees
    norm: np.ndarray  # (S,) ‖g‖

    def after(self, k: int) -> tuple[float, float] | None:
        """Median error and angle of the last k steps' gradient; None where no network has both."""
        error, angle = self.error[:, k - 1], self.angle[:, k - 1]
        good = np.isfinite(error) & np.isfinite(angle)
        return (float(np.median(error[good])), float(np.median(angle[good]))) if good.any() else None


@dataclass(frozen=True)
class Gates:
    """The gates of the first network over its sequence, and the highway that they open."""

    names: tuple[str, ...]  # the gates shown: i, f, o or r, z
    mean: np.ndarray  # (G, T) over units
    low: np.ndarray  # (G, T) 10 % quantile over units
    high: np.ndarray  # (G, T) 90 %
    inputs: np.ndarray  # (T, m) what was read
    total: np.ndarray  # (T,) ‖∂m_T/∂m_t‖_F/√n by lag 0 ... T-1: m = c of an LSTM, h of a GRU; all paths
    direct: np.ndarray  # (T,) the same of the product of the gates f (or z) alone


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows; a panel that is off is None."""

    settings: Settings
    reach: dict[str, Reach]  # by cell
    pairs: Pairs | None = None
    steps: Steps | None = None
    weight: Weight | None = None
    gates: Gates | None = None
    exploding: Exploding | None = None
    remembering: Remembering | None = None
    tasks: Tasks | None = None
