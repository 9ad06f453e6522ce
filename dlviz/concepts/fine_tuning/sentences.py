"""Readouts and sentences that are true of the very run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import percent, signed

from . import panel_sentences
from .measure import Result, Sweep, clear
from .presets import points


def readouts(result: Result) -> list[Readout]:
    """A few numbers of the hero and of the chosen panels."""
    s, sweep, found = result.settings, result.sweep, []
    if sweep.labels:
        k = s.held
        found.append(Readout("From scratch, fewest labels", percent(float(sweep.scratch[0].mean()))))
        found.append(Readout("Full fine-tuning, fewest labels", percent(float(sweep.frozen[0, 0].mean()))))
        found.append(Readout("Frozen as chosen, fewest labels", percent(float(sweep.frozen[0, k].mean()))))
    found += panel_sentences.readouts(result)
    if (blocks := result.blocks) is not None:
        share = blocks.trained(s.held) / blocks.parameters.sum()
        found.append(Readout("Parameters that are trained", percent(float(share))))
    return found[:5]


def notice(result: Result) -> list[Note]:
    """What to notice, by key, with the numbers."""
    own = [*_sweep(result), *_cost(result), *_curves(result), *_gains(result), *_pairs(result)]
    return [*own, *panel_sentences.notes(result)]


def _label(label: str, result: Result) -> str:
    """How many labels a class, as a number."""
    return str(result.pool // result.classes) if label == "all" else label


def _sweep(result: Result) -> list[Note]:
    s, sweep = result.settings, result.sweep
    notes = []
    if s.source == "No source":
        notes.append(Note("random"))
    for label in dict.fromkeys((*sweep.labels[:1], *sweep.labels[-1:])):
        at, best = sweep.labels.index(label), sweep.best(label)
        values = {
            "label": _label(label, result),
            "best": best,
            "top": percent(float(sweep.frozen[at, best].mean())),
            "full": percent(float(sweep.frozen[at, 0].mean())),
            "scratch": percent(float(sweep.scratch[at].mean())),
        }
        notes.append(Note("best_full" if best == 0 else "best_frozen", values))
    notes += _freezing(s.held, sweep, result)
    notes += _negative(sweep, result)
    if len(sweep.labels) > 1 and (first := sweep.best(sweep.labels[0])) > (last := sweep.best(sweep.labels[-1])):
        few, many = (_label(label, result) for label in (sweep.labels[0], sweep.labels[-1]))
        notes.append(Note("crossing", {"few": few, "many": many, "first": first, "last": last}))
    return notes


def _freezing(k: int, sweep: Sweep, result: Result) -> list[Note]:
    """Where freezing is clearly better or worse than full fine-tuning, at the depth that is chosen."""
    if k == 0 or not sweep.labels or sweep.scratch.shape[1] < 3:
        return []
    found: dict[str, list[str]] = {"better": [], "worse": [], "unclear": []}
    for label in sweep.labels:
        over = sweep.over_full(label, k)
        size = clear(over)
        kind = "better" if size > 2 else "worse" if size < -2 else "unclear"
        found[kind].append(f"{_label(label, result)} ({points(over)})")
    return [Note(f"freezing_{kind}", {"k": k, "labels": ", ".join(listed)}) for kind, listed in found.items() if listed]


def _negative(sweep: Sweep, result: Result) -> list[Note]:
    """Where full fine-tuning is worse than training from scratch, beyond the seeds' scatter."""
    if sweep.scratch.shape[1] < 3:
        return []
    lost = [label for label in sweep.labels if clear(sweep.gain(label, 0)) < -2]
    listed = ", ".join(f"{_label(label, result)} ({points(sweep.gain(label, 0))})" for label in lost)
    return [Note("negative", {"labels": listed})] if lost else []


def _cost(result: Result) -> list[Note]:
    blocks, k = result.blocks, result.settings.held
    if blocks is None or k == 0:
        return []
    share = float(blocks.seconds[k] / blocks.seconds[0])
    values = {"k": k, "trained": blocks.trained(k), "total": int(blocks.parameters.sum()), "share": percent(share)}
    return [Note("cheaper" if share < 1 else "not_cheaper", values)]


def _curves(result: Result) -> list[Note]:
    found = result.curves
    if found is None:
        return []
    means = found.accuracy.mean(axis=-1)
    scratch, full = (found.names.index(name) for name in ("From scratch", "Full fine-tuning"))
    reached = np.flatnonzero(means[:, full] >= means[-1, scratch])
    values = {
        "label": _label(result.settings.amount, result),
        "last": int(found.steps[-1]),
        "end": percent(float(means[-1, scratch])),
    }
    if not len(reached):
        return [Note("never_level", values)]
    return [Note("level", values | {"step": int(found.steps[reached[0]])})]


def _gains(result: Result) -> list[Note]:
    gains = result.gains
    if gains is None:
        return []
    values = {
        "few": points(gains.gain("1", 0)),
        "many": points(gains.gain("all", 0)),
        "all": result.pool // result.classes,
    }
    return [Note("gains", values)]


def _pairs(result: Result) -> list[Note]:
    pairs = result.pairs
    if pairs is None:
        return []
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


def facts(result: Result) -> list[Note]:
    """Which tasks and which network are on the screen."""
    s = result.settings
    values = {
        "layers": s.layers, "steps": s.steps, "rate": signed(s.rate, 3),
        "seeds": s.seeds, "tested": result.tested, "classes": result.classes,
    }  # fmt: skip
    if s.source == "No source":
        return [Note("no_source", values)]
    accuracy = percent(float(result.source.mean()))
    return [Note("task", values | {"source_steps": s.source_steps, "accuracy": accuracy})]
