"""Presets of the panels "Holding on", "What moved" and "Gradual unfreezing", with their claims."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset
from dlviz.numbers import fixed, percent

from .measure import Result, clear
from .panel_sentences import points
from .settings import Settings


def forgets(result: Result) -> Check:
    """Full fine-tuning loses much of the source, with every seed; head only loses nothing."""
    found = result.holding
    lost, least = found.lost("Full fine-tuning")[-1], found.lost("Frozen")[-1]
    values = {"before": percent(float(found.before.mean())), "after": percent(float((found.before - lost).mean()))}
    values |= {"lost": points(lost.mean()), "least": points(lost.min()), "most": points(lost.max())}
    return Check(bool(lost.mean() > 0.15 and lost.min() > 0.03 and not least.any()), values)


def l2sp_holds(result: Result) -> Check:
    """L2-SP forgets less than half as much as full fine-tuning, at no more than 3 points of the target."""
    found = result.holding
    target, lost = found.mean("L2-SP")
    full, all_lost = found.mean("Full fine-tuning")
    values = {"target": percent(target), "full": percent(full), "lost": points(lost), "all_lost": points(all_lost)}
    return Check(lost < all_lost / 2 and target > full - 0.03, values | {"alpha": result.settings.l2sp})


def distillation_holds(result: Result) -> Check:
    """At no more forgetting, none of the other ways learns as much of the target as distillation."""
    found = result.holding
    target, lost = found.mean("Distillation")
    _, all_lost = found.mean("Full fine-tuning")
    others = {}
    for method in ("Full fine-tuning", "Frozen", "Layer-wise rates", "L2-SP"):
        curve = [found.mean(method, at) for at in range(len(found.methods[method].strength))]
        others |= {(method, at): right for at, (right, gone) in enumerate(curve) if gone <= lost + 0.005}
    best = max(others.values(), default=0.0)
    values = {"target": percent(target), "lost": points(lost), "all_lost": points(all_lost)}
    holds = bool(others) and lost < all_lost / 2 and target > best + 0.03
    return Check(holds, values | {"others": percent(best), "weight": result.settings.distillation})


def features_drift(result: Result) -> Check:
    """The weights of all layers change about as much, and yet the features change the more the higher the layer."""
    found = result.moved
    drift, cka = found.drift[0, -1].mean(axis=-1), found.cka[0].mean(axis=-1)
    holds = bool(drift.max() < 1.5 * drift.min() and (np.diff(cka) < 0).all() and cka[0] > cka[-1] + 0.1)
    values = {"low": percent(float(drift.min())), "high": percent(float(drift.max())), "layer": len(cka)}
    return Check(holds, values | {"first": fixed(float(cka[0]), 2), "last": fixed(float(cka[-1]), 2)})


def slowly_is_better(result: Result) -> Check:
    """Gradual unfreezing ends above full fine-tuning, beyond the seeds' scatter."""
    found = result.gradual
    full, _, slowly = found.accuracy[:, -1]
    ahead = slowly - full
    values = {"full": percent(float(full.mean())), "gradual": percent(float(slowly.mean()))}
    values |= {"seeds": int((ahead > 0).sum()), "of": len(ahead), "every": result.settings.every}
    return Check(bool(clear(ahead) > 2 and ahead.mean() > 0.03), values)


# The number of labels that the panels look at, and no other.
_FIVE = {"labels": ("5",), "amount": "5"}
_OTHER_DIGITS = {"source": "Clean 0-4", "target": "Clean 5-9", **_FIVE}

PRESETS = (
    Preset(
        "forgetting",
        Settings(panels=("Holding on",), source="Shifted 0-4", target="Shifted 5-9", **_FIVE),
        forgets,
    ),
    Preset("l2sp", Settings(panels=("Holding on",), source="Clean", target="Inverted", l2sp=0.1, **_FIVE), l2sp_holds),
    Preset(
        "without_forgetting",
        Settings(panels=("Holding on",), distillation=1.0, **_OTHER_DIGITS),
        distillation_holds,
    ),
    Preset("drift", Settings(panels=("What moved",), **_OTHER_DIGITS), features_drift),
    Preset(
        "unfreezing",
        Settings(panels=("Gradual unfreezing",), source="Clean", target="Noisy", noise=0.3, **_FIVE),
        slowly_is_better,
    ),
)
