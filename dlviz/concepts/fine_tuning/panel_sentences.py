"""Sentences about the panels "Holding on", "What moved" and "Gradual unfreezing", true of the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import fixed, percent

from .measure import Result
from .panels import Holding, strength

LITTLE = 0.02
"""Less target accuracy than this is called no more than 2 points."""


def points(share: float) -> str:
    """A difference of accuracies in points."""
    return fixed(100 * share, 1)


def change(share: float) -> str:
    """A relative change, which may be above 1."""
    return percent(float(share)) if share < 1 else f"{100 * share:,.0f}%"


def readouts(result: Result) -> list[Readout]:
    """What each of the panels says in a number or two."""
    found = []
    if (held := result.holding) is not None:
        found.append(Readout("Source points lost, full fine-tuning", points(held.mean("Full fine-tuning")[1])))
        found.append(Readout("Source points lost, L2-SP", points(held.mean("L2-SP")[1])))
    if (moved := result.moved) is not None and np.isfinite(alike := float(moved.cka[0, -1].mean())):
        found.append(Readout("CKA of the last layer below the head", fixed(alike, 3)))
    if (slowly := result.gradual) is not None:
        found.append(Readout("Accuracy, gradual unfreezing", percent(float(slowly.accuracy[2, -1].mean()))))
    return found


def notes(result: Result) -> list[Note]:
    """What to notice, by key, with the numbers."""
    return [*_holding(result), *_moved(result), *_gradual(result)]


def _holding(result: Result) -> list[Note]:
    found = result.holding
    if found is None:
        return []
    _, lost = found.mean("Full fine-tuning")
    before = float(found.before.mean())
    values = {"before": percent(before), "after": percent(before - lost), "lost": points(lost)}
    said = [Note("forgets" if lost >= 0.005 else "forgets_nothing", values)]
    if lost >= 0.005:
        said.append(_held(found))
    return said


def _held(found: Holding) -> Note:
    """Which method, at the strength set, forgets least without giving up 2 points of the target."""
    full, _ = found.mean("Full fine-tuning")
    others = {method: found.mean(method) for method in found.methods if method != "Full fine-tuning"}
    near = {method: lost for method, (target, lost) in others.items() if target >= full - LITTLE}
    if not near:
        return Note("held_none", {"full": percent(full)})
    best = min(near, key=near.__getitem__)
    target, lost = others[best]
    trade = found.methods[best]
    which = strength(best, float(trade.strength[trade.chosen]))
    values = {"which": which, "lost": points(lost), "target": percent(target), "full": percent(full)}
    return Note("held_better" if target > full else "held", values)


def _moved(result: Result) -> list[Note]:
    found = result.moved
    if found is None:
        return []
    said = []
    drift, cka = found.drift[0, -1].mean(axis=-1), found.cka[0].mean(axis=-1)
    if np.isfinite(drift).all():
        numbers = {"low": change(drift.min()), "high": change(drift.max()), "layer": int(drift.argmax()) + 1}
        said.append(Note("moved", numbers))
    if np.isfinite(cka).all():
        said.append(Note("alike", {"all": ", ".join(fixed(float(value), 3) for value in cka)}))
    if found.frozen and not found.drift[1, :, : found.frozen].any():
        said.append(Note("unmoved" if found.frozen > 1 else "unmoved_one", {"count": found.frozen}))
    return said


def _gradual(result: Result) -> list[Note]:
    found = result.gradual
    if found is None:
        return []
    full, head, slowly = found.accuracy[:, -1]
    values = {"full": percent(float(full.mean())), "head": percent(float(head.mean()))}
    values["gradual"] = percent(float(slowly.mean()))
    said = [Note("gradual", values | {"steps": found.total})]
    ahead = int((slowly > full).sum())
    said.append(Note("ahead", {"count": ahead, "seeds": len(full)}))
    asleep = int((found.thaw >= found.total).sum())
    if asleep:
        said.append(Note("asleep", {"count": asleep, "every": result.settings.every}))
    return said
