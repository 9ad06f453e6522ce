"""What a run of the page holds. Every tensor is seen as (N, C, P): examples, channels, positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz import contract

from .settings import Settings

EXACT = 5e-7
"""A residual mean below this is called 0."""


@dataclass(frozen=True)
class Block:
    """A real tensor, and what each norm makes of it."""

    kind: str
    token: bool  # whether a layer is the features of one position (sequences)
    groups: int  # G as used
    x: np.ndarray  # (N, C, P)
    real: np.ndarray  # (N, P) bool; False where a sequence is padded
    cell: tuple[int, int, int]  # n, c, p that is looked at
    mean: dict[str, np.ndarray]  # of every norm: μ of each cell's set, (N, C, P)
    var: dict[str, np.ndarray]  # σ² of each cell's set, (N, C, P)
    x_hat: dict[str, np.ndarray]  # (N, C, P)

    def ids(self) -> dict[str, np.ndarray]:
        """Which set each cell belongs to, (N, C, P) integers, for the sets of which all norms are made."""
        n, c, p = np.indices(self.x.shape)
        examples, channels, positions = self.x.shape
        return {
            "batch": c,
            "layer": n * positions + p if self.token else n,
            "instance": n * channels + c,
            "group": n * self.groups + c // (channels // self.groups),
            "cell": (n * channels + c) * positions + p,
        }

    def shared(self, norm: str) -> np.ndarray:
        """Which cells (N, C, P) share the statistics of the chosen cell."""
        ids, cell = self.ids(), self.cell
        return np.any([ids[name] == ids[name][cell] for name in SETS[norm]], axis=0)

    @property
    def values(self) -> tuple[float, dict[str, tuple[float, float, float]]]:
        """x of the chosen cell, and for every norm μ, σ² and x̂ there."""
        at = self.cell
        found = {
            norm: tuple(float(table[norm][at]) for table in (self.mean, self.var, self.x_hat)) for norm in self.x_hat
        }
        return float(self.x[at]), found  # type: ignore[return-value]


SETS = {
    "None": ("cell",),
    "BatchNorm": ("batch",),
    "LayerNorm": ("layer",),
    "InstanceNorm": ("instance",),
    "GroupNorm": ("group",),
    "RMSNorm": ("layer",),
    "Switchable": ("batch", "layer"),
}
"""The cells that a norm looks at for one cell: a union of sets."""


@dataclass(frozen=True)
class Residual:
    """What is left of mean and deviation in each norm's output, along each axis.

    ``mean[norm][axis]`` is the largest |mean| over the slices, ``low`` and ``high`` the least and greatest
    standard deviation.
    """

    axes: tuple[str, ...]  # example, channel, instance, group, token (only the positions that are not padded)
    mean: dict[str, dict[str, float]]
    low: dict[str, dict[str, float]]
    high: dict[str, dict[str, float]]

    def is_standard(self, norm: str, axis: str) -> bool:
        """Whether every slice has mean 0 and standard deviation 1 (to two decimals: ε takes a little)."""
        return self.mean[norm][axis] < EXACT and self.low[norm][axis] >= 0.995 and self.high[norm][axis] < 1.005


@dataclass(frozen=True)
class Steps:
    """One unit of a layer over a batch of B digits, before and after standardisation."""

    pixels: np.ndarray  # (v,) the values that pixels x have, standardised
    shares: np.ndarray  # (v,) the share of all pixels that have each
    sums: np.ndarray  # (B,) s = w·x
    x_hat: np.ndarray  # (B,) ŝ


@dataclass(frozen=True)
class Batches:
    """Statistics of batches of each size B, over K batches drawn with replacement."""

    sizes: np.ndarray  # (b,)
    count: int  # K
    mean: float  # of s over all digits
    deviation: float  # σ of s over all digits
    kurtosis: float  # E((s − μ)/σ)⁴
    mean_spread: np.ndarray  # (b,) standard deviation of the batch mean over batches, in units of σ
    var_spread: np.ndarray  # (b,) the same of the batch's (biased) variance, in units of σ²
    gap: np.ndarray  # (b,) root mean square of x̂ in training mode minus x̂ in evaluation mode
    one_gap: float  # the same for a batch of one

    def mean_theory(self) -> np.ndarray:
        """1/√B: the standard deviation of a mean of B independent values, in units of σ."""
        return 1 / np.sqrt(self.sizes)

    def var_theory(self) -> np.ndarray:
        """Of the biased variance of B independent values (Cramér 1946, section 27.4), in units of σ²."""
        b = self.sizes.astype(float)
        exact = (b - 1) ** 2 / b**3 * self.kurtosis - (b - 1) * (b - 3) / b**3
        return np.sqrt(np.maximum(exact, 0))

    def gap_theory(self) -> np.ndarray:
        """√((3 + κ)/(4B)): to first order in the errors of the batch's mean and variance."""
        return np.sqrt((3 + self.kurtosis) / (4 * self.sizes))


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


@dataclass(frozen=True)
class Depth:
    """‖∂L/∂h‖ at the start of training, by layer."""

    norms: tuple[str, ...]
    gradient: np.ndarray  # (L, K, S); layer 1 first
    factors: dict[str, float]  # predicted growth from a layer to the one before it

    def growth(self, norm: str) -> float | None:
        """Measured growth per layer towards the input: a line fitted to the logarithm, the first layers left out."""
        values = self.gradient[:, self.norms.index(norm)]
        if len(values) < 8 or not (values > 1e-300).all() or not np.isfinite(values).all():
            return None
        first = len(values) // 4
        logs = np.log(values[first:]).mean(axis=1)
        return float(np.exp(-np.polyfit(np.arange(len(logs)), logs, 1)[0]))


@dataclass(frozen=True)
class Groups:
    """How far GroupNorm's x̂ is from LayerNorm's (over the whole example) and from InstanceNorm's."""

    counts: np.ndarray  # (g,) the divisors of C
    to_layer: np.ndarray  # (g,) root mean square difference
    to_instance: np.ndarray  # (g,)


@dataclass(frozen=True)
class Padding:
    """How far padding moves x̂ at the cells that are not padded."""

    appended: np.ndarray  # (k,) padded positions appended to the block
    share: np.ndarray  # (k,) share of the cells that are padded then
    shift: dict[str, np.ndarray]  # norm -> (k,) root mean square change against statistics without padding


@dataclass(frozen=True)
class Picture:
    """A picture as shown: its pixels, and what was cut off to show it."""

    pixels: np.ndarray  # (H, W, 3) uint8, row 0 on top
    mean: np.ndarray  # (3,) of red, green, blue, before anything was cut off
    deviation: np.ndarray  # (3,)
    clipped: float  # share of the values that were outside of what can be shown


@dataclass(frozen=True)
class Style:
    """Instance statistics of photographs: removed, and exchanged."""

    photo: Picture
    copy: Picture  # contrast and brightness changed
    photo_hat: Picture  # InstanceNorm of both, shown as 1/2 + x̂/6
    copy_hat: Picture
    difference: float  # largest |x̂ − x̂'| of the two
    other: Picture
    swapped: Picture  # photo with the other's μ and σ
    returned: Picture  # the other with the photo's
    residual: float  # largest difference of the swapped channels' μ and σ from what they should be


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows; a panel that is off is None."""

    settings: Settings
    block: Block
    residual: Residual
    steps: Steps | None = None
    batches: Batches | None = None
    training: Training | None = None
    depth: Depth | None = None
    groups: Groups | None = None
    padding: Padding | None = None
    style: Style | None = None
