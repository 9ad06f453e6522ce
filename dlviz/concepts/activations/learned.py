"""PReLU's slope learned from data: one slope a layer, trained with the weights (He et al. 2015, section 2.1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.numbers import fixed, percent
from dlviz.progress import Progress, silent

from .digits import standardised_digits
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

LAYERS = (64, 64, 64, 64, 10)
SAMPLES, BATCH, STEPS = 1000, 50, 300
SEEDS = 5


@dataclass(frozen=True)
class LearnedSlopes:
    """PReLU's slopes while S networks with H hidden layers learn; NaN once a run has overflowed."""

    slopes: np.ndarray  # (H, S, T+1) before each step and after the last
    accuracy: np.ndarray  # (S,) on the training examples, at the end
    start: float

    @property
    def lost(self) -> int:
        """First step at which a slope of some network was not finite or beyond 1e3; -1 if none was."""
        with np.errstate(invalid="ignore"):
            gone = np.flatnonzero(~(np.abs(self.slopes) < 1e3).all(axis=(0, 1)))
        return int(gone[0]) if gone.size else -1


@cached(maxsize=16)
def slopes(start: float, rate: float, seed: int, *, progress: Progress = silent) -> LearnedSlopes:
    """SEEDS networks 64-64-64-64-10 with one PReLU slope per hidden layer from ``start``, by plain SGD.

    All parameters, the slopes too, have the same learning rate and no weight decay (He et al., which warn that
    weight decay pulls the slopes to 0). The gradient of a slope is the sum of ∂loss/∂f · min(z, 0).
    """
    import torch

    from dlviz.engine.networks.batches import MiniBatches, mini_batches
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.mlp import MLP
    from dlviz.engine.networks.recording import Every
    from dlviz.engine.networks.updates import sgd

    x, y = (torch.tensor(part) for part in standardised_digits(SAMPLES))
    where = device()
    x, y = x.float().to(where), y.to(where)
    generators = [torch.Generator().manual_seed(seed + 1000 * repeat) for repeat in range(SEEDS)]
    weights, biases = [], []
    for inputs, units in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        # He et al. 2015, equation 15: the variance that keeps a signal's size under a slope of `start`.
        scale = math.sqrt(2 / (1 + start**2) / inputs)
        w = torch.stack([torch.randn(units, inputs, generator=generator) for generator in generators])
        weights.append(scale * w)
        biases.append(torch.zeros(SEEDS, units))
    a = [torch.full((SEEDS,), float(start)) for _ in LAYERS[2:]]
    networks = MLP(weights, biases, ["PReLU"] * SEEDS, slopes=a).to(where)

    def look(of: MLP, _alive: object) -> dict[str, object]:
        return {"slopes": torch.stack(of.slopes or [])}

    order = mini_batches(SAMPLES, BATCH, STEPS, seed)
    path = fit(networks, MiniBatches(x, y, order), sgd(rate), record=[Every(1, look)], progress=progress)["slopes"]
    with torch.no_grad():
        accuracy = networks.accuracy(x, y).cpu().double().numpy()
    return LearnedSlopes(path.transpose(1, 2, 0), accuracy, start)


def compute(settings: Settings, progress: Progress) -> LearnedSlopes:
    """The slopes of PReLU networks at the chosen start and rate."""
    return slopes(settings.prelu_slope, settings.learned_rate, settings.seed, progress=progress)


def learned(result: Result) -> Check:
    """Training moves every slope, and the first layer's most."""
    ends = np.median(result.learned.slopes[:, :, -1], axis=1)
    accuracy = float(np.median(result.learned.accuracy))
    start = result.learned.start
    holds = bool((np.abs(ends - start) > 0.1).all() and ends[0] > ends[-1] and accuracy > 0.95)
    values = {"start": start, "first": ends[0], "last": ends[-1], "layers": len(ends), "accuracy": percent(accuracy)}
    return Check(holds, values)


PRESETS = (Preset("learned", Settings(panels=("Learned slope",), function="PReLU"), learned),)


def notice(result: Result) -> list[Note]:
    """Where the slopes end, or that a network has overflowed."""
    found = result.learned
    if np.isfinite(found.accuracy).all() and found.lost < 0:
        ends = np.median(found.slopes[:, :, -1], axis=1)
        listed = ", ".join(fixed(float(end), 2) for end in ends)
        values = {"start": found.start, "listed": listed, "accuracy": percent(float(np.median(found.accuracy)))}
        return [Note("learned", values)]
    return [Note("learned_overflowed", {"rate": result.settings.learned_rate})]


STUDY = Study(compute, PRESETS, notice=notice)
