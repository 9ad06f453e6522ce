"""One run that may explode, and the same run under each cure."""

from __future__ import annotations

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent

from .networks import keys
from .settings import Settings
from .starts import Start, networks, start
from .trained import CURES, End, Exploding

BATCH = 32
LONGEST = 100
"""Longer sequences are not trained on."""


def exploding(s: Settings, progress: Progress = silent) -> Exploding | None:
    """The five runs; None for noise, which has no answer to learn."""
    if s.data == "Noise":
        return None
    rates = (s.rate, s.clip_norm, s.clip_value, s.weight_decay, s.lower_rate)
    return _runs(start(s, s.cell), s.data, min(s.steps_read, LONGEST), rates, s.steps, s.seed, progress=progress)


@cached(16)
def _runs(
    of: Start,
    data: str,
    length: int,
    rates: tuple[float, float, float, float, float],
    steps: int,
    seed: int,
    *,
    progress: Progress = silent,
) -> Exploding:
    """``rates`` as in the settings, in the order of the knobs."""
    import torch

    from dlviz.engine.data import sequences
    from dlviz.engine.networks import losses
    from dlviz.engine.networks.batches import Generated
    from dlviz.engine.networks.clipping import Clip
    from dlviz.engine.networks.failures import Failures
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.recording import Record
    from dlviz.engine.networks.rnn import Unrolled
    from dlviz.engine.networks.updates import sgd
    from dlviz.engine.signals.recurrent_init import generator

    rate, norm, value, decay, lower = rates
    off = float("inf")
    # In the order of CURES.
    each_rate = np.array([rate, rate, rate, rate, lower])
    limits = Clip(np.array([off, norm, off, off, off]), np.array([off, off, value, off, off]))
    decays = np.array([0.0, 0.0, 0.0, decay, 0.0])
    kind = sequences.KINDS[data]
    (key,) = keys(seed, 1)
    random = generator(key, 8)
    progress(0.0)

    def batch(_step: int):
        x, y = sequences.draw(data, length, BATCH, random)
        y = y.float() if kind.loss == "squared" else y
        return x.float().transpose(0, 1)[None].to(nets.bias.device), y[None].to(nets.bias.device)

    with torch.no_grad():
        nets = networks(of, kind, [key], len(CURES))
        failures = Failures()
        quantities = ("loss", "grad_norm", "clip_angle", "clip_share")
        run = fit(
            Unrolled(nets, [length] * len(CURES)), Generated(batch, steps),
            sgd(each_rate, weight_decay=decays),
            loss=losses.squared if kind.loss == "squared" else losses.cross_entropy, clip=limits,
            record=[*map(Record, quantities), failures], progress=progress,
        )  # fmt: skip
    ends = tuple(None if f is None else End(f.step + 1, f.tensor, f.time) for f in failures.found_by_model)
    return Exploding(of.cell, of.hidden, data, length, BATCH, *(failures.until(run[name]) for name in quantities), ends)
