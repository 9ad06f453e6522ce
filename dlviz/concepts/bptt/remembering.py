"""Networks of every kind of cell learn to remember over longer and longer lags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent, split

from .settings import Settings
from .trained import CLOSE, Remembering

if TYPE_CHECKING:
    from dlviz.engine.data.sequences import Kind
    from dlviz.engine.networks.rnn import RNN

BATCH = 16
TESTED = 512
CHUNK = 10  # training steps whose mini-batches are drawn at once
CLIP = 1.0  # every gradient is scaled down to this norm
COSTS = {"RNN tanh": 1.0, "RNN ReLU": 1.0, "LSTM": 3.0, "GRU": 2.8}


def networks(start: tuple[str, int, str, float, float, float], kind: Kind, keys: list[int], copies: int) -> RNN:
    """``copies`` times the networks with these keys before training, in float32, one after the other.

    ``start``: cell, units, matrix, radius, gain of the inputs, gate bias.
    """
    import torch

    from dlviz.engine.networks.rnn import RNN
    from dlviz.engine.runtime.device import device
    from dlviz.engine.signals import recurrent_init

    cell, hidden, matrix, radius, gain, bias = start
    given = {"matrix": matrix, "radius": radius, "input_gain": gain, "bias": bias}
    drawn = recurrent_init.draw(cell, hidden, kind.inputs, keys, **given)
    readout = recurrent_init.readout(hidden, kind.outputs, keys)
    parts = [drawn.weight_ih, drawn.weight_hh, drawn.bias, readout, torch.zeros(len(keys), kind.outputs)]
    return RNN(cell, *[part.float().to(device()).repeat(copies, *[1] * (part.dim() - 1)) for part in parts])


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
        bias = {"LSTM": s.forget_bias, "GRU": s.update_bias}.get(cell, 0.0)
        start = (cell, s.trained_hidden, s.matrix, s.radius, s.input_gain, bias)
        noise = s.blank_noise if s.task == "Copy" else 0.0
        found.append(
            _accuracy(
                start, s.task, noise, s.longest, truncation, s.adam_rate, s.training_steps, s.trained_seeds, s.seed,
                progress=watch,
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
    start: tuple[str, int, str, float, float, float],
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

    from .studies import keys

    kind = sequences.KINDS[task]
    own = keys(seed, seeds)
    falling = lags(longest)[::-1]
    lengths = [lag + 1 if task == "Copy" else lag for lag in falling]
    each = [length for length in lengths for _ in own]

    def drawn(part: int, count: int) -> Drawn:
        return Drawn(task, lengths, [generator(key, part) for key in own], noise, count, nets.bias.device)

    with torch.no_grad():
        nets = networks(start, kind, own, len(lengths))
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


def _nothing() -> None:
    pass


class Drawn:
    """Mini-batches for every length (longest first) and seed, several steps at a time.

    ``alive`` is called every few milliseconds while numbers are drawn, ``step`` being the training step.
    """

    def __init__(self, task: str, lengths: list[int], generators: list, noise: float, count: int, where) -> None:
        self.task, self.lengths, self.generators, self.noise = task, lengths, generators, noise
        self.count, self.where = count, where
        self.step, self.alive = 0, _nothing

    def chunk(self, steps: int):
        """Inputs (steps, M, T, B, d) and targets (steps, M, B); shorter sequences stand at the end."""
        import torch

        from dlviz.engine.data import sequences

        kind, count = sequences.KINDS[self.task], self.count
        models = len(self.lengths) * len(self.generators)
        x = torch.zeros(steps, models, self.lengths[0], count, kind.inputs)
        y = torch.zeros(steps, models, count, dtype=torch.float32 if kind.loss == "squared" else torch.long)
        m = 0
        for length in self.lengths:
            for random in self.generators:
                read, target = sequences.draw(self.task, length, steps * count, random)
                if self.noise:
                    # On the blanks alone: the symbol itself is clean.
                    read[:, 1:] += self.noise * torch.randn(read[:, 1:].shape, generator=random)
                x[:, m, -length:] = read.view(steps, count, length, -1).transpose(1, 2)
                y[:, m] = target.view(steps, count)
                self.alive()
                m += 1
        return x.to(self.where), y.to(self.where)

    def __call__(self, step: int):
        self.step = step
        if step % CHUNK == 0:
            self.x, self.y = self.chunk(CHUNK)
        return self.x[step % CHUNK], self.y[step % CHUNK]
