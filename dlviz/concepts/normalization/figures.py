"""The pictures of the page "Normalization": Result -> Altair chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlviz.contract import FigureSpec
from dlviz.drawing.charts.table import table
from dlviz.drawing.charts.voxels import Glass, Shape, voxels
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.labels import wrap
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.language import words
from dlviz.numbers import short, signed

from . import curves, photographs
from .measure import EXACT, SETS, Block, Result
from .settings import Settings

HERO = 440
SUPPORT = 320

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


def hero(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The tensor as a block under each norm; the cells that share the chosen cell's statistics are lit."""
    block, names = result.block, result.settings.norms
    if not names:
        return message(tr(look, "Choose at least one norm."), look, height=HERO)
    blocks = [Glass(norm, SETS[norm], KEYS[norm], _texts(block, norm, look), _heading(norm, look)) for norm in names]
    hints = {"n": tr(look, "example n"), "c": tr(look, "channel c"), "p": tr(look, "position p"), "x": "x"}
    piece = voxels(block.x, block.ids(), block.cell, _shape(block, look), blocks, look, real=block.real, hints=hints)
    note = tr(look, "Point at a cell to light those that share its μ and σ; click to choose it.")
    if not block.real.all():
        note = tr(look, "Crossed out: padding. Point at a cell to light those that share its μ and σ.")
    if look.slide:  # on which there is nothing to point at
        note = tr(look, "Coloured: the cells that share their statistics with the framed one.")
        note += "" if block.real.all() else " " + tr(look, "Crossed out: padding.")
    return finish(piece, look, height=HERO, title=footnote(note, look))


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


