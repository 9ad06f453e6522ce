"""What a run of the page holds, and the quantities measured on it or known from theory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dlviz import contract
from dlviz.engine.signals.initializers import INITIALIZERS

from .settings import CLASSES, Settings

SATURATED = 0.01
"""A unit counts as saturated on an input where |φ′(z)| is below this."""
GOOD = 5.0
"""A cell of the grid is good when the sizes of activations and gradients both change by less than this factor."""
LOWEST = 1e-300
"""Signals below this are gone: float64 ends near there."""


@dataclass(frozen=True)
class Hills:
    """Distributions of the activations h_l, of the first draw of the weights, over the same bins in every layer."""

    edges: np.ndarray  # (B+1,) in units of the activations
    density: np.ndarray  # (L, B) of the values that are not exactly zero: share of all values per unit
    zero: np.ndarray  # (L,) share of values that are exactly zero
    outside: np.ndarray  # (L,) share of values beyond the bins (infinite ones too)
    counted: int  # values a layer

    @property
    def bare(self) -> np.ndarray:
        """(L,) whether less than half of the values other than zero lie within the bins: too few for a shape."""
        return self.outside > (1 - self.zero) / 2


@dataclass(frozen=True)
class Theory:
    """The mean-field prediction for infinitely wide layers, each (L,)."""

    std: np.ndarray  # of the activations h_l
    gradient: np.ndarray  # root mean square of ∂loss/∂z_l, as a multiple of the last layer's
    chi: np.ndarray  # factor of the gradient's mean square, from layer l + 1 to layer l


@dataclass(frozen=True)
class Grid:
    """Every activation under every scheme, first draw: change of the standard deviations between the ends.

    -inf where nothing is left, inf where numbers overflowed, NaN where there was nothing to begin with.
    """

    activations: tuple[str, ...]  # A
    schemes: tuple[str, ...]  # C
    forward: np.ndarray  # (A, C) log10 of std(h_L)/std(h_1)
    backward: np.ndarray  # (A, C) log10 of std(δ_1)/std(δ_L)
    width: int
    samples: int

    @property
    def good(self) -> np.ndarray:
        """(A, C) cells in which neither activations nor gradients change by a factor of ``GOOD`` or more."""
        bound = np.log10(GOOD)
        return (np.abs(self.forward) < bound) & (np.abs(self.backward) < bound)


@dataclass(frozen=True)
class Chaos:
    """Order and chaos in the plane of σ_w and σ_b, by theory."""

    sigma_w: np.ndarray  # (W,) from 0
    sigma_b: np.ndarray  # (B,) from 0
    log_chi: np.ndarray  # (B, W) natural log of χ at the fixed point; -inf at σ_w = 0
    edge: np.ndarray  # (B,) σ_w at which χ = 1; NaN where it does not pass it
    point: tuple[float, float] | None  # (σ_w, σ_b) of the chosen scheme; None for Zeros and Constant
    chi: float | None  # at that point
    q: float | None  # variance of the pre-activations to which the recursion leads there


@dataclass(frozen=True)
class Spectra:
    """Singular values of a product of square matrices, log10, descending; NaN below what float64 resolves."""

    depth: int
    width: int
    gain: float
    gaussian: np.ndarray  # (S, N)
    orthogonal: np.ndarray  # (S, N)
    shares: np.ndarray  # (N,) of singular values that are larger
    theory: np.ndarray  # (N,) for Gaussian matrices of infinite width


@dataclass(frozen=True)
class Symmetry:
    """Two trainings that differ in a little noise on the start; index 0 is without noise, 1 with it."""

    units: int  # U hidden units in each of two layers
    start: np.ndarray  # (2, U, U) cosine between the incoming weights of units of the first hidden layer
    end: np.ndarray  # (2, U, U)
    steps: np.ndarray  # (T,) steps at which was looked
    rank: np.ndarray  # (2, T) singular values of the first layer's weights above RANK of the largest
    accuracy: np.ndarray  # (2, T) on the test set


RANK = 0.01
"""Share of the largest singular value above which one counts towards the rank."""


@dataclass(frozen=True)
class Training:
    """Every scheme on the same network, data and mini-batches, from S draws of the weights."""

    schemes: tuple[str, ...]  # M
    steps: np.ndarray  # (T,)
    loss: np.ndarray  # (S, M, T) mean cross-entropy on the test set; not finite after overflow
    accuracy: np.ndarray  # (S, M, T) on the test set; NaN after overflow
    width: int
    tested: int


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page draws for one Settings. L layers, S draws of the weights."""

    settings: Settings
    fan_in: int  # of the first layer
    weight_rms: tuple[float, float]  # of the first draw's last layer: measured, and by the scheme's formula
    hills: Hills
    std: np.ndarray  # (S, L) of the activations h_l; 0 below LOWEST, NaN after overflow
    rms: np.ndarray  # (S, L) root mean square of h_l
    gradient: np.ndarray  # (S, L) standard deviation of ∂loss/∂z_l
    saturated: np.ndarray  # (S, L) share of (unit, input) pairs with |φ′| < SATURATED
    dead: np.ndarray  # (S, L) share of units with φ′ = 0 on every input
    theory: Theory | None  # None for Zeros and Constant, which no mean-field theory describes
    grid: Grid | None = None
    chaos: Chaos | None = None
    spectra: Spectra | None = None
    symmetry: Symmetry | None = None
    training: Training | None = None


