"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset
from dlviz.numbers import fixed, percent

from . import panel_presets
from .measure import Result, clear
from .settings import Settings


def points(differences: np.ndarray) -> str:
    """The mean of differences of accuracy (S,), in percentage points, with its sign."""
    value = 100 * float(differences.mean())
    text = fixed(value, 1)
    return text if value < 0.05 else f"+{text}"


def same_task(result: Result) -> Check:
    """The task is the same: at few labels head only is above full fine-tuning, and that above scratch, in every seed.

    The mean of head only is above the whole band of full fine-tuning.
    """
    sweep, last = result.sweep, result.settings.layers - 1
    at = sweep.labels.index("5")
    scratch, full, head = sweep.scratch[at], sweep.frozen[at, 0], sweep.frozen[at, last]
    values = {
        "scratch": percent(float(scratch.mean())), "full": percent(float(full.mean())),
        "head": percent(float(head.mean())), "best": percent(float(full.max())),
        "least": fixed(100 * float((head - full).min()), 1), "seeds": len(full),
    }  # fmt: skip
    return Check(bool((head > full).all() and (full > scratch).all() and head.mean() > full.max()), values)


def depends_on_labels(result: Result) -> Check:
    """With few labels freezing beats full fine-tuning, with all of them every frozen layer costs."""
    sweep, k = result.sweep, result.settings.held
    few, all_ = (sweep.over_full(label, k) for label in ("5", "all"))
    at = sweep.labels.index("5")
    values = {
        "k": k,
        "scratch": percent(float(sweep.scratch[at].mean())),
        "full": percent(float(sweep.frozen[at, 0].mean())),
        "frozen": percent(float(sweep.frozen[at, k].mean())),
        "lost": fixed(-100 * float(all_.mean()), 1),
        "seeds": int((few > 0).sum()),
        "of": len(few),
    }
    return Check(clear(few) > 2 and clear(all_) < -2 and float(all_.mean()) < -0.05, values)


def freezing_hurts(result: Result) -> Check:
    """Every further frozen layer costs accuracy, and the least that is frozen is best."""
    sweep = result.sweep
    means = sweep.frozen.mean(axis=-1)  # (C, L)
    at = sweep.labels.index("all")
    falls = np.diff(means[at])
    values = {
        "full": percent(float(means[at, 0])),
        "head": percent(float(means[at, -1])),
        "scratch": percent(float(sweep.scratch[at].mean())),
        "least": fixed(-100 * float(falls.max()), 1),
        "most": fixed(-100 * float(falls.min()), 1),
    }
    return Check(bool((falls < 0).all()), values)


def negative(result: Result) -> Check:
    """Full fine-tuning is worse than training from scratch, at few labels."""
    gain = result.sweep.gain("1", 0)
    head = result.sweep.gain("1", result.settings.layers - 1)
    values = {"full": fixed(-100 * float(gain.mean()), 1), "head": fixed(-100 * float(head.mean()), 1)}
    values |= {"seeds": int((gain < 0).sum()), "of": len(gain)}
    return Check(clear(gain) < -2 and clear(head) < -2, values)


def fades(result: Result) -> Check:
    """There is a gain over scratch at few labels, and less than two thirds of it is left at many."""
    gains = result.gains
    few, many = (np.mean([gains.gain(label, 0) for label in some], axis=0) for some in (("1", "2", "5"), ("50", "all")))
    holds = clear(few) > 2 and float(many.mean()) < float(few.mean()) / 1.5
    return Check(holds, {"few": points(few), "many": points(many), "all": result.pool // result.classes})


def useless(result: Result) -> Check:
    """A source without anything to learn gives no gain, and its frozen layers stand in the way."""
    sweep, k = result.sweep, result.settings.held
    gain, frozen, right = sweep.gain("5", 0), sweep.gain("5", k), float(np.mean(result.source))
    values = {"source": percent(right), "gain": points(gain), "k": k, "lost": fixed(-100 * float(frozen.mean()), 1)}
    return Check(abs(right - 0.1) < 0.03 and float(gain.mean()) < 0.01 and clear(frozen) < -2, values)


PRESETS = (
    Preset("same_task", Settings(), same_task),
    # More seeds than usual: the effect of freezing is half as large as above, the scatter is not.
    Preset("few_labels", Settings(source="Shifted 0-4", target="Shifted 5-9", seeds=16), depends_on_labels),
    Preset("rotated", Settings(source="Clean", target="Rotated", frozen=1), freezing_hurts),
    Preset(
        "negative",
        Settings(panels=("Network", "Curves"), source="Clean 0-4", target="Clean 5-9", frozen=0, amount="1"),
        negative,
    ),
    Preset(
        "fades", Settings(panels=("Gain by labels",), source="Clean", target="Inverted", frozen=1, steps=200), fades
    ),
    Preset("useless", Settings(source="Shuffled labels", target="Clean 5-9"), useless),
    *panel_presets.PRESETS,
)
