"""The panel "Transfer map": every source on every target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from dlviz.contract import Note, Study
from dlviz.engine.networks import layered, transfer
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.progress import Progress, silent

from .result import Result
from .settings import Settings, Source, Target
from .tasks import SOURCE_RATE, Tasks, data_of, rates_of, right

SEEDS = 4  # of the map, at most


@dataclass(frozen=True)
class Pairs:
    """Gain over scratch of every source on every target."""

    sources: tuple[str, ...]  # A
    targets: tuple[str, ...]  # B
    labels: tuple[str, ...]  # C
    depths: tuple[int, ...]  # D numbers of frozen layers
    gain: np.ndarray  # (A, B, C, D, S)

    def clear(self) -> np.ndarray:
        """Whether all seeds agree that there is a gain, or a loss, (A, B, C, D); with one seed none is clear."""
        if self.gain.shape[-1] < 2:
            return np.zeros(self.gain.shape[:-1], dtype=bool)
        return np.asarray((self.gain > 0).all(axis=-1) | (self.gain < 0).all(axis=-1))


def compute(s: Settings, progress: Progress = silent) -> Pairs:
    """Every source on every target, with an MLP of as many layers."""
    sources, targets = (get_args(choice) for choice in (Source, Target))
    seeds = min(s.seeds, SEEDS)
    gain = _pairs(s.noise, s.labels, s.layers, s.steps, s.rate, s.source_steps, seeds, s.seed, progress=progress)
    return Pairs(sources, targets, s.labels, tuple(range(s.layers)), gain)


@cached(maxsize=4)
def _pairs(
    noise: float,
    amounts: tuple[str, ...],
    layers: int,
    steps: int,
    rate: float,
    source_steps: int,
    seeds: int,
    seed: int,
    progress: Progress = silent,
) -> np.ndarray:
    """Gain over scratch (A, B, C, D, S). All sources of a target are one program."""
    import torch

    sources, targets, depths = get_args(Source), get_args(Target), range(layers)
    gain = np.empty((len(sources), len(targets), len(amounts), len(depths), seeds))
    done = 0
    parts = len(targets) * (len(sources) + len(amounts))

    def watch(share: float) -> None:
        progress((done + share) / parts)

    for b, target in enumerate(targets):
        for c, labels in enumerate(amounts):
            all_tasks = [
                Tasks(source, target, noise if "oisy" in target else 0.0, labels, "MLP", layers, source_steps,
                      SOURCE_RATE, seeds, seed)
                for source in sources
            ]  # fmt: skip
            starts = []
            for tasks in all_tasks:
                starts.append(data_of(tasks, watch if c == 0 else lambda _: watch(0.0)))
                done += c == 0
            # In the order of depth: from scratch, then all sources at each depth.
            networks = [starts[0].scratch] + [data.networks for _ in depths for data in starts]
            ordered = [0] + [depth for depth in depths for _ in starts]
            owner = torch.arange(seeds, device=device()).repeat(len(networks))
            rates = np.repeat(rates_of(ordered, layers, rate), seeds, axis=0)
            together = layered.Networks.stacked(networks)
            data = starts[0]
            transfer.tune(together, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, progress=watch)
            done += 1
            accuracy = right(together, data.test, owner, lambda _: watch(0.0)).reshape(-1, seeds)
            found = accuracy[1:].reshape(len(depths), len(sources), seeds) - accuracy[0]
            gain[:, b, c] = found.transpose(1, 0, 2)
    return gain


def notice(result: Result) -> list[Note]:
    """In how many cells of the map there is a clear gain, or a clear loss."""
    pairs = result.pairs
    mean, sure = pairs.gain.mean(axis=-1), pairs.clear()
    if pairs.gain.shape[-1] < 2:
        return [Note("map_one", {"cells": mean.size})]
    values = {
        "cells": mean.size,
        "plus": int((sure & (mean > 0)).sum()),
        "minus": int((sure & (mean < 0)).sum()),
        "rest": int((~sure).sum()),
        "seeds": pairs.gain.shape[-1],
    }
    return [Note("map", values)]


STUDY = Study(compute, notice=notice)
