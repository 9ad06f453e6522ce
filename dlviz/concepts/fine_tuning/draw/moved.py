"""What moved: weights by layer, features by layer, features on two axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.clouds import Cloud, two_clouds
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent, small

from ..result import Result

HEIGHT, TALL = 360, 380
SNAPSHOTS = 4
"""Steps whose profile over the layers is drawn."""


def snapshots(steps: np.ndarray) -> list[int]:
    """Indices of the steps that are drawn, spread evenly in the logarithm, without step 0; the last is the end."""
    wanted = np.geomspace(steps[1], steps[-1], SNAPSHOTS)
    return sorted({int(np.abs(steps[1:] - at).argmin()) + 1 for at in wanted})


def drift(runs: Sequence[Run], look: Look) -> Any:
    """‖W − W0‖/‖W0‖ of each layer below the head, at a few steps of full fine-tuning and at the end with k frozen."""
    result: Result = runs[0].result
    found = result.moved
    layers = np.arange(1, found.drift.shape[2] + 1)
    *early, last = snapshots(found.steps)
    drawn = []
    for place, at in enumerate([*early, last]):
        label = tr(look, "step {step}", step=int(found.steps[at]))
        name = "Full fine-tuning" if at == last else f"amount {place + 1}"
        drawn.append(_profile(name, layers, found.drift[0, at], label))
    if found.frozen:
        label = tr(look, "{count} frozen, step {step}", count=found.frozen, step=int(found.steps[-1]))
        drawn.append(_profile("Frozen", layers, found.drift[1, -1], label))
    if not any(np.isfinite(line.y).any() for line in drawn):
        return None
    x = _layers(len(layers), look)
    _, top = span(0.0, *(line.high for line in drawn))
    y = Axis(tr(look, "Relative change of the weights"), -0.03 * top, top)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    seeds = found.drift.shape[3]
    note = tr(
        look, "Norm of W − W0 over that of W0, the source's weights. Mean and range over seeds ({seeds}).", seeds=seeds
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def cka(runs: Sequence[Run], look: Look) -> Any:
    """Linear CKA of every layer's features before and after fine-tuning."""
    result: Result = runs[0].result
    found = result.moved
    layers = np.arange(1, found.cka.shape[1] + 1)
    drawn = [_profile("Full fine-tuning", layers, found.cka[0], tr(look, "Full fine-tuning"))]
    if found.frozen:
        drawn.append(_profile("Frozen", layers, found.cka[1], tr(look, "{count} frozen", count=found.frozen)))
    if not any(np.isfinite(line.y).any() for line in drawn):
        return None
    x = _layers(len(layers), look)
    low, _ = span(*(line.low for line in drawn), 1.0)
    y = Axis(tr(look, "Linear CKA, before and after"), min(np.floor(5 * max(low, 0)) / 5, 0.8) - 0.02, 1.02)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    note = tr(
        look, "Of the features of {images} test images of the target. 1: alike but for rotation and scale. "
        "Mean and range over seeds ({seeds}).", images=found.images, seeds=found.cka.shape[2],
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def features(runs: Sequence[Run], look: Look) -> Any:
    """One layer's features of test images before and after full fine-tuning, on the same two principal axes."""
    result: Result = runs[0].result
    found = result.moved
    if not np.isfinite(found.before).any() and not np.isfinite(found.after).any():
        return None
    clouds = Cloud(tr(look, "before"), found.before), Cloud(tr(look, "after"), found.after)
    first, second = (
        tr(
            look, "Component {number} ({before} → {after} of the variance)", number=i + 1,
            before=percent(float(found.share[0, i])), after=percent(float(found.share[1, i])),
        )
        for i in range(2)
    )  # fmt: skip
    piece = two_clouds(clouds, [str(c) for c in found.digits], (first, second), look)
    note = tr(
        look, "Layer {layer}, {count} test images of the target, first seed, full fine-tuning. "
        "Each cloud about its mean; principal axes of both together.", layer=found.layer, count=len(found.digits),
    )  # fmt: skip
    return finish(piece, look, height=TALL, title=footnote(note, look))


def _profile(name: str, layers: np.ndarray, values: np.ndarray, label: str) -> Line:
    return Line(name, layers, values.mean(1), values.min(1), values.max(1), label=label)


def _layers(count: int, look: Look) -> Axis:
    return Axis(tr(look, "Layer (1 sees the image)"), 0.9, count + 0.02, whole=True, ticks_from=1, ticks_to=count)


def drift_numbers(result: Result, look: Look) -> dict[str, object]:
    """How far the weights of each layer moved, full fine-tuning."""
    return {"moves": ", ".join(small(value) for value in result.moved.drift[0, -1].mean(1))}


def cka_numbers(result: Result, look: Look) -> dict[str, object]:
    """How alike the features of each layer stayed, full fine-tuning."""
    alike = result.moved.cka[0].mean(1)
    return {"alike": ", ".join(fixed(float(value), 3) if np.isfinite(value) else "–" for value in alike)}


def features_numbers(result: Result, look: Look) -> dict[str, object]:
    """Which features are drawn, and how much of them lies in the plane."""
    found = result.moved
    share = percent(min(float(found.share[1].sum()), 1.0))
    return {"layer": found.layer, "points": len(found.digits), "share": share}


DRAWINGS = {
    "drift": Drawing(drift, drift_numbers, HEIGHT),
    "cka": Drawing(cka, cka_numbers, HEIGHT),
    "features": Drawing(features, features_numbers, TALL),
}
