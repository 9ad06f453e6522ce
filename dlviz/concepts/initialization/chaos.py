"""Order and chaos: where in the plane of σ_w and σ_b gradients vanish and where they explode, by theory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import mean_field
from dlviz.progress import Progress, silent

from .curves import factor, middle
from .settings import Settings
from .weights import random, sigma_w

if TYPE_CHECKING:
    from .result import Result

PLANE = (81, 61)  # points along σ_w and σ_b
PLANE_ENDS = (3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 80.0, 200.0, 400.0)


@dataclass(frozen=True)
class Chaos:
    """Order and chaos in the plane of σ_w and σ_b, by theory."""

    sigma_w: np.ndarray  # (W,) from 0
    sigma_b: np.ndarray  # (B,) from 0
    log_chi: np.ndarray  # (B, W) natural log of χ at the fixed point; -inf at σ_w = 0
    edge: np.ndarray  # (B,) σ_w at which χ = 1; NaN where it does not pass it
    point: tuple[float, float] | None  # (σ_w, σ_b) of the chosen scheme; None for Zeros and Constant
    chi: float | None  # at that point
    q: float | None  # variance of the pre-activations to which the recursion leads there


def compute(settings: Settings, progress: Progress) -> Chaos:
    """The plane of the activation, and the place of the chosen scheme in it."""
    here = sigma_w(settings) if random(settings.scheme) else 0.0
    # A function that needs large weights to let gradients through (the sigmoid) shows them.
    flat = float(mean_field.edge(settings.activation, np.zeros(1), 0.05, 12.0, settings.own_parameter())[0])
    needed = 1.3 * max(here, 0.0 if np.isnan(flat) else flat)
    end = next((e for e in PLANE_ENDS if e >= needed), PLANE_ENDS[-1])
    top = 2.0 if settings.sigma_b <= 2 else 5.0
    across, up, log_chi, edge = _field(settings.activation, settings.own_parameter(), end, top)
    progress(1.0)
    if not random(settings.scheme):
        return Chaos(across, up, log_chi, edge, None, None, None)
    q = mean_field.fixed_points(settings.activation, here, settings.sigma_b, settings.own_parameter())
    chi = mean_field.fixed_chi(settings.activation, q, here, settings.own_parameter())
    return Chaos(across, up, log_chi, edge, (here, settings.sigma_b), float(chi), float(q))


@cached(maxsize=16)
def _field(
    activation: str, parameter: float | None, end: float, top: float, *, progress: Progress = silent
) -> tuple[np.ndarray, ...]:
    across, up = np.linspace(0, end, PLANE[0]), np.linspace(0, top, PLANE[1])
    q = mean_field.fixed_points(activation, across, up[:, None], parameter)
    with np.errstate(divide="ignore"):
        log_chi = np.log(mean_field.fixed_chi(activation, q, across, parameter))
    return across, up, log_chi, mean_field.edge(activation, up, 1e-3, end, parameter)


def claim(result: Result) -> Check:
    """Beyond χ = 1 the gradient grows by √χ per layer, as the theory of infinite width says."""
    downwards = middle(result.signals.gradient)[::-1]
    chi, measured = result.chaos.chi or 0.0, factor(downwards[: result.settings.depth // 2])
    theory = float(np.sqrt(chi))
    holds = chi > 1 and measured is not None and abs(measured / theory - 1) < 0.03
    reach = float(1 / np.log(chi)) if chi > 1 else np.inf
    return Check(bool(holds), {"measured": measured or 0.0, "theory": theory, "chi": chi, "reach": reach})


SHOWN = ("Forward and backward", "Order and chaos")
PRESETS = (Preset("chaos", Settings(scheme="Variance scaling", scale=2.0, width=256, depth=30, panels=SHOWN), claim),)
STUDY = Study(compute, PRESETS)
