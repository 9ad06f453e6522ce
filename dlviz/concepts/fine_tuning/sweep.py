"""The hero: every frozen depth and scratch, for some numbers of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.networks import transfer
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import fixed, percent, signed
from dlviz.progress import Progress, silent, split

from .differences import clear, signed_points
from .result import Result
from .settings import Settings
from .tasks import Tasks, data_of, rates_of, right, side_by_side, source_of


@dataclass(frozen=True)
class Sweep:
    """Accuracy on the target for every number of labels a class and every frozen depth."""

    source: np.ndarray  # (S,) accuracy on the source's own test images before fine-tuning; NaN without a source
    labels: tuple[str, ...]  # C of "1", "2", "5", "10", "50", "all"
    scratch: np.ndarray  # (C, S) trained from scratch, nothing frozen
    frozen: np.ndarray  # (C, L, S) the first 0, 1, ..., L − 1 layers frozen

    def gain(self, label: str, depth: int) -> np.ndarray:
        """(S,) what the source gave: accuracy minus that from scratch, seed by seed."""
        at = self.labels.index(label)
        return self.frozen[at, depth] - self.scratch[at]

    def over_full(self, label: str, depth: int) -> np.ndarray:
        """(S,) what freezing gave: accuracy minus that of full fine-tuning, seed by seed."""
        at = self.labels.index(label)
        return self.frozen[at, depth] - self.frozen[at, 0]

    def best(self, label: str) -> int:
        """The number of frozen layers with the highest mean accuracy (the least of them, if several have)."""
        return int(self.frozen[self.labels.index(label)].mean(axis=-1).argmax())


def sweep(s: Settings, labels: tuple[str, ...], progress: Progress = silent) -> Sweep:
    """Every frozen depth and scratch, for some numbers of labels. Each number of labels is cached by itself."""
    source, *parts = split(progress, (0.4, *(1.0 if label in ("1", "2") else 2.0 for label in labels)))
    begun = source_of(Tasks.of(s, "1"), source).accuracy
    if not labels:
        return Sweep(begun, (), np.empty((0, s.seeds)), np.empty((0, s.layers, s.seeds)))
    each = zip(labels, parts, strict=True)
    both = np.stack([_frozen(Tasks.of(s, label), s.steps, s.rate, progress=part) for label, part in each])
    return Sweep(begun, labels, both[:, 0], both[:, 1:])


@cached(maxsize=32)
def _frozen(tasks: Tasks, steps: int, rate: float, progress: Progress = silent) -> np.ndarray:
    """Accuracy from scratch, and with the first 0, ..., L − 1 layers frozen, (L + 1, S)."""
    data = data_of(tasks, lambda _: progress(0.0))
    depths = [0, *range(tasks.layers)]
    networks, owner = side_by_side(data, depths)
    rates = np.repeat(rates_of(depths, tasks.layers, rate), tasks.seeds, axis=0)
    transfer.tune(networks, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, progress=progress)
    found = right(networks, data.test, owner, lambda _: progress(1.0))
    return found.reshape(len(depths), tasks.seeds)


def compute(settings: Settings, progress: Progress) -> Sweep:
    """The sweep over the chosen numbers of labels."""
    return sweep(settings, settings.labels, progress)


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
    sweep, k = result.sweep, result.settings.frozen_layers
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
    seeds = {"seeds": int((gain < 0).sum()), "of": len(gain)}
    return Check(clear(gain) < -2 and clear(head) < -2, values | seeds)


def useless(result: Result) -> Check:
    """A source without anything to learn gives no gain, and its frozen layers stand in the way."""
    sweep, k = result.sweep, result.settings.frozen_layers
    gain, frozen, right = sweep.gain("5", 0), sweep.gain("5", k), float(np.mean(sweep.source))
    values = {"source": percent(right), "gain": signed_points(gain), "k": k}
    values["lost"] = fixed(-100 * float(frozen.mean()), 1)
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
    Preset("useless", Settings(source="Shuffled labels", target="Clean 5-9"), useless),
)


def readouts(result: Result) -> list[Readout]:
    """Accuracies at the fewest labels."""
    sweep = result.sweep
    if not sweep.labels:
        return []
    return [
        Readout("From scratch, fewest labels", percent(float(sweep.scratch[0].mean()))),
        Readout("Full fine-tuning, fewest labels", percent(float(sweep.frozen[0, 0].mean()))),
        Readout(
            "Frozen as chosen, fewest labels", percent(float(sweep.frozen[0, result.settings.frozen_layers].mean()))
        ),
    ]


def notice(result: Result) -> list[Note]:
    """Which depth is best, where freezing is clearly better or worse, and where the source harms."""
    s, sweep = result.settings, result.sweep
    notes = []
    if s.source == "No source":
        notes.append(Note("random"))
    for label in dict.fromkeys((*sweep.labels[:1], *sweep.labels[-1:])):
        at, best = sweep.labels.index(label), sweep.best(label)
        values = {
            "label": result.labels(label),
            "best": best,
            "top": percent(float(sweep.frozen[at, best].mean())),
            "full": percent(float(sweep.frozen[at, 0].mean())),
            "scratch": percent(float(sweep.scratch[at].mean())),
        }
        notes.append(Note("best_full" if best == 0 else "best_frozen", values))
    notes += _freezing(s.frozen_layers, sweep, result)
    notes += _negative(sweep, result)
    if len(sweep.labels) > 1 and (first := sweep.best(sweep.labels[0])) > (last := sweep.best(sweep.labels[-1])):
        few, many = (result.labels(label) for label in (sweep.labels[0], sweep.labels[-1]))
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
        found[kind].append(f"{result.labels(label)} ({signed_points(over)})")
    return [Note(f"freezing_{kind}", {"k": k, "labels": ", ".join(listed)}) for kind, listed in found.items() if listed]


def _negative(sweep: Sweep, result: Result) -> list[Note]:
    """Where full fine-tuning is worse than training from scratch, beyond the seeds' scatter."""
    if sweep.scratch.shape[1] < 3:
        return []
    lost = [label for label in sweep.labels if clear(sweep.gain(label, 0)) < -2]
    listed = ", ".join(f"{result.labels(label)} ({signed_points(sweep.gain(label, 0))})" for label in lost)
    return [Note("negative", {"labels": listed})] if lost else []


def facts(result: Result) -> list[Note]:
    """Which tasks and which network are on the screen."""
    s = result.settings
    values = {
        "layers": s.layers, "steps": s.steps, "rate": signed(s.rate, 3),
        "seeds": s.seeds, "tested": result.tested, "classes": result.classes,
    }  # fmt: skip
    if s.source == "No source":
        return [Note("no_source", values)]
    accuracy = percent(float(result.sweep.source.mean()))
    return [Note("task", values | {"source_steps": s.source_steps, "accuracy": accuracy})]


STUDY = Study(compute, PRESETS, readouts, notice)
