"""The panel "What moved": weights and features of the layers below the head, before and after fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.networks import layered, transfer
from dlviz.engine.networks.recording import Every
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import doubled
from dlviz.engine.signals.cka import linear_cka, principal_axes
from dlviz.numbers import fixed, percent
from dlviz.progress import Progress, silent

from .result import Result
from .settings import Settings
from .tasks import Tasks, data_of

if TYPE_CHECKING:
    from torch import Tensor

LOOKS = 25  # at the weights, over all steps
IMAGES = 200  # of the target's test images, at most, for CKA and the principal axes
TRAINING = 0.7  # about the share of the time that goes into training


@dataclass(frozen=True)
class Moved:
    """How far full fine-tuning and fine-tuning with k frozen layers went from the source network."""

    steps: np.ndarray  # (P,) looked at, the last is the end
    frozen: int  # k
    drift: np.ndarray  # (2, P, L - 1, S) ‖W − W₀‖/‖W₀‖ of the layers below the head; full first, then frozen
    cka: np.ndarray  # (2, L - 1, S) of the features before and after, on the target's test images
    layer: int  # whose features are drawn, from 1
    before: np.ndarray  # (n, 2) features of test images about their mean, first seed, full fine-tuning, on common axes
    after: np.ndarray  # (n, 2)
    digits: np.ndarray  # (n,) what these images show
    share: np.ndarray  # (2, 2) of the variance before and after that lies along each axis
    images: int  # test images that CKA and the axes were computed from


@dataclass(frozen=True)
class Compared:
    """Full fine-tuning and k frozen, for every layer below the head; n images."""

    steps: np.ndarray  # (P,)
    drift: np.ndarray  # (2, P, L - 1, S)
    cka: np.ndarray  # (2, L - 1, S)
    points: np.ndarray  # (L - 1, 2, n, 2) before and after, full fine-tuning, first seed
    share: np.ndarray  # (L - 1, 2, 2) of the variance before and after, along each axis
    digits: np.ndarray  # (n,) what the images show


@cached(maxsize=8)
def compared(tasks: Tasks, frozen: int, steps: int, rate: float, progress: Progress = silent) -> Compared:
    """Fine-tune both ways and compare every layer with what it was."""
    import torch

    data = data_of(tasks, lambda _: progress(0.0))
    seeds, layers = len(data.x), len(data.networks.layers)
    owner = torch.arange(seeds, device=data.x.device).repeat(2)
    networks = data.networks.take(owner.tolist())
    rates = np.full((2, seeds, layers), rate)
    rates[1, :, :frozen] = 0
    begun = [doubled(w.flatten(1)) for w in data.networks.take(owner.tolist()).weights[:-1]]

    def look(_: object, _alive: object) -> dict[str, object]:
        moves = [
            (doubled(w.flatten(1)) - w0).norm(dim=1) / w0.norm(dim=1)
            for w, w0 in zip(networks.weights[:-1], begun, strict=True)
        ]
        return {"drift": torch.stack(moves).view(layers - 1, 2, seeds)}

    run = transfer.tune(
        networks, data.x, data.y, rates.reshape(-1, layers), steps, order=data.order(steps), owner=owner,
        record=[Every(max(1, steps // LOOKS), look)], progress=lambda done: progress(TRAINING * done),
    )  # fmt: skip
    chosen = slice(None, None, -(-data.test[0].shape[1] // IMAGES))
    images, digits = data.test[0][:, chosen], data.test[1][0, chosen].cpu().numpy()
    cka = np.empty((2, layers - 1, seeds))
    points, share = np.full((layers - 1, 2, len(digits), 2), np.nan), np.full((layers - 1, 2, 2), np.nan)
    for seed in range(seeds):
        before = _features(data.networks, seed, images[seed])
        for way in range(2):
            after = _features(networks, way * seeds + seed, images[seed])
            for layer in range(layers - 1):
                cka[way, layer, seed] = linear_cka(before[layer], after[layer])
                if seed == way == 0:
                    points[layer], share[layer] = _on_axes(before[layer], after[layer])
                done = 2 * seed + way + (layer + 1) / (layers - 1)
                progress(TRAINING + (1 - TRAINING) * done / (2 * seeds))
    digits = digits + (5 if tasks.target.endswith("5-9") else 0)
    return Compared(run["steps"], run["drift"].transpose(2, 0, 1, 3), cka, points, share, digits)


def _features(networks: layered.Networks, m: int, x: Tensor) -> list[np.ndarray]:
    """The features (n, d) of each layer below the head of one network."""
    found = networks.features(x[None], len(networks.layers) - 1, slice(m, m + 1))[1:]
    return [h[0].cpu().double().numpy() for h in found]


def _on_axes(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both (n, d), each about its mean, on the two principal axes of both together (2, n, 2); shares of the variance.

    About their own means, for otherwise the first axis would show little but how far the mean has moved.
    """
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return np.full((2, len(before), 2), np.nan), np.full((2, 2), np.nan)
    parts = before - before.mean(0), after - after.mean(0)
    axes = principal_axes(np.concatenate(parts))
    return np.stack([axes.project(part) for part in parts]), np.stack([axes.share_of(part) for part in parts])


