"""What a run of the page holds, and the quantities measured on it or known from theory. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz import contract

from .settings import Settings

NEAR = 0.05
"""Distance from the target, of length √2 from the start, at which two weights have arrived."""
GONE = 1e-290
"""Gradients and activations below this are gone: runs of :mod:`dlviz.engine.signals.propagation` hold zeros there."""


@dataclass(frozen=True)
class Neuron:
    """One function under Gaussian pre-activations z ~ N(μ, σ²): ``samples`` draws, and the closed form.

    f and its slope are torch's, by a forward and a backward pass.
    """

    name: str
    parameter: float | None
    half: float  # the window of z is [-half, half]
    outputs: tuple[float, float]  # the window of f
    x: np.ndarray  # (G,) ascending
    f: np.ndarray  # (G,)
    slope: np.ndarray  # (G,) df/dx
    pieces: np.ndarray  # (k, 2) maxout's lines at both ends of the window; (0, 2) for every other function
    intervals: np.ndarray  # (I, 2) where |f'| < ε, ascending; ends may be infinite
    x_edges: np.ndarray  # (B+1,)
    x_density: np.ndarray  # (B,) of z
    y_edges: np.ndarray  # (B+1,)
    y_density: np.ndarray  # (B,) of f(z), without the atoms
    y_theory: np.ndarray  # (B,) the same from N(μ, σ²) by change of variables
    atoms: np.ndarray  # (A, 3) value, share of the outputs that equal it, probability
    samples: int
    saturated: float  # share of the samples with |f'| < ε
    saturated_theory: float  # Σ Φ((b - μ)/σ) - Φ((a - μ)/σ) over the intervals
    mean: float  # of f(z)
    mean_theory: float
    spread: float  # standard deviation of f(z)
    lowest: float  # least of the outputs
    squared_slope: float  # mean of f'(z)²
    squared_slope_theory: float
    steepest: float  # max |f'| over the real line


@dataclass(frozen=True)
class Depth:
    """One function in deep networks, for S seeds and layers 1 ... L, each (S, L); NaN where numbers overflowed."""

    name: str
    saturated: np.ndarray  # share of (unit, input) pairs with |f'(z)| < ε; NaN where its panel is not shown
    dead: np.ndarray  # share of units with f'(z) = 0 for every input
    std: np.ndarray  # of the activations
    gradient: np.ndarray  # root mean square of ∂loss/∂z; 0 below 1e-300

    @property
    def passed_back(self) -> np.ndarray:
        """Gradient as a multiple of the last layer's, (S, L); 0 where it has fallen below 1e-290."""
        last = self.gradient[:, -1:]
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = self.gradient / last
        # Over a tiny last gradient a zero may stand for more than 1e-290.
        return np.where((self.gradient == 0) & (last < 1e-10), np.nan, ratio)


@dataclass(frozen=True)
class DepthTheory:
    """What is known beforehand of one function, for layers 1 ... L, each (L,)."""

    name: str
    gradient: np.ndarray  # mean field: ∂loss/∂z as a multiple of the last layer's, the root of the product of χ
    std: np.ndarray  # mean field, of the activations
    saturated: np.ndarray  # P(|f'(z)| < ε) for the mean-field variance of z
    bound: np.ndarray  # product of max|f'| ‖W‖₂ over the layers above, the largest over the seeds
    steepest: float  # max|f'|


@dataclass(frozen=True)
class Agreement:
    """How far the signs of one neuron's weight gradients agree, for B batch sizes."""

    name: str  # what the neuron's inputs went through
    batches: np.ndarray  # (B,)
    mean: np.ndarray  # (B,) share of a neuron's nonzero gradient entries with the more frequent sign
    low: np.ndarray  # (B,) 10th percentile over neurons and batches
    high: np.ndarray  # (B,) 90th
    inputs_mean: float  # mean of the neuron's inputs
    inputs: int  # weights a neuron has


