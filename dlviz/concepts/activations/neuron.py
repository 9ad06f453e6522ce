"""One neuron's function and slope under Gaussian pre-activations, measured and in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import saturation
from dlviz.progress import Progress, silent

from .functions import both_sides, kinks, lines, numeric, steepest, torch_function
from .measure import Neuron

if TYPE_CHECKING:
    import torch

SAMPLES = 20_000
BINS = 60
WINDOWS = (6.0, 10.0, 20.0, 50.0)
"""Half-widths of the picture: the smallest that holds μ ± 2.5σ is taken, so that it seldom jumps."""
ATOM = 0.01
"""A value that at least this share of the outputs takes exactly is a point mass, not part of a density."""


def through_autograd(value: Callable[[torch.Tensor], torch.Tensor], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f(x) and df/dx (n,) by a forward and a backward pass."""
    import torch

    z = torch.tensor(x, requires_grad=True)
    f = value(z)
    (slope,) = torch.autograd.grad(f.sum(), z)
    return f.detach().numpy(), slope.numpy()


@cached(maxsize=64)
def neuron(
    name: str,
    parameter: float | None,
    pieces: int,
    mean: float,
    std: float,
    epsilon: float,
    seed: int,
    *,
    progress: Progress = silent,
) -> Neuron:
    """The function over its window, its saturated intervals, and what it makes of N(mean, std²)."""
    import torch

    value, slope = torch_function(name, parameter, pieces, seed)
    f, f_slope = numeric(value), numeric(slope)
    half = next((w for w in WINDOWS if abs(mean) + 2.5 * std <= w), WINDOWS[-1])
    jumps = kinks(name, pieces, seed)
    upright = both_sides(jumps[np.abs(jumps) < half])
    x = np.unique(np.concatenate([np.linspace(-half, half, 361), np.linspace(-0.5, 0.5, 161), upright]))
    curve, measured_slope = through_autograd(value, x)
    intervals = saturation.flat_intervals(f_slope, epsilon)

    generator = torch.Generator().manual_seed(seed)
    z = mean + std * torch.randn(SAMPLES, generator=generator, dtype=torch.float64).numpy()
    out, passed = through_autograd(value, z)

    x_edges = np.linspace(-half, half, BINS + 1)
    low, high = _outputs(f, curve, measured_slope, mean, std, half)
    y_edges = np.linspace(low, high, BINS + 1)
    atoms, rest = _atoms(out)
    law = saturation.law(f, mean, std, y_edges)
    expected_atoms = _atom_law(f, atoms[:, 0], mean, std)
    y_theory = np.diff(law)
    for place, share in zip(atoms[:, 0], expected_atoms, strict=True):
        # A point mass stands beside the density, not in it. The law counts "≤": it belongs to the bin it ends.
        cell = np.searchsorted(y_edges, place, side="left") - 1
        if 0 <= cell < BINS:
            y_theory[cell] = max(y_theory[cell] - share, 0.0)
    progress(1.0)
    return Neuron(
        name=name,
        parameter=parameter,
        half=half,
        outputs=(low, high),
        x=x,
        f=curve,
        slope=measured_slope,
        pieces=_piece_lines(name, pieces, seed, x),
        intervals=intervals,
        x_edges=x_edges,
        x_density=np.histogram(z, x_edges)[0] / SAMPLES / np.diff(x_edges),
        y_edges=y_edges,
        y_density=np.histogram(rest, y_edges)[0] / SAMPLES / np.diff(y_edges),
        y_theory=y_theory / np.diff(y_edges),
        atoms=np.column_stack([atoms, expected_atoms]),
        samples=SAMPLES,
        saturated=float(np.mean(np.abs(passed) < epsilon)),
        saturated_theory=saturation.probability(intervals, mean, std),
        mean=float(out.mean()),
        mean_theory=saturation.expectation(f, mean, std, jumps),
        spread=float(out.std()),
        lowest=float(out.min()),
        squared_slope=float(np.mean(passed**2)),
        squared_slope_theory=saturation.expectation(lambda at: f_slope(at) ** 2, mean, std, jumps),
        steepest=steepest(name, parameter, pieces, seed),
    )


def _piece_lines(name: str, pieces: int, seed: int, x: np.ndarray) -> np.ndarray:
    """The lines of which maxout takes the largest, at the ends of the window, (k, 2); (0, 2) for others."""
    if name != "Maxout":
        return np.empty((0, 2))
    w, b = (part.numpy() for part in lines(pieces, seed))
    return w[:, None] * x[[0, -1]] + b[:, None]


def _outputs(
    f: saturation.Function, curve: np.ndarray, slope: np.ndarray, mean: float, std: float, half: float
) -> tuple[float, float]:
    """Bounds of the picture upwards: they hold f′, 0, and the outputs of μ ± 3σ within the window."""
    reached = f(np.linspace(max(mean - 3 * std, -half), min(mean + 3 * std, half), 401))
    low = min(0.0, float(slope.min()), float(reached.min()))
    high = max(float(slope.max()), float(reached.max()), 0.2)
    # A bounded function is shown with all of its range.
    if float(curve.max() - curve.min()) < 2.5:
        low, high = min(low, float(curve.min())), max(high, float(curve.max()))
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _atoms(out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values that many outputs share exactly with their shares (a, 2), and the other outputs."""
    values, inverse, counts = np.unique(out, return_inverse=True, return_counts=True)
    heavy = counts >= ATOM * len(out)
    return np.column_stack([values[heavy], counts[heavy] / len(out)]), out[~heavy[inverse]]


def _atom_law(f: saturation.Function, places: np.ndarray, mean: float, std: float) -> np.ndarray:
    """P(f(z) = place), (a,): the probability of the cells on which f has this very value at both ends."""
    cells, weights = saturation.normal_cells(mean, std)
    at = f(cells)
    return np.array([weights[(at[1:] == place) & (at[:-1] == place)].sum() for place in places])
