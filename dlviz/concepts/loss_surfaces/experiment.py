"""Loss surfaces and optimizers: every racing optimizer on one surface, as one batched run."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import sympy

from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Lanes, Trace
from dlviz.engine.optimizers import RULES
from dlviz.engine.runtime.device import device, with_fallback
from dlviz.engine.surfaces import adaptive_grid
from dlviz.engine.surfaces.adaptive_grid import Sampled
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import latex
from dlviz.progress import Progress, silent, split

from .measure import RATE_GRID, Basins, GradientNoise, Inside, Result, Run, Scene, Sensitivity
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import Settings, samples

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

SIDE, SIDE_ON_GPU = 161, 201
"""Points a side of the surface's grid; the greater one for a network's slice where a GPU computes all of it."""
HALVINGS, TOLERANCE = 4, 0.005
"""A network's slice is computed on every 16th point, and interpolated to this share of the loss between."""


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """Race the chosen optimizers; tune, scan learning rates and map basins where the settings ask for it.

    `progress` is called with the share done and may raise to stop. Equal settings give equal numbers
    on one device. Raises ``ValueError`` if the typed expression has no finite value on its domain.
    """
    progress(0.0)
    ground = _surface(settings)
    scene = _scene(ground)
    start = settings.start()
    # Basins take most of the time where they are asked for, and the race least.
    scanning, racing, mapping = split(progress, [0.5, 0.5, 9.0 if settings.basins else 0.0])
    scan = None
    if settings.optimizers and (settings.sensitivity or settings.tuned):
        scan = _sensitivity(settings, ground, scanning)
    rates = _rates(settings, scan)
    runs, inside = _race(settings, ground, rates, racing)
    basins = None
    if settings.basins and len(scene.minima):
        name = settings.basin_optimizer
        rate = rates.get(name, settings.rate(name))
        basins = _basins(settings, ground, scene, rate, mapping)
    start_loss = float(ground.value(np.array(start[0]), np.array(start[1])))
    return Result(
        settings,
        scene,
        start,
        start_loss,
        runs,
        _gradient_noise(settings, ground, scene),
        inside,
        scan if settings.sensitivity else None,
        basins,
    )


def _rates(settings: Settings, scan: Sensitivity | None) -> dict[str, float]:
    """The learning rate of each racing optimizer: as set, or the best of the grid where one was found."""
    rates = {name: settings.rate(name) for name in settings.optimizers}
    if scan is not None and settings.tuned:
        rates |= {name: best for name in settings.optimizers if (best := scan.best(name)) is not None}
    return rates


def _surface(settings: Settings) -> Surface:
    return surface(
        settings.surface,
        condition=settings.condition,
        rotation=settings.rotation,
        expression=settings.expression,
        seed=settings.seed,
    )


@lru_cache(maxsize=32)
def _scene(ground: Surface) -> Scene:
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
    gradient = None if ground.samples else tuple(latex(part) for part in ground.derivatives)
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
    return ground.program and _degree(ground.expression) <= 2


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


def _lanes(settings: Settings, name: str, rates: np.ndarray, repeats: int) -> Lanes:
    """One optimizer's lanes: every rate with every repeat of the noise, repeats running fastest."""
    stochastic = settings.stochastic(name)
    seeds = np.tile(np.arange(repeats), len(rates))
    x, y = settings.start()
    return Lanes(
        rule=RULES[name],
        x=np.full(len(seeds), x),
        y=np.full(len(seeds), y),
        lr=np.repeat(rates, repeats),
        hyper=settings.hyper(name),
        seed=seeds if stochastic else None,
        noisy=stochastic,
    )


def _randomness(settings: Settings, repeats: int) -> dict[str, np.ndarray | None]:
    """The same draws for every optimizer: noise of unit variance scaled to σ, or the order of examples."""
    if not any(settings.stochastic(name) for name in settings.optimizers):
        return {}
    count = samples(settings)
    if count:
        return {"batches": descent.draw_batches(count, settings.batch(), repeats, settings.steps, settings.seed)}
    return {"noise": settings.noise * descent.draw_noise(repeats, settings.steps, settings.seed)}


