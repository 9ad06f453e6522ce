"""What figures draw that no result holds as such: worked out here from what it holds, by a route of its own.

For each (concept, figure) a function of a result that gives arrays. Medians, means and extremes over an axis of what
a result holds need not stand here: :func:`held` has them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

MOST = 300_000
"""Numbers of an array over whose axes there are seeds, networks or images: what is larger is no table of runs."""
ORDINALS = 2_000
"""Steps, layers, lags and indices count up to here."""


def arrays(of: Any) -> Iterator[np.ndarray]:
    """All numbers that a result holds, array by array."""
    if dataclasses.is_dataclass(of):
        of = [getattr(of, field.name) for field in dataclasses.fields(of)]
    if isinstance(of, (np.ndarray, float, int, np.generic)):
        if np.asarray(of).dtype.kind in "fiub":
            yield np.asarray(of, dtype=float)
    elif isinstance(of, (Mapping, list, tuple)):
        for part in of.values() if isinstance(of, Mapping) else of:
            yield from arrays(part)


def held(result: Any) -> np.ndarray:
    """Every number of a result in ascending order, its medians, means and extremes over an axis, and ordinals.

    All of them also in per cent, and without their signs.
    """
    found = [np.arange(ORDINALS, dtype=float)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a median of nothing but NaN
        for values in arrays(result):
            found += [values.ravel(), np.abs(values).ravel(), 100 * values.ravel()]
            if values.ndim > 1 and 0 < values.size < MOST:
                for axis, over in itertools.product(range(values.ndim), (np.median, np.mean, np.min, np.max)):
                    found += [over(values, axis=axis).ravel(), over(100 * values, axis=axis).ravel()]
                    found.append(100 * over(values, axis=axis).ravel())
    return np.unique(np.concatenate(found))


def _over(values: np.ndarray, axis: int = -1) -> list[np.ndarray]:
    return [over(values, axis=axis) for over in (np.mean, np.median, np.min, np.max)]


def _grid(domain: tuple[float, ...], shape: tuple[int, ...]) -> list[np.ndarray]:
    ends = (domain[:2], shape[1]), (domain[2:], shape[0])
    return [low + (high - low) * np.arange(count) / (count - 1) for (low, high), count in ends]


def _surface(result: Any) -> list[np.ndarray]:
    return _grid(result.race.scene.domain, result.race.scene.z.shape)


def _losses(result: Any) -> list[np.ndarray]:
    """Losses above the lowest; order statistics over the repeats, a diverged one last; and GD's slowest direction."""
    race, found = result.race, []
    for descent in race.descents:
        ordered = np.sort(np.nan_to_num(descent.loss, nan=np.inf), axis=1)
        at = [math.floor(share * (ordered.shape[1] - 1)) for share in (0.1, 0.5, 0.9)]
        found += [ordered[:, at], ordered[:, at] - (race.scene.lowest or 0.0)]
        if race.scene.hessian is not None:
            values, vectors = np.linalg.eigh(race.scene.hessian)
            c = vectors.T @ (np.asarray(race.start) - race.scene.minima[0])
            steps = np.arange(len(descent.loss))[:, None]
            with np.errstate(over="ignore"):
                found.append(values * c**2 / 2 * np.abs(1 - descent.rate * values) ** (2.0 * steps))
    return found


def _neuron(result: Any) -> list[np.ndarray]:
    own, s = result.neuron, result.settings
    z = -own.half + 2 * own.half * np.arange(241) / 240
    return [z, np.exp(-0.5 * ((z - s.mean) / s.std) ** 2) / math.sqrt(2 * math.pi * s.std**2)]


def _gradients(result: Any) -> list[np.ndarray]:
    found = [array for d in result.depth.functions.values() for array in _over(d.gradient / d.gradient[:, -1:], 0)]
    return [*found, result.depth.theory.steepest ** np.arange(len(result.depth.theory.gradient))]


def _agreement(result: Any) -> list[np.ndarray]:
    """The expected share of the majority of n fair signs."""
    found = []
    for n in {one.inputs for one in vars(result.zigzag)["agreement"]}:
        found.append(sum(math.comb(n, k) * max(k, n - k) for k in range(n + 1)) / n / 2**n)
    return [np.array(found)]


def _softmax(result: Any) -> list[np.ndarray]:
    found = result.softmax
    even = np.full(found.classes, 1 / found.classes)
    at_even = np.linalg.norm(np.diag(even) - np.outer(even, even))
    return [np.array([at_even]), 2 / np.exp(found.scales * np.median(found.gap))]


