"""What a run of the page holds. S seeds, L layers with the head, C numbers of labels.

Accuracies are shares of right answers on test images that neither task has learned from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dlviz import contract

from .panels import Gradual, Holding, Moved
from .settings import Settings


@dataclass(frozen=True)
class Sweep:
    """Accuracy on the target for every number of labels a class and every frozen depth."""

    labels: tuple[str, ...]  # C of "1", "2", "5", "10", "50", "all"
    scratch: np.ndarray  # (C, S) trained from scratch, nothing frozen
    frozen: np.ndarray  # (C, L, S) the first 0, 1, ..., L − 1 layers frozen

    def gain(self, label: str, depth: int) -> np.ndarray:
        """(S,) what the source gave: accuracy minus that from scratch, seed by seed."""
        at = self.labels.index(label)
        return self.frozen[at, depth] - self.scratch[at]

    def over_full(self, label: str, depth: int) -> np.ndarray:
        """(S,) what freezing gave: accuracy minus that of full fine-tuning, seed by seed."""
        at = self.labels.index(label)
        return self.frozen[at, depth] - self.frozen[at, 0]

    def best(self, label: str) -> int:
        """The number of frozen layers with the highest mean accuracy (the least of them, if several have)."""
        return int(self.frozen[self.labels.index(label)].mean(axis=-1).argmax())


@dataclass(frozen=True)
class Blocks:
    """The network as blocks: what is trained, and what that costs."""

    parameters: np.ndarray  # (L,) weights and biases of each layer, on the target
    units: tuple[str, ...]  # (L,) outputs of each layer: "64", "16 × 6 × 6"
    seconds: np.ndarray  # (L,) measured time per step with the first 0, ..., L − 1 layers frozen
    models: int  # that were trained at once when it was measured

    def trained(self, frozen: int) -> int:
        """Parameters that are trained."""
        return int(self.parameters[frozen:].sum())


@dataclass(frozen=True)
class Curves:
    """Loss and accuracy on the target's test images while it is learned."""

    names: tuple[str, ...]  # K identities: "From scratch", "Full fine-tuning", "Frozen", "Head only"
    steps: np.ndarray  # (P,)
    loss: np.ndarray  # (P, K, S) mean cross-entropy
    accuracy: np.ndarray  # (P, K, S)


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
        return (self.gain > 0).all(axis=-1) | (self.gain < 0).all(axis=-1)


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows; a panel that is off is None."""

    settings: Settings
    source: np.ndarray  # (S,) accuracy on the source's own test images before fine-tuning; NaN without a source
    classes: int  # of the target
    tested: int  # test images of the target
    pool: int  # examples of the target that "all" stands for
    sweep: Sweep  # for the chosen numbers of labels
    blocks: Blocks | None = None
    curves: Curves | None = None
    gains: Sweep | None = None  # for all numbers of labels
    pairs: Pairs | None = None
    holding: Holding | None = None
    moved: Moved | None = None
    gradual: Gradual | None = None


def clear(differences: np.ndarray) -> float:
    """The mean over seeds (S,) in standard errors of the mean: beyond 2 it is called clear."""
    if len(differences) < 2:
        return 0.0
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / len(differences) ** 0.5
    if error == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / error
