"""The surface as drawn, and what is known of it: its minima, its curvature at the lowest, and the facts of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import sympy

from dlviz.contract import Note
from dlviz.engine.runtime.device import device
from dlviz.engine.surfaces import adaptive_grid
from dlviz.engine.surfaces.adaptive_grid import Sampled
from dlviz.engine.surfaces.analytic import AnalyticSurface
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import latex
from dlviz.numbers import percent, signed

from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

SIDE, SIDE_ON_GPU = 161, 201
"""Points a side of the surface's grid; the greater one for a network's slice where a GPU computes all of it."""
HALVINGS, TOLERANCE = 4, 0.005
"""A network's slice is computed on every 16th point, and interpolated to this share of the loss between."""
LONGEST = 2000
"""Characters of a gradient, as LaTeX, beyond which it is not printed."""
LISTED = 6
"""Minima beyond these are counted, not listed."""


@dataclass(frozen=True)
class Scene:
    """The surface as drawn, and what is known of it."""

    name: str
    formula: str  # LaTeX
    gradient: tuple[str, str] | None  # LaTeX of the partial derivatives; None for a loss over data
    samples: int | None  # examples behind a loss over data
    axes: tuple[str, str]
    domain: tuple[float, float, float, float]  # x_min, x_max, y_min, y_max
    z: np.ndarray  # (H, W) loss on a regular grid over the domain; row 0 at y_min
    minima: np.ndarray  # (K, 2)
    lowest: float | None  # least loss over the known minima
    hessian: np.ndarray | None  # (2, 2) at the lowest minimum
    quadratic: bool  # whether the Hessian is the same everywhere
    sampled: Sampled | None = None  # what of z is interpolated; None: nothing


def surface_of(settings: Settings) -> Surface:
    """The chosen surface; equal settings give the same object."""
    return surface(
        settings.surface,
        condition=settings.condition,
        rotation=settings.rotation,
        expression=settings.expression,
        seed=settings.seed,
    )


@lru_cache(maxsize=32)
def scene_of(ground: Surface) -> Scene:
    """The surface on its grid, with its minima from the lowest up."""
    z, sampled = _heights(ground)
    if not np.isfinite(z).any():
        raise ValueError("the function has no finite value on its domain")
    minima = np.asarray(ground.minima, dtype=float).reshape(-1, 2)
    lowest = hessian = None
    if len(minima):
        losses = np.asarray(ground.value(minima[:, 0], minima[:, 1]), dtype=float)
        order = np.argsort(losses, kind="stable")
        minima, lowest = minima[order], float(losses[order[0]])
        xx, xy, yy = (float(np.asarray(part).ravel()[0]) for part in ground.hessian(minima[:1, 0], minima[:1, 1]))
        # At a kink (Ackley's minimum) there is none.
        hessian = np.array([[xx, xy], [xy, yy]]) if np.isfinite([xx, xy, yy]).all() else None
    gradient = None
    if isinstance(ground, AnalyticSurface) and not ground.samples:
        in_x, in_y = ground.derivatives
        gradient = latex(in_x), latex(in_y)
    return Scene(
        ground.name, ground.formula, gradient, ground.samples, ground.axes, ground.domain, z, minima, lowest, hessian,
        _is_quadratic(ground), sampled,
    )  # fmt: skip


def _heights(ground: Surface) -> tuple[np.ndarray, Sampled | None]:
    """The loss on a regular grid, and what of it is interpolated: a network's slice on the CPU."""
    network = not ground.program and ground.name == "Digits network"
    on_gpu = network and device(double=True).type != "cpu"
    side = SIDE_ON_GPU if on_gpu else SIDE
    x, y = (np.linspace(low, high, side) for low, high in (ground.domain[:2], ground.domain[2:]))
    if network and not on_gpu:
        sampled = adaptive_grid.sample(ground.value, x, y, HALVINGS, TOLERANCE)
        return sampled.z, sampled
    return np.asarray(ground.value(*np.meshgrid(x, y)), dtype=float), None


def _is_quadratic(ground: Surface) -> bool:
    """Whether the Hessian is one and the same everywhere: a formula that is a polynomial of degree two at most.

    Read from the formula as it stands: to multiply it out first can take hours. One whose higher powers would cancel
    then does not count, and theory is not drawn beside its run.
    """
    return isinstance(ground, AnalyticSurface) and _degree(ground.expression) <= 2


def _degree(part: sympy.Expr) -> float:
    """The degree in x and y of a formula as it stands; infinite where it is no polynomial."""
    if not part.free_symbols:
        return 0
    if part.is_Symbol:
        return 1
    if part.is_Add:
        return max(_degree(term) for term in part.args)
    if part.is_Mul:
        return sum(_degree(factor) for factor in part.args)
    if part.is_Pow and part.exp.is_Integer and part.exp > 0:
        return int(part.exp) * _degree(part.base)
    return math.inf


def eigenvalues(scene: Scene) -> np.ndarray | None:
    """Eigenvalues of the Hessian at the lowest minimum, ascending, (2,); None if no minimum is known."""
    return None if scene.hessian is None else np.linalg.eigvalsh(scene.hessian)


def condition(scene: Scene) -> float | None:
    """λ_max/λ_min at the lowest minimum; None without a minimum or with a flat direction."""
    values = eigenvalues(scene)
    return None if values is None or values[0] <= 0 else float(values[1] / values[0])


def stability_limit(scene: Scene) -> float | None:
    """2/λ_max: the learning rate from which GD no longer converges to the minimum (Goodfellow et al. 2016, 4.3)."""
    values = eigenvalues(scene)
    return None if values is None or values[1] <= 0 else float(2 / values[1])


def facts(result: Result) -> list[Note]:
    """What is on the screen before anything moves: the surface's formula, gradient, domain and minima."""
    scene = result.race.scene
    domain = dict(zip(("x_min", "x_max", "y_min", "y_max"), map(signed, scene.domain), strict=True))
    values = {"name": scene.name, "formula": scene.formula, "first": scene.axes[0], "second": scene.axes[1], **domain}
    if scene.gradient is not None:
        x, y = scene.gradient
        gradient = rf"\left({x},\ {y}\right)"
        # Of a long formula it has thousands of terms, which nobody reads and the browser takes long to typeset.
        short = len(gradient) < LONGEST
        found = [Note("surface", {**values, "gradient": gradient}) if short else Note("long_surface", values)]
    else:
        found = [Note("data_surface", {**values, "samples": scene.samples})]
    if (sampled := scene.sampled) is not None:
        numbers = {"computed": sampled.computed, "points": sampled.z.size, "held_out": sampled.held_out}
        found.append(Note("interpolated", {**numbers, "error": percent(sampled.error)}))
    if scene.lowest is None:
        return [*found, Note("no_minimum")]
    listed = ", ".join(f"({signed(x)}, {signed(y)})" for x, y in scene.minima[:LISTED])
    return [*found, Note("minima", {"count": len(scene.minima), "listed": listed, "lowest": scene.lowest + 0.0})]