def _spectra(result: Any) -> list[np.ndarray]:
    found = result.spectra
    sizes = [np.power(10.0, logs) for logs in arrays(found)]
    return [*sizes, *(part for each in sizes if each.ndim > 1 for part in _over(each, 0))]


def _backward(result: Any) -> list[np.ndarray]:
    """The theory's gradients from the median size in the last layer, over the draws."""
    theory = result.signals.theory
    return [] if theory is None else [np.median(result.signals.gradient[:, -1]) * theory.gradient]


def _batches(result: Any) -> list[np.ndarray]:
    found = result.batches
    n, kurtosis = found.sizes.astype(float), found.kurtosis
    variance = (n - 1) * ((n - 1) * kurtosis - n + 3) / n**3  # Cramér 1946, section 27.4
    return [np.sqrt(variance), n**-0.5, np.sqrt((3 + kurtosis) / 4 / n)]


def _norm_depth(result: Any) -> list[np.ndarray]:
    found = result.depth
    factors = [found.factors.get(norm, np.nan) for norm in found.norms]
    back = np.arange(len(found.gradient))
    return [np.median(found.gradient[-1], axis=-1) * np.power.outer(factors, back).T]


def _reach(result: Any) -> list[np.ndarray]:
    found = []
    for reach in result.reach.values():
        good = reach.gradient[np.isfinite(reach.gradient).all(axis=1)]
        if len(good):
            found += [np.percentile(good, share, axis=0) for share in (10, 50, 90)]
    vanilla = [reach for cell, reach in result.reach.items() if cell.startswith("RNN")]
    if vanilla:
        lags = np.arange(vanilla[0].gradient.shape[1])
        start = max(np.median(reach.gradient[np.isfinite(reach.gradient).all(axis=1)][:, 0]) for reach in vanilla)
        first = max(np.nanmax(reach.gradient[:, 0]) for reach in vanilla)
        with np.errstate(over="ignore"):
            found += [start * float(result.settings.radius) ** lags, first * vanilla[0].sigma.max() ** lags]
    return found


def _powers(result: Any) -> list[np.ndarray]:
    k = np.arange(len(result.steps.powers), dtype=float)
    return [np.exp(k * math.log(base)) for base in (result.steps.radius, result.steps.norm)]


def _contributions(result: Any) -> list[np.ndarray]:
    return [100 * np.array(list(itertools.accumulate(result.weight.share.tolist())))]


def _truncated(result: Any) -> list[np.ndarray]:
    quantities = (result.weight.error, result.weight.angle)
    return [np.nanpercentile(values, share, axis=0) for values in quantities for share in (10, 50, 90)]


def _gain(result: Any) -> list[np.ndarray]:
    return _over(100 * (result.gains.frozen - result.gains.scratch[:, None]))


def _held_back(result: Any) -> list[np.ndarray]:
    found = result.holding
    return [part for one in found.methods.values() for part in _over(100 * (found.before - one.source))]


DERIVED: dict[tuple[str, str], Callable[[Any], list[np.ndarray]]] = {
    ("loss_surfaces", "hero"): _surface,
    ("loss_surfaces", "loss"): _losses,
    ("loss_surfaces", "basins"): lambda r: _grid(r.race.scene.domain, r.basins.minimum.shape),
    ("loss_surfaces", "sensitivity"): lambda r: [2 / np.linalg.eigvalsh(r.race.scene.hessian)],
    ("activations", "hero"): _neuron,
    ("activations", "gradients"): _gradients,
    ("activations", "agreement"): _agreement,
    ("activations", "probabilities"): _softmax,
    ("activations", "jacobian"): _softmax,
    ("initialization", "forward_backward"): _backward,
    ("initialization", "spectra"): _spectra,
    ("normalization", "spread"): _batches,
    ("normalization", "gap"): _batches,
    ("normalization", "mixing"): lambda r: [r.training.mixing.mean(axis=2).mean(axis=1)],
    ("normalization", "depth"): _norm_depth,
    ("bptt", "hero"): _reach,
    ("bptt", "powers"): _powers,
    ("bptt", "contributions"): _contributions,
    ("bptt", "truncation"): _truncated,
    ("bptt", "angle"): _truncated,
    ("fine_tuning", "gain"): _gain,
    ("fine_tuning", "holding"): _held_back,
}
