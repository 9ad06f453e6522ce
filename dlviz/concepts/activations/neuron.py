"""One neuron's function and slope under Gaussian pre-activations, measured and in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import saturation
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.numbers import fixed, percent, small
from dlviz.progress import Progress, silent

from .functions import both_sides, kinks, lines, numeric, steepest, torch_function
from .settings import Settings, titled

if TYPE_CHECKING:
    import torch

    from .result import Result

SAMPLES = 20_000
BINS = 60
WINDOWS = (6.0, 10.0, 20.0, 50.0)
"""Half-widths of the picture: the smallest that holds μ ± 2.5σ is taken, so that it seldom jumps."""
ATOM = 0.01
"""A value that at least this share of the outputs takes exactly is a point mass, not part of a density."""
SWISH_GAP = 0.2784645427610738
"""max over x > 0 of x (1 − σ(x)): β times the largest distance between Swish and ReLU (Lambert's W(1/e))."""


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
        mean_theory=saturation.expectation(f, mean, std, jumps.tolist()),
        spread=float(out.std()),
        lowest=float(out.min()),
        squared_slope=float(np.mean(passed**2)),
        squared_slope_theory=saturation.expectation(lambda at: f_slope(at) ** 2, mean, std, jumps.tolist()),
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


def compute(settings: Settings, progress: Progress) -> Neuron:
    """The function above with its parameters under the pre-activations above."""
    s, name = settings, settings.function
    return neuron(name, s.parameter(name), s.maxout_pieces, s.mean, s.std, s.epsilon, s.seed, progress=progress)


def swish_gap(result: Result) -> tuple[float, float]:
    """Largest distance between Swish and ReLU on the screen, and 0.2785/β."""
    n = result.neuron
    return float(np.abs(n.f - np.maximum(n.x, 0)).max()), SWISH_GAP / result.settings.swish_beta


def swish(result: Result) -> Check:
    """At a large β Swish is ReLU up to 0.2785/β."""
    measured, theory = swish_gap(result)
    values = {"beta": result.settings.swish_beta, "gap": measured, "theory": theory}
    return Check(abs(measured / theory - 1) < 0.02, values)


PRESETS = (
    Preset(
        "swish", Settings(panels=(), function="Swish", swish_beta=10.0), swish,
        pin=Settings(panels=(), function="Swish", swish_beta=0.0),
    ),
)  # fmt: skip


def readouts(result: Result) -> list[Readout]:
    """The neuron's measured numbers beside theory."""
    n = result.neuron
    return [
        Readout(
            "Saturated share", percent(n.saturated), percent(n.saturated_theory),
            help="Of 20,000 pre-activations; in theory the normal probability of the shaded zone.",
        ),
        Readout("Mean output", fixed(n.mean, 3), fixed(n.mean_theory, 3)),
        Readout(
            "Mean squared slope", small(n.squared_slope), small(n.squared_slope_theory),
            help=r"$\mathbb{E}[f'(z)^2]$: a layer multiplies the gradient's mean square by $\sigma_w^2$ times this.",
        ),
    ]  # fmt: skip


def notice(result: Result) -> list[Note]:
    """Where the function is flat, and whether its outputs are centred."""
    n, s = result.neuron, result.settings
    name = titled(n.name, s)
    notes = []
    if not len(n.intervals):
        notes.append(Note("nowhere_flat", {"name": name, "epsilon": s.epsilon}))
    else:
        values = {"measured": percent(n.saturated), "theory": percent(n.saturated_theory), "epsilon": s.epsilon}
        notes.append(Note("flat", {**values, "name": name, "zone": _listed(n.intervals)}))
    if n.spread < 1e-12:
        notes.append(Note("constant", {"name": name, "count": n.samples, "value": fixed(n.mean, 3)}))
    elif abs(n.mean_theory) < 0.01 * n.spread:
        notes.append(Note("centred", {"name": name, "mean": fixed(n.mean, 3)}))
    elif n.lowest >= 0:
        notes.append(Note("positive", {"name": name, "mean": fixed(n.mean, 3)}))
    else:
        share = small(abs(n.mean) / n.spread)
        notes.append(Note("shifted", {"name": name, "mean": fixed(n.mean, 3), "share": share}))
    if n.name == "Swish" and s.swish_beta == 0:
        notes.append(Note("swish_linear"))
    elif n.name == "Swish" and s.swish_beta * n.half > 5:
        gap, theory = swish_gap(result)
        notes.append(Note("swish_gap", {"beta": s.swish_beta, "gap": gap, "theory": theory}))
    return notes


def _listed(intervals: np.ndarray) -> str:
    """The saturated zone in words: ``z < −2.89, z > 2.89``."""
    said = []
    for low, high in intervals:
        if np.isinf(low) and np.isinf(high):
            said.append("z ∈ ℝ")
        elif np.isinf(low):
            said.append(f"z < {fixed(high, 2)}")
        elif np.isinf(high):
            said.append(f"z > {fixed(low, 2)}")
        else:
            # As many decimals as tell the ends of a narrow interval apart.
            digits = next((d for d in range(2, 12) if round(low, d) != round(high, d)), 12)
            said.append(f"{fixed(low, digits)} < z < {fixed(high, digits)}")
    return ", ".join(said)


def facts(result: Result) -> list[Note]:
    """What heads the explanation: the function on the screen with its derivative."""
    n, s = result.neuron, result.settings
    if n.name == "Maxout":
        return [Note("maxout", {"pieces": s.maxout_pieces, "seed": s.seed})]
    function = ACTIVATIONS[n.name]
    values = {"name": titled(n.name, s), "formula": function.formula, "slope": function.slope_formula}
    return [Note("function", {**values, "steepest": small(n.steepest), "source": function.source})]


STUDY = Study(compute, PRESETS, readouts, notice)
