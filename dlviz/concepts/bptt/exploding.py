"""One run that may explode, and the same run under each cure."""

from __future__ import annotations

from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent

from .settings import Settings
from .trained import CURES, End, Exploding

BATCH = 32
LONGEST = 100
"""Longer sequences are not trained on."""


def exploding(s: Settings, progress: Progress = silent) -> Exploding | None:
    """The five runs; None for noise, which has no answer to learn."""
    if s.data == "Noise":
        return None
    bias = {"LSTM": s.forget_bias, "GRU": s.update_bias}.get(s.cell, 0.0)
    start = (s.cell, s.trained_hidden, s.matrix, s.radius, s.input_gain, bias)
    rates = (s.rate, s.clip_norm, s.clip_value, s.weight_decay, s.lower_rate)
    return _runs(start, s.data, min(s.steps_read, LONGEST), rates, s.steps, s.seed, progress=progress)


@cached(16)
def _runs(
    start: tuple[str, int, str, float, float, float],
    data: str,
    length: int,
    rates: tuple[float, float, float, float, float],
    steps: int,
    seed: int,
    *,
    progress: Progress = silent,
) -> Exploding:
    """``start``: cell, units, matrix, radius, gain of the inputs, gate bias; ``rates`` as in the settings."""
    import torch

    from dlviz.engine.data import sequences
    from dlviz.engine.networks import recurrent_training
    from dlviz.engine.signals.recurrent_init import generator

    from .remembering import networks
    from .studies import keys

    rate, norm, value, decay, lower = rates
    off = float("inf")
    each = {  # in the order of CURES
        "rate": [rate, rate, rate, rate, lower],
        "clip_norm": [off, norm, off, off, off],
        "clip_value": [off, off, value, off, off],
        "weight_decay": [0.0, 0.0, 0.0, decay, 0.0],
    }
    kind = sequences.KINDS[data]
    (key,) = keys(seed, 1)
    random = generator(key, 8)
    progress(0.0)

    def batch(_step: int):
        x, y = sequences.draw(data, length, BATCH, random)
        y = y.float() if kind.loss == "squared" else y
        return x.float().transpose(0, 1)[None].to(nets.bias.device), y[None].to(nets.bias.device)

    with torch.no_grad():
        nets = networks(start, kind, [key], len(CURES))
        rule = recurrent_training.Rule(
            **{name: torch.tensor(values, dtype=torch.float64) for name, values in each.items()}
        )
        found = recurrent_training.descend(nets, batch, [length] * len(CURES), rule, steps, progress=progress)
    ends = tuple(None if f is None else End(f.step + 1, f.tensor, f.time) for f in found.failures)
    return Exploding(start[0], start[1], data, length, BATCH, found.loss, found.norm, found.turned, found.clipped, ends)
