"""What goes into a descent of many runs and what comes out: lanes of runs, and their traces, ends and arrivals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.optimizers import Rule

if TYPE_CHECKING:
    from dlviz.engine.surfaces.surface import Surface

FAR = 100.0
"""Domain half-widths from the domain's centre beyond which a run counts as diverged."""


@dataclass(frozen=True, eq=False, init=False)
class Lanes:
    """L runs of one rule. Scalars given for arrays hold for all runs.

    With `noisy`, run i sees draw ``seed[i]`` of the noise or batches (draw 0 if `seed` is None); else
    the exact gradient. Raises ``ValueError`` for shapes that do not fit and unknown hyperparameters.
    """

    rule: Rule
    x: np.ndarray  # (L,) starts
    y: np.ndarray  # (L,)
    lr: np.ndarray | float  # (L,) learning rates
    hyper: Mapping[str, float | np.ndarray]  # the rule's defaults for the rest
    seed: np.ndarray  # (L,) int
    noisy: bool

    def __init__(
        self,
        rule: Rule,
        x: np.ndarray | float,
        y: np.ndarray | float,
        lr: np.ndarray | float,
        hyper: Mapping[str, float | np.ndarray] | None = None,
        seed: np.ndarray | int | None = None,
        noisy: bool = False,
    ) -> None:
        hyper = {} if hyper is None else hyper
        values: dict[str, np.ndarray | float] = {"x": x, "y": y, "seed": 0 if seed is None else seed}
        values |= rule.complete(lr, hyper)
        try:
            length = np.broadcast_shapes((1,), *(np.shape(value) for value in values.values()))
        except ValueError:
            length = ()
        if len(length) != 1:
            shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in values.items())
            raise ValueError(f"lanes need scalars or arrays of one shape (L,); there are {shapes}")
        whole = {
            name: np.array(np.broadcast_to(values[name], length), dtype=kind)
            for name, kind in (("x", np.float64), ("y", np.float64), ("seed", np.int64))
        }
        for name, value in {"rule": rule, "lr": lr, "hyper": hyper, "noisy": noisy, **whole}.items():
            object.__setattr__(self, name, value)

    @property
    def count(self) -> int:
        """L."""
        return len(self.x)

    def values(self) -> dict[str, np.ndarray]:
        """Learning rate, hyperparameters and derived constants by name, each () or (L,)."""
        return self.rule.complete(self.lr, self.hyper)


@dataclass(frozen=True)
class Trace:
    """L runs of T steps. Row t of `w`, `loss` and `state` is before step t, row T after the last.

    After the step `diverged` values are NaN; the point reached by that step is kept if it is finite.
    """

    w: np.ndarray  # (T+1, L, 2) coordinates
    loss: np.ndarray  # (T+1, L) exact loss
    diverged: np.ndarray  # (L,) step by which the run left, -1 if it did not
    state: np.ndarray | None = None  # (T+1, S, 2, L) accumulators in the order of Rule.state
    gradient: np.ndarray | None = None  # (T, L, 2) the gradient that the rule was given


@dataclass(frozen=True)
class Final:
    """What is left of L runs."""

    loss: np.ndarray  # (L,) exact loss after the last step; NaN where the run diverged
    diverged: np.ndarray  # (L,) step by which the run left, -1 if it did not


@dataclass(frozen=True)
class Arrival:
    """Where runs ended up, in the shape of the starts."""

    minimum: np.ndarray  # index of the minimum reached, -1 if none
    steps: np.ndarray  # first step of the stay there; else the step of divergence, or all steps
    diverged: np.ndarray  # step by which the run left, -1 if it did not


def bounds_of(surface: Surface) -> tuple[float, float, float, float]:
    """The domain's centre (x, y), and the distances from it beyond which a run has diverged."""
    x_min, x_max, y_min, y_max = (float(edge) for edge in surface.domain)
    return (x_min + x_max) / 2, (y_min + y_max) / 2, FAR * (x_max - x_min) / 2, FAR * (y_max - y_min) / 2
