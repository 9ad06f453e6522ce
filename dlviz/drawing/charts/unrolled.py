"""Recurrent networks unrolled in time, with the steps that the gradient of one loss reaches lit up.

Every diagram is a row of boxes, one for each step, with what is read below and the losses above. Pointing at a loss
lights the way of *its* gradient, in the browser and without the server: from the loss down to its step and back
from step to step, each box in the colour of the gradient's size and with its number. Otherwise the last loss of every
diagram is lit. The diagrams stand in one column or in two, as the width allows. All is vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dlviz.drawing.charts.matrix import sequential
from dlviz.drawing.grammar.palette import hexed, oklab, ramp
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, listed, literal, mark, number, where, word
from dlviz.drawing.grammar.theme import Look

POINTED = "unrolled_pointed"
TWO_COLUMNS = 640  # px of width from which two diagrams stand side by side
WIDEST = 64  # px between two steps, at most


@dataclass(frozen=True, eq=False)
class Unrolled:
    """One diagram of T steps: ``inputs`` (T,) bool; ``losses`` (J,) their steps, from 1; ``sizes`` (J, T) >= 0.

    ``sizes[j, t - 1]`` is how large the gradient of loss j is at step t; steps after the loss are not drawn as lit.
    """

    heading: str
    inputs: np.ndarray
    losses: np.ndarray
    sizes: np.ndarray


def unrolled(
    diagrams: Sequence[Unrolled], look: Look, *, bounds: tuple[float, float], hint: str, names: tuple[str, str, str]
) -> Piece:
    """The diagrams in their order; the colour of a size spreads over the logarithms of ``bounds``.

    ``names`` are short symbols of input, state and loss; ``hint`` is the title of a size in the tooltip.
    """
    longest = max(len(diagram.inputs) for diagram in diagrams)
    nodes, lit = _rows(diagrams, look, bounds, names)
    data = {"nodes": nodes, "lit": lit}
    layers = [
        *_arrows(longest, look),
        *_lit_arrows(longest, look),
        *_nodes(longest, look),
        *_boxes(longest, look, hint),
        *_losses(longest, look),
        *_headings(diagrams, look),
    ]
    return Piece(tuple(layers), data, _params(len(diagrams), longest, look), {"lit": partial(table, diagrams, hint)})


def table(diagrams: Sequence[Unrolled], title: str) -> Rows:
    """How large the gradient of each loss is at each step up to it, under ``title``."""
    found: Rows = []
    for diagram in diagrams:
        for of, sizes in zip(diagram.losses.tolist(), diagram.sizes, strict=True):
            steps = np.arange(1, of + 1)
            found += listed({"name": diagram.heading, "loss at step": of, "step": steps, title: sizes[:of]})
    return found


def _rows(
    diagrams: Sequence[Unrolled], look: Look, bounds: tuple[float, float], names: tuple[str, str, str]
) -> tuple[list[dict], list[dict]]:
    """What is always there (a row for each input, state and loss), and what each loss lights."""
    read, state, loss = names
    nodes, lit = [], []
    for d, diagram in enumerate(diagrams):
        last = int(diagram.losses[-1])
        for t in range(1, len(diagram.inputs) + 1):
            common = {"d": d, "t": t, "last": last}
            nodes.append(common | {"kind": "state", "text": state, "first": t == 1})
            if diagram.inputs[t - 1]:
                nodes.append(common | {"kind": "input", "text": read})
            if t in diagram.losses:
                nodes.append(common | {"kind": "loss", "text": loss, "loss": t})
        for j, of in enumerate(diagram.losses):
            for t in range(1, int(of) + 1):
                size = float(diagram.sizes[j, t - 1])
                fill, pen = _tint(size, bounds, look)
                lit.append(
                    {
                        "d": d, "t": t, "loss": int(of), "last": last, "fill": fill, "pen": pen,
                        "size": size if math.isfinite(size) else None, "text": written(size),
                    }
                )  # fmt: skip
    return nodes, lit


def written(size: float) -> str:
    """A size in at most five characters."""
    if not math.isfinite(size):
        return "∞" if size == math.inf else "–"
    if size == 0 or 0.01 <= size < 99.5:
        return f"{size:.2f}" if size < 9.95 else f"{size:.0f}"
    mantissa, power = f"{size:.0e}".split("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")


def _tint(size: float, bounds: tuple[float, float], look: Look) -> tuple[str, str]:
    """The colour of a box and of the number in it."""
    low, high = (math.log10(bound) for bound in bounds)
    at = low if size <= 0 else math.log10(size) if math.isfinite(size) else high
    colour = ramp(sequential(look), np.float64(np.clip((at - low) / (high - low), 0, 1)))
    return hexed(colour), "#ffffff" if oklab(colour)[0] < 0.62 else "#16233b"


# ---- places: a diagram has ``longest`` columns and three lines


def _params(count: int, longest: int, look: Look) -> tuple[Spec, ...]:
    """The size of a diagram, of a column and of a line, in px."""
    head, side = 2.2 * look.label, 2 * look.label
    return (
        {"name": "unrolled_columns", "expr": f"width < {TWO_COLUMNS} ? 1 : 2"},
        {"name": "unrolled_wide", "expr": "width / unrolled_columns"},
        {"name": "unrolled_high", "expr": f"height / ceil({count} / unrolled_columns)"},
        {
            "name": "unrolled_x",
            "expr": f"max(6, min((unrolled_wide - {side}) / {longest}, {WIDEST * look.unit:g}))",
        },
        {
            "name": "unrolled_y",
            "expr": f"max(6, min((unrolled_high - {head:g}) / 3, unrolled_x))",
        },
    )


def _at(longest: int, t: str, line: float | str, *, names: str = "") -> list[Spec]:
    """Fields ``px``, ``py`` (or with ``names`` behind) of column ``t`` (from 1) and line 0 (loss), 1 or 2 (input)."""
    left = "(datum.d % unrolled_columns) * unrolled_wide"
    top = "floor(datum.d / unrolled_columns) * unrolled_high + (unrolled_high - 3 * unrolled_y) * 0.8"
    x = f"{left} + (unrolled_wide - {longest} * unrolled_x) / 2 + ({t} - 0.5) * unrolled_x"
    y = f"{top} + ({line} + 0.5) * unrolled_y"
    return [{"calculate": x, "as": f"px{names}"}, {"calculate": y, "as": f"py{names}"}]


BOX, ROUND = 0.64, 0.54  # of a column or a line: sides of a state, diameter of an input or loss
EDGE, RIM, GAP = BOX / 2, ROUND / 2, 0.06
LINES = {"loss": 0, "input": 2}
LIT = (
    f"(isArray({POINTED}.d) && {POINTED}.d[0] == datum.d && isValid({POINTED}.loss[0])"
    f" ? {POINTED}.loss[0] : datum.last)"
)
"""The step of the loss that is lit in a row's diagram."""
NOW = f"datum.loss == {LIT}"


