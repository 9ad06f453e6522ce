"""What a run of the page holds, and the quantities measured on it or known from theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz import contract
from dlviz.engine.surfaces.adaptive_grid import Sampled

from .settings import Settings

RATE_GRID = np.logspace(-5, 2, 57)
"""Learning rates tried for sensitivity and tuning: eight per factor of ten."""

TOLERANCE = 1e-3
"""A run has converged when its loss has covered all but this share of the way from start to minimum."""


@dataclass(frozen=True)
class Scene:
    """The surface as drawn, and what is known of it."""

    name: str
    formula: str  # LaTeX
    gradient: tuple[str, str] | None  # LaTeX of the partial derivatives; None for a loss over data
    samples: int | None  # examples behind a loss over data
    axes: tuple[str, str]
    domain: tuple[float, float, float, float]  # x_min, x_max, y_min, y_max
    z: np.ndarray  # (H, W) loss on a regular grid over the domain; row 0 at y_min
    minima: np.ndarray  # (K, 2)
    lowest: float | None  # least loss over the known minima
    hessian: np.ndarray | None  # (2, 2) at the lowest minimum
    quadratic: bool  # whether the Hessian is the same everywhere
    sampled: Sampled | None = None  # what of z is interpolated; None: nothing


@dataclass(frozen=True)
class Run:
    """One optimizer's run: R repeats of T steps (R = 1 unless its gradients are stochastic)."""

    optimizer: str
    rate: float  # learning rate
    hyper: dict[str, float]
    stochastic: bool
    w: np.ndarray  # (T+1, R, 2) coordinates; NaN after divergence
    loss: np.ndarray  # (T+1, R)
    diverged: np.ndarray  # (R,) step at which the run left, -1 if it did not
    evaluations: int  # gradients of one example (or of the function) per step

    @property
    def left_at(self) -> int | None:
        """Step at which the drawn run (the first repeat) diverged."""
        return int(self.diverged[0]) if self.diverged[0] >= 0 else None

    @property
    def final_loss(self) -> float:
        """Median over repeats of the loss after the last step, a diverged repeat counting as infinite."""
        return float(np.median(infinite_where_diverged(self.loss[-1])))

    @property
    def diverged_repeats(self) -> int:
        """How many repeats diverged."""
        return int((self.diverged >= 0).sum())


def infinite_where_diverged(loss: np.ndarray) -> np.ndarray:
    """Losses with the NaN of diverged runs as infinity, so that order statistics over repeats stay true."""
    return np.where(np.isnan(loss), np.inf, loss)


@dataclass(frozen=True)
class Inside:
    """An optimizer's own quantities, each (T, 2): per step and coordinate, for the first repeat."""

    optimizer: str
    gradient: np.ndarray  # the gradient that the rule was given
    first_moment: np.ndarray | None
    root_second_moment: np.ndarray | None  # the rule's √V, before ε and bias correction
    step: np.ndarray  # |Δw|
    rate: float


@dataclass(frozen=True)
class Sensitivity:
    """Final loss of every racing optimizer at every learning rate of a logarithmic grid."""

    rates: np.ndarray  # (K,)
    loss: dict[str, np.ndarray]  # optimizer -> (K,) loss after the last step; NaN where it diverged
    diverged: dict[str, np.ndarray]  # optimizer -> (K,) step, -1 if it did not diverge

    def best(self, optimizer: str) -> float | None:
        """The rate of least final loss (the smallest of equals); None if every rate diverged."""
        loss = self.loss[optimizer]
        return None if np.isnan(loss).all() else float(self.rates[np.nanargmin(loss)])


@dataclass(frozen=True)
class Basins:
    """Which minimum each start reaches, and after how many steps."""

    optimizer: str
    rate: float
    minimum: np.ndarray  # (H, W) index into Scene.minima; -1: none within the steps; -2: diverged
    steps: np.ndarray  # (H, W) steps until it stayed within `radius` of that minimum
    radius: float


