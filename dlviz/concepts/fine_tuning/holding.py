"""The panel "Holding on": what every way to fine-tune learns of the target, and what it loses of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.numbers import percent
from dlviz.progress import Progress, silent, split

from .differences import points
from .result import Result
from .settings import Settings
from .tasks import Tasks
from .ways import Way, looks, tried

DECAYS = (0.9, 0.7, 0.5, 0.3, 0.1)
L2SP = (0.001, 0.01, 0.1, 1.0, 10.0)
DISTILLATION = (0.01, 0.1, 1.0, 10.0, 100.0)
"""The strengths that are always tried; that of the knob comes in between where it is none of them."""
LITTLE = 0.02
"""Less target accuracy than this is called no more than 2 points."""
SYMBOLS = {"Frozen": "k", "Layer-wise rates": "γ", "L2-SP": "α", "Distillation": "λ"}
"""How the strength of a method is called, in pictures and sentences of every language."""


def strength(method: str, value: float) -> str:
    """The strength of a method in a few letters."""
    return f"{SYMBOLS[method]} = {value:.3g}"


@dataclass(frozen=True)
class Trades:
    """One method at k strengths: what it learned of the target and what it lost of the source."""

    strength: np.ndarray  # (k,) in the order of the curve
    target: np.ndarray  # (k, S) accuracy on the target's test images
    source: np.ndarray  # (k, S) accuracy on the source's test images afterwards, with the kept source head
    chosen: int  # which point has the strength that the knob says


@dataclass(frozen=True)
class Holding:
    """Target accuracy against forgetting, for every method and strength."""

    methods: dict[str, Trades]  # each from full fine-tuning on; strengths are steps, frozen layers, γ, α, λ
    before: np.ndarray  # (S,) accuracy on the source's test images before fine-tuning

    def lost(self, method: str) -> np.ndarray:
        """(k, S) source accuracy before minus after; negative where it rose."""
        return self.before - self.methods[method].source

    def mean(self, method: str, at: int | None = None) -> tuple[float, float]:
        """Target accuracy and lost source accuracy, means over seeds, at a point (None: the chosen one)."""
        trade = self.methods[method]
        at = trade.chosen if at is None else at
        return float(trade.target[at].mean()), float(self.lost(method)[at].mean())


def compute(settings: Settings, progress: Progress = silent) -> Holding:
    """Every method's curve, from full fine-tuning on."""
    s, layers = settings, settings.layers
    tasks = Tasks.of(s, s.amount)
    knobs = {"Layer-wise rates": s.decay, "L2-SP": s.l2sp, "Distillation": s.distillation}
    grids = {"Layer-wise rates": DECAYS, "L2-SP": L2SP, "Distillation": DISTILLATION}
    fixed = [Way("Full fine-tuning", s.steps), *(Way("Fewer steps", at) for at in looks(s.steps))]
    fixed += [Way(method, value) for method, values in grids.items() for value in values]
    fixed += [Way("Frozen", count) for count in range(1, layers)]
    # At these strengths a method is another one: full fine-tuning or head only.
    same = {("Layer-wise rates", 1.0): fixed[0], ("Layer-wise rates", 0.0): fixed[-1]}
    same |= {("L2-SP", 0.0): fixed[0], ("Distillation", 0.0): fixed[0], ("Frozen", 0): fixed[0]}
    extra = [Way(*knob) for knob in knobs.items() if knob not in same and Way(*knob) not in fixed]
    groups = [tuple(group) for group in (fixed, extra) if group]
    parts = zip(groups, split(progress, map(len, groups)), strict=True)
    found = [tried(tasks, group, s.steps, s.rate, progress=part) for group, part in parts]
    target, source = (np.concatenate([getattr(part, name) for part in found]) for name in ("target", "source"))
    rows = {way: row for row, way in enumerate([*fixed, *extra])}

    def trades(runs: list[Way], strengths: Sequence[float], chosen: int) -> Trades:
        places = [rows[way] for way in runs]
        return Trades(np.array(strengths, dtype=float), target[places], source[places], chosen)

    early = [*(Way("Fewer steps", at) for at in looks(s.steps)), fixed[0]]
    methods = {"Full fine-tuning": trades(early, [way.strength for way in early], len(early) - 1)}
    counts = list(range(layers))
    frozen = [fixed[0], *(Way("Frozen", count) for count in counts[1:])]
    methods["Frozen"] = trades(frozen, counts, s.frozen_layers)
    for method, values in grids.items():
        ends = [value for (name, value) in same if name == method]
        # From full fine-tuning on: more and more hold.
        strengths = sorted({*values, *ends, knobs[method]}, reverse=method == "Layer-wise rates")
        runs = [same.get((method, value), Way(method, value)) for value in strengths]
        methods[method] = trades(runs, strengths, strengths.index(knobs[method]))
    return Holding(methods, found[0].before)


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
    others: dict[tuple[str, int], float] = {}
    for method in ("Full fine-tuning", "Frozen", "Layer-wise rates", "L2-SP"):
        curve = [found.mean(method, at) for at in range(len(found.methods[method].strength))]
        others |= {(method, at): right for at, (right, gone) in enumerate(curve) if gone <= lost + 0.005}
    best = max(others.values(), default=0.0)
    values = {"target": percent(target), "lost": points(lost), "all_lost": points(all_lost)}
    holds = bool(others) and lost < all_lost / 2 and target > best + 0.03
    return Check(holds, values | {"others": percent(best), "weight": result.settings.distillation})


PRESETS = (
    Preset(
        "forgetting",
        Settings(panels=("Holding on",), source="Shifted 0-4", target="Shifted 5-9", labels=("5",), amount="5"),
        forgets,
    ),
    Preset(
        "l2sp",
        Settings(panels=("Holding on",), source="Clean", target="Inverted", labels=("5",), amount="5", l2sp=0.1),
        l2sp_holds,
    ),
    Preset(
        "without_forgetting",
        Settings(
            panels=("Holding on",), source="Clean 0-4", target="Clean 5-9", labels=("5",), amount="5", distillation=1.0
        ),
        distillation_holds,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """What full fine-tuning forgets, and what L2-SP does."""
    found = result.holding
    return [
        Readout("Source points lost, full fine-tuning", points(found.mean("Full fine-tuning")[1])),
        Readout("Source points lost, L2-SP", points(found.mean("L2-SP")[1])),
    ]


def notice(result: Result) -> list[Note]:
    """What full fine-tuning forgets, and which method forgets least."""
    found = result.holding
    _, lost = found.mean("Full fine-tuning")
    before = float(found.before.mean())
    values = {"before": percent(before), "after": percent(before - lost), "lost": points(lost)}
    said = [Note("forgets" if lost >= 0.005 else "forgets_nothing", values)]
    if lost >= 0.005:
        said.append(_least(found))
    return said


def _least(found: Holding) -> Note:
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


STUDY = Study(compute, PRESETS, readouts, notice)
