"""Mean-field theory of signals in wide random networks, in float64.

For z_l = W_l h_{l-1} + b_l and h_l = φ(z_l), with independent entries W ~ (0, σ_w²/fan_in) and b ~ (0, σ_b²), the
pre-activations of an infinitely wide network are Gaussian, and their variance follows the recursion

    q_l = σ_w² E[φ(√q_{l-1} ζ)²] + σ_b²,   ζ ~ N(0, 1)      (Poole et al. 2016, equation 3)

while the mean square of the gradient with respect to z_l shrinks or grows, from layer l + 1 to l, by

    χ(q_l) = σ_w² E[φ′(√q_l ζ)²]                            (Schoenholz et al. 2017, equations 5 and 9).

χ = 1 at the fixed point of the recursion is the edge between order (gradients vanish) and chaos (they explode).

The expectations are integrals over two half lines, cut into panels that halve towards zero, with
Gauss-Legendre nodes on each. Gauss-Hermite nodes alone fail twice: at the kink of ReLU, ELU and SELU, and where
√q is so large that a sigmoid is a step between two nodes. All kinks and poles of the functions here lie on
the imaginary axis, so that a panel [a, 2a] is as far from them as it is long, for every a, and every q.
Accuracy against adaptive quadrature: tests/engine/test_mean_field.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dlviz.engine.signals.activations import ACTIVATIONS

NODES = 12  # Gauss-Legendre nodes a panel
TOP = 16.0  # the normal density is 1e-56 here
PANELS = 48  # [8, 16], [4, 8] ... and [0, 2^-43] at last

TABLE = np.logspace(-12, 12, 721)
"""Pre-activation variances at which the moments are tabulated for fixed points: 30 per factor of ten."""


@lru_cache(maxsize=1)
def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Nodes ζ > 0 and weights (density included) of one half line, each (PANELS * NODES,)."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    edges = np.concatenate([[0.0], TOP * 0.5 ** np.arange(PANELS - 1, -1, -1)])
    half = np.diff(edges)[:, None] / 2
    nodes = edges[:-1, None] + half * (1 + x)
    weights = half * w * np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
    return nodes.ravel(), weights.ravel()


def _expect(
    function: str, activation: str, q: np.ndarray | float, parameter: float | None, *powers: int
) -> list[np.ndarray]:
    """E[f(√q ζ)^power] for f = φ ("value") or φ′ ("slope"), each of the shape of q. Infinite or NaN where q is."""
    import torch

    act = ACTIVATIONS[activation]
    f = act if function == "value" else act.slope
    q = np.asarray(q, dtype=float)
    nodes, weights = _rule()
    flat = q.ravel()
    with np.errstate(invalid="ignore", over="ignore"):
        x = torch.from_numpy(np.sqrt(flat)[:, None] * np.concatenate([nodes, -nodes]))
        y = f(x, parameter).numpy()
        both = np.concatenate([weights, weights])
        found = [(y if power == 1 else y * y) @ both for power in powers]
        found = [np.where(np.isfinite(flat), total, flat) for total in found]
    return [total.reshape(q.shape) for total in found]


def first_moment(activation: str, q: np.ndarray | float, parameter: float | None = None) -> np.ndarray:
    """E[φ(√q ζ)]: the mean of the activations behind pre-activations of variance q."""
    return _expect("value", activation, q, parameter, 1)[0]


def second_moment(activation: str, q: np.ndarray | float, parameter: float | None = None) -> np.ndarray:
    """E[φ(√q ζ)²]: the mean square of the activations behind pre-activations of variance q."""
    return _expect("value", activation, q, parameter, 2)[0]


def slope_moment(activation: str, q: np.ndarray | float, parameter: float | None = None) -> np.ndarray:
    """E[φ′(√q ζ)²]; for an infinite q its limit, since slopes are bounded."""
    return _expect("slope", activation, np.minimum(q, 1e300), parameter, 2)[0]


def variance_map(
    activation: str, q: np.ndarray | float, sigma_w: float, sigma_b: float = 0.0, parameter: float | None = None
) -> np.ndarray:
    """The next layer's pre-activation variance, σ_w² E[φ(√q ζ)²] + σ_b²."""
    return sigma_w**2 * second_moment(activation, q, parameter) + sigma_b**2


def chi(activation: str, q: np.ndarray | float, sigma_w: float, parameter: float | None = None) -> np.ndarray:
    """σ_w² E[φ′(√q ζ)²]: the factor of the gradient's mean square per layer."""
    return sigma_w**2 * slope_moment(activation, q, parameter)


