"""Small convolutional networks with each norm, trained at every batch size: the panel "Training"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.data.datasets import digits
from dlviz.engine.networks import cnn
from dlviz.engine.networks.batches import MiniBatches, epochs
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.scores import right_answers
from dlviz.engine.networks.updates import sgd
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.numbers import percent
from dlviz.progress import Progress, silent, split

from . import unit
from .settings import Settings

if TYPE_CHECKING:
    import torch

    from .result import Result

SIZES = (2, 4, 8, 16, 32, 64, 128)
"""Of the mini-batches."""
TRAINED_ON = 1024  # a multiple of every batch size: all networks see as many images
GROUPS = 4  # of GroupNorm


@dataclass(frozen=True)
class Training:
    """Test errors of small convolutional networks: K norms, B batch sizes, S seeds."""

    norms: tuple[str, ...]
    sizes: np.ndarray  # (B,)
    error: np.ndarray  # (K, B, S) share of wrong answers on the test digits, in evaluation mode
    diverged: np.ndarray  # (K, B, S) bool
    mixing: np.ndarray  # (B, 3 layers, S, 2, 3) Switchable's weights of mean and variance; NaN without it
    examples: int  # for training
    tested: int
    groups: int

    def median(self, norm: str, size: int) -> float:
        """Median error over the seeds."""
        return float(np.median(self.error[self.norms.index(norm), list(self.sizes).index(size)]))


def compute(settings: Settings, progress: Progress) -> Training:
    """Networks with each norm, trained at every batch size on as many examples."""
    s = settings
    # The time goes into steps, and a step costs more where the batch is large.
    watches = split(progress, [TRAINED_ON / size * (1 + size / 40) for size in SIZES])
    found = [
        trained(s.trained, size, int(s.last_side), s.epochs, s.training_seeds, s.rate, s.seed, progress=watch)
        for size, watch in zip(SIZES, watches, strict=True)
    ]
    error, diverged, mixing = (np.array(part) for part in zip(*found, strict=True))
    tested = len(digits()[1]) - TRAINED_ON
    return Training(
        s.trained, np.array(SIZES), error.swapaxes(0, 1), diverged.swapaxes(0, 1), mixing, TRAINED_ON, tested, GROUPS
    )


@cached(maxsize=64)
def trained(
    chosen: tuple[str, ...], size: int, last_side: int, passes: int, seeds: int, rate: float, seed: int,
    progress: Progress = silent,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Test errors (K, S), divergence (K, S) and Switchable's weights (layers, S, 2, 3) at one batch size."""
    import torch

    _, classes = digits()
    shuffled = torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))
    x = torch.from_numpy(unit.pixels()).float().to(device())
    y = torch.from_numpy(np.array(classes)).to(device())
    train, test = shuffled[:TRAINED_ON], shuffled[TRAINED_ON:]
    nets = cnn.draw(chosen, seeds, groups=GROUPS, last_side=last_side, seed=seed)
    owner = torch.arange(seeds, device=x.device).repeat(len(chosen))
    order = epochs(TRAINED_ON, size, passes, seeds, seed)
    batches = MiniBatches(x[train], y[train], order, owner)
    fit(nets, batches, sgd(rate * size / 32, momentum=0.9), progress=progress)
    error, diverged = _errors(nets, x[test], y[test])
    mixing = np.full((len(nets.mixing), seeds, 2, 3), np.nan)
    if (models := nets.models("Switchable")) is not None:
        mixing = torch.stack([logits[models].softmax(-1) for logits in nets.mixing]).cpu().double().numpy()
    return error, diverged, mixing


