"""Products of as many random matrices as the network has layers: how far their singular values spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import spectra
from dlviz.progress import Progress, silent, split

from .settings import WIDEST, Settings
from .weights import seeds

if TYPE_CHECKING:
    from .result import Result

DRAWS = 5  # of the matrices at most


@dataclass(frozen=True)
class Spectra:
    """Singular values of a product of square matrices, log10, descending; NaN below what float64 resolves."""

    depth: int
    width: int
    gain: float
    gaussian: np.ndarray  # (S, N)
    orthogonal: np.ndarray  # (S, N)
    shares: np.ndarray  # (N,) of singular values that are larger
    theory: np.ndarray  # (N,) for Gaussian matrices of infinite width


def compute(settings: Settings, progress: Progress) -> Spectra:
    """Both products, cached by the arguments that matter."""
    width = min(settings.width, WIDEST)
    return _products(settings.depth, width, settings.product_gain, seeds(settings)[:DRAWS], progress=progress)


@cached(maxsize=16)
def _products(depth: int, width: int, gain: float, seeds: tuple[int, ...], *, progress: Progress = silent) -> Spectra:
    first, second = split(progress, [1.0, 1.0])
    gaussian = spectra.product_singular_values("normal", width, depth, gain, seeds, first)
    orthogonal = spectra.product_singular_values("orthogonal", width, depth, gain, seeds, second)
    shares = (np.arange(width) + 0.5) / width
    theory = spectra.product_theory(depth, shares) + depth * np.log10(gain)
    return Spectra(depth, width, gain, gaussian, orthogonal, shares, theory)


def claim(result: Result) -> Check:
    """A product of orthogonal matrices keeps every length; a product of Gaussian ones keeps few."""
    found = result.spectra
    wide = float(np.nanmax(found.gaussian[0]) - np.nanmin(found.gaussian[0]))
    narrow = float(np.abs(found.orthogonal[0] - found.depth * np.log10(found.gain)).max())
    # The draws are float32, whose rounding is 6e-8.
    values = {"layers": found.depth, "decades": wide, "off": 10**narrow - 1}
    return Check(bool(narrow < 1e-5 and wide > 3), values)


SHOWN = ("Forward and backward", "Singular values")
PRESETS = (Preset("orthogonal", Settings(activation="Linear", scheme="Orthogonal", panels=SHOWN), claim),)


def notice(result: Result) -> list[Note]:
    """How far the singular values of both products spread."""
    found = result.spectra
    (gaussian, below), (orthogonal, _) = _spread(found.gaussian), _spread(found.orthogonal)
    values = {"layers": found.depth, "gaussian": gaussian, "orthogonal": orthogonal}
    return [Note("spectra_below" if below else "spectra", values)]


def _spread(values: np.ndarray) -> tuple[float, bool]:
    """log10 of largest over smallest singular value (S, N) of the first draw, and whether some were unresolved."""
    first = values[0]
    return float(np.nanmax(first) - np.nanmin(first)), bool(np.isnan(first).any())


STUDY = Study(compute, PRESETS, notice=notice)
