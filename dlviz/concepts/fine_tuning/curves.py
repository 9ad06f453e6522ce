"""The panel "Curves": loss and accuracy while the target is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.contract import Note, Study
from dlviz.engine.networks import transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import Every
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import percent
from dlviz.progress import Progress, silent

from .result import Result
from .settings import Settings
from .tasks import Tasks, data_of, rates_of, side_by_side

LOOKS = 25  # at a run, for its curves


@dataclass(frozen=True)
class Curves:
    """Loss and accuracy on the target's test images while it is learned."""

    names: tuple[str, ...]  # K identities: "From scratch", "Full fine-tuning", "Frozen", "Head only"
    steps: np.ndarray  # (P,)
    loss: np.ndarray  # (P, K, S) mean cross-entropy
    accuracy: np.ndarray  # (P, K, S)


def compute(s: Settings, progress: Progress = silent) -> Curves:
    """Loss and accuracy by step: from scratch, full fine-tuning, k frozen, head only, without what is the same."""
    depths = sorted({0, s.frozen_layers, s.layers - 1})
    called = {0: "Full fine-tuning", s.frozen_layers: "Frozen"} | {s.layers - 1: "Head only", 0: "Full fine-tuning"}
    steps, loss, accuracy = _trained(Tasks.of(s, s.amount), s.steps, s.rate, tuple(depths), progress=progress)
    return Curves(("From scratch", *(called[depth] for depth in depths)), steps, loss, accuracy)


@cached(maxsize=16)
def _trained(
    tasks: Tasks, steps: int, rate: float, depths: tuple[int, ...], progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = data_of(tasks, lambda share: progress(0.3 * share))
    networks, owner = side_by_side(data, [0, *depths])
    rates = np.repeat(rates_of([0, *depths], tasks.layers, rate), tasks.seeds, axis=0)
    every = max(1, round(steps / LOOKS))

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        loss, accuracy = networks.score(*data.test, owner, lambda _: alive())
        # A network that overflowed is wrong here, as in tasks.right.
        return {"loss": loss, "accuracy": np.nan_to_num(accuracy, nan=0.0)}

    run = transfer.tune(
        networks, data.x, data.y, rates, steps, order=data.order(steps), owner=owner, record=[Every(every, look)],
        progress=lambda share: progress(0.3 + 0.7 * share),
    )  # fmt: skip
    shape = len(run["steps"]), len(depths) + 1, tasks.seeds
    return run["steps"], run["loss"].reshape(shape), run["accuracy"].reshape(shape)


def notice(result: Result) -> list[Note]:
    """At which step full fine-tuning has reached what training from scratch ends with."""
    found = result.curves
    means = found.accuracy.mean(axis=-1)
    scratch, full = (found.names.index(name) for name in ("From scratch", "Full fine-tuning"))
    reached = np.flatnonzero(means[:, full] >= means[-1, scratch])
    values = {
        "label": result.labels(result.settings.amount),
        "last": int(found.steps[-1]),
        "end": percent(float(means[-1, scratch])),
    }
    if not len(reached):
        return [Note("never_level", values)]
    return [Note("level", values | {"step": int(found.steps[reached[0]])})]


STUDY = Study(compute, notice=notice)