def middle(values: np.ndarray) -> np.ndarray:
    """Median over the draws (axis 0), a draw's own value; one that has overflowed counts as infinite."""
    return np.percentile(np.where(np.isnan(values), np.inf, values), 50, axis=0, method="lower")


def factor(values: np.ndarray, first: int = 0) -> float | None:
    """Geometric mean of the factor per layer of a curve (L,) from layer index ``first`` to the last.

    None where it is not a positive finite number at both ends, or there is no layer between.
    """
    values = np.asarray(values, dtype=float)[first:]
    ends = values[[0, -1]]
    if len(values) < 2 or not (np.isfinite(ends).all() and (ends > 0).all()):
        return None
    return float(np.exp((np.log(ends[1]) - np.log(ends[0])) / (len(values) - 1)))


def gone(values: np.ndarray) -> int | None:
    """The first layer (from 1) at which a curve (L,) is below LOWEST; None if it never is."""
    found = np.flatnonzero(np.nan_to_num(values) < LOWEST)
    return int(found[0]) + 1 if found.size else None


def overflown(values: np.ndarray) -> int | None:
    """The first layer (from 1) at which a curve (L,) is not finite; None if it never is."""
    found = np.flatnonzero(~np.isfinite(values))
    return int(found[0]) + 1 if found.size else None


def random(scheme: str) -> bool:
    """Whether a scheme draws its weights at random: what mean-field theory and σ_w are about."""
    return INITIALIZERS[scheme].draw != "constant"


def sigma_w(settings: Settings, scheme: str | None = None, fan_in: int | None = None) -> float:
    """σ_w = rms of the weights times √fan-in, of the layers above the first unless ``fan_in`` is given."""
    n = fan_in or settings.width
    return settings.rms(n, settings.width, scheme) * float(np.sqrt(n))


def digits_as(data: str) -> tuple[np.ndarray, np.ndarray]:
    """All digits (1797, 64) and their classes, scaled as ``data`` says.

    Standardised: every pixel has mean 0 and standard deviation 1 over the set, except for the three that are
    always empty. Raw: brightness from 0 to 16.
    """
    from dlviz.engine.data.datasets import digits

    x, y = digits()
    if data == "Digits, raw":
        return 16 * x, y
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0), y


@lru_cache(maxsize=16)
def inputs(data: str, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """``samples`` inputs (n, 64) and their classes (n,): digits, as many of each class, or noise of random class."""
    from dlviz.engine.data.datasets import balanced

    rng = np.random.default_rng([seed, 0])
    if data == "Gaussian":
        return rng.standard_normal((samples, 64)), rng.integers(0, CLASSES, samples)
    x, y = digits_as(data)
    chosen = balanced(y, samples, rng)
    return x[chosen], y[chosen]