def _gradient_noise(settings: Settings, ground: Surface, scene: Scene) -> GradientNoise | None:
    """How SGD's gradient scatters on a quadratic: by the noise, or from one mini-batch to the next."""
    if (
        not scene.quadratic
        or not len(scene.minima)
        or "SGD" not in settings.optimizers
        or not settings.stochastic("SGD")
    ):
        return None
    count = samples(settings)
    if not count:
        return GradientNoise(settings.noise**2 * np.eye(2), np.zeros((4, 4)))
    import torch

    def each(offset: np.ndarray) -> np.ndarray:
        """The gradient of every single example near the minimum, (N, 2)."""
        w = torch.tensor(scene.minima[0] + offset).expand(count, 2)
        return torch.stack(ground.batch_gradient(w[:, 0], w[:, 1], torch.arange(count)[:, None]), dim=1).numpy()

    gradient = each(np.zeros(2))
    hessian = np.stack([each(unit) - gradient for unit in np.eye(2)], axis=2).reshape(count, 4)
    products = np.einsum("nij,nkl->ikjl", hessian.reshape(count, 2, 2), hessian.reshape(count, 2, 2)) / count
    # A batch is drawn without replacement from a finite set (Cochran 1977, theorem 2.2).
    batch = settings.batch()
    share = (count - batch) / (count - 1) / batch
    return GradientNoise(
        share * np.cov(gradient.T, bias=True),
        share * (products.reshape(4, 4) - np.kron(scene.hessian, scene.hessian)),
    )


def _race(
    settings: Settings, ground: Surface, rates: dict[str, float], progress: Progress
) -> tuple[tuple[Run, ...], Inside | None]:
    names = settings.optimizers
    if not names:
        return (), None
    repeats = {name: settings.repeats if settings.stochastic(name) else 1 for name in names}
    lanes = [_lanes(settings, name, np.array([rates[name]]), repeats[name]) for name in names]
    traces = descent.descend(
        ground,
        lanes,
        settings.steps,
        **_randomness(settings, settings.repeats),
        record_state=settings.inside,
        progress=progress,
    )
    count = samples(settings)
    runs = tuple(
        Run(
            name,
            rates[name],
            settings.hyper(name),
            settings.stochastic(name),
            trace.w,
            trace.loss,
            trace.diverged,
            (settings.batch() if settings.stochastic(name) else count) if count else 1,
        )  # fmt: skip
        for name, trace in zip(names, traces, strict=True)
    )
    if not settings.inside:
        return runs, None
    looked = settings.inside_optimizer if settings.inside_optimizer in names else names[-1]
    return runs, _inside(rates[looked], traces[names.index(looked)], looked)


def _inside(rate: float, trace: Trace, name: str) -> Inside:
    rule = RULES[name]

    def accumulator(which: str | None) -> np.ndarray | None:
        # State is recorded after each step; row 0 is the state before the first.
        return None if which is None else trace.state[1:, rule.state.index(which), :, 0]

    second = accumulator(rule.second_moment)
    return Inside(
        name,
        trace.gradient[:, 0],
        accumulator(rule.first_moment),
        None if second is None else np.sqrt(second),
        np.abs(np.diff(trace.w[:, 0], axis=0)),
        rate,
    )


def _sensitivity(settings: Settings, ground: Surface, progress: Progress) -> Sensitivity:
    names = settings.optimizers
    lanes = [_lanes(settings, name, RATE_GRID, 1) for name in names]
    finals = descent.final_loss(ground, lanes, settings.steps, **_randomness(settings, 1), progress=progress)
    return Sensitivity(
        RATE_GRID,
        {name: final.loss for name, final in zip(names, finals, strict=True)},
        {name: final.diverged for name, final in zip(names, finals, strict=True)},
    )


def _basins(settings: Settings, ground: Surface, scene: Scene, rate: float, progress: Progress) -> Basins:
    x_min, x_max, y_min, y_max = scene.domain
    side = settings.basin_side()
    radius = 0.01 * min(x_max - x_min, y_max - y_min)
    # Pixel centres, so that the picture's edge is the domain's edge.
    middle = (np.arange(side) + 0.5) / side
    name = settings.basin_optimizer
    arrival = descent.basins(
        ground,
        RULES[name],
        settings.hyper(name),
        rate,
        *np.meshgrid(x_min + middle * (x_max - x_min), y_min + middle * (y_max - y_min)),
        minima=scene.minima,
        steps=settings.basin_steps,
        tolerance=radius,
        hold=10,
        progress=progress,
    )
    label = np.where(arrival.diverged >= 0, -2, arrival.minimum)
    return Basins(name, rate, label, arrival.steps, radius)
