"""The tensor as a block under each norm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.voxels import Glass, Shape, voxels
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, Rows, listed
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import short

from ..block import SETS

if TYPE_CHECKING:
    from ..block import Block
    from ..result import Result

HEIGHT = 440

KEYS = {
    "None": "cell",
    "BatchNorm": "batch",
    "LayerNorm": "layer",
    "InstanceNorm": "instance",
    "GroupNorm": "group",
    "RMSNorm": "layer",
    "Switchable": "instance",
}
"""The set in which the statistics of a norm are constant."""


def hero(runs: Sequence[Run], look: Look) -> Any:
    """The tensor as a block under each norm; the cells that share the chosen cell's statistics are lit."""
    result = runs[0].result
    block, names = result.block, result.settings.norms
    blocks = [Glass(norm, SETS[norm], KEYS[norm], _texts(block, norm, look), _heading(norm, look)) for norm in names]
    hints = {"n": tr(look, "example n"), "c": tr(look, "channel c"), "p": tr(look, "position p"), "x": "x"}
    piece = voxels(block.x, block.ids(), block.cell, _shape(block, look), blocks, look, real=block.real, hints=hints)
    piece += Piece(tables={"statistics": partial(_statistics, block, names)})
    note = tr(look, "Point at a cell to light those that share its μ and σ; click to choose it.")
    if not block.real.all():
        note = tr(look, "Crossed out: padding. Point at a cell to light those that share its μ and σ.")
    if look.slide:  # on which there is nothing to point at
        note = tr(look, "Coloured: the cells that share their statistics with the framed one.")
        note += "" if block.real.all() else " " + tr(look, "Crossed out: padding.")
    return finish(piece, look, height=HEIGHT, title=footnote(note, look))


def _statistics(block: Block, norms: Sequence[str]) -> Rows:
    """Mean and variance by which each norm standardises each cell."""
    n, c, p = (index.ravel() for index in np.indices(block.x.shape))
    return [
        row
        for norm in norms
        for row in listed({"name": norm, "n": n, "c": c, "p": p, "μ": block.mean[norm].ravel(),
                           "σ²": block.var[norm].ravel()})
    ]  # fmt: skip


def _shape(block: Block, look: Look) -> Shape:
    if block.kind == "MLP":
        return Shape("c", "n", None, (tr(look, "features C"), "N", ""))
    return Shape("c", "p", "n", ("C", "T" if block.token else "H·W", "N"))


def _heading(norm: str, look: Look) -> str:
    return tr(look, "No norm") if norm == "None" else norm


def _texts(block: Block, norm: str, look: Look) -> dict[int, tuple[str, str]]:
    """For every set of cells of a norm: how many they are, and their μ and σ."""
    ids = block.ids()
    keys = ids[KEYS[norm]]
    found, first = np.unique(keys.ravel(), return_index=True)
    if norm == "None":
        return dict.fromkeys(map(int, found), (tr(look, "as it is"), ""))
    texts = {}
    for key, at in zip(found, first, strict=True):
        cell = np.unravel_index(at, keys.shape)
        count = int(np.any([ids[name] == ids[name][cell] for name in SETS[norm]], axis=0).sum())
        mean, deviation = float(block.mean[norm][cell]), float(np.sqrt(block.var[norm][cell]))
        numbers = f"RMS {short(deviation)}" if norm == "RMSNorm" else f"μ {short(mean)}, σ {short(deviation)}"
        counted = tr(look, "{count} cells" if count > 1 else "1 cell", count=count)
        texts[int(key)] = (f"G = {block.groups}: {counted}" if norm == "GroupNorm" else counted, numbers)
    return texts


def hero_numbers(result: Result, look: Look) -> dict[str, object]:
    """The block's size, the chosen cell, and how many cells each norm lights for it."""
    block, names = result.block, result.settings.norms
    examples, channels, positions = block.x.shape
    n, c, p = block.cell
    return {
        "examples": examples, "channels": channels, "positions": positions, "n": n, "c": c, "p": p,
        "norms": ", ".join(_heading(norm, look) for norm in names),
        "counts": ", ".join(f"{_heading(norm, look)} {int(block.shared(norm).sum())}" for norm in names),
    }  # fmt: skip


DRAWINGS = {"hero": Drawing(hero, hero_numbers, HEIGHT)}
