"""The panel "Gradual unfreezing": the head first, then one more layer every few steps, from the top."""

from __future__ import annotations

import numpy as np

from dlviz.engine.networks import transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import Every
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent

from .panels import Gradual
from .settings import Settings
from .start import Start, right, start

LOOKS = 25  # at the test accuracy, over all steps


def thaws(layers: int, every: int) -> np.ndarray:
    """The first step, from 0, that trains each layer, (L,): the head from the start (Howard and Ruder 2018)."""
    return every * np.arange(layers - 1, -1, -1)


def schedule(layers: int, every: int, steps: int, rate: float) -> np.ndarray:
    """Learning rates (T, 3, L) of full fine-tuning, gradual unfreezing and head only."""
    rates = np.full((steps, 3, layers), rate)
    rates[:, 1] *= np.arange(steps)[:, None] >= thaws(layers, every)
    rates[:, 2, :-1] = 0
    return rates


@cached(maxsize=8)
def trained(begin: Start, every: int, steps: int, rate: float, progress: Progress = silent) -> Gradual:
    """All three and all seeds in one program."""
    import torch

    data = start(begin, lambda _: progress(0.0))
    seeds, layers = len(data.x), len(data.networks.layers)
    owner = torch.arange(seeds, device=data.x.device).repeat(3)
    networks = data.networks.take(owner.tolist())

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        return {"accuracy": right(networks, data.test, owner, lambda _: alive()).reshape(3, seeds)}

    run = transfer.tune(
        networks, data.x, data.y, np.repeat(schedule(layers, every, steps, rate), seeds, axis=1), steps,
        order=data.order(steps), owner=owner, record=[Every(max(1, steps // LOOKS), look)], progress=progress,
    )  # fmt: skip
    full, slowly, head = run["accuracy"].transpose(1, 0, 2)
    return Gradual(run["steps"], np.stack([full, head, slowly]), thaws(layers, every), steps)


def gradual(settings: Settings, progress: Progress = silent) -> Gradual | None:
    """The curves; None without a source, where there is nothing to unfreeze."""
    s = settings
    if s.source == "No source":
        return None
    return trained(Start.of(s, s.amount), s.every, s.steps, s.rate, progress=progress)
