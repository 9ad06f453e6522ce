"""Networks of every kind of cell learn to remember over longer and longer lags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import percent
from dlviz.progress import Progress, silent, split

from .mini_batches import Drawn
from .networks import keys
from .settings import Settings
from .starts import Start, networks, start

if TYPE_CHECKING:
    from .result import Result

BATCH = 16
TESTED = 512
CLIP = 1.0  # every gradient is scaled down to this norm
COSTS = {"RNN tanh": 1.0, "RNN ReLU": 1.0, "LSTM": 3.0, "GRU": 2.8}
CLOSE = 0.1
"""An answer to the adding problem is right if it is off by less."""
READOUTS = {
    "RNN tanh": "Right at the longest lag: RNN tanh",
    "RNN ReLU": "Right at the longest lag: RNN ReLU",
    "LSTM": "Right at the longest lag: LSTM",
    "GRU": "Right at the longest lag: GRU",
}


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

    def at_the_longest(self) -> dict[str, float]:
        """The median of every cell at the longest lag."""
        return {cell: self.median(cell, int(self.lags[-1])) for cell in self.cells}

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


def lags(longest: int) -> tuple[int, ...]:
    """The four lags up to the longest, each twice the one before."""
    return tuple(longest // part for part in (8, 4, 2, 1))


def compute(settings: Settings, progress: Progress = silent) -> Remembering:
    """Accuracy of every kind of cell against the lag. It takes at least one cell."""
    s = settings
    truncation = s.truncation if s.truncated else None
    noise = s.blank_noise if s.task == "Copy" else 0.0
    found = [
        _accuracy(
            start(s, cell), s.task, noise, s.longest, truncation, s.adam_rate, s.training_steps, s.trained_seeds,
            s.seed, progress=watch,
        )
        for cell, watch in zip(s.cells, split(progress, [COSTS[cell] for cell in s.cells]), strict=True)
    ]  # fmt: skip
    # Of numbers spread evenly over [0, 1): how often the sum of two is within CLOSE of 1.
    chance = 1 / 8 if s.task == "Copy" else 1 - (1 - CLOSE) ** 2
    return Remembering(
        s.task, s.cells, np.array(lags(s.longest)), np.array(found), TESTED, chance, truncation, s.trained_hidden,
        s.training_steps,
    )  # fmt: skip


@cached(32)
def _accuracy(
    of: Start,
    task: str,
    noise: float,
    longest: int,
    truncation: int | None,
    rate: float,
    steps: int,
    seeds: int,
    seed: int,
    *,
    progress: Progress = silent,
) -> np.ndarray:
    """Share of right answers after training, (L, S), shortest lag first."""
    import torch

    from dlviz.engine.data import sequences
    from dlviz.engine.networks import losses, rnn
    from dlviz.engine.networks.batches import Generated
    from dlviz.engine.networks.clipping import Clip
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.updates import adam
    from dlviz.engine.signals.recurrent_init import generator

    kind = sequences.KINDS[task]
    own = keys(seed, seeds)
    falling = lags(longest)[::-1]
    lengths = [lag + 1 if task == "Copy" else lag for lag in falling]
    each = [length for length in lengths for _ in own]

    def drawn(part: int, count: int) -> Drawn:
        return Drawn(task, lengths, [generator(key, part) for key in own], noise, count, nets.bias.device)

    with torch.no_grad():
        nets = networks(of, kind, own, len(lengths))
        batches = drawn(8, BATCH)
        batches.alive = lambda: progress(0.97 * batches.step / steps)
        fit(
            rnn.Unrolled(nets, each, truncation), Generated(batches, steps), adam(rate),
            loss=losses.squared if kind.loss == "squared" else losses.cross_entropy, clip=Clip(CLIP),
            progress=lambda share: progress(0.97 * share),
        )  # fmt: skip
        tests = drawn(9, TESTED)
        tests.alive = lambda: progress(0.97)
        x, y = tests.chunk(1)
        right = np.empty(len(each))
        for m, length in enumerate(each):
            outputs = rnn.forward(nets.one(m), x[0, m : m + 1, -length:], [length]).outputs[0]
            wrong = (
                (outputs[:, 0] - y[0, m]).abs() >= CLOSE if kind.loss == "squared" else outputs.argmax(-1) != y[0, m]
            )
            # What is not finite is no answer: on this page such a network is wrong.
            wrong |= ~outputs.isfinite().all(-1)
            right[m] = 1 - float(wrong.cpu().double().mean())
            progress(0.97 + 0.03 * (m + 1) / len(each))
    return right.reshape(len(lengths), seeds)[::-1].copy()


# ---- presets


def gates_remember(result: Result) -> Check:
    """With open gates LSTM and GRU still answer at the longest lag; vanilla RNNs hardly do."""
    found = result.remembering
    at = found.at_the_longest()
    return Check(
        min(at["LSTM"], at["GRU"]) > 0.6 and max(at["RNN tanh"], at["RNN ReLU"]) < 0.35,
        {
            "lag": int(found.lags[-1]),
            "lstm": percent(at["LSTM"]),
            "gru": percent(at["GRU"]),
            "tanh": percent(at["RNN tanh"]),
            "relu": percent(at["RNN ReLU"]),
            "chance": percent(found.chance),
        },
    )


def truncation_blinds(result: Result) -> Check:
    """Below k the symbol is learned; at twice k the answers are guesses."""
    found = result.remembering
    k, cell = found.truncation or 0, found.cells[0]
    near, far = (int(lag) for lag in (found.lags[found.lags < k][-1], found.lags[found.lags >= 2 * k][0]))
    return Check(
        found.median(cell, near) > 0.9 and found.median(cell, far) < found.guessing,
        {
            "k": k,
            "near": near,
            "far": far,
            "seen": percent(found.median(cell, near)),
            "blind": percent(found.median(cell, far)),
            "chance": percent(found.chance),
        },
    )


_TRUNCATED: dict[str, Any] = {
    "panels": ("Remembering",),
    "cells": ("GRU",),
    "adam_rate": 0.01,
    "training_steps": 300,
}

PRESETS = (
    Preset(
        "open_gates",
        Settings(panels=("Remembering",), forget_bias=4.0, update_bias=3.0),
        gates_remember,
    ),
    Preset(
        "blind",
        Settings(truncated=True, truncation=10, **_TRUNCATED),
        truncation_blinds,
        pin=Settings(truncated=False, truncation=10, **_TRUNCATED),
    ),
)


# ---- readouts and notices


def readouts(result: Result) -> list[Readout]:
    """What each cell came to at the longest lag, beside chance."""
    found = result.remembering
    chance = percent(found.chance)
    return [
        Readout(READOUTS[cell], percent(value), chance, help="Theory: chance.")
        for cell, value in found.at_the_longest().items()
    ]


def notice(result: Result) -> list[Note]:
    """Which cells remember over the longest lag, and what truncation hides from them."""
    found = result.remembering
    lag, at = int(found.lags[-1]), found.at_the_longest()
    listed = ", ".join(f"{cell} {percent(value)}" for cell, value in at.items())
    key = "remembered" if found.task == "Copy" else "added"
    notes = [Note(key, {"lag": lag, "listed": listed, "chance": percent(found.chance)})]
    guess = [cell for cell, value in at.items() if value <= found.guessing]
    if guess:
        notes.append(Note("guesses", {"cells": ", ".join(guess), "lag": lag}))
    if found.blind.any():
        notes.append(Note("blind", {"k": found.truncation}))
        first = int(found.lags[found.blind][0])
        echo = [cell for cell in found.cells if found.accuracy[found.cells.index(cell), found.blind][0].min()
                > found.guessing]  # fmt: skip
        if echo:
            notes.append(Note("echo", {"cells": ", ".join(echo), "lag": first, "k": found.truncation}))
    elif found.truncation is not None and found.task == "Copy":
        notes.append(Note("sees", {"k": found.truncation, "lag": lag}))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
