"""What the panels "Holding on", "What moved" and "Gradual unfreezing" hold. S seeds, L layers with the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SYMBOLS = {"Frozen": "k", "Layer-wise rates": "γ", "L2-SP": "α", "Distillation": "λ"}
"""How the strength of a method is called, in pictures and sentences of every language."""


def strength(method: str, value: float) -> str:
    """The strength of a method in a few letters."""
    return f"{SYMBOLS[method]} = {value:.3g}"


@dataclass(frozen=True)
class Trades:
    """One method at k strengths: what it learned of the target and what it lost of the source."""

    strength: np.ndarray  # (k,) in the order of the curve
    target: np.ndarray  # (k, S) accuracy on the target's test images
    source: np.ndarray  # (k, S) accuracy on the source's test images afterwards, with the kept source head
    chosen: int  # which point has the strength that the knob says


@dataclass(frozen=True)
class Holding:
    """Target accuracy against forgetting, for every method and strength."""

    methods: dict[str, Trades]  # each from full fine-tuning on; strengths are steps, frozen layers, γ, α, λ
    before: np.ndarray  # (S,) accuracy on the source's test images before fine-tuning

    def lost(self, method: str) -> np.ndarray:
        """(k, S) source accuracy before minus after; negative where it rose."""
        return self.before - self.methods[method].source

    def mean(self, method: str, at: int | None = None) -> tuple[float, float]:
        """Target accuracy and lost source accuracy, means over seeds, at a point (None: the chosen one)."""
        trade = self.methods[method]
        at = trade.chosen if at is None else at
        return float(trade.target[at].mean()), float(self.lost(method)[at].mean())


@dataclass(frozen=True)
class Moved:
    """How far full fine-tuning and fine-tuning with k frozen layers went from the source network."""

    steps: np.ndarray  # (P,) looked at, the last is the end
    frozen: int  # k
    drift: np.ndarray  # (2, P, L - 1, S) ‖W − W₀‖/‖W₀‖ of the layers below the head; full first, then frozen
    cka: np.ndarray  # (2, L - 1, S) of the features before and after, on the target's test images
    layer: int  # whose features are drawn, from 1
    before: np.ndarray  # (n, 2) features of test images about their mean, first seed, full fine-tuning, on common axes
    after: np.ndarray  # (n, 2)
    digits: np.ndarray  # (n,) what these images show
    share: np.ndarray  # (2, 2) of the variance before and after that lies along each axis
    images: int  # test images that CKA and the axes were computed from


@dataclass(frozen=True)
class Gradual:
    """Gradual unfreezing beside full fine-tuning and head only."""

    steps: np.ndarray  # (P,)
    accuracy: np.ndarray  # (3, P, S) on the target's test images: full fine-tuning, head only, gradual unfreezing
    thaw: np.ndarray  # (L,) the first step (from 0) that trains each layer, the head last and from 0
    total: int  # steps in all; a layer whose thaw is not below stays frozen

    METHODS = ("Full fine-tuning", "Head only", "Gradual unfreezing")
