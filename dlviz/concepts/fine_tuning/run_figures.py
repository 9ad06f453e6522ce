"""The network as blocks, learning curves, and the map of all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlviz.drawing.charts.matrix import diverging
from dlviz.drawing.charts.network import Block, stack
from dlviz.drawing.charts.tiles import tiles
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent, small

from .hero import HEIGHT, SUPPORT, called, middle_and_band, named, off
from .measure import Curves, Result

MAP = 640


def network(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Layers as blocks, frozen ones shaded; a click on one freezes up to it."""
    found, s = result.blocks, result.settings
    if found is None:
        return off(look, HEIGHT)
    k, layers = s.held, s.layers
    times = [f"{1000 * seconds:.2f} ms" for seconds in found.seconds]
    blocks = [Block(tr(look, "input"), "12 × 12", "input", ("", times[0]), 0)]
    for layer in range(layers - 1):
        frozen = layer < k
        state = tr(look, "frozen") if frozen else tr(look, "trained")
        values = {"layer": layer + 1, "units": found.units[layer]}
        name = tr(look, "{layer}: {units} units" if s.network == "MLP" else "{layer}: {units}", **values)
        numbers = (f"{found.parameters[layer]:,}", times[layer + 1])
        blocks.append(Block(name, state, "frozen" if frozen else "trained", numbers, layer + 1))
    head = tr(look, "{layer}: head, {classes} classes", layer=layers, classes=result.classes)
    blocks.append(Block(head, tr(look, "new"), "new", (f"{found.parameters[-1]:,}", "")))
    headers = (tr(look, "parameters"), tr(look, "a step, if frozen up to here"))
    note = "" if look.slide else tr(look, "Click a block to freeze all up to it.") + " "
    note += tr(
        look, "{trained} of {total} parameters are trained. Measured: a step of {models} networks at once.",
        trained=f"{found.trained(k):,}", total=f"{int(found.parameters.sum()):,}", models=found.models,
    )  # fmt: skip
    return finish(stack(blocks, headers, look, bold=k), look, height=HEIGHT, title=footnote(note, look))


def _curves(result: Result, values: np.ndarray, look: Look, factor: float = 1.0) -> list[Line]:
    found, s = result.curves, result.settings
    texts = {name: label for name, _, label in named(s.held, s.layers, look)}
    texts["From scratch"] = tr(look, "from scratch")
    return [
        Line(name, found.steps, *(factor * part for part in middle_and_band(values[:, i])), label=texts[name])
        for i, name in enumerate(found.names)
    ]


def _against_steps(
    result: Result, look: Look, ghost: Result | None, field: str, title: str, log: bool, factor: float
) -> Any:
    found = result.curves
    if found is None:
        return off(look)

    def of(run: Result) -> list[Line]:
        curves: Curves | None = run.curves
        return [] if curves is None else _curves(run, getattr(curves, field), look, factor)

    drawn, pinned = of(result), [] if ghost is None else of(ghost)
    heights = [part for line in (*drawn, *pinned) for part in (line.y, line.low, line.high)]
    x = Axis(tr(look, "Step"), 0, float(max(line.x[-1] for line in (*drawn, *pinned))), grid=False)
    y = Axis(title, *span(*heights, log=log), log=log)
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT)
    note = tr(
        look, "On test images; {labels} a class. Mean and range over seeds ({seeds}).",
        labels=called(result.settings.amount, result, look), seeds=result.settings.seeds,
    )  # fmt: skip
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=SUPPORT, title=footnote(note, look))


def accuracy(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Accuracy on the target by step: from scratch, nothing frozen, k frozen, head only."""
    return _against_steps(result, look, ghost, "accuracy", tr(look, "Accuracy on the target in %"), False, 100.0)


def loss(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Cross-entropy on the target's test images by step."""
    return _against_steps(result, look, ghost, "loss", tr(look, "Cross-entropy on the target"), True, 1.0)


def pairs(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Gain over scratch for every source, target, number of labels and frozen depth."""
    found, s = result.pairs, result.settings
    if found is None:
        return off(look)
    if not found.labels:
        return message(tr(look, "Choose at least one number of labels."), look, height=SUPPORT)
    gain = 100 * found.gain.mean(axis=-1).transpose(0, 1, 3, 2)  # inner rows: depth; inner columns: labels
    sure = found.clear().transpose(0, 1, 3, 2)
    texts = np.vectorize(lambda value: fixed(value, 0) if value < 0.5 else f"+{value:.0f}")(gain)
    bound = 10 * float(np.ceil(max(np.abs(gain[np.isfinite(gain)]).max(initial=0.0), 10) / 10))
    labels = [tr(look, "all") if label == "all" else label for label in found.labels]
    piece = tiles(
        gain, found.sources, found.targets, ([str(depth) for depth in found.depths], labels), look,
        bound=bound, colours=diverging(look), title=tr(look, "Gain in points"),
        titles=(tr(look, "frozen"), tr(look, "labels")), texts=texts, blank=~sure, fields=("source", "target"),
        written_as=([tr(look, name) for name in found.sources], [tr(look, name) for name in found.targets]),
        chosen=(s.source, s.target),
    )  # fmt: skip
    note = tr(
        look,
        "Rows: source; columns: target; in each, labels a class by frozen layers of {layers}. MLP; seeds: {seeds}. "
        "Coloured where all of at least two seeds agree on the sign.",
        layers=s.layers, seeds=found.gain.shape[-1],
    )  # fmt: skip
    note += "" if look.slide else " " + tr(look, "Click a pair to choose it.")
    return finish(piece, look, height=MAP, title=footnote(note, look))


def described(result: Result, look: Look) -> dict[str, object]:
    """Numbers for the text alternatives; dashes where a panel is off."""
    s = result.settings
    found: dict[str, object] = {"layers": s.layers, "k": s.held, "trained": 0, "total": 0, "times": "–", "ends": "–"}
    found |= {"losses": "–", "plus": 0, "minus": 0, "cells": 0}
    if (blocks := result.blocks) is not None:
        found |= {"trained": blocks.trained(s.held), "total": int(blocks.parameters.sum())}
        found["times"] = ", ".join(f"{1000 * seconds:.2f} ms" for seconds in blocks.seconds)
    if result.curves is not None:
        for field, key, written in (("accuracy", "ends", percent), ("loss", "losses", small)):
            ends = _curves(result, getattr(result.curves, field), look)
            found[key] = ", ".join(f"{line.label} {written(float(line.y[-1]))}" for line in ends)
    if (pairs := result.pairs) is not None:
        mean, sure = pairs.gain.mean(axis=-1), pairs.clear()
        found |= {"plus": int((sure & (mean > 0)).sum()), "minus": int((sure & (mean < 0)).sum()), "cells": mean.size}
    return found
