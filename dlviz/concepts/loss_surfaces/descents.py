"""The descents of the racing optimizers from the start, all as one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Trace
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, split

from . import rates
from .lanes import draws, lanes, relevant
from .scene import surface_of
from .settings import Settings, samples


@dataclass(frozen=True)
class Descent:
    """One optimizer's run: R repeats of T steps (R = 1 unless its gradients are stochastic)."""

    optimizer: str
    rate: float  # learning rate
    hyper: dict[str, float]
    stochastic: bool
    w: np.ndarray  # (T+1, R, 2) coordinates; NaN after divergence
    loss: np.ndarray  # (T+1, R)
    diverged: np.ndarray  # (R,) step at which the run left, -1 if it did not
    evaluations: int  # gradients of one example (or of the function) per step

    @property
    def left_at(self) -> int | None:
        """Step at which the drawn run (the first repeat) diverged."""
        return int(self.diverged[0]) if self.diverged[0] >= 0 else None

    @property
    def final_loss(self) -> float:
        """Median over repeats of the loss after the last step, a diverged repeat counting as infinite."""
        return float(np.median(infinite_where_diverged(self.loss[-1])))

    @property
    def diverged_repeats(self) -> int:
        """How many repeats diverged."""
        return int((self.diverged >= 0).sum())


@dataclass(frozen=True)
class Record:
    """What one rule was given and what it kept: of its first repeat, T steps."""

    optimizer: str
    rate: float
    w: np.ndarray  # (T+1, 2) coordinates
    gradient: np.ndarray  # (T, 2) the gradient that the rule was given
    state: np.ndarray  # (T+1, S, 2) accumulators in the order of Rule.state; row 0 is the state before the first step


def infinite_where_diverged(loss: np.ndarray) -> np.ndarray:
    """Losses with the NaN of diverged runs as infinity, so that order statistics over repeats stay true."""
    return np.where(np.isnan(loss), np.inf, loss)


def descents(settings: Settings, progress: Progress) -> tuple[Descent, ...]:
    """The descent of every racing optimizer, in their order."""
    return _descend(relevant(settings), _looked_inside(settings), progress=progress)[0]


def record(settings: Settings, progress: Progress) -> Record:
    """The record of the optimizer that is looked inside, from the very descents of :func:`descents`."""
    found = _descend(relevant(settings), _looked_inside(settings), progress=progress)[1]
    if found is None:
        raise ValueError("no optimizer is looked inside")
    return found


def _looked_inside(settings: Settings) -> str | None:
    """The optimizer whose state is recorded: the last where the chosen one does not race."""
    names = settings.optimizers
    if not names or "Inside the rule" not in settings.panels:
        return None
    return settings.inside_optimizer if settings.inside_optimizer in names else names[-1]


@cached(4)
def _descend(
    settings: Settings, looked_inside: str | None, *, progress: Progress
) -> tuple[tuple[Descent, ...], Record | None]:
    """Cached, because the race and "Inside the rule" need the same descents."""
    names = settings.optimizers
    if not names:
        return (), None
    scanning, racing = split(progress, [0.5 if settings.tuned else 0.0, 0.5])
    used = rates.in_use(settings, names, scanning)
    repeats = {name: settings.repeats if settings.stochastic(name) else 1 for name in names}
    noise, batches = draws(settings, settings.repeats)
    traces = descent.descend(
        surface_of(settings),
        [lanes(settings, name, np.array([used[name]]), repeats[name]) for name in names],
        settings.steps,
        noise=noise,
        batches=batches,
        record_state=looked_inside is not None,
        progress=racing,
    )
    found = tuple(
        Descent(
            name, used[name], settings.hyper(name), settings.stochastic(name), trace.w, trace.loss, trace.diverged,
            _evaluations(settings, name),
        )
        for name, trace in zip(names, traces, strict=True)
    )  # fmt: skip
    if looked_inside is None:
        return found, None
    return found, _record(looked_inside, used[looked_inside], traces[names.index(looked_inside)])


def _evaluations(settings: Settings, name: str) -> int:
    """Gradients of one example a step; on a test function, of the function."""
    return (settings.batch() if settings.stochastic(name) else samples(settings)) or 1


def _record(name: str, rate: float, trace: Trace) -> Record | None:
    if trace.gradient is None or trace.state is None:
        return None
    # Copies, for views would keep the states of all repeats.
    return Record(name, rate, trace.w[:, 0], trace.gradient[:, 0].copy(), trace.state[..., 0].copy())