def variances(
    activation: str,
    q1: np.ndarray | float,
    sigma_w: float,
    sigma_b: float,
    depth: int,
    parameter: float | None = None,
) -> np.ndarray:
    """Pre-activation variances q_1 ... q_depth by the recursion from ``q1`` (any shape), (depth, *shape)."""
    q = np.asarray(q1, dtype=float)
    found = [q]
    for _ in range(depth - 1):
        q = variance_map(activation, q, sigma_w, sigma_b, parameter)
        found.append(q)
    return np.stack(found)


@dataclass(frozen=True)
class Profile:
    """What the theory predicts per layer l = 1 ... L, each (L,); averaged over inputs."""

    q: np.ndarray  # variance of the pre-activations z_l
    rms: np.ndarray  # root mean square of the activations h_l, over units and inputs
    std: np.ndarray  # standard deviation of h_l
    chi: np.ndarray  # factor of the gradient's mean square from layer l + 1 to layer l
    gradient_rms: np.ndarray  # of the gradient with respect to z_l, as a multiple of the last layer's

    @property
    def gradient(self) -> np.ndarray:
        """Mean square of the gradient with respect to z_l, as a multiple of the last layer's."""
        with np.errstate(over="ignore", under="ignore"):
            return self.gradient_rms**2


FAR = 1e200
"""Beyond this variance, and below its inverse, a function is taken for its lines through the origin."""


def profile(
    activation: str,
    input_mean_squares: np.ndarray,
    sigma_w: float,
    sigma_b: float,
    depth: int,
    parameter: float | None = None,
    *,
    first_sigma_w: float | None = None,
    groups: int = 12,
) -> Profile:
    """The theory of a network whose inputs have these mean squares |x|²/fan_in, one number per input.

    Each input has its own recursion, from q_1 = σ_w² |x|²/fan_in + σ_b²; inputs of similar norm share one, in
    ``groups`` of equal size. ``first_sigma_w`` is σ_w of the first layer where it differs. Variances are carried as
    logarithms, for that of a signal of 1e-200 is no number in float64.
    """
    first = sigma_w if first_sigma_w is None else first_sigma_w
    norms = np.sort(np.asarray(input_mean_squares, dtype=float).ravel())
    parts = np.array_split(norms, min(groups, len(norms)))
    share = np.array([len(part) for part in parts]) / len(norms)
    log_q = np.empty((depth, len(parts)))
    log_square, mean_share = np.empty_like(log_q), np.empty_like(log_q)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        size = first**2 * np.array([part.mean() for part in parts])
        log_q[0] = np.log(size + sigma_b**2)
        log_w, log_b = 2 * np.log(sigma_w), 2 * np.log(sigma_b)
        for layer in range(depth):
            near = np.clip(log_q[layer], -np.log(FAR), np.log(FAR))
            mean, square = _expect("value", activation, np.exp(near), parameter, 1, 2)
            mean_share[layer] = mean / np.sqrt(square)
            log_square[layer] = np.log(square) + log_q[layer] - near
            if layer + 1 < depth:
                log_q[layer + 1] = np.logaddexp(log_w + log_square[layer], log_b)
        slopes = slope_moment(activation, np.exp(np.clip(log_q, -np.log(FAR), np.log(FAR))), parameter)
        factor = sigma_w**2 * slopes
        # δ_L = φ′(z_L) ⊙ (what comes from above), so that even its size depends on the input through q_L.
        behind = np.concatenate([np.cumsum(np.log(factor[-2::-1]), axis=0)[::-1], np.zeros((1, len(parts)))])
        log_gradient = _log_mean(np.log(slopes[-1]) + behind, share) - _log_mean(np.log(slopes[-1:]), share)
        rms = np.exp(_log_mean(log_square, share) / 2)
        # Mean activations in units of the root mean square, so that neither is squared.
        mean = (np.exp((log_square - 2 * np.log(rms)[:, None]) / 2) * np.nan_to_num(mean_share)) @ share
        std = np.where(rms > 0, rms * np.sqrt(np.maximum(1 - mean**2, 0)), 0.0)
        return Profile(np.exp(log_q) @ share, rms, std, factor @ share, np.exp(log_gradient / 2))


