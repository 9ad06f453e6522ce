"""Ways to fine-tune that hold on to the source, at every strength, trained as one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import At
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent, split

from .tasks import Data, Source, Tasks, data_of, right, source_of

AT_ONCE = {"MLP": 400, "CNN": 48}
"""Networks in one program. More CNNs at once are no faster, and each step of theirs would take long."""
SHARES = (1 / 3, 1 / 2, 3 / 4)
"""Of the steps, at which full fine-tuning is looked at on its way."""


class Way(NamedTuple):
    """One way to fine-tune."""

    method: str
    strength: float


@dataclass(frozen=True)
class Found:
    """Of R runs and S seeds: accuracies (R, S) on the target's and on the source's test images."""

    target: np.ndarray
    source: np.ndarray
    before: np.ndarray  # (S,) on the source's, before fine-tuning


def rates(way: Way, layers: int, rate: float) -> np.ndarray:
    """The learning rate of each layer, (L,): 0 for frozen; the head's is ``rate``."""
    if way.method == "Frozen":
        return np.where(np.arange(layers) < way.strength, 0.0, rate)
    if way.method == "Layer-wise rates":
        # Howard and Ruder (2018), section 3.2: η_(l−1) = η_l times a factor (theirs is 1/2.6).
        return rate * float(way.strength) ** np.arange(layers - 1, -1, -1)
    return np.full(layers, rate)


def looks(steps: int) -> tuple[int, ...]:
    """The steps, short of all, at which full fine-tuning is looked at."""
    return tuple(sorted({max(1, round(share * steps)) for share in SHARES} - {steps}))


@cached(maxsize=16)
def tried(tasks: Tasks, runs: tuple[Way, ...], steps: int, rate: float, progress: Progress = silent) -> Found:
    """All the runs and seeds, in one program or a few.

    A run "Fewer steps" is not trained on its own: it is the first run, tested after so many steps. The others must be
    in the order of their frozen depth, with full fine-tuning first where there is a run "Fewer steps".
    """
    source, data = source_of(tasks, lambda _: progress(0.0)), data_of(tasks, lambda _: progress(0.0))
    early = {int(way.strength): place for place, way in enumerate(runs) if way.method == "Fewer steps"}
    whole = [place for place, way in enumerate(runs) if way.method != "Fewer steps"]
    target, forgot = np.empty((2, len(runs), len(data.seeds)))
    at_once = max(1, AT_ONCE[tasks.network] // len(data.seeds))
    groups = [whole[first : first + at_once] for first in range(0, len(whole), at_once)]
    for places, part in zip(groups, split(progress, map(len, groups)), strict=True):
        looked = early if places is groups[0] else {}
        found = _together(source, data, [runs[place] for place in places], steps, rate, tuple(looked), part)
        rows = [*looked.values(), *places]
        target[rows], forgot[rows] = found
    return Found(target, forgot, source.accuracy)


def _together(
    source: Source, data: Data, runs: list[Way], steps: int, rate: float, early: tuple[int, ...], progress: Progress
) -> np.ndarray:
    """Accuracy on the target's and on the source's test images (2, looks + R, S): of the first run early, of all."""
    import torch

    seeds, layers = len(data.seeds), len(data.networks.layers)
    owner = torch.arange(seeds, device=data.x.device).repeat(len(runs))
    networks = data.networks.take(owner.tolist())
    old = tuple(part[owner] for part in (source.networks.weights[-1], source.networks.biases[-1]))

    if source.test is None:
        raise ValueError("without a source there is nothing to hold on to")
    old_test = source.test

    def score(some: layered.Networks, alive: Alive) -> np.ndarray:
        of = owner[: len(some)]
        under_old = some.with_head(*(part[: len(some)] for part in old))
        pairs = (some, data.test), (under_old, old_test)
        return np.stack([right(nets, test, of, lambda _: alive()) for nets, test in pairs]).reshape(2, -1, seeds)

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        return {"found": score(networks.take(range(seeds)), alive)}

    def strengths(method: str) -> np.ndarray:
        return np.repeat([way.strength if way.method == method else 0.0 for way in runs], seeds)

    seen = transfer.tune(
        networks, data.x, data.y, np.repeat([rates(way, layers, rate) for way in runs], seeds, axis=0), steps,
        order=data.order(steps), owner=owner, l2sp=transfer.L2SP(strengths("L2-SP")),
        distillation=transfer.Distillation(strengths("Distillation"), *old), record=[At(early, look)],
        progress=progress,
    )  # fmt: skip
    return np.concatenate([*(seen["found"] if early else ()), score(networks, lambda: progress(1.0))], axis=1)
