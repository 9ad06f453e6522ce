"""The torch executor of :mod:`dlviz.engine.descent.descent`: any surface, on any device that has float64.

One step is one gradient of all lanes of all rules as one tensor, then each rule's update of its slice.
Everything goes through the process-wide gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import torch

from dlviz.engine.descent.lanes import Lanes, Trace, bounds_of
from dlviz.engine.runtime.compute_lock import compute_lock
from dlviz.engine.runtime.device import chunk_size, device
from dlviz.progress import Progress

if TYPE_CHECKING:
    from dlviz.engine.surfaces.surface import Surface

REPORT_SECONDS = 0.004
POINTS_AT_ONCE = 4096
"""Points of which the loss is computed in one call, between two reports of progress."""

LANES_TO_TRY = 64
SECONDS_A_STEP = 0.004
"""Basins run as many lanes at once as one step of takes about this long; measured on a few lanes."""

COMPACT_STEPS = 10
"""Steps between two removals of lanes that have arrived."""


def _to_device(array: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(array, device=device(double=True))


def _hyper(lanes: Lanes) -> SimpleNamespace:
    """Hyperparameters as attributes: floats, or tensors (L,) where they differ from lane to lane."""
    values = lanes.values()
    return SimpleNamespace(**{
        name: _to_device(value) if np.ndim(value) else float(value) for name, value in values.items()
    })  # fmt: skip


def _inside(w: torch.Tensor, box: tuple[float, float, float, float]) -> torch.Tensor:
    """Which lanes of w (2, L) have not diverged; comparisons with NaN are false."""
    return ((w[0] - box[0]).abs() <= box[2]) & ((w[1] - box[1]).abs() <= box[3])


def _throttled(progress: Progress) -> Progress:
    """Progress that passes on one report every few milliseconds: the caller's check costs more than a step."""
    last = 0.0

    def report(share: float) -> None:
        nonlocal last
        if time.perf_counter() - last > REPORT_SECONDS:
            progress(share)
            last = time.perf_counter()

    return report


def _gradients(
    surface: Surface, lanes: Sequence[Lanes], noise: np.ndarray | None, batches: np.ndarray | None
) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """The function (w (2, L), step) -> gradient (2, L) as each lane sees it."""
    noisy = _to_device(np.concatenate([np.full(lane.count, lane.noisy) for lane in lanes]))
    seed = _to_device(np.concatenate([lane.seed for lane in lanes]))

    def exact(w: torch.Tensor, _step: int) -> torch.Tensor:
        return torch.stack(surface.gradient(w[0], w[1]))

    if not noisy.any():
        return exact
    if noise is not None:
        # (steps, 2, L), zero for lanes that see the exact gradient.
        added = _to_device(noise.astype(np.float64))[seed].permute(1, 2, 0) * noisy

        return lambda w, step: exact(w, step) + added[step]

    if batches is None:
        return exact
    examples = _to_device(batches)
    all_noisy = bool(noisy.all())
    one_seed = bool((seed[noisy] == seed[noisy][0]).all())
    rows = seed[noisy][:1] if one_seed else seed[noisy]

    def batched(w: torch.Tensor, step: int) -> torch.Tensor:
        index = examples[rows, step]
        if all_noisy:
            return torch.stack(surface.batch_gradient(w[0], w[1], index))
        g = torch.empty_like(w)
        g[:, ~noisy] = exact(w[:, ~noisy], step)
        g[:, noisy] = torch.stack(surface.batch_gradient(w[0, noisy], w[1, noisy], index))
        return g

    return batched


def trace(
    surface: Surface,
    lanes: Sequence[Lanes],
    steps: int,
    noise: np.ndarray | None,
    batches: np.ndarray | None,
    record: str,
    progress: Progress,
) -> list[Trace]:
    """See :func:`dlviz.engine.descent.descent.descend`; `record` is "end" (the last loss only), "path" or "state"."""
    report = _throttled(progress)
    with compute_lock(report), torch.no_grad():
        return _trace(surface, lanes, steps, noise, batches, record, report)


def _trace(
    surface: Surface,
    lanes: Sequence[Lanes],
    steps: int,
    noise: np.ndarray | None,
    batches: np.ndarray | None,
    record: str,
    progress: Progress,
) -> list[Trace]:
    box = bounds_of(surface)
    gradient_of = _gradients(surface, lanes, noise, batches)
    slices = [slice(low, high) for low, high in pairwise(np.cumsum([0, *(lane.count for lane in lanes)]))]
    hypers = [_hyper(lane) for lane in lanes]
    w = _to_device(np.array([np.concatenate([lane.x for lane in lanes]), np.concatenate([lane.y for lane in lanes])]))
    states = [tuple(w.new_full((2, lane.count), value) for value in lane.rule.initial) for lane in lanes]
    left = torch.full((w.shape[1],), -1, device=w.device)
    alive = torch.ones_like(left, dtype=torch.bool)
    path: list[torch.Tensor] | None = [] if record != "end" else None
    state_path: list[list[torch.Tensor]] = [[] for _ in lanes]
    gradients = []
    for step in range(steps + 1):
        progress(0.8 * step / steps)
        inside = _inside(w, box)
        left.masked_fill_(alive & ~inside, step)
        alive &= inside
        if path is not None:
            path.append(w)
        if record == "state":
            for i, state in enumerate(states):
                state_path[i].append(torch.stack(state) if state else w.new_empty((0, 2, lanes[i].count)))
        if step == steps:
            break
        g = gradient_of(w, step)
        if record == "state":
            gradients.append(g.masked_fill(~alive, torch.nan))
        w = w.clone()
        for i, (part, lane) in enumerate(zip(slices, lanes, strict=True)):
            w[:, part], states[i] = lane.rule.update(w[:, part], g[:, part], states[i], hypers[i])
            if record == "state":
                states[i] = tuple(a.masked_fill(~alive[part], torch.nan) for a in states[i])
        w.masked_fill_(~alive, torch.nan)
    if path is None:
        w.masked_fill_(~alive, torch.nan)
        path = [w]
    points = torch.stack(path)
    # A lane that left at a point that is no number, in one coordinate or both, ends before it.
    points.masked_fill_(~points.isfinite().all(1, keepdim=True), torch.nan)
    loss = _losses(surface, points, progress)
    whole_w = points.transpose(1, 2).cpu().numpy()
    whole_gradient = torch.stack(gradients).transpose(1, 2).cpu().numpy() if gradients else None
    whole_left = left.cpu().numpy()
    return [
        Trace(
            np.ascontiguousarray(whole_w[:, part]),
            np.ascontiguousarray(loss[:, part]),
            whole_left[part],
            torch.stack(state_path[i]).cpu().numpy() if record == "state" else None,
            None if whole_gradient is None else np.ascontiguousarray(whole_gradient[:, part]),
        )
        for i, part in enumerate(slices)
    ]


