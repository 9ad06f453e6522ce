"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset

from .measure import Result
from .settings import Settings


def vertical_and_horizontal(result: Result) -> Check:
    """BatchNorm standardises channels and no example, LayerNorm examples and no channel."""
    left = result.residual
    holds = (
        left.is_standard("BatchNorm", "channel")
        and left.is_standard("LayerNorm", "example")
        and not left.is_standard("BatchNorm", "example")
        and not left.is_standard("LayerNorm", "channel")
    )
    values = {"example": left.mean["BatchNorm"]["example"], "channel": left.mean["LayerNorm"]["channel"]}
    counts = {
        "batch": int(result.block.shared("BatchNorm").sum()),
        "layer": int(result.block.shared("LayerNorm").sum()),
    }
    return Check(holds, values | counts)


def batch_of_one(result: Result) -> Check:
    """With one value a channel BatchNorm gives 0 for every cell; LayerNorm does not notice."""
    batch, layer = (result.block.x_hat[norm] for norm in ("BatchNorm", "LayerNorm"))
    silent = bool((batch == 0).all()) and len(batch) == 1
    return Check(
        silent and float(np.abs(layer).max()) > 0.1,
        {"cells": batch.size, "layer": float(np.abs(layer).max()), "gap": result.batches.one_gap},
    )


def padding_disturbs(result: Result) -> Check:
    """Padding moves BatchNorm's output at the real cells, and LayerNorm's not at all."""
    found = result.padding
    batch, layer = found.shift["BatchNorm"], found.shift["LayerNorm"]
    return Check(
        bool(layer.max() < 1e-12 and batch[0] > 1e-3 and batch[-1] > batch[0]),
        {
            "share": found.share[0],
            "batch": batch[0],
            "more": int(found.appended[-1]),
            "later": batch[-1],
            "layer": layer.max(),
        },
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


def standardises(result: Result) -> Check:
    """ŝ has mean 0 and standard deviation 1, wherever s was."""
    steps = result.steps
    mean, deviation = float(steps.x_hat.mean()), float(steps.x_hat.std())
    return Check(
        abs(mean) < 1e-9 and abs(deviation - 1) < 1e-3,
        {
            "before": float(steps.sums.mean()),
            "spread": float(steps.sums.std()),
            "batch": len(steps.sums),
            "after": deviation,
        },
    )


def root_n(result: Result) -> Check:
    """The spread of batch means follows σ/√N."""
    found = result.batches
    off = np.abs(found.mean_spread / found.mean_theory() - 1)
    return Check(bool(off.max() < 0.06), {"off": float(off.max()), "count": found.count})


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


def gradients_grow(result: Result) -> Check:
    """BatchNorm's gradients grow towards the input by √(π/(π − 1)) a layer, LayerNorm's do not, plain ones shrink."""
    found = result.depth
    batch, layer, plain = (found.growth(norm) for norm in ("BatchNorm", "LayerNorm", "None"))
    theory = found.factors
    holds = (
        abs(batch / theory["BatchNorm"] - 1) < 0.03
        and abs(layer / theory["LayerNorm"] - 1) < 0.03
        and abs(plain / theory["None"] - 1) < 0.03
    )
    values = {
        "batch": batch,
        "layer": layer,
        "plain": plain,
        "theory": theory["BatchNorm"],
        "gain": result.settings.gain,
    }
    return Check(holds, values)


def style_is_statistics(result: Result) -> Check:
    """InstanceNorm maps photograph and flat copy to one picture; the swap gives the other's μ and σ."""
    found = result.style
    return Check(
        found.difference < 0.05 and found.residual < 1e-9,
        {
            "difference": found.difference,
            "before": float(found.photo.deviation.mean()),
            "copy": float(found.copy.deviation.mean()),
            "swapped": float(found.swapped.deviation.mean()),
            "other": float(found.other.deviation.mean()),
        },
    )


_SMALL = Settings(panels=("Training",))

PRESETS = (
    Preset("slices", Settings(panels=("One cell", "Axes")), vertical_and_horizontal),
    Preset("lone", Settings(panels=("One cell", "Batch size"), kind="MLP", examples=1), batch_of_one),
    Preset(
        "padded",
        Settings(
            panels=("One cell", "Padding"), kind="Sequence", norms=("BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm")
        ),
        padding_disturbs,
    ),
    Preset(
        "groups",
        Settings(panels=("Groups",), norms=("LayerNorm", "InstanceNorm", "GroupNorm"), groups=3),
        between_the_two,
    ),
    Preset("steps", Settings(panels=("Steps",)), standardises),
    Preset("noise", Settings(panels=("Batch size",)), root_n),
    Preset("small_batches", _SMALL, small_batches_hurt),
    Preset("more_positions", Settings(panels=("Training",), last_side="2"), positions_help, pin=_SMALL),
    Preset("switch", Settings(panels=("Training",), trained=("Switchable",)), switches_with_the_batch),
    Preset("explode", Settings(panels=("Depth",)), gradients_grow),
    Preset("style", Settings(panels=("Style",)), style_is_statistics),
)