def _log_mean(logs: np.ndarray, share: np.ndarray) -> np.ndarray:
    """log of the mean of exp(logs) (L, G) with weights (G,), without overflow."""
    top = logs.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return np.log(np.exp(logs - top) @ share) + top[:, 0]


@lru_cache(maxsize=32)
def _tabulated(activation: str, parameter: float | None) -> tuple[np.ndarray, np.ndarray]:
    """E[φ²] and E[φ′²] at ``TABLE``."""
    return second_moment(activation, TABLE, parameter), slope_moment(activation, TABLE, parameter)


def fixed_points(
    activation: str,
    sigma_w: np.ndarray | float,
    sigma_b: np.ndarray | float,
    parameter: float | None = None,
    start: float = 1.0,
) -> np.ndarray:
    """q*: where the recursion from q = ``start`` ends, of the broadcast shape of ``sigma_w`` and ``sigma_b``.

    0 where it falls below 1e-12, infinite where it rises above 1e12. E[φ²] grows with q, so the recursion
    moves monotonically to the next point at which the map crosses the diagonal. Read off a table, to
    about four digits.
    """
    w2, b2 = np.broadcast_arrays(np.asarray(sigma_w, dtype=float) ** 2, np.asarray(sigma_b, dtype=float) ** 2)
    shape = w2.shape
    w2, b2 = w2.ravel()[:, None], b2.ravel()[:, None]
    moment, _ = _tabulated(activation, parameter)
    with np.errstate(divide="ignore"):
        gap = np.log((w2 * moment + b2) / TABLE)  # > 0 where the recursion moves up
    gap = np.where(np.abs(gap) < 1e-9, 0.0, gap)
    here = int(np.abs(np.log(TABLE / start)).argmin())
    logs = np.log(TABLE)
    q = np.full(len(gap), float(start))
    rows = np.arange(len(gap))
    for direction in (1, -1):
        moving = np.sign(gap[:, here]) == direction
        ahead = gap[:, here:] if direction > 0 else gap[:, here::-1]
        stopped = ahead * direction <= 0
        at = stopped.argmax(axis=1)
        crossed = stopped.any(axis=1)
        nearer = gap[rows, np.clip(here + direction * (at - 1), 0, len(TABLE) - 1)]
        beyond = gap[rows, here + direction * at]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            share = np.clip(np.where(nearer == beyond, 0.0, nearer / (nearer - beyond)), 0, 1)
        root = np.exp(logs[np.clip(here + direction * (at - 1), 0, None)] + direction * share * (logs[1] - logs[0]))
        q = np.where(moving, np.where(crossed, root, np.inf if direction > 0 else 0.0), q)
    return q.reshape(shape)


def fixed_chi(
    activation: str, q: np.ndarray | float, sigma_w: np.ndarray | float, parameter: float | None = None
) -> np.ndarray:
    """χ at a variance ``q`` read off the table (at its edges for 0 and infinity)."""
    _, slope = _tabulated(activation, parameter)
    at = np.log(np.clip(np.asarray(q, dtype=float), TABLE[0], TABLE[-1]))
    return np.asarray(sigma_w, dtype=float) ** 2 * np.interp(at, np.log(TABLE), slope)


def depth_scale(chi_: np.ndarray | float) -> np.ndarray:
    """ξ = 1/|log χ|: layers over which the gradient's mean square changes by a factor e; infinite at χ = 1.

    Schoenholz et al. 2017, equation 13 (there with its sign: negative in chaos).
    """
    with np.errstate(divide="ignore"):
        return 1 / np.abs(np.log(np.asarray(chi_, dtype=float)))


def edge(activation: str, sigma_b: np.ndarray, low: float, high: float, parameter: float | None = None) -> np.ndarray:
    """The σ_w at which χ passes 1 between ``low`` and ``high``, for each σ_b (K,); NaN where it does not.

    By bisection of χ at the fixed point that the recursion from q = 1 reaches.
    """
    bounds = np.full(len(sigma_b), float(low)), np.full(len(sigma_b), float(high))

    def above(sigma_w: np.ndarray) -> np.ndarray:
        q = fixed_points(activation, sigma_w, sigma_b, parameter)
        return fixed_chi(activation, q, sigma_w, parameter) > 1

    crossed = ~above(bounds[0]) & above(bounds[1])
    for _ in range(40):
        middle = (bounds[0] + bounds[1]) / 2
        up = above(middle)
        bounds = np.where(up, bounds[0], middle), np.where(up, middle, bounds[1])
    return np.where(crossed, bounds[1], np.nan)
