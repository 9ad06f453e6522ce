"""Activations and gradients by layer: presets that differ in how the signals, which the hero computes, fare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study

from .curves import factor, middle
from .settings import Settings
from .weights import sigma_w

if TYPE_CHECKING:
    from .result import Result


def _size(result: Result) -> np.ndarray:
    return middle(result.signals.std)


def _gradient(result: Result) -> np.ndarray:
    """Downwards: entry 0 is the last layer's."""
    return middle(result.signals.gradient)[::-1]


def too_small(result: Result) -> Check:
    """Small weights: activations and gradients shrink by the same factor, σ_w, at every layer."""
    size, back = factor(_size(result)), factor(_gradient(result))
    sigma = sigma_w(result.settings)
    holds = size is not None and back is not None and max(abs(size / sigma - 1), abs(back / sigma - 1)) < 0.1
    holds = holds and sigma < 0.5
    values = {"size": size or 0.0, "back": back or 0.0, "sigma": sigma, "last": float(_size(result)[-1])}
    return Check(bool(holds), values)


def saturated(result: Result) -> Check:
    """Large weights: tanh units sit at their ends, yet the gradient explodes."""
    predicted = result.signals.theory
    share = float(middle(result.signals.saturated)[-1])
    back = factor(_gradient(result)) or 0.0
    theory = factor(predicted.gradient[::-1]) if predicted is not None else None
    holds = share > 0.3 and back > 1.1 and theory is not None and abs(back / theory - 1) < 0.1
    return Check(bool(holds), {"share": share, "back": back, "theory": theory or 0.0})


def explodes(result: Result) -> Check:
    """ReLU passes on what it gets: activations grow by σ_w/√2 per layer."""
    size, sigma = factor(_size(result)), sigma_w(result.settings)
    theory = sigma / np.sqrt(2)
    holds = size is not None and theory > 1 and abs(size / theory - 1) < 0.1
    values = {"size": size or 0.0, "theory": float(theory), "last": float(_size(result)[-1])}
    return Check(bool(holds), values)


def xavier_tanh(result: Result) -> Check:
    """Xavier with tanh: sizes fade slowly, by a small factor over the whole network."""
    size, back = (curve[0] / curve[-1] for curve in (_size(result), _gradient(result)))
    share = float(middle(result.signals.saturated)[-1])
    return Check(bool(1 < size < 5 and back < 5 and share < 0.05), {"size": size, "back": back, "share": share})


def mean_square_factor(result: Result) -> float | None:
    """Geometric mean of the factor per layer of E[h²]."""
    return factor(middle(result.signals.rms) ** 2)


def he_relu(result: Result) -> Check:
    """He with ReLU: E[h²] stays, because the factor 2 makes up for the half that ReLU takes."""
    measured = mean_square_factor(result)
    holds = measured is not None and abs(measured - 1) < 0.05
    return Check(bool(holds), {"measured": measured or 0.0, "layers": result.settings.depth})


def xavier_relu(result: Result) -> Check:
    """Xavier with ReLU: E[h²] is halved by every layer."""
    measured = mean_square_factor(result)
    holds = measured is not None and abs(measured - 0.5) < 0.025
    squares = middle(result.signals.rms) ** 2
    values = {"measured": measured or 0.0, "layers": result.settings.depth, "left": float(squares[-1] / squares[0])}
    return Check(bool(holds), values)


HE = Settings(activation="ReLU", scheme="He normal", width=256, depth=30, repeats=5)
XAVIER = Settings(activation="ReLU", scheme="Xavier normal", width=256, depth=30, repeats=5)

PRESETS = (
    Preset("too_small", Settings(std=0.01, width=256), too_small),
    Preset("saturated", Settings(std=0.3, width=256), saturated),
    Preset("explodes", Settings(activation="ReLU", std=0.15, width=256), explodes),
    Preset("xavier_tanh", Settings(scheme="Xavier normal", width=256), xavier_tanh),
    Preset("xavier_relu", XAVIER, xavier_relu, pin=HE),
    Preset("he_relu", HE, he_relu, pin=XAVIER),
)
STUDY = Study(presets=PRESETS)
