"""Every activation under every scheme: how much of the signals gets through the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import propagation
from dlviz.engine.signals.initializers import INITIALIZERS, Free
from dlviz.engine.signals.propagation import Variant
from dlviz.progress import Progress, silent

from .inputs import inputs
from .settings import WIDEST, ActivationName, SchemeName, Settings

if TYPE_CHECKING:
    from .result import Result

SAMPLES = 20
GOOD = 5.0
"""A cell of the grid is good when the sizes of activations and gradients both change by less than this factor."""


@dataclass(frozen=True)
class Grid:
    """Every activation under every scheme, first draw: change of the standard deviations between the ends.

    -inf where nothing is left, inf where numbers overflowed, NaN where there was nothing to begin with.
    """

    activations: tuple[str, ...]  # A
    schemes: tuple[str, ...]  # C
    forward: np.ndarray  # (A, C) log10 of std(h_L)/std(h_1)
    backward: np.ndarray  # (A, C) log10 of std(δ_1)/std(δ_L)
    width: int
    samples: int

    @property
    def good(self) -> np.ndarray:
        """(A, C) cells in which neither activations nor gradients change by a factor of ``GOOD`` or more."""
        bound = np.log10(GOOD)
        return (np.abs(self.forward) < bound) & (np.abs(self.backward) < bound)


def compute(settings: Settings, progress: Progress) -> Grid:
    """All cells in one pass, cached by the arguments that matter."""
    own = settings.own_parameter()
    parameter = None if own is None else (settings.activation, own)
    return _grid(
        settings.depth, settings.width, settings.free(), settings.sigma_b, parameter, settings.data, settings.seed,
        progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _grid(
    depth: int, width: int, free: Free, sigma_b: float, parameter: tuple[str, float] | None, data: str, seed: int,
    *, progress: Progress = silent,
) -> Grid:  # fmt: skip
    x, labels = inputs(data, SAMPLES, seed)
    activations, schemes = get_args(ActivationName), get_args(SchemeName)
    own = dict([parameter] if parameter else [])
    variants = []
    for activation in activations:
        for name in schemes:
            scheme = INITIALIZERS[name]
            # Of the network's own width, where the grid's layers are narrower too.
            sigmas = [scheme.rms(n, width, free) * float(np.sqrt(n)) for n in (width, x.shape[1])]
            variants.append(Variant(activation, sigmas[0], sigma_b, own.get(activation), scheme.draw, sigmas[1]))
    used = min(width, WIDEST)
    found = propagation.propagate(
        variants, depth, used, (100 * seed,), x, labels, want=("std", "gradient_std"), progress=progress
    )
    shape = len(activations), len(schemes)
    forward = _decades(found.std[:, 0, 0], found.std[:, 0, -1]).reshape(shape)
    backward = _decades(found.gradient_std[:, 0, -1], found.gradient_std[:, 0, 0]).reshape(shape)
    return Grid(activations, schemes, forward, backward, used, SAMPLES)


def _decades(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """log10(end/begin): -inf where nothing is left, inf where numbers overflowed, NaN where nothing ever was."""
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log10(end) - np.log10(begin)
    return np.where(begin == 0, np.nan, np.where(np.isnan(end) | np.isnan(begin), np.inf, change))


def claim(result: Result) -> Check:
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
    values = {"good": int(good.sum()), "cells": good.size, "lost": lost, "factor": GOOD}
    return Check(bool(holds), values)


PRESETS = (
    Preset("grid", Settings(activation="ReLU", scheme="He normal", panels=("Forward and backward", "Grid")), claim),
)


def notice(result: Result) -> list[Note]:
    """How many cells are good."""
    good = result.grid.good
    return [Note("grid", {"good": int(good.sum()), "cells": good.size, "factor": GOOD})]


STUDY = Study(compute, PRESETS, notice=notice)
