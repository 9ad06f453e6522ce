"""The signals in a random network: activations on their way up, gradients on their way down, beside theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Note, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals import mean_field, propagation
from dlviz.engine.signals.initializers import INITIALIZERS
from dlviz.engine.signals.propagation import Variant
from dlviz.progress import Progress, silent

from . import curves
from .curves import along, middle
from .hills import Hills, hills
from .inputs import inputs
from .settings import Settings
from .weights import random, seeds, sigma_w

if TYPE_CHECKING:
    from .result import Result

COUNTED = 10_000
"""About how many activations of each layer make a histogram."""
WANTED = ("std", "rms", "gradient_std", "saturated", "dead")
SATURATED = 0.01
"""A unit counts as saturated on an input where |φ′(z)| is below this."""
KEPT = 10.0
"""Up to this factor between the first layer and the last a signal is said to keep its size."""
NEAR = 1e-3
"""Share of a value by which the theory may miss the band over the draws."""


@dataclass(frozen=True)
class Theory:
    """The mean-field prediction for infinitely wide layers, each (L,)."""

    std: np.ndarray  # of the activations h_l
    gradient: np.ndarray  # root mean square of ∂loss/∂z_l, as a multiple of the last layer's
    chi: np.ndarray  # factor of the gradient's mean square, from layer l + 1 to layer l


@dataclass(frozen=True)
class Signals:
    """What is measured in L layers, for S draws of the weights."""

    fan_in: int  # of the first layer
    weight_rms: tuple[float, float]  # of the first draw's last layer: measured, and by the scheme's formula
    hills: Hills
    std: np.ndarray  # (S, L) of the activations h_l; 0 below LOWEST, NaN after overflow
    rms: np.ndarray  # (S, L) root mean square of h_l
    gradient: np.ndarray  # (S, L) standard deviation of ∂loss/∂z_l
    saturated: np.ndarray  # (S, L) share of (unit, input) pairs with |φ′| < SATURATED
    dead: np.ndarray  # (S, L) share of units with φ′ = 0 on every input
    theory: Theory | None  # None for Zeros and Constant, which no mean-field theory describes


def compute(settings: Settings, progress: Progress) -> Signals:
    """Send the inputs through the network and the loss back."""
    x, _labels = inputs(settings.data, settings.samples, settings.seed)
    found = _propagated(
        _variant(settings, x.shape[1]), settings.depth, settings.width, seeds(settings), settings.data,
        settings.samples, settings.seed, progress=progress,
    )  # fmt: skip
    return Signals(
        x.shape[1],
        _weight_rms(settings),
        hills(found.values[0]),
        found.std[0],
        found.rms[0],
        found.gradient_std[0],
        found.saturated[0],
        found.dead[0],
        _predicted(settings, x),
    )


def _variant(settings: Settings, fan_in: int) -> Variant:
    draw = INITIALIZERS[settings.scheme].draw
    sigmas = sigma_w(settings), settings.sigma_b
    return Variant(settings.activation, *sigmas, settings.own_parameter(), draw, sigma_w(settings, fan_in=fan_in))


@cached(maxsize=128)
def _propagated(
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
    scheme, where = INITIALIZERS[settings.scheme], device(double=True)
    weights = scheme.weights(fan_in, settings.width, generator, settings.free(), where)
    return float(weights.square().mean().sqrt()), settings.rms(fan_in, settings.width)


def _predicted(settings: Settings, x: np.ndarray) -> Theory | None:
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


def readouts(result: Result) -> list[Readout]:
    """The sizes of the weights and of both signals, measured beside theory."""
    signals, theory = result.signals, result.signals.theory
    measured, formula = signals.weight_rms
    found = [Readout("Size of the last layer's weights", f"{measured:.3g}", f"{formula:.3g}", help=_RMS)]
    pairs = (
        ("Activations: factor per layer", signals.std, theory.std if theory else None, False),
        ("Gradients: factor per layer", signals.gradient, theory.gradient if theory else None, True),
    )
    for label, values, predicted, backwards in pairs:
        size = along(middle(values), backwards)
        if size is not None:
            expected = None if predicted is None else along(predicted, backwards)
            found.append(Readout(label, _factor(size), None if expected is None else _factor(expected), help=_FACTOR))
    flat = float(middle(signals.saturated)[-1])
    share = f"{flat:.1%}" if np.isfinite(flat) else "–"
    found.append(Readout("Flat slopes in the last layer", share, help=_SATURATED))
    return found


_RMS = "Root mean square over the weights of the first draw; theory is the formula of the scheme."
_FACTOR = "Geometric mean of the factor by which the standard deviation changes, on the way from layer to layer."
_SATURATED = "Share of pairs of unit and input with |φ′| below 0.01."


def _factor(value: float) -> str:
    return f"{value:.3f}" if 0.1 <= value < 100 else f"{value:.3g}"


def notice(result: Result) -> list[Note]:
    """How the signals fare, what theory says of them, and what happens to the units of the last layer."""
    signals, settings = result.signals, result.settings
    notes = [*_direction(signals, "forward"), *_direction(signals, "backward"), *_theory(result)]
    saturated, dead = (float(middle(values)[-1]) for values in (signals.saturated, signals.dead))
    if np.isfinite(saturated) and saturated > 0.1 and settings.activation != "ReLU":
        notes.append(Note("saturated", {"share": saturated, "bound": SATURATED}))
    if np.isfinite(dead) and dead > 0.05:
        notes.append(Note("dead", {"share": dead, "inputs": settings.samples}))
    beyond = float(signals.hills.outside[-1])
    if beyond > 0.02:
        notes.append(Note("outside", {"share": beyond}))
    return notes


def _direction(signals: Signals, way: str) -> list[Note]:
    """How the signal fares on its way up, or the gradient on its way down."""
    curve = middle(signals.std if way == "forward" else signals.gradient)
    travelled = curve if way == "forward" else curve[::-1]
    layers = len(curve)
    gone, lost = curves.gone(travelled), curves.overflown(travelled)

    def layer(step: int) -> int:
        return step if way == "forward" else layers + 1 - step

    if lost is not None:
        return [Note(f"{way}_overflow", {"layer": layer(lost)})]
    if gone is not None:
        return [Note(f"{way}_gone", {"layer": layer(gone)})]
    size = curves.factor(travelled)
    if size is None:
        return []
    ratio = float(travelled[-1] / travelled[0])
    key = "dies" if ratio < 1 / KEPT else "grows" if ratio > KEPT else "keeps"
    values = {"first": float(travelled[0]), "last": float(travelled[-1]), "factor": size, "layers": layers}
    return [Note(f"{way}_{key}", values)]


def _theory(result: Result) -> list[Note]:
    """Whether theory holds here, and which side of the edge of chaos it puts the last layer on."""
    signals, theory, settings = result.signals, result.signals.theory, result.settings
    if theory is None:
        return [Note("no_theory_zero" if settings.scheme == "Zeros" else "no_theory_constant")]
    notes = []
    low, high = np.nanmin(signals.std, axis=0, initial=np.inf), np.nanmax(signals.std, axis=0, initial=-np.inf)
    # Where every draw gives the same (orthogonal weights, no activation) the band has no width but rounding.
    inside = int(((theory.std >= (1 - NEAR) * low) & (theory.std <= (1 + NEAR) * high)).sum())
    if settings.repeats > 1 and np.isfinite(signals.std).all():
        values = {"inside": inside, "layers": settings.depth, "draws": settings.repeats, "near": NEAR}
        notes.append(Note("band", values))
    chi = float(theory.chi[-1])
    if np.isfinite(chi) and chi > 0:
        reach = float(mean_field.depth_scale(chi))
        key = "critical" if reach > 1000 else "order" if chi < 1 else "chaos"
        notes.append(Note(key, {"chi": chi, "reach": reach}))
    return notes


STUDY = Study(compute, readouts=readouts, notice=notice)
