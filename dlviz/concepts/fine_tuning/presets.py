"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset

from . import panel_presets
from .measure import Result
from .settings import Settings


def clear(differences: np.ndarray) -> float:
    """The mean over seeds (S,) in standard errors of the mean: beyond 2 it is called clear."""
    if len(differences) < 2:
        return 0.0
    error = float(differences.std(ddof=1)) / len(differences) ** 0.5
    return float(differences.mean()) / error if error > 0 else 0.0


def depends_on_labels(result: Result) -> Check:
    """With few labels freezing beats full fine-tuning, with all of them it loses."""
    sweep, k = result.sweep, result.settings.held
    few, all_ = (sweep.over_full(label, k) for label in ("5", "all"))
    at = sweep.labels.index("5")
    values = {
        "k": k,
        "scratch": 100 * float(sweep.scratch[at].mean()),
        "full": 100 * float(sweep.frozen[at, 0].mean()),
        "frozen": 100 * float(sweep.frozen[at, k].mean()),
        "lost": -100 * float(all_.mean()),
        "seeds": int((few > 0).sum()),
        "of": len(few),
    }
    return Check(clear(few) > 2 and clear(all_) < -2 and float(all_.mean()) < -0.05, values)


def same_task(result: Result) -> Check:
    """The task is the same: the more is frozen, the better, at few labels."""
    sweep, last = result.sweep, result.settings.layers - 1
    at = sweep.labels.index("5")
    over = sweep.over_full("5", last)
    values = {
        "scratch": 100 * float(sweep.scratch[at].mean()),
        "full": 100 * float(sweep.frozen[at, 0].mean()),
        "head": 100 * float(sweep.frozen[at, last].mean()),
        "least": 100 * float(over.min()),
        "seeds": len(over),
    }
    return Check(bool((over > 0).all()) and bool((sweep.gain("5", 0) > 0).all()), values)


def freezing_hurts(result: Result) -> Check:
    """Every further frozen layer costs accuracy, and the least that is frozen is best."""
    sweep = result.sweep
    means = sweep.frozen.mean(axis=-1)  # (C, L)
    at = sweep.labels.index("all")
    falls = np.diff(means[at])
    values = {
        "full": 100 * float(means[at, 0]),
        "head": 100 * float(means[at, -1]),
        "scratch": 100 * float(sweep.scratch[at].mean()),
        "least": -100 * float(falls.max()),
        "most": -100 * float(falls.min()),
    }
    return Check(bool((falls < 0).all()), values)


def negative(result: Result) -> Check:
    """Full fine-tuning is worse than training from scratch, at few labels."""
    gain = result.sweep.gain("1", 0)
    head = result.sweep.gain("1", result.settings.layers - 1)
    values = {"full": -100 * float(gain.mean()), "head": -100 * float(head.mean()), "of": len(gain)}
    values |= {"seeds": int((gain < 0).sum())}
    return Check(clear(gain) < -2 and clear(head) < -2, values)


def fades(result: Result) -> Check:
    """The gain over scratch falls as the labels grow."""
    gains = result.gains
    few, many = gains.gain("1", 0), gains.gain("all", 0)
    values = {"few": 100 * float(few.mean()), "many": 100 * float(many.mean())}
    return Check(clear(few) > 2 and clear(few - many) > 2 and float(few.mean()) > 2 * float(many.mean()), values)


def useless(result: Result) -> Check:
    """A source without anything to learn gives nothing, and its frozen layers stand in the way."""
    sweep, k = result.sweep, result.settings.held
    gain, frozen = sweep.gain("5", 0), sweep.gain("5", k)
    values = {
        "source": 100 * float(np.mean(result.source)),
        "gain": 100 * float(gain.mean()),
        "k": k,
        "lost": -100 * float(frozen.mean()),
    }
    by_chance = abs(float(np.mean(result.source)) - 0.1) < 0.03
    return Check(by_chance and abs(float(gain.mean())) < 0.03 and clear(frozen) < -2, values)


PRESETS = (
    Preset("few_labels", Settings(), depends_on_labels),
    Preset("same_task", Settings(source="Shifted", target="Shifted noisy", noise=0.2, frozen=4), same_task),
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
