"""The two tasks of a transfer: the source networks and the target's examples, where every run of the page starts.

A seed decides everything that is random: which digits are for the source, for the target and for the test, where
they stand on the canvas, the noise, the first weights, the new heads and the mini-batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlviz.engine.data import digit_tasks
from dlviz.engine.networks import layered, transfer
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.progress import Progress, silent

from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

SOURCE_RATE = 0.003
"""Adam's learning rate on the source task."""


class Tasks(NamedTuple):
    """What the source networks and the target's examples depend on."""

    source: str
    target: str
    noise: float
    labels: str
    network: layered.Kind
    layers: int
    source_steps: int
    rate: float  # on the source
    seeds: int
    seed: int

    @classmethod
    def of(cls, s: Settings, labels: str) -> Tasks:
        noise = s.noise if "oisy" in s.target else 0.0
        return cls(s.source, s.target, noise, labels, s.network, s.layers, s.source_steps, SOURCE_RATE, s.seeds, s.seed)

    @property
    def every_seed(self) -> tuple[int, ...]:
        return tuple(range(self.seed, self.seed + self.seeds))

    @property
    def task(self) -> str | None:
        """The source's task: "Shuffled labels" takes the canvas of the target. None without a source."""
        if self.source == "No source":
            return None
        if self.source == "Shuffled labels" and self.target.startswith("Shifted"):
            return "Shifted, shuffled labels"
        return self.source


@dataclass(frozen=True)
class Source:
    """The source networks (S,) under their own head, and how right they are on the source's test images."""

    networks: layered.Networks
    test: tuple[Tensor, Tensor] | None  # None without a source
    accuracy: np.ndarray  # (S,); NaN without a source


@dataclass(frozen=True)
class Data:
    """The target's examples, and the networks that begin to learn them."""

    networks: layered.Networks  # (S,) the source's layers under a new head
    scratch: layered.Networks  # (S,) layers as the source's were before they learned, under the same new head
    x: Tensor  # (S, n, 144)
    y: Tensor  # (S, n)
    test: tuple[Tensor, Tensor]
    seeds: tuple[int, ...]

    def order(self, steps: int) -> Tensor | None:
        """The mini-batches of each seed."""
        return transfer.batches(self.x.shape[1], steps, self.seeds)


@lru_cache(128)
def _task(name: str, part: str, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    return digit_tasks.task(name, part, seed, noise)


def examples(
    name: str,
    part: str,
    seeds: tuple[int, ...],
    noise: float = 0.0,
    labels: str = "all",
    beat: Callable[[], None] = lambda: None,
) -> tuple[Tensor, Tensor]:
    """Images (S, n, 144) and classes (S, n) of a part of a task: so many of each class, for every seed.

    ``beat`` is called for every seed.
    """
    import torch

    parts = []
    for seed in seeds:
        beat()
        parts.append(_task(name, part, seed, noise))
    if labels != "all":
        parts = [(x[some], y[some]) for x, y in parts for some in [digit_tasks.few(y, int(labels))]]
    images, classes = (torch.from_numpy(np.stack(arrays)) for arrays in zip(*parts, strict=True))
    return images.to(device()), classes.to(device())


@cached(maxsize=16)
def _pretrained(
    name: str | None,
    network: layered.Kind,
    layers: int,
    steps: int,
    rate: float,
    seeds: tuple[int, ...],
    progress: Progress = silent,
) -> layered.Networks:
    """Networks that have learned a task, one for each seed; as they were drawn without one."""
    networks = layered.draw(network, layers, 10 if name is None else digit_tasks.classes(name), seeds).to(device())
    if name is not None:
        x, y = examples(name, "source", seeds, beat=lambda: progress(0.0))
        rates = np.full((len(seeds), layers), rate)
        order = transfer.batches(x.shape[1], steps, seeds)
        transfer.tune(networks, x, y, rates, steps, order=order, progress=progress)
    return networks


def learned(tasks: Tasks, progress: Progress = silent) -> layered.Networks:
    """The source networks (S,) under their own head. They are shared: ``take`` copies of what is to be trained."""
    t = tasks
    return _pretrained(t.task, t.network, t.layers, t.source_steps, t.rate, t.every_seed, progress=progress)


def source_of(tasks: Tasks, progress: Progress = silent) -> Source:
    """The source networks, and their accuracy on their own task."""
    seeds, name, networks = tasks.every_seed, tasks.task, learned(tasks, progress)
    if name is None:
        return Source(networks, None, np.full(len(seeds), np.nan))
    test = examples(name, "test", seeds, beat=lambda: progress(1.0))
    return Source(networks, test, right(networks, test, progress=lambda _: progress(1.0)))


def right(
    networks: layered.Networks,
    test: tuple[Tensor, Tensor],
    owner: Tensor | None = None,
    progress: Progress = silent,
) -> np.ndarray:
    """Share of right answers (M,). On this page a network whose numbers overflowed is wrong: 0, not NaN."""
    return np.nan_to_num(networks.accuracy(*test, owner, progress), nan=0.0)


def data_of(tasks: Tasks, progress: Progress = silent) -> Data:
    """The target's examples and the networks at the start; to be copied by ``take`` before they are trained."""

    def beat() -> None:
        progress(1.0)

    seeds = tasks.every_seed
    networks = learned(tasks, progress)
    classes = digit_tasks.classes(tasks.target)
    head = [part.to(device()) for part in layered.new_head(tasks.network, tasks.layers, classes, seeds)]
    drawn = layered.draw(tasks.network, tasks.layers, classes, seeds).to(device())
    return Data(
        networks.with_head(*head),
        drawn.with_head(*head),
        *examples(tasks.target, "target", seeds, tasks.noise, tasks.labels, beat),
        examples(tasks.target, "test", seeds, tasks.noise, beat=beat),
        seeds,
    )


def side_by_side(data: Data, depths: list[int]) -> tuple[layered.Networks, Tensor]:
    """Copies to be trained, run by run and in each seed by seed: the first from scratch, the others from the source."""
    import torch

    networks = layered.Networks.stacked([data.scratch, *[data.networks] * (len(depths) - 1)])
    return networks, torch.arange(len(data.seeds), device=device()).repeat(len(depths))


def rates_of(depths: list[int], layers: int, rate: float) -> np.ndarray:
    """The learning rates (runs, L) of runs whose first layers are frozen."""
    return np.where(np.arange(layers) < np.array(depths)[:, None], 0.0, rate)
