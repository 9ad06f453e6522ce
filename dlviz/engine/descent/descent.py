"""Gradient descent of many runs at once: every optimizer x start x learning rate x seed in one call.

Numerical policy. All arithmetic is float64. A run has diverged when a coordinate is not finite or lies
further than :data:`~dlviz.engine.descent.lanes.FAR` domain half-widths from the domain's centre, each axis for
itself; it is frozen then and its later values are NaN. Randomness is drawn beforehand with a NumPy generator on
the CPU, so all rules see the same draws and every device starts from the same numbers.

Two executors with the same semantics: surfaces given by a formula run as compiled register programs on
the CPU (:mod:`dlviz.engine.descent.compiled`, no torch needed); surfaces made from data, and mini-batches, run in
torch on :func:`dlviz.engine.runtime.device.device` (:mod:`dlviz.engine.descent.eager`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlviz.engine.descent.lanes import Arrival, Final, Lanes, Trace
from dlviz.engine.optimizers import Rule
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from dlviz.engine.surfaces.surface import Surface

Executor = Literal["auto", "compiled", "torch"]


def descend(
    surface: Surface,
    lanes: Sequence[Lanes],
    steps: int,
    *,
    noise: np.ndarray | None = None,
    batches: np.ndarray | None = None,
    record_state: bool = False,
    progress: Progress = silent,
    executor: Executor = "auto",
) -> list[Trace]:
    """Run all lanes for `steps` steps and keep their paths, and with `record_state` what the rule saw.

    `noise` (seeds, steps, 2) is added to the gradients of noisy lanes; `batches` (seeds, steps, B) are the
    training examples that theirs are taken over, on surfaces made from data. `progress` is called every
    few milliseconds and may raise to stop. Raises ``ValueError`` if noise or batches do not fit.
    """
    _check(surface, lanes, steps, noise, batches)
    engine = _engine(surface, batches, executor)
    return engine.trace(surface, lanes, steps, noise, batches, "state" if record_state else "path", progress)


def final_loss(
    surface: Surface,
    lanes: Sequence[Lanes],
    steps: int,
    *,
    noise: np.ndarray | None = None,
    batches: np.ndarray | None = None,
    progress: Progress = silent,
    executor: Executor = "auto",
) -> list[Final]:
    """The loss after `steps` steps, without the paths: for grids of learning rates. See :func:`descend`."""
    _check(surface, lanes, steps, noise, batches)
    ends = _engine(surface, batches, executor).trace(surface, lanes, steps, noise, batches, "end", progress)
    return [Final(trace.loss[-1], trace.diverged) for trace in ends]


def basins(
    surface: Surface,
    rule: Rule,
    hyper: Mapping[str, float],
    lr: float,
    x: np.ndarray | float,
    y: np.ndarray | float,
    *,
    minima: np.ndarray | None = None,
    steps: int = 500,
    tolerance: float,
    hold: int = 10,
    progress: Progress = silent,
    executor: Executor = "auto",
) -> Arrival:
    """Which of the `minima` (K, 2) each start reaches; x, y of any one shape; gradients are exact.

    A run has arrived at the first step from which on it was within `tolerance` (Euclidean) of one minimum,
    the nearest, for `hold` consecutive steps, the start counting as step 0. It ends there.
    `minima` are the surface's own unless given.
    """
    x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    minima = np.ascontiguousarray(surface.minima if minima is None else minima, dtype=np.float64).reshape(-1, 2)
    if steps < 1 or hold < 1 or not tolerance > 0:
        raise ValueError(f"steps, hold and tolerance must be positive; they are {steps}, {hold}, {tolerance}")
    starts = Lanes(rule, x.ravel(), y.ravel(), float(lr), dict(hyper))
    if any(np.ndim(value) for value in starts.values().values()):
        raise ValueError("basins take one value for each hyperparameter")
    arrival = _engine(surface, None, executor).arrive(surface, starts, minima, steps, tolerance, hold, progress)
    return Arrival(*(part.reshape(x.shape) for part in arrival))


def draw_noise(seeds: int, steps: int, seed: int = 0) -> np.ndarray:
    """Standard Gaussian noise for the gradient, (seeds, steps, 2): multiply by σ.

    Draw i comes from ``np.random.default_rng([seed, i])``: more draws or steps leave the first unchanged.
    """
    draws = [np.random.default_rng([seed, i]).standard_normal((steps, 2)) for i in range(seeds)]
    return np.array(draws).reshape(seeds, steps, 2)


def draw_batches(samples: int, size: int, seeds: int, steps: int, seed: int = 0) -> np.ndarray:
    """Mini-batches of `size` of `samples` examples, (seeds, steps, size) int.

    As ``DataLoader(shuffle=True, drop_last=True)`` draws them: each epoch is a new permutation, cut into
    batches without replacement; an incomplete rest is left out. Draw i comes from
    ``np.random.default_rng([seed, i])``. Raises ``ValueError`` unless 1 <= size <= samples.
    """
    if not 1 <= size <= samples:
        raise ValueError(f"a batch must have from 1 to {samples} examples, not {size}")
    per_epoch = samples // size
    epochs = -(-steps // per_epoch)
    drawn = np.empty((seeds, epochs, per_epoch * size), dtype=np.int64)
    for i in range(seeds):
        generator = np.random.default_rng([seed, i])
        for epoch in range(epochs):
            drawn[i, epoch] = generator.permutation(samples)[: per_epoch * size]
    return drawn.reshape(seeds, epochs * per_epoch, size)[:, :steps]


def prepare() -> None:
    """Compile the kernels, or load them from numba's cache on disk: seconds once on a computer, then 0.3 s.

    The first runs do it anyway; called early, in a thread, it spares the first visitor the wait.
    """
    from dlviz.engine.networks import conv_kernels, norm_kernels
    from dlviz.engine.optimizers import RULES
    from dlviz.engine.surfaces.named import surface

    conv_kernels.prepare()
    norm_kernels.prepare()
    ground = surface("Saddle")
    final_loss(ground, [Lanes(RULES["GD"], 0.0, 0.0, 0.1)], 1)
    basins(ground, RULES["GD"], {}, 0.1, 0.0, 0.0, steps=1, tolerance=0.1)


def _check(
    surface: Surface, lanes: Sequence[Lanes], steps: int, noise: np.ndarray | None, batches: np.ndarray | None
) -> None:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    if noise is not None and batches is not None:
        raise ValueError("give noise or batches, not both")
    draws = noise if noise is not None else batches
    if draws is None:
        return
    if draws.ndim != 3 or draws.shape[1] < steps or (noise is not None and draws.shape[2] != 2):
        wanted = f"(seeds, {steps}, {'2' if noise is not None else 'B'})"
        raise ValueError(f"the shape of the draws must be {wanted}, not {draws.shape}")
    if batches is not None and surface.samples is None:
        raise ValueError(f"{surface.name} is not made from data: it has no mini-batches")
    if batches is not None and (batches.min() < 0 or batches.max() >= surface.samples):
        raise ValueError(f"batches must index the {surface.samples} examples of {surface.name}")
    greatest = max((int(lane.seed.max()) for lane in lanes if lane.noisy), default=0)
    least = min((int(lane.seed.min()) for lane in lanes if lane.noisy), default=0)
    if least < 0 or greatest >= len(draws):
        raise ValueError(f"lanes use draws {least} to {greatest}; there are {len(draws)}")


def _engine(surface: Surface, batches: np.ndarray | None, executor: Executor) -> ModuleType:
    """The module that runs this; imported when needed, because one brings numba and the other torch."""
    able = surface.program and batches is None
    if executor == "compiled" and not able:
        raise ValueError(f"{surface.name} with these gradients cannot be compiled; use executor 'torch'")
    if executor == "torch" or not able:
        from dlviz.engine.descent import eager

        return eager
    from dlviz.engine.descent import compiled

    return compiled
