"""Initialization: how activations and gradients fare in a deep network before its first step of training."""

from __future__ import annotations

import math

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device, with_fallback
from dlviz.engine.signals import initializers, mean_field, propagation
from dlviz.engine.signals.propagation import Variant
from dlviz.progress import Progress, silent, split

from . import panels
from .measure import SATURATED, Hills, Result, Theory, inputs, random, sigma_w
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

BINS = 72
COUNTED = 10_000
"""About how many activations of each layer make a histogram."""
WANTED = ("std", "rms", "gradient_std", "saturated", "dead")


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """Send the inputs through the network and the loss back; compute what the open panels need.

    `progress` is called with the share done and may raise to stop. Equal settings give equal numbers on one
    device.
    """
    progress(0.0)
    chosen = [panels.PARTS[panel] for panel in panels.PARTS if panel in settings.panels]
    first, *others = split(progress, [1.0, *(cost for _, cost, _ in chosen)])
    x, labels = inputs(settings.data, settings.samples, settings.seed)
    found = _signals(
        _variant(settings, x.shape[1]), settings.depth, settings.width, seeds(settings), settings.data,
        settings.samples, settings.seed, progress=first,
    )  # fmt: skip
    extra = {name: compute(settings, watch) for (name, _, compute), watch in zip(chosen, others, strict=True)}
    return Result(
        settings,
        x.shape[1],
        _weight_rms(settings),
        _hills(found.values[0]),
        found.std[0],
        found.rms[0],
        found.gradient_std[0],
        found.saturated[0],
        found.dead[0],
        _theory(settings, x),
        **extra,
    )


def seeds(settings: Settings) -> tuple[int, ...]:
    """The seeds of the draws of the weights: no two settings of ``seed`` share one."""
    return tuple(100 * settings.seed + i for i in range(settings.repeats))


def _variant(settings: Settings, fan_in: int) -> Variant:
    draw = initializers.INITIALIZERS[settings.scheme].draw
    sigmas = sigma_w(settings), settings.sigma_b
    return Variant(settings.activation, *sigmas, settings.own_parameter(), draw, sigma_w(settings, fan_in=fan_in))


@cached(maxsize=128)
def _signals(
    variant: Variant, depth: int, width: int, seeds: tuple[int, ...], data: str, samples: int, seed: int,
    *, progress: Progress = silent,
) -> propagation.Signals:  # fmt: skip
    x, labels = inputs(data, samples, seed)
    return propagation.propagate(
        [variant],
        depth,
        width,
        seeds,
        x,
        labels,
        epsilon=SATURATED,
        values=COUNTED,
        want=WANTED,
        progress=progress,
    )


def _weight_rms(settings: Settings) -> tuple[float, float]:
    """Root mean square of the weights of the last layer of the first draw, and by the scheme's formula."""
    fan_in = settings.width if settings.depth > 1 else 64
    generator = propagation.generator(seeds(settings)[0], settings.depth)
    scheme, where = initializers.INITIALIZERS[settings.scheme], device(double=True)
    weights = scheme.weights(fan_in, settings.width, generator, settings.free(), where)
    return float(weights.square().mean().sqrt()), settings.rms(fan_in, settings.width)


def _hills(values: np.ndarray) -> Hills:
    """Histograms of values (L, K). The bins reach as far as the values of any layer, but not beyond four times
    the first layer's: where signals explode, their ridges leave the picture rather than flatten all others.
    """
    rows = [row[np.isfinite(row)] for row in values]
    reach = 4 * float(np.abs(rows[0]).max(initial=0))
    ends = [np.partition(row, _ends(row.size))[_ends(row.size)] for row in rows if row.size]
    low = max(min((float(low) for low, _ in ends), default=0.0), -reach)
    high = min(max((float(high) for _, high in ends), default=0.0), reach)
    if not high - low > 1e-290:
        middle = (high + low) / 2
        low, high = middle - 0.5 * max(abs(middle), 1.0), middle + 0.5 * max(abs(middle), 1.0)
    # One edge lies at zero, so that values on either side of it never share a bin.
    step = (high - low) / BINS
    edges = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    bins = {"bins": len(edges) - 1, "range": (edges[0], edges[-1])}
    counts = np.stack([np.histogram(row[row != 0], **bins)[0] for row in rows])
    zero = (values == 0).sum(axis=1)
    count = values.shape[1]
    outside = 1 - (counts.sum(axis=1) + zero) / count
    return Hills(edges, counts / count / step, zero / count, outside, count)


def _ends(size: int) -> list[int]:
    """Where the 0.2% and the 99.8% quantile stand among ``size`` sorted values."""
    return [int(0.002 * (size - 1)), math.ceil(0.998 * (size - 1))]


def _theory(settings: Settings, x: np.ndarray) -> Theory | None:
    if not random(settings.scheme):
        return None
    # Weights of the first layer have their own fan-in and so their own σ_w.
    found = mean_field.profile(
        settings.activation,
        np.mean(x**2, axis=1),
        sigma_w(settings),
        settings.sigma_b,
        settings.depth,
        settings.own_parameter(),
        first_sigma_w=sigma_w(settings, fan_in=x.shape[1]),
    )
    return Theory(found.std, found.gradient_rms, found.chi)