@dataclass(frozen=True)
class Paths:
    """SGD on two weights, one sample a step: T steps from (0, 0) towards (1, -1)."""

    name: str  # what the two inputs went through
    w: np.ndarray  # (T+1, 2); NaN after it left
    left: int  # step at which it was no longer finite or beyond 100; -1 if it stayed
    one_sign: float  # share of the steps in which both weights moved in the same direction
    distance: np.ndarray  # (T+1,) to the target; NaN after they left

    def steps_within(self, near: float) -> int | None:
        """First step from which the weights stay within ``near`` of the target; None if they do not get there."""
        outside = np.flatnonzero(~(self.distance < near))
        first = int(outside[-1]) + 1 if outside.size else 0
        return first if first < len(self.distance) else None


@dataclass(frozen=True)
class DeadGrid:
    """ReLU networks after training, by B initial biases and R learning rates; NaN where training overflowed."""

    rates: np.ndarray  # (R,)
    biases: np.ndarray  # (B,)
    dead: np.ndarray  # (B, R) share of hidden units whose slope is 0 on every training example


@dataclass(frozen=True)
class DeadLines:
    """One function in networks at one learning rate and bias, for S seeds; NaN once a run has overflowed."""

    name: str
    steps: np.ndarray  # (P,) at which the networks were looked at
    dead: np.ndarray  # (S, P) share of hidden units whose slope is 0 on every training example
    accuracy: np.ndarray  # (S, P) on the training examples
    lost: np.ndarray  # (S,) step at which the loss was no longer finite; -1 if it always was


@dataclass(frozen=True)
class LearnedSlopes:
    """PReLU's slopes while S networks with H hidden layers learn; NaN once a run has overflowed."""

    slopes: np.ndarray  # (H, S, T+1) before each step and after the last
    accuracy: np.ndarray  # (S,) on the training examples, at the end
    start: float

    @property
    def lost(self) -> int:
        """First step at which a slope of some network was not finite or beyond 1e3; -1 if none was."""
        with np.errstate(invalid="ignore"):
            gone = np.flatnonzero(~(np.abs(self.slopes) < 1e3).all(axis=(0, 1)))
        return int(gone[0]) if gone.size else -1


@dataclass(frozen=True)
class Softmax:
    """Softmax of s z for the logits z of n digits, over C scales s = 1/T. Rows: median, 10th, 90th percentile."""

    scales: np.ndarray  # (C,)
    largest: np.ndarray  # (3, C) largest probability
    entropy: np.ndarray  # (3, C) as a share of log K
    jacobian: np.ndarray  # (3, C) Frobenius norm of ∂p/∂(s z), in closed form
    temperature: float
    here: tuple[float, float, float]  # the three medians at s = 1/T, by torch
    by_autograd: float  # the median norm of the Jacobian at s = 1/T once more, by autograd
    gap: np.ndarray  # (n,) largest logit minus the second largest
    classes: int  # K


@dataclass(frozen=True)
class Properties:
    """One row of the table, found by evaluating f and f′ in float64."""

    name: str
    parameter: float | None
    low: float  # infimum of f as reached within ±1e6; -inf where f keeps falling
    high: float
    mean: float  # of f(z), z ~ N(0, 1)
    at_zero: float  # f'(0)
    steepest: float  # max |f'|
    saturates_left: bool
    saturates_right: bool


@dataclass(frozen=True)
class Costs:
    """Forward and backward time of F functions as a multiple of ReLU's."""

    names: tuple[str, ...]
    ratio: np.ndarray  # (F,) median over rounds
    low: np.ndarray  # (F,) lower quartile
    high: np.ndarray  # (F,) upper quartile
    seconds: float  # ReLU's own
    elements: int  # of the tensor
    device: str


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page draws for one Settings. What a panel needs is None while it is not shown."""

    settings: Settings
    neuron: Neuron
    deep: dict[str, Depth] | None = None  # by function
    theory: DepthTheory | None = None  # of the function above, where it is elementwise
    agreement: tuple[Agreement, ...] | None = None
    paths: tuple[Paths, ...] | None = None
    grid: DeadGrid | None = None
    dying: dict[str, DeadLines] | None = None  # by function
    learned: LearnedSlopes | None = None
    softmax: Softmax | None = None
    table: tuple[Properties, ...] | None = None
    costs: Costs | None = None