def _errors(nets: cnn.CNN, x: torch.Tensor, y: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong answers in evaluation mode, and whether a model's numbers are not finite; (K, S) each.

    Here an answer that is not finite is wrong: the picture shows the error of a network that overflowed, too.
    """
    wrong, lost = [], []
    for seed in range(nets.seeds):  # of all seeds at once, the neighbours of all positions are up to a gigabyte
        logits = nets.of_seed(seed).forward(x.expand(len(nets.norms), *x.shape), training=False)
        wrong.append((~right_answers(logits, y)).cpu().double().mean(1).numpy())
        lost.append((~logits.isfinite().all(-1).all(-1)).cpu().numpy())
    return np.stack(wrong, 1), np.stack(lost, 1)


def small_batches_hurt(result: Result) -> Check:
    """At N = 2 BatchNorm's test error is several times GroupNorm's, and its own at N = 16."""
    runs = result.training
    batch, group, usual = runs.median("BatchNorm", 2), runs.median("GroupNorm", 2), runs.median("BatchNorm", 16)
    return Check(batch > 3 * group and batch > 3 * usual, {"batch": batch, "group": group, "usual": usual})


def positions_help(result: Result) -> Check:
    """With 2x2 values a channel and example, BatchNorm trains at N = 2."""
    runs = result.training
    batch, usual = runs.median("BatchNorm", 2), runs.median("BatchNorm", 16)
    return Check(batch < 3 * usual and batch < 0.2, {"batch": batch, "usual": usual})


def switches_with_the_batch(result: Result) -> Check:
    """Trained with small batches, Switchable trusts the batch's mean less than with large ones."""
    weights = result.training.mixing[:, :, :, 0].mean(axis=(1, 2))  # (B, 3) of the mean: instance, layer, batch
    small, large = weights[0], weights[-1]
    return Check(
        bool(small[2] < 1 / 3 < large[2] and large[2] - small[2] > 0.05),
        {"small": small[2], "large": large[2], "layer": small[1], "layer_large": large[1]},
    )


_SMALL = Settings(panels=("Training",))

PRESETS = (
    Preset("small_batches", _SMALL, small_batches_hurt),
    Preset("more_positions", Settings(panels=("Training",), last_side="2"), positions_help, pin=_SMALL),
    Preset("switch", Settings(panels=("Training",), trained=("Switchable",)), switches_with_the_batch),
)


def readouts(result: Result) -> list[Readout]:
    """BatchNorm's error at the smallest and at the largest batch size."""
    runs = result.training
    if "BatchNorm" not in runs.norms:
        return []
    return [
        Readout("BatchNorm's error at N = 2", percent(runs.median("BatchNorm", 2))),
        Readout("BatchNorm's error at N = 128", percent(runs.median("BatchNorm", 128))),
    ]


def notice(result: Result) -> list[Note]:
    """Which networks are best where batches are small and large, and what else differs with the size."""
    runs = result.training
    notes = []
    if len(runs.norms) > 1:
        for size in (2, 128):
            medians = {norm: runs.median(norm, size) for norm in runs.norms}
            low, high = min(medians.values()), max(medians.values())
            if high > low:
                best, worst = (", ".join(norm for norm in medians if medians[norm] == end) for end in (low, high))
                values = {"size": size, "best": best, "low": low, "worst": worst, "high": high}
                notes.append(Note("best", values))
    if "BatchNorm" in runs.norms:
        two, sixteen = runs.median("BatchNorm", 2), runs.median("BatchNorm", 16)
        if two > 2 * sixteen:
            side = int(result.settings.last_side)
            notes.append(Note("too_few", {"two": two, "sixteen": sixteen, "values": 2 * side**2, "side": side}))
    steps = [result.settings.epochs * (runs.examples // size) for size in (2, 128)]
    notes.append(Note("updates", {"most": steps[0], "least": steps[1]}))
    if runs.diverged.any():
        notes.append(Note("diverged", {"count": int(runs.diverged.sum()), "total": runs.diverged.size}))
    if "Switchable" in runs.norms and np.isfinite(runs.mixing).all():
        notes.append(_switched(runs))
    return notes


def _switched(runs: Training) -> Note:
    """Switchable's weights of the batch's mean and variance at the smallest and at the largest batch size."""
    batch = runs.mixing[..., 2].mean(axis=(1, 2))  # (B, 2)
    small, large = batch[0], batch[-1]
    return Note("switched", {"small": small[0], "large": large[0], "small_var": small[1], "large_var": large[1]})


STUDY = Study(compute, PRESETS, readouts, notice)
