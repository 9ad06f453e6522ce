"""Does it train? Every scheme on the same network, with the same digits, mini-batches and learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.mlp import MLP
from dlviz.engine.networks.recording import Every
from dlviz.engine.networks.updates import sgd
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import initializers, propagation
from dlviz.engine.signals.initializers import INITIALIZERS, Free
from dlviz.progress import Progress, silent

from .curves import middle
from .digits import TESTED, batches, train_and_test
from .settings import CLASSES, SchemeName, Settings
from .weights import seeds

if TYPE_CHECKING:
    from .result import Result

WIDTH = 64
DRAWS = 3  # of the weights at most
LOOKS = 30  # how often the training is looked at


@dataclass(frozen=True)
class Training:
    """Every scheme on the same network, data and mini-batches, from S draws of the weights."""

    schemes: tuple[str, ...]  # M
    steps: np.ndarray  # (T,)
    loss: np.ndarray  # (S, M, T) mean cross-entropy on the test set; not finite after overflow
    accuracy: np.ndarray  # (S, M, T) on the test set; NaN after overflow
    width: int
    tested: int


def compute(settings: Settings, progress: Progress) -> Training:
    """All schemes as one stack of networks, cached by the arguments that matter."""
    return _trained(
        settings.activation, settings.own_parameter(), settings.free(), settings.sigma_b, settings.train_depth,
        settings.train_rate, settings.train_steps, settings.data, settings.seed, seeds(settings)[:DRAWS],
        progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _trained(
    activation: str, parameter: float | None, free: Free, sigma_b: float, depth: int, rate: float, steps: int,
    data: str, seed: int, seeds: tuple[int, ...], *, progress: Progress = silent,
) -> Training:  # fmt: skip
    import torch

    x, y, x_test, y_test = train_and_test(data, seed, torch.float32)
    schemes = get_args(SchemeName)
    sizes = (64, *[WIDTH] * depth, CLASSES)
    models = [(INITIALIZERS[name], of) for of in seeds for name in schemes]
    # Constant weights with random biases would not be symmetric, and Zeros would not be zeros.
    sigmas_b = torch.tensor([sigma_b if scheme.draw != "constant" else 0.0 for scheme, _ in models])[:, None]
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        drawn = [scheme.weights(fan_in, fan_out, propagation.generator(of, layer), free) for scheme, of in models]
        weights.append(torch.stack(drawn).float())
        shift = {of: initializers.base("normal", 1, fan_out, propagation.generator(of, 500 + layer)) for of in seeds}
        biases.append((sigmas_b * torch.cat([shift[of] for _, of in models])).float())
    networks = MLP(weights, biases, [activation] * len(models), [parameter] * len(models)).to(x.device)
    every = max(1, steps // LOOKS)

    def look(of: MLP, _alive: object) -> dict[str, Any]:
        return dict(zip(("loss", "accuracy"), of.score(x_test, y_test), strict=True))

    run = fit(networks, batches(x, y, steps, seed), sgd(rate), record=[Every(every, look)], progress=progress)
    shape = len(run["steps"]), len(seeds), len(schemes)
    loss, accuracy = (run[name].reshape(shape).transpose(1, 2, 0) for name in ("loss", "accuracy"))
    return Training(schemes, run["steps"], loss, accuracy, WIDTH, TESTED)


def claim(result: Result) -> Check:
    """The schemes that carry the signal learn; those that lose it, or never part, stay at chance."""
    found = result.training
    final = dict(zip(found.schemes, middle(found.accuracy)[:, -1], strict=True))
    stuck = max(final[name] for name in ("Zeros", "Constant", "Normal"))
    values = {"he": final["He normal"], "xavier": final["Xavier normal"], "stuck": stuck, "tested": found.tested}
    holds = values["he"] > 0.85 and stuck < 0.2 and values["he"] > values["xavier"]
    return Check(bool(holds), values)


SHOWN = ("Forward and backward", "Training")
PRESETS = (
    Preset("training", Settings(activation="ReLU", scheme="He normal", std=0.05, depth=10, panels=SHOWN), claim),
)


def notice(result: Result) -> list[Note]:
    """How good the best scheme is, and how many are no better than chance."""
    final = middle(result.training.accuracy)[:, -1]
    chance = int((final < 2 / CLASSES).sum())
    overflown = int(np.isinf(final).sum())
    best = float(final[np.isfinite(final)].max(initial=0.0))
    values = {"best": best, "chance": chance, "schemes": len(final), "bound": 2 / CLASSES, "overflown": overflown}
    return [Note("training", values)]


STUDY = Study(compute, PRESETS, notice=notice)
