"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset

from . import measure
from .measure import Result
from .settings import Settings

BEFORE = "Forward and backward"


def _size(result: Result) -> np.ndarray:
    return measure.middle(result.std)


def _gradient(result: Result) -> np.ndarray:
    """Downwards: entry 0 is the last layer's."""
    return measure.middle(result.gradient)[::-1]


def too_small(result: Result) -> Check:
    """Small weights: activations and gradients shrink by the same factor, σ_w, at every layer."""
    size, back = measure.factor(_size(result)), measure.factor(_gradient(result))
    sigma = measure.sigma_w(result.settings)
    holds = size is not None and back is not None and max(abs(size / sigma - 1), abs(back / sigma - 1)) < 0.1
    holds = holds and sigma < 0.5
    values = {"size": size or 0.0, "back": back or 0.0, "sigma": sigma, "last": float(_size(result)[-1])}
    return Check(bool(holds), values)


def saturated(result: Result) -> Check:
    """Large weights: tanh units sit at their ends, yet the gradient explodes."""
    share = float(measure.middle(result.saturated)[-1])
    back = measure.factor(_gradient(result)) or 0.0
    theory = measure.factor(result.theory.gradient[::-1]) if result.theory is not None else None
    holds = share > 0.3 and back > 1.1 and theory is not None and abs(back / theory - 1) < 0.1
    return Check(bool(holds), {"share": share, "back": back, "theory": theory or 0.0})


def explodes(result: Result) -> Check:
    """ReLU passes on what it gets: activations grow by σ_w/√2 per layer."""
    size, sigma = measure.factor(_size(result)), measure.sigma_w(result.settings)
    theory = sigma / np.sqrt(2)
    holds = size is not None and theory > 1 and abs(size / theory - 1) < 0.1
    values = {"size": size or 0.0, "theory": float(theory), "last": float(_size(result)[-1])}
    return Check(bool(holds), values)


def xavier_tanh(result: Result) -> Check:
    """Xavier with tanh: sizes fade slowly, by a small factor over the whole network."""
    size, back = (curve[0] / curve[-1] for curve in (_size(result), _gradient(result)))
    share = float(measure.middle(result.saturated)[-1])
    return Check(bool(1 < size < 5 and back < 5 and share < 0.05), {"size": size, "back": back, "share": share})


def mean_square_factor(result: Result) -> float | None:
    """Geometric mean of the factor per layer of E[h²]."""
    return measure.factor(measure.middle(result.rms) ** 2)


def he_relu(result: Result) -> Check:
    """He with ReLU: E[h²] stays, because the factor 2 makes up for the half that ReLU takes."""
    measured = mean_square_factor(result)
    holds = measured is not None and abs(measured - 1) < 0.05
    return Check(bool(holds), {"measured": measured or 0.0, "layers": result.settings.depth})


def xavier_relu(result: Result) -> Check:
    """Xavier with ReLU: E[h²] is halved by every layer."""
    measured = mean_square_factor(result)
    holds = measured is not None and abs(measured - 0.5) < 0.025
    squares = measure.middle(result.rms) ** 2
    values = {"measured": measured or 0.0, "layers": result.settings.depth, "left": float(squares[-1] / squares[0])}
    return Check(bool(holds), values)


def grid(result: Result) -> Check:
    """He suits ReLU and Xavier suits tanh; Xavier does not suit ReLU, and nothing here suits the sigmoid."""
    found = result.grid
    row, column = found.activations.index, found.schemes.index
    good = found.good
    holds = (
        good[row("ReLU"), column("He normal")]
        and good[row("Tanh"), column("Xavier normal")]
        and not good[row("ReLU"), column("Xavier normal")]
        and not good[row("Sigmoid")].any()
    )
    lost = -float(found.forward[row("ReLU"), column("Xavier normal")])
    values = {"good": int(good.sum()), "cells": good.size, "lost": lost, "factor": measure.GOOD}
    return Check(bool(holds), values)