def _pixels(second: bool = False) -> Spec:
    place = {"x": number("px", scale=None, axis=None), "y": number("py", scale=None, axis=None)}
    return place | ({"x2": {"field": "px2"}, "y2": {"field": "py2"}} if second else {})


Place = tuple[str, str]
"""Column and line, as expressions."""


def _rule(data: str, longest: int, chosen: str, start: Place, stop: Place, **style: object) -> Spec:
    transform = [where(chosen), *_at(longest, *start), *_at(longest, *stop, names="2")]
    return mark("rule", data, _pixels(second=True), transform=transform, tooltip=None, **style)


def _tip(data: str, longest: int, chosen: str, stop: Place, angle: int, colour: str, side: float) -> Spec:
    """The head of an arrow that ends at ``stop``; at an angle of 0 it points up."""
    transform = [where(chosen), *_at(longest, *stop)]
    return mark(
        "point", data, _pixels(), transform=transform, shape="triangle", angle=angle, size=side**2, fill=colour,
        opacity=1, strokeWidth=0, tooltip=None,
    )  # fmt: skip


def _arrow(
    data: str, longest: int, chosen: str, start: Place, stop: Place, angle: int, look: Look, *, lit: bool
) -> list[Spec]:
    colour = look.inks.warn if lit else look.inks.faint
    style = {"stroke": colour, "strokeWidth": (2.4 if lit else 1.2) * look.unit, "opacity": 1}
    side = (8 if lit else 6) * look.unit
    return [
        _rule(data, longest, chosen, start, stop, **style),
        _tip(data, longest, chosen, stop, angle, colour, side),
    ]


def _arrows(longest: int, look: Look) -> list[Spec]:
    """The forward pass, quiet, where no gradient runs: input to state, state to state, state to loss."""
    reads = "datum.kind == 'input'"
    steps = f"datum.kind == 'state' && !datum.first && datum.t > {LIT}"
    losses = f"datum.kind == 'loss' && datum.loss != {LIT}"
    from_box, to_box = f"datum.t - 1 + {EDGE}", f"datum.t - {EDGE + GAP}"
    above, under = ("datum.t", f"{RIM + GAP}"), ("datum.t", f"1 + {EDGE + GAP}")
    return [
        *_arrow("nodes", longest, reads, ("datum.t", f"2 - {RIM}"), under, 0, look, lit=False),
        *_arrow("nodes", longest, steps, (from_box, "1"), (to_box, "1"), 90, look, lit=False),
        *_arrow("nodes", longest, losses, ("datum.t", f"1 - {EDGE}"), above, 0, look, lit=False),
    ]


