"""What the page says about a run: readouts, what to notice, and the facts of the network.

Every sentence is chosen and filled from the result, so that none can be false for what is on the screen.
"""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import INITIALIZERS
from dlviz.engine.signals.mean_field import depth_scale

from . import measure
from .measure import CLASSES, Result

KEPT = 10.0
"""Up to this factor between the first layer and the last a signal is said to keep its size."""


NEAR = 1e-3
"""Share of a value by which the theory may miss the band over the draws."""


def readouts(result: Result) -> list[Readout]:
    """The page's metrics, measured beside theory."""
    theory = result.theory
    measured, formula = result.weight_rms
    found = [Readout("Size of the last layer's weights", _short(measured), _short(formula), help=_RMS)]
    pairs = (
        ("Activations: factor per layer", result.std, theory and theory.std, False),
        ("Gradients: factor per layer", result.gradient, theory and theory.gradient, True),
    )
    for label, values, predicted, backwards in pairs:
        size = along(measure.middle(values), backwards)
        if size is not None:
            expected = None if predicted is None else along(predicted, backwards)
            found.append(Readout(label, _factor(size), None if expected is None else _factor(expected), help=_FACTOR))
    flat = _share(measure.middle(result.saturated)[-1])
    found.append(Readout("Flat slopes in the last layer", flat, help=_SATURATED))
    return found


_RMS = "Root mean square over the weights of the first draw; theory is the formula of the scheme."
_FACTOR = "Geometric mean of the factor by which the standard deviation changes, on the way from layer to layer."
_SATURATED = "Share of pairs of unit and input with |φ′| below 0.01."


def along(values: np.ndarray, backwards: bool) -> float | None:
    """Factor per layer of a curve (L,) in the direction in which its signal travels."""
    return measure.factor(values[::-1] if backwards else values)


def notice(result: Result) -> list[Note]:
    """Sentences that are true of this very run, by key, with their numbers."""
    notes = [*_direction(result, "forward"), *_direction(result, "backward"), *_theory(result)]
    saturated, dead = (float(measure.middle(values)[-1]) for values in (result.saturated, result.dead))
    if np.isfinite(saturated) and saturated > 0.1 and result.settings.activation != "ReLU":
        notes.append(Note("saturated", {"share": saturated, "bound": measure.SATURATED}))
    if np.isfinite(dead) and dead > 0.05:
        notes.append(Note("dead", {"share": dead, "inputs": result.settings.samples}))
    beyond = float(result.hills.outside[-1])
    if beyond > 0.02:
        notes.append(Note("outside", {"share": beyond}))
    return [*notes, *_panels(result)]


def _direction(result: Result, way: str) -> list[Note]:
    """How the signal fares on its way up, or the gradient on its way down."""
    curve = measure.middle(result.std if way == "forward" else result.gradient)
    travelled = curve if way == "forward" else curve[::-1]
    layers = len(curve)
    gone, lost = measure.gone(travelled), measure.overflown(travelled)

    def layer(step: int) -> int:
        return step if way == "forward" else layers + 1 - step

    if lost is not None:
        return [Note(f"{way}_overflow", {"layer": layer(lost)})]
    if gone is not None:
        return [Note(f"{way}_gone", {"layer": layer(gone)})]
    size = measure.factor(travelled)
    if size is None:
        return []
    ratio = float(travelled[-1] / travelled[0])
    key = "dies" if ratio < 1 / KEPT else "grows" if ratio > KEPT else "keeps"
    values = {"first": float(travelled[0]), "last": float(travelled[-1]), "factor": size, "layers": layers}
    return [Note(f"{way}_{key}", values)]


def _theory(result: Result) -> list[Note]:
    theory, settings = result.theory, result.settings
    if theory is None:
        return [Note("no_theory_zero" if settings.scheme == "Zeros" else "no_theory_constant")]
    notes = []
    low, high = np.nanmin(result.std, axis=0, initial=np.inf), np.nanmax(result.std, axis=0, initial=-np.inf)
    # Where every draw gives the same (orthogonal weights, no activation) the band has no width but rounding.
    inside = int(((theory.std >= (1 - NEAR) * low) & (theory.std <= (1 + NEAR) * high)).sum())
    if settings.repeats > 1 and np.isfinite(result.std).all():
        values = {"inside": inside, "layers": settings.depth, "draws": settings.repeats, "near": NEAR}
        notes.append(Note("band", values))
    chi = float(theory.chi[-1])
    if np.isfinite(chi) and chi > 0:
        reach = float(depth_scale(chi))
        key = "critical" if reach > 1000 else "order" if chi < 1 else "chaos"
        notes.append(Note(key, {"chi": chi, "reach": reach}))
    return notes


def _panels(result: Result) -> list[Note]:
    notes = []
    if result.grid is not None:
        good = result.grid.good
        notes.append(Note("grid", {"good": int(good.sum()), "cells": good.size, "factor": measure.GOOD}))
    if result.spectra is not None:
        gaussian, orthogonal = (spread(values) for values in (result.spectra.gaussian, result.spectra.orthogonal))
        values = {"layers": result.spectra.depth, "gaussian": gaussian[0], "orthogonal": orthogonal[0]}
        notes.append(Note("spectra_below" if gaussian[1] else "spectra", values))
    if result.symmetry is not None and np.isfinite(result.symmetry.rank[:, -1]).all():
        same, noisy = (int(value) for value in result.symmetry.rank[:, -1])
        accuracy = result.symmetry.accuracy[:, -1]
        values = {"same": same, "noisy": noisy, "units": result.symmetry.units, "share": measure.RANK}
        if np.isfinite(accuracy).all():
            values |= {"accuracy": float(accuracy[0]), "accuracy_noisy": float(accuracy[1])}
            notes.append(Note("symmetry", values))
    if result.training is not None:
        final = measure.middle(result.training.accuracy)[:, -1]
        chance = int((final < 2 / CLASSES).sum())
        overflown = int(np.isinf(final).sum())
        best = float(final[np.isfinite(final)].max(initial=0.0))
        values = {"best": best, "chance": chance, "schemes": len(final), "bound": 2 / CLASSES, "overflown": overflown}
        notes.append(Note("training", values))
    return notes


def spread(values: np.ndarray) -> tuple[float, bool]:
    """log10 of largest over smallest singular value (S, N) of the first draw, and whether some were unresolved."""
    first = values[0]
    return float(np.nanmax(first) - np.nanmin(first)), bool(np.isnan(first).any())


def facts(result: Result) -> list[Note]:
    """What is on the screen before any sentence about it: the network, its activation and its weights."""
    settings = result.settings
    first, others = settings.rms(result.fan_in, settings.width), settings.rms(settings.width, settings.width)
    shape = {"layers": settings.depth, "units": settings.width, "inputs": settings.samples, "fan_in": result.fan_in}
    network = Note("network", {**shape, "formula": ACTIVATIONS[settings.activation].formula})
    weights = {"formula": INITIALIZERS[settings.scheme].formula, "first": _short(first), "others": _short(others)}
    key = "weights" if settings.depth > 1 else "weights_one"
    return [network, Note(key, weights | {"sigma_b": settings.sigma_b})]


def _short(value: float) -> str:
    return f"{value:.3g}"


def _factor(value: float) -> str:
    return f"{value:.3f}" if 0.1 <= value < 100 else f"{value:.3g}"


def _share(value: float) -> str:
    return f"{value:.1%}" if np.isfinite(value) else "–"
