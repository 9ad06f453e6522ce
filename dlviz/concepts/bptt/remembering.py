"""Networks of every kind of cell learn to remember over longer and longer lags."""

from __future__ import annotations

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent, split

from .mini_batches import Drawn
from .networks import keys
from .settings import Settings
from .starts import Start, networks, start
from .trained import CLOSE, Remembering

BATCH = 16
TESTED = 512
CLIP = 1.0  # every gradient is scaled down to this norm
COSTS = {"RNN tanh": 1.0, "RNN ReLU": 1.0, "LSTM": 3.0, "GRU": 2.8}


def lags(longest: int) -> tuple[int, ...]:
    """The four lags up to the longest, each twice the one before."""
    return tuple(longest // part for part in (8, 4, 2, 1))


def remembering(s: Settings, progress: Progress = silent) -> Remembering | None:
    """Accuracy of every kind of cell against the lag; None without a cell."""
    if not s.cells:
        return None
    truncation = s.truncation if s.truncated else None
    found = []
    for cell, watch in zip(s.cells, split(progress, [COSTS[cell] for cell in s.cells]), strict=True):
        noise = s.blank_noise if s.task == "Copy" else 0.0
        found.append(
            _accuracy(
                start(s, cell), s.task, noise, s.longest, truncation, s.adam_rate, s.training_steps, s.trained_seeds,
                s.seed, progress=watch,
            )
        )  # fmt: skip
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
