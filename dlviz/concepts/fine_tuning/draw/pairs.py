"""The map of all pairs of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.matrix import diverging
from dlviz.drawing.charts.tiles import tiles
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed

from ..result import Result

HEIGHT = 640


def pairs(runs: Sequence[Run], look: Look) -> Any:
    """Gain over scratch for every source, target, number of labels and frozen depth."""
    result: Result = runs[0].result
    found, s = result.pairs, result.settings
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
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def numbers(result: Result, look: Look) -> dict[str, object]:
    """In how many cells there is a clear gain or loss."""
    mean, sure = result.pairs.gain.mean(axis=-1), result.pairs.clear()
    return {"plus": int((sure & (mean > 0)).sum()), "minus": int((sure & (mean < 0)).sum()), "cells": mean.size}


DRAWINGS = {"pairs": Drawing(pairs, numbers, HEIGHT)}
