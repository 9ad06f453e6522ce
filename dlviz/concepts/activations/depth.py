"""Gradients, saturation and dead units layer by layer in deep random networks on digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals import mean_field, saturation
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.numbers import fixed, percent, small
from dlviz.progress import Progress, silent, split

from .digits import standardised_digits
from .functions import numeric, steepest
from .settings import Settings
from .wording import left

if TYPE_CHECKING:
    from .result import Result

SEEDS = 3
INPUTS = 100


@dataclass(frozen=True)
class Measured:
    """One function in deep networks, for S seeds and layers 1 ... L, each (S, L); NaN where numbers overflowed."""

    name: str
    saturated: np.ndarray  # share of (unit, input) pairs with |f'(z)| < ε; NaN unless the panel that shows it is on
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
class Predicted:
    """What is known beforehand of one function, for layers 1 ... L, each (L,)."""

    name: str
    gradient: np.ndarray  # mean field: ∂loss/∂z as a multiple of the last layer's, the root of the product of χ
    std: np.ndarray  # mean field, of the activations
    saturated: np.ndarray  # P(|f'(z)| < ε) for the mean-field variance of z
    bound: np.ndarray  # product of max|f'| ‖W‖₂ over the layers above, the largest over the seeds
    steepest: float  # max|f'|


@dataclass(frozen=True)
class Depth:
    """The deep networks of a run: by function, and the theory of the function above where that is elementwise."""

    functions: dict[str, Measured]
    theory: Predicted | None


def seeds(seed: int) -> tuple[int, ...]:
    """The networks of one setting: ``seed`` and two others that no other setting begins with."""
    return tuple(seed + 1000 * repeat for repeat in range(SEEDS))


@cached(maxsize=128)
def measured(
    functions: tuple[tuple[str, float | None], ...],
    depth: int,
    width: int,
    weight_scale: float,
    epsilon: float | None,
    seed: int,
    *,
    progress: Progress = silent,
) -> dict[str, Measured]:
    """Every function (name, parameter) in networks of one shape with weights σ_w/√fan_in, forward and backward.

    Without an ``epsilon`` no saturated share is given (NaN), and no other ε runs the networks again.
    """
    from dlviz.engine.signals.propagation import Variant, propagate

    x, labels = standardised_digits(INPUTS)
    variants = [Variant(name, weight_scale, parameter=parameter) for name, parameter in functions]
    limit: dict[str, Any] = {} if epsilon is None else {"epsilon": epsilon}
    signals = propagate(variants, depth, width, seeds(seed), x, labels, **limit, progress=progress)
    saturated = signals.saturated if limit else np.full_like(signals.saturated, np.nan)
    return {
        name: Measured(name, saturated[i], signals.dead[i], signals.std[i], signals.gradient_rms[i])
        for i, (name, _) in enumerate(functions)
    }


@cached(maxsize=64)
def predicted(
    name: str,
    parameter: float | None,
    depth: int,
    width: int,
    weight_scale: float,
    epsilon: float | None,
    seed: int,
    *,
    progress: Progress = silent,
) -> Predicted:
    """Mean-field theory of one function, and the bound by the weights' spectral norms of these very networks."""
    x, _ = standardised_digits(INPUTS)
    profile = mean_field.profile(name, (x**2).mean(axis=1), weight_scale, 0.0, depth, parameter)
    function = ACTIVATIONS[name]
    slope = numeric(lambda z: function.slope(z, parameter))
    greatest = steepest(name, parameter)
    # Standard deviations of z as the mean-field recursion predicts them; a Gaussian of width 0 sits at 0.
    widths = np.sqrt(np.where(np.isfinite(profile.q), np.maximum(profile.q, 0), np.nan))
    saturated = np.full(depth, np.nan)
    if epsilon is not None:
        intervals = saturation.flat_intervals(slope, epsilon)
        for layer in np.flatnonzero(np.isfinite(widths)):
            saturated[layer] = saturation.probability(intervals, 0.0, max(widths[layer], 1e-150))
    norms = weight_scale * spectral_norms(depth, width, seed, progress=progress)
    with np.errstate(over="ignore", invalid="ignore"):
        # From the last layer back: entry l is the product over the layers above l.
        growth = np.cumprod((greatest * norms)[:, :0:-1], axis=1)[:, ::-1]
        bound = np.concatenate([growth, np.ones((len(norms), 1))], axis=1)
        return Predicted(name, profile.gradient_rms, profile.std, saturated, bound.max(axis=0), greatest)


