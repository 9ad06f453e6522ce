"""The compiled executor of :mod:`dlviz.engine.descent.descent`: register programs on the CPU's cores.

Short work runs at once in the calling thread. Longer work is cut into pieces for a pool of threads, while
the caller's thread reports progress; if that raises, all pieces end within a fraction of a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.descent import interpreter
from dlviz.engine.descent.lanes import Lanes, Trace, bounds_of
from dlviz.engine.descent.tracer import Program, compile_program
from dlviz.engine.runtime.compute_lock import compute_lock, uninterrupted
from dlviz.engine.runtime.device import threads
from dlviz.progress import Progress

if TYPE_CHECKING:
    from dlviz.engine.surfaces.surface import Surface

SECONDS_PER_OPERATION = 2e-10
"""Rough time of one operation on one lane; decides only whether threads are worth their start."""

SHORT_SECONDS = 0.003
REPORT_SECONDS = 0.005

Piece = Callable[[np.ndarray, np.ndarray], None]
"""Part of the work: called with ``done`` (1,), which it counts up, and ``stop`` (1,), at which it ends."""


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), thread_name_prefix="descent")


def _run(pieces: Sequence[Piece], total: float, seconds: float, progress: Progress) -> None:
    """Do all pieces; `total` is what their ``done`` add up to, `seconds` a guess of the work."""
    done, stop = np.zeros((len(pieces), 1)), np.zeros(1, dtype=np.int64)
    progress(0.0)
    if seconds < SHORT_SECONDS:
        for i, piece in enumerate(pieces):
            piece(done[i], stop)
    else:
        with compute_lock(progress), uninterrupted():
            futures = [_pool().submit(piece, done[i], stop) for i, piece in enumerate(pieces)]
            try:
                while wait(futures, timeout=REPORT_SECONDS).not_done:
                    progress(min(float(done.sum()) / total, 1.0))
            finally:
                stop[0] = 1
                for future in futures:
                    future.cancel()
                wait(futures)
            for future in futures:
                future.result()
    progress(1.0)


def _ranges(count: int, together: int) -> list[tuple[int, int]]:
    """Lanes 0..count-1 in ranges of whole blocks, some eight a thread for `together` lanes."""
    size = max(1, together // (8 * threads() * interpreter.BLOCK)) * interpreter.BLOCK
    return [(low, min(low + size, count)) for low in range(0, count, size)]


def _program_arguments(program: Program) -> tuple:
    return (
        program.code, program.setup, program.rows, program.constants, program.constant_rows, program.hyper_rows,
        program.state_rows,
    )  # fmt: skip


def trace(
    surface: Surface,
    lanes: Sequence[Lanes],
    steps: int,
    noise: np.ndarray | None,
    batches: None,
    record: str,
    progress: Progress,
) -> list[Trace]:
    """See :func:`dlviz.engine.descent.descent.descend`; `record` is "end" (the last loss only), "path" or "state"."""
    if noise is not None:
        noise = np.ascontiguousarray(noise, dtype=np.float64)
    rows, points = (0, 0) if record == "end" else (steps + 1, steps)
    together = sum(lane.count for lane in lanes)
    pieces: list[Piece] = []
    traces, ends, seconds = [], [], 0.0
    for lane in lanes:
        noisy = lane.noisy and noise is not None
        program = compile_program(surface, lane.rule, noisy, record != "end")
        values = lane.values()
        hyper = np.array([np.broadcast_to(values[name], lane.count) for name in program.hyper], dtype=np.float64)
        accumulators = len(lane.rule.state) if record == "state" else 0
        path, loss = np.empty((rows, lane.count, 2)), np.empty((rows, lane.count))
        # A rule without accumulators still has a state of the right shape, (T+1, 0, 2, L).
        state = np.empty((rows if record == "state" else 0, accumulators, 2, lane.count))
        gradient = np.empty((points if record == "state" else 0, lane.count, 2))
        end, left = np.empty((lane.count, 2)), np.empty(lane.count, dtype=np.int64)
        call = partial(
            interpreter.trace, *_program_arguments(program), program.outputs, hyper.reshape(-1, lane.count),
            np.array(lane.rule.initial), lane.x, lane.y, noise if noisy else np.empty((0, 0, 0)), lane.seed,
            bounds_of(surface), steps, path, loss, state, gradient, end, left,
        )  # fmt: skip
        pieces += [partial(call, low, high) for low, high in _ranges(lane.count, together)]
        seconds += lane.count * steps * len(program.code) * SECONDS_PER_OPERATION
        traces.append(Trace(path, loss, left, state, gradient))
        ends.append(end)
    _run(pieces, max(1, together * steps), seconds, progress)
    if record == "path":
        return [Trace(trace.w, trace.loss, trace.diverged) for trace in traces]
    if record == "state":
        return traces
    return [
        Trace(end[None], np.asarray(surface.value(end[:, 0], end[:, 1]))[None], trace.diverged)
        for trace, end in zip(traces, ends, strict=True)
    ]


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
    program = compile_program(surface, starts.rule, False, False)
    values = starts.values()
    hyper = np.array([values[name] for name in program.hyper], dtype=np.float64)
    reached, taken, left = (np.empty(starts.count, dtype=np.int64) for _ in range(3))
    call = partial(
        interpreter.arrive, *_program_arguments(program), hyper, np.array(starts.rule.initial), starts.x, starts.y,
        bounds_of(surface), minima, tolerance, hold, steps, reached, taken, left,
    )  # fmt: skip
    pieces = [partial(call, low, high) for low, high in _ranges(starts.count, starts.count)]
    seconds = starts.count * steps * len(program.code) * SECONDS_PER_OPERATION
    _run(pieces, max(1, starts.count), seconds, progress)
    return reached, taken, left
