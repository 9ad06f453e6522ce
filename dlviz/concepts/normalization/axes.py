"""Which slices of the normalised tensor have mean 0 and deviation 1: the panel "Axes"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study

from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

EXACT = 5e-7
"""A residual mean below this is called 0."""


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


def residual(outputs: dict[str, np.ndarray], real: np.ndarray, *, groups: int, token: bool) -> Residual:
    """Mean and deviation of every norm's output (N, C, P) along every axis.

    ``real`` (N, P) is False where a sequence is padded; ``token``: there are such slices as one position.
    """
    examples, channels, positions = outputs["None"].shape
    axes: dict[str, tuple[int, ...]] = {"example": (1, 2), "channel": (0, 2)}
    if positions > 1:
        axes["instance"] = (2,)
    if token:
        axes["token"] = (1,)
    grouped = 1 < groups < channels
    mean: dict[str, dict[str, float]] = {}
    low: dict[str, dict[str, float]] = {}
    high: dict[str, dict[str, float]] = {}
    for norm, x_hat in outputs.items():
        means = {name: x_hat.mean(axis=over) for name, over in axes.items()}
        deviations = {name: x_hat.std(axis=over) for name, over in axes.items()}
        if token:  # a padded position is all zeros
            means["token"], deviations["token"] = means["token"][real], deviations["token"][real]
        if grouped:
            parts = x_hat.reshape(examples, groups, -1)
            means["group"], deviations["group"] = parts.mean(-1), parts.std(-1)
        mean[norm] = {name: float(np.abs(values).max()) for name, values in means.items()}
        low[norm] = {name: float(values.min()) for name, values in deviations.items()}
        high[norm] = {name: float(values.max()) for name, values in deviations.items()}
    return Residual(tuple(mean["None"]), mean, low, high)


def vertical_and_horizontal(result: Result) -> Check:
    """BatchNorm standardises channels and no example, LayerNorm examples and no channel."""
    block, left = result.block, result.block.residual
    holds = (
        left.is_standard("BatchNorm", "channel")
        and left.is_standard("LayerNorm", "example")
        and not left.is_standard("BatchNorm", "example")
        and not left.is_standard("LayerNorm", "channel")
    )
    values = {"example": left.mean["BatchNorm"]["example"], "channel": left.mean["LayerNorm"]["channel"]}
    counts = {"batch": int(block.shared("BatchNorm").sum()), "layer": int(block.shared("LayerNorm").sum())}
    return Check(holds, values | counts)


STUDY = Study(presets=(Preset("slices", Settings(panels=("One cell", "Axes")), vertical_and_horizontal),))
