"""The panel "Gradual unfreezing": the head first, then one more layer every few steps, from the top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.networks import transfer
from dlviz.engine.networks.model import Alive
from dlviz.engine.networks.recording import Every
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import percent
from dlviz.progress import Progress, silent

from .differences import clear
from .result import Result
from .settings import Settings
from .tasks import Tasks, data_of, right

LOOKS = 25  # at the test accuracy, over all steps


@dataclass(frozen=True)
class Gradual:
    """Gradual unfreezing beside full fine-tuning and head only."""

    steps: np.ndarray  # (P,)
    accuracy: np.ndarray  # (3, P, S) on the target's test images: full fine-tuning, head only, gradual unfreezing
    thaw: np.ndarray  # (L,) the first step (from 0) that trains each layer, the head last and from 0
    total: int  # steps in all; a layer whose thaw is not below stays frozen

    METHODS = ("Full fine-tuning", "Head only", "Gradual unfreezing")


def thaws(layers: int, every: int) -> np.ndarray:
    """The first step, from 0, that trains each layer, (L,): the head from the start (Howard and Ruder 2018)."""
    return every * np.arange(layers - 1, -1, -1)


def schedule(layers: int, every: int, steps: int, rate: float) -> np.ndarray:
    """Learning rates (T, 3, L) of full fine-tuning, gradual unfreezing and head only."""
    rates = np.full((steps, 3, layers), rate)
    rates[:, 1] *= np.arange(steps)[:, None] >= thaws(layers, every)
    rates[:, 2, :-1] = 0
    return rates


@cached(maxsize=8)
def trained(tasks: Tasks, every: int, steps: int, rate: float, progress: Progress = silent) -> Gradual:
    """All three and all seeds in one program."""
    import torch

    data = data_of(tasks, lambda _: progress(0.0))
    seeds, layers = len(data.x), len(data.networks.layers)
    owner = torch.arange(seeds, device=data.x.device).repeat(3)
    networks = data.networks.take(owner.tolist())

    def look(_: object, alive: Alive) -> dict[str, np.ndarray]:
        return {"accuracy": right(networks, data.test, owner, lambda _: alive()).reshape(3, seeds)}

    run = transfer.tune(
        networks, data.x, data.y, np.repeat(schedule(layers, every, steps, rate), seeds, axis=1), steps,
        order=data.order(steps), owner=owner, record=[Every(max(1, steps // LOOKS), look)], progress=progress,
    )  # fmt: skip
    full, slowly, head = run["accuracy"].transpose(1, 0, 2)
    return Gradual(run["steps"], np.stack([full, head, slowly]), thaws(layers, every), steps)


def compute(settings: Settings, progress: Progress = silent) -> Gradual:
    """The curves of the three."""
    s = settings
    return trained(Tasks.of(s, s.amount), s.every, s.steps, s.rate, progress=progress)


def slowly_is_better(result: Result) -> Check:
    """Gradual unfreezing ends above full fine-tuning, beyond the seeds' scatter."""
    found = result.gradual
    full, _, slowly = found.accuracy[:, -1]
    ahead = slowly - full
    values = {"full": percent(float(full.mean())), "gradual": percent(float(slowly.mean()))}
    seeds = {"seeds": int((ahead > 0).sum()), "of": len(ahead), "every": result.settings.every}
    return Check(bool(clear(ahead) > 2 and ahead.mean() > 0.03), values | seeds)


PRESETS = (
    Preset(
        "unfreezing",
        Settings(panels=("Gradual unfreezing",), source="Clean", target="Noisy", noise=0.3, labels=("5",), amount="5"),
        slowly_is_better,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """What gradual unfreezing ends with."""
    return [Readout("Accuracy, gradual unfreezing", percent(float(result.gradual.accuracy[2, -1].mean())))]


def notice(result: Result) -> list[Note]:
    """The three accuracies, how often gradual unfreezing is ahead, and which layers were never trained."""
    found = result.gradual
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


STUDY = Study(compute, PRESETS, readouts, notice)