def compute(settings: Settings, progress: Progress = silent) -> Moved:
    """How far all weights and features moved, and the features of the layer that is drawn."""
    s = settings
    found = compared(Tasks.of(s, s.amount), s.frozen_layers, s.steps, s.rate, progress=progress)
    at = s.feature_layer - 1
    return Moved(
        found.steps, s.frozen_layers, found.drift, found.cka, s.feature_layer, found.points[at, 0], found.points[at, 1],
        found.digits, found.share[at], len(found.digits),
    )  # fmt: skip


def features_drift(result: Result) -> Check:
    """The weights of all layers change about as much, and yet the features change the more the higher the layer."""
    found = result.moved
    drift, cka = found.drift[0, -1].mean(axis=-1), found.cka[0].mean(axis=-1)
    holds = bool(drift.max() < 1.5 * drift.min() and (np.diff(cka) < 0).all() and cka[0] > cka[-1] + 0.1)
    values = {"low": percent(float(drift.min())), "high": percent(float(drift.max())), "layer": len(cka)}
    return Check(holds, values | {"first": fixed(float(cka[0]), 2), "last": fixed(float(cka[-1]), 2)})


PRESETS = (
    Preset(
        "drift",
        Settings(panels=("What moved",), source="Clean 0-4", target="Clean 5-9", labels=("5",), amount="5"),
        features_drift,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """How alike the features of the last layer below the head stayed."""
    alike = float(result.moved.cka[0, -1].mean())
    return [Readout("CKA of the last layer below the head", fixed(alike, 3))] if np.isfinite(alike) else []


def notice(result: Result) -> list[Note]:
    """How far the weights moved, how alike the features stayed, and that frozen layers did not move."""
    found = result.moved
    said = []
    drift, cka = found.drift[0, -1].mean(axis=-1), found.cka[0].mean(axis=-1)
    if np.isfinite(drift).all():
        numbers = {"low": _change(drift.min()), "high": _change(drift.max()), "layer": int(drift.argmax()) + 1}
        said.append(Note("moved", numbers))
    if np.isfinite(cka).all():
        said.append(Note("alike", {"all": ", ".join(fixed(float(value), 3) for value in cka)}))
    if found.frozen and not found.drift[1, :, : found.frozen].any():
        said.append(Note("unmoved" if found.frozen > 1 else "unmoved_one", {"count": found.frozen}))
    return said


def _change(share: float) -> str:
    """A relative change, which may be above 1."""
    return percent(float(share)) if share < 1 else f"{100 * share:,.0f}%"


STUDY = Study(compute, PRESETS, readouts, notice)
