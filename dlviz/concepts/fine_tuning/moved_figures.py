"""The pictures of the panel "What moved": weights by layer, features by layer, features on two axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.charts.clouds import Cloud, two_clouds
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.curves.dots import dots
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent, small

from .measure import Result

HEIGHT = 360
SNAPSHOTS = 4
"""Steps whose profile over the layers is drawn."""


def snapshots(steps: np.ndarray) -> list[int]:
    """Indices of the steps that are drawn, spread evenly in the logarithm, without step 0; the last is the end."""
    wanted = np.geomspace(steps[1], steps[-1], SNAPSHOTS)
    return sorted({int(np.abs(steps[1:] - at).argmin()) + 1 for at in wanted})


def drift(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """‖W − W0‖/‖W0‖ of each layer below the head, at a few steps of full fine-tuning and at the end with k frozen."""
    found = result.moved
    if found is None:
        return _off(result, look)
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
        return message(tr(look, "nothing to draw: no finite values"), look, height=HEIGHT)
    x = _layers(len(layers), look)
    _, top = span(0.0, *(line.high for line in drawn))
    y = Axis(tr(look, "Relative change of the weights"), -0.03 * top, top)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    seeds = found.drift.shape[3]
    note = tr(
        look, "Norm of W − W0 over that of W0, the source's weights. Mean and range over seeds ({seeds}).", seeds=seeds
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def cka(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Linear CKA of every layer's features before and after fine-tuning."""
    found = result.moved
    if found is None:
        return _off(result, look)
    layers = np.arange(1, found.cka.shape[1] + 1)
    drawn = [_profile("Full fine-tuning", layers, found.cka[0], tr(look, "Full fine-tuning"))]
    if found.frozen:
        drawn.append(_profile("Frozen", layers, found.cka[1], tr(look, "{count} frozen", count=found.frozen)))
    if not any(np.isfinite(line.y).any() for line in drawn):
        return message(tr(look, "nothing to draw: no finite values"), look, height=HEIGHT)
    x = _layers(len(layers), look)
    low, _ = span(*(line.low for line in drawn), 1.0)
    y = Axis(tr(look, "Linear CKA, before and after"), min(np.floor(5 * max(low, 0)) / 5, 0.8) - 0.02, 1.02)
    piece = frame(x, y, look) + lines.measured(drawn, x, y, look, height=HEIGHT) + dots(drawn, x, y, look)
    note = tr(
        look, "Of the features of {images} test images of the target. 1: alike but for rotation and scale. "
        "Mean and range over seeds ({seeds}).", images=found.images, seeds=found.cka.shape[2],
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def features(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """One layer's features of test images before and after full fine-tuning, on the same two principal axes."""
    found = result.moved
    if found is None:
        return _off(result, look)
    if not np.isfinite(found.before).any() and not np.isfinite(found.after).any():
        return message(tr(look, "nothing to draw: no finite values"), look, height=HEIGHT)
    clouds = Cloud(tr(look, "before"), found.before), Cloud(tr(look, "after"), found.after)
    titles = tuple(
        tr(
            look, "Component {number} ({before} → {after} of the variance)", number=i + 1,
            before=percent(float(found.share[0, i])), after=percent(float(found.share[1, i])),
        )
        for i in range(2)
    )  # fmt: skip
    piece = two_clouds(clouds, [str(c) for c in found.digits], titles, look)
    note = tr(
        look, "Layer {layer}, {count} test images of the target, first seed, full fine-tuning. "
        "Each cloud about its mean; principal axes of both together.", layer=found.layer, count=len(found.digits),
    )  # fmt: skip
    return finish(piece, look, height=HEIGHT + 20, title=footnote(note, look))


def _profile(name: str, layers: np.ndarray, values: np.ndarray, label: str) -> Line:
    return Line(name, layers, values.mean(1), values.min(1), values.max(1), label=label)


def _layers(count: int, look: Look) -> Axis:
    return Axis(tr(look, "Layer (1 sees the image)"), 0.9, count + 0.02, whole=True, ticks_from=1, ticks_to=count)


def _off(result: Result, look: Look) -> Any:
    if "What moved" in result.settings.panels:
        return message(tr(look, "Without a source there is nothing to move away from."), look, height=HEIGHT)
    return message(tr(look, "Switch this panel on in the settings."), look, height=HEIGHT)


def described(result: Result, look: Look) -> dict[str, object]:
    """Numbers for the text alternatives; empty where the panel is off."""
    found = result.moved
    names = ("moves", "alike", "layer", "points", "share")
    if found is None:
        return dict.fromkeys(names, "–") | {"layer": 0, "points": 0}
    moves = ", ".join(small(value) for value in found.drift[0, -1].mean(1))
    alike = ", ".join(fixed(float(value), 3) if np.isfinite(value) else "–" for value in found.cka[0].mean(1))
    values = moves, alike, found.layer, len(found.digits), percent(min(float(found.share[1].sum()), 1.0))
    return dict(zip(names, values, strict=True))
