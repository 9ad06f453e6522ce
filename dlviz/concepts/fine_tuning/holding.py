"""The panel "Holding on": every way to hold on to the source at every strength, trained as one program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import At
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent, split

from .panels import Holding, Trades
from .settings import Settings
from .start import Data, Source, Start, right, source_of, start

DECAYS = (0.9, 0.7, 0.5, 0.3, 0.1)
L2SP = (0.001, 0.01, 0.1, 1.0, 10.0)
DISTILLATION = (0.01, 0.1, 1.0, 10.0, 100.0)
"""The strengths that are always tried; that of the knob comes in between where it is none of them."""
AT_ONCE = {"MLP": 400, "CNN": 48}
"""Networks in one program. More CNNs at once are no faster, and each step of theirs would take long."""
SHARES = (1 / 3, 1 / 2, 3 / 4)
"""Of the steps, at which full fine-tuning is looked at on its way."""


class Run(NamedTuple):
    """One way to fine-tune."""

    method: str
    strength: float


@dataclass(frozen=True)
class Found:
    """Of R runs and S seeds: accuracies (R, S) on the target's and on the source's test images."""

    target: np.ndarray
    source: np.ndarray
    before: np.ndarray  # (S,) on the source's, before fine-tuning


def rates(run: Run, layers: int, rate: float) -> np.ndarray:
    """The learning rate of each layer, (L,): 0 for frozen; the head's is ``rate``."""
    if run.method == "Frozen":
        return np.where(np.arange(layers) < run.strength, 0.0, rate)
    if run.method == "Layer-wise rates":
        # Howard and Ruder (2018), section 3.2: η_(l−1) = η_l times a factor (theirs is 1/2.6).
        return rate * float(run.strength) ** np.arange(layers - 1, -1, -1)
    return np.full(layers, rate)


def looks(steps: int) -> tuple[int, ...]:
    """The steps, short of all, at which full fine-tuning is looked at."""
    return tuple(sorted({max(1, round(share * steps)) for share in SHARES} - {steps}))


@cached(maxsize=16)
def tried(begin: Start, runs: tuple[Run, ...], steps: int, rate: float, progress: Progress = silent) -> Found:
    """All the runs and seeds, in one program or a few. "Fewer steps" (a strength in steps) are looks at the first run.

    Other runs stand in the order of their frozen depth, full fine-tuning first where there are any fewer steps.
    """
    source, data = source_of(begin, lambda _: progress(0.0)), start(begin, lambda _: progress(0.0))
    early = {int(run.strength): place for place, run in enumerate(runs) if run.method == "Fewer steps"}
    whole = [place for place, run in enumerate(runs) if run.method != "Fewer steps"]
    target, forgot = np.empty((2, len(runs), len(data.seeds)))
    at_once = max(1, AT_ONCE[begin.network] // len(data.seeds))
    groups = [whole[first : first + at_once] for first in range(0, len(whole), at_once)]
    for places, part in zip(groups, split(progress, map(len, groups)), strict=True):
        looked = early if places is groups[0] else {}
        found = _together(source, data, [runs[place] for place in places], steps, rate, tuple(looked), part)
        rows = [*looked.values(), *places]
        target[rows], forgot[rows] = found
    return Found(target, forgot, source.accuracy)


def _together(
    source: Source, data: Data, runs: list[Run], steps: int, rate: float, early: tuple[int, ...], progress: Progress
) -> np.ndarray:
    """Accuracy on the target's and on the source's test images (2, looks + R, S): of the first run early, of all."""
    import torch

    seeds, layers = len(data.seeds), len(data.networks.layers)
    owner = torch.arange(seeds, device=data.x.device).repeat(len(runs))
    networks = data.networks.take(owner.tolist())
    old = tuple(part[owner] for part in (source.networks.weights[-1], source.networks.biases[-1]))

    def score(some: layered.Networks, alive: Alive) -> np.ndarray:
        of = owner[: len(some)]
        under_old = some.with_head(*(part[: len(some)] for part in old))
        pairs = (some, data.test), (under_old, source.test)
        return np.stack([right(nets, test, of, lambda _: alive()) for nets, test in pairs]).reshape(2, -1, seeds)

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        return {"found": score(networks.take(range(seeds)), alive)}

    def strengths(method: str) -> np.ndarray:
        return np.repeat([run.strength if run.method == method else 0.0 for run in runs], seeds)

    seen = transfer.tune(
        networks, data.x, data.y, np.repeat([rates(run, layers, rate) for run in runs], seeds, axis=0), steps,
        order=data.order(steps), owner=owner, l2sp=transfer.L2SP(strengths("L2-SP")),
        distillation=transfer.Distillation(strengths("Distillation"), *old), record=[At(early, look)],
        progress=progress,
    )  # fmt: skip
    return np.concatenate([*(seen["found"] if early else ()), score(networks, lambda: progress(1.0))], axis=1)


def holding(settings: Settings, progress: Progress = silent) -> Holding | None:
    """Every method's curve; None without a source, where there is nothing to forget."""
    s, layers = settings, settings.layers
    if s.source == "No source":
        return None
    begin = Start.of(s, s.amount)
    knobs = {"Layer-wise rates": s.decay, "L2-SP": s.l2sp, "Distillation": s.distillation}
    grids = {"Layer-wise rates": DECAYS, "L2-SP": L2SP, "Distillation": DISTILLATION}
    fixed = [Run("Full fine-tuning", s.steps), *(Run("Fewer steps", at) for at in looks(s.steps))]
    fixed += [Run(method, value) for method, values in grids.items() for value in values]
    fixed += [Run("Frozen", count) for count in range(1, layers)]
    # At these strengths a method is another one: full fine-tuning or head only.
    same = {("Layer-wise rates", 1.0): fixed[0], ("Layer-wise rates", 0.0): fixed[-1]}
    same |= {("L2-SP", 0.0): fixed[0], ("Distillation", 0.0): fixed[0], ("Frozen", 0): fixed[0]}
    extra = [Run(*knob) for knob in knobs.items() if knob not in same and Run(*knob) not in fixed]
    groups = [tuple(group) for group in (fixed, extra) if group]
    parts = zip(groups, split(progress, map(len, groups)), strict=True)
    found = [tried(begin, group, s.steps, s.rate, progress=part) for group, part in parts]
    target, source = (np.concatenate([getattr(part, name) for part in found]) for name in ("target", "source"))
    rows = {run: row for row, run in enumerate([*fixed, *extra])}

    def trades(runs: list[Run], strengths: list[float], chosen: int) -> Trades:
        places = [rows[run] for run in runs]
        return Trades(np.array(strengths, dtype=float), target[places], source[places], chosen)

    early = [*(Run("Fewer steps", at) for at in looks(s.steps)), fixed[0]]
    methods = {"Full fine-tuning": trades(early, [run.strength for run in early], len(early) - 1)}
    counts = list(range(layers))
    frozen = [fixed[0], *(Run("Frozen", count) for count in counts[1:])]
    methods["Frozen"] = trades(frozen, counts, s.held)
    for method, values in grids.items():
        ends = [value for (name, value) in same if name == method]
        # From full fine-tuning on: more and more hold.
        strengths = sorted({*values, *ends, knobs[method]}, reverse=method == "Layer-wise rates")
        runs = [same.get((method, value), Run(method, value)) for value in strengths]
        methods[method] = trades(runs, strengths, strengths.index(knobs[method]))
    return Holding(methods, found[0].before)
