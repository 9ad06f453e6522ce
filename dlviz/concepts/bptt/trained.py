"""What the panels that train hold. Training steps count from 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CURES = ("Plain", "Clipped by norm", "Clipped by value", "Weight decay", "Lower rate")
TASKS = ("One to many", "Many to one", "Many to many, aligned", "Encoder–decoder")
CLOSE = 0.1
"""An answer to the adding problem is right if it is off by less."""


@dataclass(frozen=True)
class End:
    """The first number of a run that is not finite: at training step ``step``, in ``tensor``.

    ``time`` is the step of the sequence where that is a hidden state, else 0.
    """

    step: int
    tensor: str
    time: int


@dataclass(frozen=True)
class Exploding:
    """One network trained in five ways (in the order of ``CURES``) from one start on the same mini-batches."""

    cell: str
    hidden: int
    data: str
    length: int
    batch: int
    loss: np.ndarray  # (N, 5) on each step's mini-batch before its update; NaN after a run has ended
    norm: np.ndarray  # (N, 5) of the gradient by all parameters, before clipping
    turned: np.ndarray  # (N, 5) angle between the gradient and what clipping left of it, degrees
    clipped: np.ndarray  # (N, 5) share of the gradient's entries that clipping changed
    ends: tuple[End | None, ...]  # of each run, if it left the range of float32

    @property
    def steps(self) -> int:
        return len(self.loss)

    def last(self, cure: str, count: int = 20) -> float:
        """Mean loss over the last ``count`` steps; NaN if the run has ended."""
        return float(self.loss[-count:, CURES.index(cure)].mean())

    def end(self, cure: str) -> End | None:
        return self.ends[CURES.index(cure)]

    def share(self, cure: str) -> float:
        """Share of the steps (before the run's end) in which clipping changed the gradient; 0 if there are none."""
        values = self.clipped[:, CURES.index(cure)]
        values = values[np.isfinite(values)]
        return float((values > 0).mean()) if len(values) else 0.0

    def angles(self, cure: str) -> np.ndarray:
        """The finite angles of a run, degrees."""
        values = self.turned[:, CURES.index(cure)]
        return values[np.isfinite(values)]


@dataclass(frozen=True)
class Remembering:
    """Networks of every kind of cell, trained on sequences of every length: C cells, L lengths, S seeds."""

    task: str
    cells: tuple[str, ...]
    lags: np.ndarray  # (L,) steps between symbol and answer (Copy), or steps of the sequence (Adding); ascending
    accuracy: np.ndarray  # (C, L, S) share of right answers to fresh sequences
    tested: int  # sequences that each network answers
    chance: float  # share of right answers of the best constant answer
    truncation: int | None  # k
    hidden: int
    steps: int

    def median(self, cell: str, lag: int) -> float:
        return float(np.median(self.accuracy[self.cells.index(cell), list(self.lags).index(lag)]))

    @property
    def guessing(self) -> float:
        """Accuracy that a network that guesses stays under, but for one test in ten thousand (normal approximation)."""
        return self.chance + 3.72 * float(np.sqrt(self.chance * (1 - self.chance) / self.tested))

    @property
    def blind(self) -> np.ndarray:
        """(L,) whether no gradient reaches the symbol: k steps back from the answer end after it (Copy)."""
        if self.truncation is None or self.task != "Copy":
            return np.zeros(len(self.lags), dtype=bool)
        return self.lags >= self.truncation


@dataclass(frozen=True)
class Shape:
    """A way to read a sequence and to answer, with the gradients of each of its losses."""

    inputs: np.ndarray  # (T,) bool: where the network reads something; elsewhere zeros
    losses: np.ndarray  # (J,) steps 1 ... T with a loss
    gradient: np.ndarray  # (J, T) ‖∂L_j/∂s_t‖; 0 after the loss's own step


@dataclass(frozen=True)
class Tasks:
    """The shapes of ``TASKS`` for one small network."""

    cell: str
    hidden: int
    shapes: dict[str, Shape]