def chaos(result: Result) -> Check:
    """Beyond χ = 1 the gradient grows by √χ per layer, as the theory of infinite width says."""
    point, measured = result.chaos, measure.factor(_gradient(result)[: result.settings.depth // 2])
    theory = float(np.sqrt(point.chi))
    holds = point.chi > 1 and measured is not None and abs(measured / theory - 1) < 0.03
    reach = float(1 / np.log(point.chi)) if point.chi > 1 else np.inf
    values = {"measured": measured or 0.0, "theory": theory, "chi": point.chi, "reach": reach}
    return Check(bool(holds), values)


def symmetry(result: Result) -> Check:
    """From equal weights the units stay equal for ever; a little noise lets them part."""
    found = result.symmetry
    without = float(found.end[0].min())
    apart = float(found.end[1].min())
    values = {
        "cosine": without,
        "apart": apart,
        "rank": int(np.nanmax(found.rank[0])),
        "noisy": int(found.rank[1, -1]),
        "accuracy": float(found.accuracy[0, -1]),
        "accuracy_noisy": float(found.accuracy[1, -1]),
    }
    holds = without > 1 - 1e-6 and values["rank"] == 1 and values["noisy"] > 1 and apart < 0.9
    return Check(bool(holds and values["accuracy_noisy"] > values["accuracy"] + 0.2), values)


def orthogonal(result: Result) -> Check:
    """A product of orthogonal matrices keeps every length; a product of Gaussian ones keeps few."""
    found = result.spectra
    wide = float(np.nanmax(found.gaussian[0]) - np.nanmin(found.gaussian[0]))
    narrow = float(np.abs(found.orthogonal[0] - found.depth * np.log10(found.gain)).max())
    # The draws are float32, whose rounding is 6e-8.
    values = {"layers": found.depth, "decades": wide, "off": 10**narrow - 1}
    return Check(bool(narrow < 1e-5 and wide > 3), values)


def training(result: Result) -> Check:
    """The schemes that carry the signal learn; those that lose it, or never part, stay at chance."""
    found = result.training
    final = dict(zip(found.schemes, measure.middle(found.accuracy)[:, -1], strict=True))
    stuck = max(final[name] for name in ("Zeros", "Constant", "Normal"))
    values = {"he": final["He normal"], "xavier": final["Xavier normal"], "stuck": stuck, "tested": found.tested}
    holds = values["he"] > 0.85 and stuck < 0.2 and values["he"] > values["xavier"]
    return Check(bool(holds), values)


HE = Settings(activation="ReLU", scheme="He normal", width=256, depth=30, repeats=5)
XAVIER = Settings(activation="ReLU", scheme="Xavier normal", width=256, depth=30, repeats=5)

PRESETS: tuple[Preset, ...] = (
    Preset("too_small", Settings(std=0.01, width=256), too_small),
    Preset("saturated", Settings(std=0.3, width=256), saturated),
    Preset("explodes", Settings(activation="ReLU", std=0.15, width=256), explodes),
    Preset("xavier_tanh", Settings(scheme="Xavier normal", width=256), xavier_tanh),
    Preset("xavier_relu", XAVIER, xavier_relu, pin=HE),
    Preset("he_relu", HE, he_relu, pin=XAVIER),
    Preset("grid", Settings(activation="ReLU", scheme="He normal", panels=(BEFORE, "Grid")), grid),
    Preset(
        "chaos",
        Settings(scheme="Variance scaling", scale=2.0, width=256, depth=30, panels=(BEFORE, "Order and chaos")),
        chaos,
    ),
    Preset("symmetry", Settings(scheme="Constant", constant=0.05, panels=("Symmetry",)), symmetry),
    Preset(
        "orthogonal",
        Settings(activation="Linear", scheme="Orthogonal", panels=(BEFORE, "Singular values")),
        orthogonal,
    ),
    Preset(
        "training",
        Settings(activation="ReLU", scheme="He normal", std=0.05, depth=10, panels=(BEFORE, "Training")),
        training,
    ),
)