def cell(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The chosen cell's way from x to y under each norm, in numbers to be redone."""
    block, settings = result.block, result.settings
    if not settings.norms:
        return message(tr(look, "Choose at least one norm."), look, height=SUPPORT)
    x, found = block.values
    heads = [tr(look, "x = {x}", x=signed(x)), tr(look, "cells"), "μ", "σ²", tr(look, "standardised"), "y"]
    body = []
    for norm in settings.norms:
        mean, var, x_hat = found[norm]
        moments = ["–", "–"] if norm == "None" else [_zero(mean, norm), signed(var)]
        y = settings.gamma * x_hat + settings.beta
        body.append([norm, str(int(block.shared(norm).sum())), *moments, signed(x_hat), signed(y)])
    at = ", ".join(map(str, block.cell))
    given = f"ε = 0.00001, γ = {signed(settings.gamma)}, β = {signed(settings.beta)}"
    # No x with a hat in a picture: the fonts of many systems have no such letter.
    note = f"x = x[{at}]; y = γ(x − μ)/√(σ² + ε) + β; {given}"
    return finish(table(heads, body, look), look, height=_rows(len(body)), title=footnote(note, look))


def _zero(mean: float, norm: str) -> str:
    return "–" if norm == "RMSNorm" else signed(mean)


def _rows(count: int, lines: int = 1) -> int:
    """A height at which a table of so many rows of so many lines breathes."""
    return max(180, min(SUPPORT + 80 * lines, (30 + 14 * lines) * (count + 2)))


def _axis(axis: str, block: Block, look: Look) -> str:
    """What a slice of the block is, in words."""
    names = {
        "example": tr(look, "each example"),
        "channel": tr(look, "each channel"),
        "instance": tr(look, "each channel of each example"),
        "group": tr(look, "each group of each example"),
        "token": tr(
            look, "each position of each example" if block.real.all() else "each real position of each example"
        ),
    }
    return names[axis]


def axes(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Which slices of the standardised tensor have mean 0 and deviation 1, by norm."""
    left = result.residual
    names = result.settings.norms
    if not names:
        return message(tr(look, "Choose at least one norm."), look, height=SUPPORT)
    heads = [tr(look, "largest |μ|") + "\nσ"]
    heads += ["\n".join(wrap(_axis(axis, result.block, look), 9)) for axis in left.axes]
    body, exact = [], []
    for r, norm in enumerate(names):
        row = [norm]
        for c, axis in enumerate(left.axes):
            if left.is_standard(norm, axis):
                exact.append((r, c + 1))
                row.append("0\n1")
                continue
            low, high = left.low[norm][axis], left.high[norm][axis]
            mean = "0" if left.mean[norm][axis] < EXACT else short(left.mean[norm][axis])
            row.append(f"{mean}\n{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{mean}\n{low:.2f}–{high:.2f}")
        body.append(row)
    note = tr(look, "Standardised values over each slice: largest |mean|, standard deviation. Shaded: 0 and 1.")
    return finish(
        table(heads, body, look, emphasised=exact), look, height=_rows(len(body), 2), title=footnote(note, look)
    )


def _alt(figure: str) -> Callable[[Result, Look], str]:
    def text(result: Result, look: Look) -> str:
        block, s = result.block, result.settings
        if not s.norms and figure in ("hero", "cell", "axes"):
            return tr(look, "Choose at least one norm.")
        if (figure == "error" and not s.trained) or (figure == "depth" and not s.deep):
            return tr(look, "Choose at least one network.")
        n, c, p = block.cell
        x, found = block.values
        rows = "; ".join(
            f"{norm}: μ {signed(found[norm][0])}, σ² {signed(found[norm][1])}, x̂ {signed(found[norm][2])}"
            for norm in s.norms
        )
        exact = "; ".join(
            f"{norm}: "
            + (
                ", ".join(
                    _axis(axis, block, look) for axis in result.residual.axes if result.residual.is_standard(norm, axis)
                )
                or "–"
            )
            for norm in s.norms
        )
        values = {
            "norms": ", ".join(_heading(norm, look) for norm in s.norms),
            "counts": ", ".join(f"{_heading(norm, look)} {int(block.shared(norm).sum())}" for norm in s.norms),
            "n": n, "c": c, "p": p, "x": signed(x), "rows": rows, "exact": exact,
            "examples": block.x.shape[0], "channels": block.x.shape[1], "positions": block.x.shape[2],
            **curves.described(result), **photographs.described(result),
        }  # fmt: skip
        return words("normalization", look.language).alt[figure].format(**values)

    return text


FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec(
        "Who is averaged with whom", hero, _alt("hero"), {"example": "n", "channel": "c", "position": "p"}
    ),
    "cell": FigureSpec("Arithmetic of one cell", cell, _alt("cell")),
    "axes": FigureSpec("Mean and deviation along each axis", axes, _alt("axes")),
    "steps": FigureSpec("BatchNorm step by step", curves.steps, _alt("steps")),
    "spread": FigureSpec("How a batch's statistics scatter", curves.spread, _alt("spread")),
    "gap": FigureSpec("Training mode against evaluation mode", curves.gap, _alt("gap")),
    "error": FigureSpec("Test error against batch size", curves.error, _alt("error")),
    "mixing": FigureSpec("What Switchable learned", curves.mixing, _alt("mixing")),
    "depth": FigureSpec("Gradient norm through depth", curves.depth, _alt("depth")),
    "groups": FigureSpec("From LayerNorm to InstanceNorm", curves.groups, _alt("groups")),
    "padding": FigureSpec("What padding does to the real cells", curves.padding, _alt("padding")),
    "contrast": FigureSpec("Contrast is an instance's statistic", photographs.contrast, _alt("contrast")),
    "swap": FigureSpec("Statistics exchanged", photographs.swap, _alt("swap")),
}

PANELS = {
    "One cell": ("cell",),
    "Axes": ("axes",),
    "Steps": ("steps",),
    "Batch size": ("spread", "gap"),
    "Training": ("error", "mixing"),
    "Depth": ("depth",),
    "Groups": ("groups",),
    "Padding": ("padding",),
    "Style": ("contrast", "swap"),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first."""
    names = ["hero"]
    for panel in settings.panels:
        names += PANELS[panel]
    if "Switchable" not in settings.trained and "mixing" in names:
        names.remove("mixing")
    if settings.kind != "Sequence" and "padding" in names:
        names.remove("padding")
    return tuple(names)