@cached(maxsize=128)
def spectral_norms(depth: int, width: int, seed: int, *, progress: Progress = silent) -> np.ndarray:
    """‖W_l‖₂ for σ_w = 1 of the networks that :func:`measured` runs, (SEEDS, depth)."""
    import torch

    from dlviz.engine.signals.initializers import base
    from dlviz.engine.signals.propagation import generator

    inputs, where = standardised_digits(INPUTS)[0].shape[1], device(double=True)
    found = np.empty((SEEDS, depth))
    for s, seed_ in enumerate(seeds(seed)):
        for layer in range(depth):
            fan_in = width if layer else inputs
            w = base("normal", width, fan_in, generator(seed_, layer + 1), where)
            gram = w @ w.T if width <= fan_in else w.T @ w
            found[s, layer] = float(torch.linalg.eigvalsh(gram)[-1].clamp(min=0).sqrt()) / np.sqrt(fan_in)
            progress((s * depth + layer + 1) / (SEEDS * depth))
    return found


def compute(settings: Settings, progress: Progress) -> Depth:
    """The chosen functions in deep networks. ε matters only to the panel that shows the saturated share."""
    s, name = settings, settings.function
    functions = tuple((other, s.parameter(other)) for other in s.deep())
    epsilon = s.epsilon if "Saturation by depth" in s.panels else None
    shape = (s.depth, s.width, s.weight_scale, epsilon, s.seed)
    networks, theory = split(progress, [2.0, 1.0])
    found = measured(functions, *shape, progress=networks)
    if name not in found:
        return Depth(found, None)
    return Depth(found, predicted(name, s.parameter(name), *shape, progress=theory))


def factor_per_layer(found: Measured) -> float:
    """Factor of the gradient per layer, from the last to the first: the geometric mean over layers and seeds."""
    back = found.passed_back
    return float(np.exp(np.log(back[:, 0]).mean() / (back.shape[1] - 1)))


def vanishing(result: Result) -> Check:
    """Behind sigmoids the gradient shrinks by the mean-field factor √χ a layer, which is below 1/4."""
    found, theory = result.depth.functions["Sigmoid"], result.depth.theory
    if theory is None:
        return Check(False)
    layers = len(theory.gradient)
    factor, expected = factor_per_layer(found), float(theory.gradient[0] ** (1 / (layers - 1)))
    share = float(np.median(found.passed_back[:, 0]))
    holds = abs(factor / expected - 1) < 0.05 and factor < theory.steepest and share < 1e-10
    values = {"measured": factor, "theory": expected, "left": share, "layers": layers}
    return Check(bool(holds), {**values, "steepest": theory.steepest})


def self_normalising(result: Result) -> Check:
    """SELU keeps mean 0 and standard deviation 1, of one neuron's outputs and through all layers."""
    n = result.neuron
    stds = np.median(result.depth.functions["SELU"].std, axis=0)
    holds = abs(n.mean) < 0.05 and abs(n.spread - 1) < 0.05 and np.abs(stds - 1).max() < 0.25
    values = {"mean": fixed(n.mean, 3), "std": n.spread, "last": float(stds[-1]), "layers": len(stds)}
    return Check(bool(holds), values)


PRESETS = (
    Preset("vanishing", Settings(depth=30), vanishing),
    Preset(
        "self_normalising",
        Settings(
            panels=("Saturation by depth",), function="SELU", std=1.0, compared=("Tanh", "ReLU", "SELU"), depth=50
        ),
        self_normalising,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """What of the gradient is left in the first layer, where the function above is elementwise."""
    found, theory = result.depth.functions, result.depth.theory
    if theory is None:
        return []
    back = found[theory.name].passed_back[:, 0]
    if not np.isfinite(back).all():
        return []
    return [Readout("Gradient left in the first layer", left(float(np.median(back))), left(float(theory.gradient[0])))]


def notice(result: Result) -> list[Note]:
    """What becomes of the gradient through all layers, and units that are dead in the last."""
    notes = []
    layers = result.settings.depth
    for name, d in result.depth.functions.items():
        if not np.isfinite(d.passed_back[:, 0]).all():
            whole = np.isfinite(d.std).all(axis=0)
            if not whole.all():
                layer = int(np.flatnonzero(~whole)[0]) + 1
                notes.append(Note("overflow", {"name": name, "layer": layer}))
            else:
                notes.append(Note("no_gradient", {"name": name}))
            continue
        share = float(np.median(d.passed_back[:, 0]))
        if name == result.neuron.name or share < 1e-3 or share > 1e3:
            values = {"name": name, "layers": layers}
            if share == 0:
                notes.append(Note("gone", values))
            else:
                key = "vanishes" if share < 0.1 else "explodes" if share > 10 else "survives"
                factor = share ** (1 / (layers - 1))
                notes.append(Note(key, {**values, "left": small(share), "factor": factor}))
    for name, d in result.depth.functions.items():
        dead = d.dead[:, -1]
        if np.isfinite(dead).all() and np.median(dead) > 0.01:
            values = {"name": name, "share": percent(float(np.median(dead))), "layers": layers}
            notes.append(Note("dead_by_depth", values))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
