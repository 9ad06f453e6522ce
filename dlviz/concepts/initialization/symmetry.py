"""The symmetry trap: a small network trained from equal weights, and from equal weights with a little noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.mlp import MLP
from dlviz.engine.networks.recording import Every
from dlviz.engine.networks.updates import sgd
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import initializers, propagation
from dlviz.progress import Progress, silent

from .digits import batches, train_and_test
from .settings import CLASSES, Settings

if TYPE_CHECKING:
    from .result import Result

UNITS = 16  # hidden units a layer of the network whose symmetry is watched
RATE = 1.0
LOOKS = 30  # how often the training is looked at
RANK = 0.01
"""Share of the largest singular value above which one counts towards the rank."""


@dataclass(frozen=True)
class Symmetry:
    """Two trainings that differ in a little noise on the start; index 0 is without noise, 1 with it."""

    units: int  # U hidden units in each of two layers
    start: np.ndarray  # (2, U, U) cosine between the incoming weights of units of the first hidden layer
    end: np.ndarray  # (2, U, U)
    steps: np.ndarray  # (T,) steps at which was looked
    rank: np.ndarray  # (2, T) singular values of the first layer's weights above RANK of the largest
    accuracy: np.ndarray  # (2, T) on the test set


def compute(settings: Settings, progress: Progress) -> Symmetry:
    """Both trainings, cached by the arguments that matter."""
    return _symmetry(
        settings.activation, settings.own_parameter(), settings.symmetry_constant, settings.symmetry_noise,
        settings.symmetry_steps, settings.seed, progress=progress,
    )  # fmt: skip


@cached(maxsize=16)
def _symmetry(
    activation: str, parameter: float | None, constant: float, noise: float, steps: int, seed: int,
    *, progress: Progress = silent,
) -> Symmetry:  # fmt: skip
    import torch

    x, y, x_test, y_test = train_and_test("Digits, raw", seed, torch.float64)
    x, x_test = x / 16, x_test / 16
    sizes = (64, UNITS, UNITS, CLASSES)
    weights = []
    for layer, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        drawn = initializers.base("normal", fan_out, fan_in, propagation.generator(100 * seed, layer))
        weights.append(torch.stack([torch.full_like(drawn, constant), constant + noise * drawn]))
    biases = [torch.zeros(2, size, dtype=torch.float64) for size in sizes[1:]]
    networks = MLP(weights, biases, [activation] * 2, [parameter] * 2).to(x.device)
    first = networks.weights[0]
    start = _cosines(first)
    every = max(1, steps // LOOKS)

    def look(of: MLP, _alive: object) -> dict[str, Any]:
        return {"rank": _rank(first), "accuracy": of.accuracy(x_test, y_test)}

    run = fit(networks, batches(x, y, steps, seed), sgd(RATE), record=[Every(every, look)], progress=progress)
    return Symmetry(UNITS, start, _cosines(first), run["steps"], run["rank"].T, run["accuracy"].T)


def _cosines(weights: Any) -> np.ndarray:
    """(M, U, U) cosines between the rows of (M, U, d); NaN where they are not finite."""
    unit = weights / weights.norm(dim=2, keepdim=True)
    return (unit @ unit.transpose(1, 2)).cpu().numpy().copy()


def _rank(weights: Any) -> np.ndarray:
    """(M,) how many singular values of (M, U, d) exceed RANK of the largest; NaN where they are not finite."""
    import torch

    finite = weights.isfinite().flatten(1).all(dim=1)
    values = torch.linalg.svdvals(torch.where(finite[:, None, None], weights, 0.0))
    found = (values > RANK * values[:, :1]).sum(dim=1).double()
    return torch.where(finite, found, float("nan")).cpu().numpy()


def claim(result: Result) -> Check:
    """From equal weights the units stay equal for ever; a little noise lets them part."""
    found = result.symmetry
    without, apart = float(found.end[0].min()), float(found.end[1].min())
    rank, noisy = int(np.nanmax(found.rank[0])), int(found.rank[1, -1])
    accuracy, accuracy_noisy = (float(value) for value in found.accuracy[:, -1])
    holds = without > 1 - 1e-6 and rank == 1 and noisy > 1 and apart < 0.9 and accuracy_noisy > accuracy + 0.2
    values = {
        "cosine": without,
        "apart": apart,
        "rank": rank,
        "noisy": noisy,
        "accuracy": accuracy,
        "accuracy_noisy": accuracy_noisy,
    }
    return Check(bool(holds), values)


PRESETS = (Preset("symmetry", Settings(scheme="Constant", constant=0.05, panels=("Symmetry",)), claim),)


def notice(result: Result) -> list[Note]:
    """What equal weights and a little noise led to, where both trainings ended in finite numbers."""
    found = result.symmetry
    rank, accuracy = found.rank[:, -1], found.accuracy[:, -1]
    if not (np.isfinite(rank).all() and np.isfinite(accuracy).all()):
        return []
    values = {"same": int(rank[0]), "noisy": int(rank[1]), "units": found.units, "share": RANK}
    return [Note("symmetry", {**values, "accuracy": float(accuracy[0]), "accuracy_noisy": float(accuracy[1])})]


STUDY = Study(compute, PRESETS, notice=notice)