@dataclass(frozen=True)
class GradientNoise:
    """Second moments of SGD's gradient on a quadratic, as if every batch were drawn afresh."""

    covariance: np.ndarray  # (2, 2) of the gradient at the minimum
    curvature: np.ndarray  # (4, 4) of the Hessian, E[h⊗h] - H⊗H, flattened row by row


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page draws for one Settings."""

    settings: Settings
    scene: Scene
    start: tuple[float, float]
    start_loss: float
    runs: tuple[Run, ...]
    gradient_noise: GradientNoise | None = None  # where SGD races on a quadratic
    inside: Inside | None = None
    sensitivity: Sensitivity | None = None
    basins: Basins | None = None

    def run_of(self, optimizer: str) -> Run | None:
        """The run of an optimizer, or None if it does not race."""
        return next((run for run in self.runs if run.optimizer == optimizer), None)


def eigenvalues(scene: Scene) -> np.ndarray | None:
    """Eigenvalues of the Hessian at the lowest minimum, ascending, (2,); None if no minimum is known."""
    return None if scene.hessian is None else np.linalg.eigvalsh(scene.hessian)


def condition(scene: Scene) -> float | None:
    """λ_max/λ_min at the lowest minimum; None without a minimum or with a flat direction."""
    values = eigenvalues(scene)
    return None if values is None or values[0] <= 0 else float(values[1] / values[0])


def stability_limit(scene: Scene) -> float | None:
    """2/λ_max: the learning rate from which GD no longer converges to the minimum (Goodfellow et al. 2016, 4.3)."""
    values = eigenvalues(scene)
    return None if values is None or values[1] <= 0 else float(2 / values[1])


def excess(result: Result, run: Run) -> np.ndarray | None:
    """Loss above the lowest minimum as a share of that at the start, (T+1, R); None if none is known."""
    lowest, start = result.scene.lowest, result.start_loss
    return None if lowest is None or start <= lowest else (run.loss - lowest) / (start - lowest)


def steps_to_tolerance(result: Result, run: Run, tolerance: float = TOLERANCE) -> int | None:
    """First step of the first repeat from which the excess loss stays below `tolerance`; None if never."""
    share = excess(result, run)
    if share is None:
        return None
    # NaN counts as outside, and so does a run that has passed below the minimum on its way to -∞.
    above = np.flatnonzero(~(np.abs(share[:, 0]) < tolerance))
    last = int(above[-1]) if above.size else -1
    return last + 1 if last + 1 < len(share) else None


def contraction(result: Result, run: Run) -> float | None:
    """Measured factor by which the distance to the lowest minimum shrinks per step, over the last half.

    The geometric mean over a window, because momentum's distance oscillates; None once the distance
    has fallen into rounding (below 1e-12 of the start) or the run diverged.
    """
    if result.scene.lowest is None:
        return None
    centre = result.scene.minima[0]
    distance = np.linalg.norm(run.w[:, 0] - centre, axis=1)
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


def theoretical_contraction(result: Result, run: Run) -> float | None:
    """Asymptotic factor per step of GD and momentum on a quadratic; None for every other case.

    Only the eigenvectors along which the start lies off the minimum take part.
    """
    if result.scene.hessian is None or not result.scene.quadratic or run.stochastic:
        return None
    values, vectors = np.linalg.eigh(result.scene.hessian)
    offset = np.abs((np.asarray(result.start) - result.scene.minima[0]) @ vectors)
    values = values[offset > 1e-9 * offset.max()]
    if not values.size:
        return None
    if run.optimizer in ("GD", "SGD"):
        return float(np.abs(1 - run.rate * values).max())
    if run.optimizer == "Momentum":
        return max(momentum_radius(value, run.rate, run.hyper["momentum"]) for value in values)
    return None


def slowest_excess(result: Result, run: Run) -> np.ndarray | None:
    """GD's excess loss along its slowest eigenvector on a quadratic, ½ λ c² (1 - ηλ)^{2t}, (T+1,).

    With c the start's coordinate along that eigenvector this is exact, and what remains of the whole
    excess loss after the other direction has died out (Goodfellow et al. 2016, section 4.3.1). None for
    every other case and for a run that does not converge.
    """
    rate = theoretical_contraction(result, run)
    if run.optimizer != "GD" or rate is None or not 0 < rate < 1:
        return None
    values, vectors = np.linalg.eigh(result.scene.hessian)
    slow = int(np.abs(np.abs(1 - run.rate * values) - rate).argmin())
    offset = (np.asarray(result.start) - result.scene.minima[0]) @ vectors[:, slow]
    return 0.5 * values[slow] * offset**2 * rate ** (2.0 * np.arange(len(run.loss)))


def steep_sign_changes(result: Result, run: Run) -> float | None:
    """Share of consecutive steps whose components along the steepest Hessian axis differ in sign.

    Only steps longer than 1e-9 of the first are counted: below that, rounding decides the sign.
    """
    if result.scene.hessian is None:
        return None
    steep = np.linalg.eigh(result.scene.hessian)[1][:, 1]
    along = np.diff(run.w[:, 0], axis=0) @ steep
    along = along[np.isfinite(along) & (np.abs(along) > 1e-9 * np.abs(along[:1]).max(initial=0))]
    return None if along.size < 3 else float(np.mean(along[1:] * along[:-1] < 0))


def stationary_excess(scene: Scene, rate: float, noise: GradientNoise) -> float:
    """Expected stationary excess loss of SGD on a quadratic.

    With independent batches the stationary covariance S of w solves, in discrete time and with the noise
    in the curvature, S = (I - ηH) S (I - ηH) + η² (E[hSh] - HSH) + η² C (cf. Mandt et al. 2017, eq. 12);
    the excess loss is ½ tr(H S). Raises ``ValueError`` where the second moments have no stationary state.
    """
    step = np.eye(2) - rate * scene.hessian
    moments = np.kron(step, step) + rate**2 * noise.curvature
    if np.abs(np.linalg.eigvals(moments)).max() >= 1:
        raise ValueError(f"at a learning rate of {rate:g} the variance grows without bound: no stationary state")
    flat = np.linalg.solve(np.eye(4) - moments, rate**2 * noise.covariance.ravel())
    return float(0.5 * np.trace(scene.hessian @ flat.reshape(2, 2)))


def noise_floor(result: Result) -> tuple[float, float] | None:
    """SGD's mean excess loss over its second half and all repeats, and the theory's; None where none applies."""
    run, noise = result.run_of("SGD"), result.gradient_noise
    if run is None or noise is None or run.diverged_repeats:
        return None
    try:
        theory = stationary_excess(result.scene, run.rate, noise)
    except ValueError:
        return None
    half = len(run.loss) // 2
    return float(np.mean(run.loss[half:]) - result.scene.lowest), theory
