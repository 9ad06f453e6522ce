"""GroupNorm between its two limits: the panel "Groups"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study
from dlviz.engine.signals import norms
from dlviz.progress import Progress

from .settings import Settings
from .tensors import tensor

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Groups:
    """How far GroupNorm's x̂ is from LayerNorm's (over the whole example) and from InstanceNorm's."""

    counts: np.ndarray  # (g,) the divisors of C
    to_layer: np.ndarray  # (g,) root mean square difference
    to_instance: np.ndarray  # (g,)


def compute(settings: Settings, _progress: Progress) -> Groups:
    """GroupNorm for every G that divides C, against LayerNorm over the whole example and InstanceNorm."""
    x, _real = tensor(settings)
    counts = [g for g in range(1, x.shape[1] + 1) if x.shape[1] % g == 0]
    layer, instance = (norms.normalise(x, norm).x_hat for norm in ("LayerNorm", "InstanceNorm"))
    each = [norms.normalise(x, "GroupNorm", groups=g).x_hat for g in counts]
    return Groups(
        np.array(counts),
        np.array([float((x_hat - layer).square().mean().sqrt()) for x_hat in each]),
        np.array([float((x_hat - instance).square().mean().sqrt()) for x_hat in each]),
    )


def between_the_two(result: Result) -> Check:
    """GroupNorm with one group is LayerNorm, with C groups InstanceNorm, and in between neither."""
    found = result.groups
    holds = (
        found.to_layer[0] < 1e-12
        and found.to_instance[-1] < 1e-12
        and bool((found.to_layer[1:] > 1e-3).all() and (found.to_instance[:-1] > 1e-3).all())
    )
    return Check(
        holds, {"channels": int(found.counts[-1]), "layer": found.to_layer[0], "instance": found.to_instance[-1]}
    )


PRESETS = (
    Preset(
        "groups",
        Settings(panels=("Groups",), norms=("LayerNorm", "InstanceNorm", "GroupNorm"), groups=3),
        between_the_two,
    ),
)

STUDY = Study(compute, PRESETS)