def _losses(surface: Surface, points: torch.Tensor, progress: Progress) -> np.ndarray:
    """(T, L) losses of points (T, 2, L): all in a few calls, which costs far less than one a step."""
    x, y = points[:, 0].reshape(-1), points[:, 1].reshape(-1)
    parts = []
    some = chunk_size(POINTS_AT_ONCE)
    for low in range(0, len(x), some):
        progress(0.8 + 0.2 * low / len(x))
        parts.append(surface.value(x[low : low + some], y[low : low + some]))
    return torch.cat(parts).cpu().numpy().reshape(points.shape[0], points.shape[2])


def arrive(
    surface: Surface,
    starts: Lanes,
    minima: np.ndarray,
    steps: int,
    tolerance: float,
    hold: int,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(minimum, steps, diverged), each (L,); see :func:`dlviz.engine.descent.descent.basins`."""
    report = _throttled(progress)
    reached, taken, left = (np.empty(starts.count, dtype=np.int64) for _ in range(3))
    with compute_lock(report), torch.no_grad():
        size = _lanes_at_once(surface, starts)
        for low in range(0, starts.count, size):
            part = slice(low, min(low + size, starts.count))
            some = Lanes(starts.rule, starts.x[part], starts.y[part], starts.lr, starts.hyper)

            def of_all(share: float, low: int = low, count: int = some.count) -> None:
                report((low + share * count) / starts.count)

            found = _arrive(surface, some, minima, steps, tolerance, hold, of_all)
            for whole, chunk in zip((reached, taken, left), found, strict=True):
                whole[part] = chunk
    return reached, taken, left


def _lanes_at_once(surface: Surface, starts: Lanes) -> int:
    """How many lanes one step takes a few milliseconds of, so that progress is reported that often."""
    x, y = _to_device(starts.x[:LANES_TO_TRY]), _to_device(starts.y[:LANES_TO_TRY])
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        surface.gradient(x, y)[0].sum().item()  # item() waits for a GPU
        seconds.append(time.perf_counter() - begin)
    return chunk_size(max(LANES_TO_TRY, int(LANES_TO_TRY * SECONDS_A_STEP / min(seconds))))


def _arrive(
    surface: Surface,
    starts: Lanes,
    minima: np.ndarray,
    steps: int,
    tolerance: float,
    hold: int,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    box, h, targets = bounds_of(surface), _hyper(starts), _to_device(minima)
    w = _to_device(np.array([starts.x, starts.y]))
    state = tuple(torch.full_like(w, value) for value in starts.rule.initial)
    lane = torch.arange(starts.count, device=w.device)
    reached, left = torch.full_like(lane, -1), torch.full_like(lane, -1)
    taken = torch.full_like(lane, steps)
    streak, near = torch.zeros_like(lane), torch.full_like(lane, -1)
    running = torch.ones_like(lane, dtype=torch.bool)
    for step in range(steps + 1):
        progress(step / steps)
        here = _nearest(w, targets, tolerance)
        streak = torch.where(here < 0, 0, torch.where(here == near, streak + 1, 1))
        near = here
        gone = running & ~_inside(w, box)
        there = running & ~gone & (streak >= hold)
        left[lane[gone]], taken[lane[gone]] = step, step
        reached[lane[there]], taken[lane[there]] = here[there], step - hold + 1
        running &= ~(gone | there)
        if step == steps:
            break
        if step % COMPACT_STEPS == 0:
            if not running.any():
                break
            w, lane, streak, near = w[:, running], lane[running], streak[running], near[running]
            state = tuple(accumulator[:, running] for accumulator in state)
            running = torch.ones_like(lane, dtype=torch.bool)
        w, state = starts.rule.update(w, torch.stack(surface.gradient(w[0], w[1])), state, h)
    return reached.cpu().numpy(), taken.cpu().numpy(), left.cpu().numpy()


def _nearest(w: torch.Tensor, minima: torch.Tensor, tolerance: float) -> torch.Tensor:
    """(L,) the nearest minimum within the tolerance of w (2, L), -1 if there is none."""
    if not len(minima):
        return torch.full((w.shape[1],), -1, device=w.device)
    distance = ((w[0, :, None] - minima[:, 0]) ** 2 + (w[1, :, None] - minima[:, 1]) ** 2).nan_to_num(nan=torch.inf)
    least, index = distance.min(1)
    return torch.where(least <= tolerance**2, index, -1)
