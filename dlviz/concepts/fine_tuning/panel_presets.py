"""Presets of the panels "Holding on", "What moved" and "Gradual unfreezing", with their claims."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset

from .measure import Result
from .settings import Settings


def forgets(result: Result) -> Check:
    """Full fine-tuning loses much of the source, with every seed; head only loses nothing."""
    found = result.holding
    lost, least = found.lost("Full fine-tuning")[-1], found.lost("Frozen")[-1]
    values = {"before": 100 * float(found.before.mean()), "after": 100 * float((found.before - lost).mean())}
    values |= {"lost": 100 * float(lost.mean()), "least": 100 * float(lost.min()), "most": 100 * float(lost.max())}
    return Check(bool(lost.mean() > 0.15 and lost.min() > 0.03 and not least.any()), values)


def l2sp_holds(result: Result) -> Check:
    """L2-SP forgets less than half as much as full fine-tuning, at no more than 3 points of the target."""
    found = result.holding
    target, lost = found.mean("L2-SP")
    full, all_lost = found.mean("Full fine-tuning")
    values = {"target": 100 * target, "full": 100 * full, "lost": 100 * lost, "all_lost": 100 * all_lost}
    return Check(lost < all_lost / 2 and target > full - 0.03, values | {"alpha": result.settings.l2sp})


def distillation_holds(result: Result) -> Check:
    """At no more forgetting, none of the other ways learns as much of the target as distillation."""
    found = result.holding
    target, lost = found.mean("Distillation")
    full, all_lost = found.mean("Full fine-tuning")
    others = {}
    for method in ("Full fine-tuning", "Frozen", "Layer-wise rates", "L2-SP"):
        points = [found.mean(method, at) for at in range(len(found.methods[method].strength))]
        others |= {(method, at): right for at, (right, gone) in enumerate(points) if gone <= lost + 0.005}
    best = max(others.values(), default=0.0)
    values = {"target": 100 * target, "full": 100 * full, "lost": 100 * lost, "all_lost": 100 * all_lost}
    holds = bool(others) and lost < all_lost / 2 and target > best + 0.03
    return Check(holds, values | {"others": 100 * best, "weight": result.settings.distillation})


def features_drift(result: Result) -> Check:
    """The weights of all layers change about as much, and yet the features change the more the higher the layer."""
    found = result.moved
    drift, cka = found.drift[0, -1].mean(axis=-1), found.cka[0].mean(axis=-1)
    holds = bool(drift.max() < 1.5 * drift.min() and (np.diff(cka) < 0).all() and cka[0] > cka[-1] + 0.1)
    values = {"low": 100 * float(drift.min()), "high": 100 * float(drift.max()), "layer": len(cka)}
    return Check(holds, values | {"first": float(cka[0]), "last": float(cka[-1])})


def slowly_is_better(result: Result) -> Check:
    """Gradual unfreezing ends above full fine-tuning with every seed."""
    found = result.gradual
    full, _, slowly = found.accuracy[:, -1]
    ahead = 100 * (slowly - full)
    values = {"full": 100 * float(full.mean()), "gradual": 100 * float(slowly.mean()), "least": float(ahead.min())}
    return Check(bool(ahead.min() > 0 and ahead.mean() > 3), values | {"every": result.settings.every})


# The number of labels that the panels look at, and no other.
_FIVE = {"labels": ("5",), "amount": "5"}

PRESETS = (
    Preset("forgetting", Settings(panels=("Holding on",)), forgets),
    Preset("l2sp", Settings(panels=("Holding on",), source="Clean", target="Inverted", l2sp=0.1, **_FIVE), l2sp_holds),
    Preset(
        "without_forgetting",
        Settings(panels=("Holding on",), source="Clean 0-4", target="Clean 5-9", distillation=1.0, **_FIVE),
        distillation_holds,
    ),
    Preset("drift", Settings(panels=("What moved",), source="Clean 0-4", target="Clean 5-9", **_FIVE), features_drift),
    Preset(
        "unfreezing",
        Settings(panels=("Gradual unfreezing",), source="Clean", target="Noisy", **_FIVE),
        slowly_is_better,
    ),
)
