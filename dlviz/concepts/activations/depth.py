"""Gradients, saturation and dead units layer by layer in deep random networks on digits."""

from __future__ import annotations

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals import mean_field, saturation
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.progress import Progress, silent

from .digits import standardised_digits
from .functions import numeric, steepest
from .measure import Depth, DepthTheory

SEEDS = 3
INPUTS = 100


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
) -> dict[str, Depth]:
    """Every function (name, parameter) in networks of one shape with weights σ_w/√fan_in, forward and backward.

    Without an ``epsilon`` no saturated share is given (NaN), and no other ε runs the networks again.
    """
    from dlviz.engine.signals.propagation import Variant, propagate

    if not functions:
        return {}
    x, labels = standardised_digits(INPUTS)
    variants = [Variant(name, weight_scale, parameter=parameter) for name, parameter in functions]
    limit = {} if epsilon is None else {"epsilon": epsilon}
    signals = propagate(variants, depth, width, seeds(seed), x, labels, **limit, progress=progress)
    saturated = signals.saturated if limit else np.full_like(signals.saturated, np.nan)
    return {
        name: Depth(name, saturated[i], signals.dead[i], signals.std[i], signals.gradient_rms[i])
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
) -> DepthTheory:
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
        return DepthTheory(
            name, profile.gradient_rms, profile.std, saturated, bound.max(axis=0), greatest
        )  # fmt: skip


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