def _lit_arrows(longest: int, look: Look) -> list[Spec]:
    """The way of the gradient: from the loss down, and from each step to the one before."""
    own, back = f"{NOW} && datum.t == datum.loss", f"{NOW} && datum.t < datum.loss"
    down, left = ("datum.t", f"1 - {EDGE + GAP}"), (f"datum.t + {EDGE + GAP}", "1")
    return [
        *_arrow("lit", longest, own, ("datum.t", f"{RIM}"), down, 180, look, lit=True),
        *_arrow("lit", longest, back, (f"datum.t + 1 - {EDGE}", "1"), left, 270, look, lit=True),
    ]


def _box(data: str, longest: int, chosen: str, encoding: Spec, **style: object) -> Spec:
    start, stop = (f"datum.t - {EDGE}", f"1 - {EDGE}"), (f"datum.t + {EDGE}", f"1 + {EDGE}")
    transform = [where(chosen), *_at(longest, *start), *_at(longest, *stop, names="2")]
    return mark("rect", data, _pixels(second=True) | encoding, transform=transform, cornerRadius=2, **style)


def _letters(data: str, transform: list[Spec], look: Look, encoding: Spec, **style: object) -> Spec:
    size = {"expr": f"max(7, min({look.label}, 0.26 * unrolled_x, 0.44 * unrolled_y))"}
    return mark(
        "text", data, {**_pixels(), "text": word("text"), **encoding}, transform=transform, fontSize=size,
        align="center", baseline="middle", tooltip=None, **style,
    )  # fmt: skip


def _circle(longest: int, chosen: str, line: int, side: float = ROUND, **style: object) -> Spec:
    # The circle of a size has the diameter of the square root of it.
    size = {"expr": f"pow({side} * unrolled_y, 2)"}
    transform = [where(chosen), *_at(longest, "datum.t", line)]
    return mark("point", "nodes", _pixels(), transform=transform, shape="circle", size=size, **{"opacity": 1} | style)


def _nodes(longest: int, look: Look) -> list[Spec]:
    """Inputs as circles and states as boxes, unlit."""
    inks = look.inks
    line: Spec = {"fill": inks.panel, "stroke": inks.muted, "strokeWidth": 1.2 * look.unit, "tooltip": None}
    states, reads = "datum.kind == 'state'", "datum.kind == 'input'"
    return [
        _box("nodes", longest, states, {}, **line),
        _letters("nodes", [where(states), *_at(longest, "datum.t", 1)], look, {}, color=inks.muted),
        _circle(longest, reads, LINES["input"], **line),
        _letters("nodes", [where(reads), *_at(longest, "datum.t", LINES["input"])], look, {}, color=inks.muted),
    ]


def _boxes(longest: int, look: Look, hint: str) -> list[Spec]:
    """The states that the lit gradient reaches, in the colour of its size, with the number."""
    channels = {"fill": literal("fill"), "tooltip": [number("size", title=hint, format=".3~g")]}
    at = [where(NOW), *_at(longest, "datum.t", 1)]
    return [
        _box("lit", longest, NOW, channels, stroke=look.inks.ink, strokeWidth=1.2 * look.unit),
        _letters("lit", at, look, {"fill": literal("pen")}),
    ]


def _losses(longest: int, look: Look) -> list[Spec]:
    """The losses as circles to point at; the lit one is filled."""
    inks, chosen = look.inks, "datum.kind == 'loss'"
    lit = f"{chosen} && {NOW}"
    line: Spec = {"stroke": inks.warn, "strokeWidth": 1.6 * look.unit, "tooltip": None}
    select = {"type": "point", "fields": ["d", "loss"], "on": "pointerover", "clear": "pointerout"}
    target = _circle(
        longest, chosen, LINES["loss"], 0.9, opacity=0, fill=inks.warn, cursor="pointer", tooltip=None,
        params=[{"name": POINTED, "select": select}],
    )  # fmt: skip
    return [
        _circle(longest, chosen, LINES["loss"], fill=inks.paper, **line),
        _letters("nodes", [where(chosen), *_at(longest, "datum.t", 0)], look, {}, color=inks.warn),
        _circle(longest, lit, LINES["loss"], fill=inks.warn, **line),
        _letters("nodes", [where(lit), *_at(longest, "datum.t", 0)], look, {}, color=inks.paper),
        target,
    ]


def _headings(diagrams: Sequence[Unrolled], look: Look) -> list[Spec]:
    values = {"values": [{"d": d, "text": diagram.heading} for d, diagram in enumerate(diagrams)]}
    left = f"(datum.d % unrolled_columns) * unrolled_wide + {0.5 * look.label:g}"
    top = f"floor(datum.d / unrolled_columns) * unrolled_high + {0.9 * look.label:g}"
    transform = [{"calculate": left, "as": "px"}, {"calculate": top, "as": "py"}]
    return [
        mark(
            "text", values, {**_pixels(), "text": word("text")}, transform=transform, align="left", baseline="middle",
            fontSize=look.label, fontWeight="bold", color=look.inks.ink, tooltip=None,
        )
    ]  # fmt: skip
