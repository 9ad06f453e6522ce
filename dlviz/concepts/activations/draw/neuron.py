"""The page's first picture: f and f′, what goes in above them, what comes out beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import margins as strips
from dlviz.drawing.curves.margins import Margins
from dlviz.drawing.grammar.axes import frame
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish
from dlviz.drawing.grammar.palette import colour, ghost_colour
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, Table, listed, mark, rows
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import fixed, percent, small

from ..settings import titled
from .heights import BESIDE

if TYPE_CHECKING:
    from ..neuron import Neuron
    from ..result import Result


def hero(runs: Sequence[Run], look: Look) -> Any:
    """f and f′ over z with the saturated zone, the densities of z above and of f(z) beside."""
    own, *others = runs
    neuron, settings = own.result.neuron, own.result.settings
    compared = [run.result.neuron for run in others]
    margins = Margins(
        (-neuron.half, neuron.half),
        _window([neuron, *compared]),
        (tr(look, "Pre-activation $z$"), tr(look, "$f(z)$ and $f'(z)$")),
    )
    hue = colour(neuron.name, look)
    piece = frame(margins.x, margins.y, look) + strips.borders(margins, look)
    piece += _zone(neuron, settings.epsilon, margins, look)
    piece += _inputs(neuron, settings.mean, settings.std, margins, look)
    piece += _outputs(neuron, margins, look, hue)
    piece += _others(others, margins, look)
    piece += _curves(neuron, margins, look, hue)
    piece += _names(own.result, margins, look, hue)
    piece += _epsilon_text(neuron, settings.epsilon, compared, margins, look)
    return finish(piece, look, height=BESIDE)


def _window(neurons: Sequence[Neuron]) -> tuple[float, float]:
    return min(neuron.outputs[0] for neuron in neurons), max(neuron.outputs[1] for neuron in neurons)


def _zone(neuron: Neuron, epsilon: float, margins: Margins, look: Look) -> Piece:
    """The saturated intervals, shaded through both the curves and the density above, and the lines at ±ε."""
    low, high = margins.across
    cut = [(max(a, low), min(b, high)) for a, b in neuron.intervals if a < high and b > low]
    shaded = {"saturated zone": [{"z": float(a), "z2": float(b)} for a, b in cut]}
    area = mark(
        "rect", "saturated zone", {"x": margins.x.along("z"), "x2": {"field": "z2"}},
        fill=look.inks.warn, opacity=0.1, tooltip=None,
    )  # fmt: skip
    tables = {"saturated zone": partial(listed, {"from": neuron.intervals[:, 0], "to": neuron.intervals[:, 1]})}
    data = {"_epsilon": rows(z=low, z2=high, level=_levels(neuron, epsilon, margins))}
    place = {"x": margins.x.along("z"), "x2": {"field": "z2"}, "y": margins.y.along("level")}
    rule = mark(
        "rule", "_epsilon", place, color=look.inks.warn, strokeWidth=look.unit,
        strokeDash=[2 * look.unit, 3 * look.unit], tooltip=None,
    )  # fmt: skip
    return Piece((area, rule), {**shaded, **data}, tables=tables)


def _inputs(neuron: Neuron, mean: float, std: float, margins: Margins, look: Look) -> Piece:
    z = np.linspace(-neuron.half, neuron.half, 241)
    density = np.exp(-(((z - mean) / std) ** 2) / 2) / (std * np.sqrt(2 * np.pi))
    highest = max(float(neuron.x_density.max()), float(density.max()))
    measured = strips.above(neuron.x_edges, neuron.x_density, highest, margins, look.inks.ghost)
    return measured + strips.theory_above(z, density, highest, margins, look)


def _outputs(neuron: Neuron, margins: Margins, look: Look, hue: str) -> Piece:
    """The density of f(z) in bins, and its prediction as steps: bins of the same width are compared."""
    highest = float(neuron.y_density.max(initial=0.0)) or 1.0
    piece = strips.beside(neuron.y_edges, neuron.y_density, highest, margins, hue)
    piece += strips.theory_beside(neuron.y_edges, neuron.y_theory, highest, margins, look)
    if len(neuron.atoms):
        # On the side where the density and the mean are not.
        masses = [
            (
                value,
                tr(look, "{share} exactly {value}", share=percent(share), value=small(value)),
                bool(value <= neuron.mean),
            )
            for value, share, _ in neuron.atoms
            if margins.up[0] <= value <= margins.up[1]
        ]
        piece += strips.masses(masses, margins, look, hue)
        heads = "at", tr(look, "share"), tr(look, "probability")
        columns = dict(zip(heads, neuron.atoms.T, strict=True))
        piece += Piece(tables={"point masses": partial(listed, columns)})
    return piece


def _curves(neuron: Neuron, margins: Margins, look: Look, hue: str) -> Piece:
    """f in the colour of its identity; f′ in ink over a faint area, so that no one takes one for the other."""
    place = {"x": margins.x.along("z"), "y": margins.y.along("y")}
    f_x, f_y = strips.inside(neuron.x, neuron.f, margins.up)
    s_x, s_y = strips.inside(neuron.x, neuron.slope, margins.up)
    data = {
        "f": rows(z=f_x, y=f_y, name=neuron.name),
        "slope": rows(z=s_x, y=s_y, base=0.0, name=f"{neuron.name}, slope"),
    }
    layers = [
        mark("area", "slope", {**place, "y2": {"field": "base"}}, fill=look.inks.ink, opacity=0.07, tooltip=None),
        mark("line", "slope", place, stroke=look.inks.ink, strokeWidth=0.55 * look.line, tooltip=None),
        mark("line", "f", place, stroke=hue, strokeWidth=1.25 * look.line, strokeJoin="round", tooltip=None),
    ]
    if len(neuron.pieces):
        across = np.linspace(-neuron.half, neuron.half, 121)
        cut = [strips.inside(across, np.linspace(line[0], line[1], 121), margins.up) for line in neuron.pieces]
        data["pieces"] = [record for i, (x, y) in enumerate(cut) for record in rows(z=x, y=y, piece=i)]
        thin: dict[str, Any] = {"stroke": hue, "strokeWidth": look.unit, "opacity": 0.6, "tooltip": None}
        layers.insert(0, mark("line", "pieces", {**place, "detail": {"field": "piece", "type": "nominal"}}, **thin))
    return Piece(tuple(layers), data, tables=_tables(neuron, look))


def _tables(neuron: Neuron, look: Look, run: str = "") -> dict[str, Table]:
    """f and f′ where they were computed, of a unit of several lines these at both ends, and what comes out."""
    own, pinned = ({"name": neuron.name, "run": run}, f"pinned {run}: ") if run else ({"name": neuron.name}, "")
    tables: dict[str, Table] = {
        f"{pinned}f": partial(listed, {**own, "z": neuron.x, "f(z)": neuron.f, "f′(z)": neuron.slope})
    }
    if not run:
        tables["mean"] = partial(listed, {**own, tr(look, "mean"): neuron.mean, tr(look, "std"): neuron.spread})
        if len(neuron.pieces):
            ends = {"z": [-neuron.half, neuron.half] * len(neuron.pieces), "f(z)": neuron.pieces.ravel()}
            tables["pieces"] = partial(listed, {"name": np.repeat(np.arange(len(neuron.pieces)), 2), **ends})
    return tables


def _others(others: Sequence[Run], margins: Margins, look: Look) -> Piece:
    """The functions of other runs and their slopes, thin and faded, with their names."""
    piece = Piece()
    for i, run in enumerate(others):
        neuron, number = run.result.neuron, f" {i + 1}" if i else ""
        hue = ghost_colour(neuron.name, look)
        place = {"x": margins.x.along("z"), "y": margins.y.along("y")}
        layers: list[Spec] = []
        data: dict[str, Rows] = {}
        for name, values, dashes in (("f", neuron.f, [6, 3]), ("slope", neuron.slope, [2, 2])):
            x, y = strips.inside(neuron.x, values, margins.up)
            keep = np.isnan(x) | (np.abs(x) <= margins.across[1])
            data[f"pinned {name}{number}"] = rows(z=x[keep], y=y[keep], name=neuron.name)
            style: dict[str, Any] = {
                "stroke": hue,
                "strokeWidth": 0.6 * look.line,
                "strokeDash": [d * look.unit for d in dashes],
            }
            layers.append(mark("line", f"pinned {name}{number}", place, tooltip=None, **style))
        piece += Piece(tuple(layers), data, tables=_tables(neuron, look, run.label))
        # One is known by its lines; of several, each has its label and its lines' colour.
        title = titled(neuron.name, run.result.settings)
        text = tr(look, "pinned: {name}", name=title) if len(others) == 1 else f"{run.label}: {title}"
        ink = look.inks.muted if len(others) == 1 else hue
        at = float(margins.x.at(0.012)), float(margins.y.at(0.72))
        piece += strips.coloured_words(
            [{"x": at[0], "y": at[1], "text": text, "colour": ink}], margins, look, name=f"_pinned{number}",
            align="left", baseline="top", **({"dy": 1.35 * look.label * i} if i else {}),
        )  # fmt: skip
    return piece


def _names(result: Result, margins: Margins, look: Look, hue: str) -> Piece:
    """The curves' names beside them, what the strips hold, and the measured shares."""
    neuron, settings = result.neuron, result.settings
    name = titled(neuron.name, settings)
    f_at, s_at = _free_places(neuron, settings.epsilon, margins, (name, "f′"))
    names = [
        {**f_at, "text": name, "colour": hue},
        {**s_at, "text": "$f'$", "colour": look.inks.ink},
    ]
    piece = Piece()
    for side, sign in (("right", -1), ("left", 1)):
        piece += strips.coloured_words(
            [row for row in names if row["side"] == side], margins, look, name=f"_names {side}", align=side,
            baseline="bottom", dx=4 * sign * look.unit, dy=-5 * look.unit,
            fontSize={"expr": f"max({0.7 * look.label:g}, min({look.label}, width / 26))"},
        )  # fmt: skip
    left, top = float(margins.x.at(0.012)), float(margins.y.at(0.985))
    mean = small(settings.mean).replace("−", "{-}")  # a sign, not a difference
    texts = [{"x": left, "y": top, "text": rf"$z \sim N({mean}, {small(settings.std)}^2)$"}]
    piece += strips.words(texts, margins, look, name="_input", align="left", baseline="top")
    share = tr(look, "saturated: {share}", share=percent(neuron.saturated))
    row = {"x": left, "y": top, "text": share, "colour": look.inks.warn}
    piece += strips.coloured_words(
        [row], margins, look, name="_saturated", align="left", baseline="top", dy=1.35 * look.label
    )
    right = float(margins.into_right(0.0))
    middle = float(margins.y.at(0.985))
    outputs = [
        tr(look, "outputs f(z)"),
        tr(look, "mean {mean}", mean=fixed(neuron.mean, 2)),
        tr(look, "std {std}", std=fixed(neuron.spread, 2)),
    ]
    for line, text in enumerate(outputs):
        piece += strips.words(
            [{"x": right, "y": middle, "text": text, "line": line}], margins, look, name=f"_output {line}",
            align="left", baseline="top", dy=1.35 * look.label * line, fontSize=strips.narrow(look),
        )  # fmt: skip
    low, high = margins.up
    if low <= neuron.mean <= high:
        # Where the mean lies: at zero for a zero-centred function.
        spot = {"x": margins.x.along("x"), "x2": {"field": "x2"}, "y": margins.y.along("y")}
        data = {"mean": rows(x=float(margins.into_right(-0.12)), x2=float(margins.into_right(0.95)), y=[neuron.mean])}
        rule = mark("rule", "mean", spot, stroke=hue, strokeWidth=1.6 * look.unit, tooltip=None)
        piece += Piece((rule,), data)
    return piece


def _levels(neuron: Neuron, epsilon: float, margins: Margins) -> list[float]:
    """The heights of the dotted lines between which a slope counts as flat, as far as they can be seen."""
    levels = [epsilon, -epsilon] if neuron.slope.min() < -epsilon / 2 else [epsilon]
    return [level for level in levels if margins.up[0] <= level <= margins.up[1]]


def _epsilon_text(neuron: Neuron, epsilon: float, compared: Sequence[Neuron], margins: Margins, look: Look) -> Piece:
    """ε at an end of its line: at the left and above, unless a curve passes there and another corner is freer."""
    levels = _levels(neuron, epsilon, margins)
    if epsilon not in levels:
        return Piece()
    text = rf"$\varepsilon = {epsilon:g}$" if len(levels) == 1 else rf"$\pm\varepsilon = \pm{epsilon:g}$"
    curves = [(one.x, values) for one in (neuron, *compared) for values in (one.f, one.slope)]
    beside = Beside(
        [*curves, *((np.array(margins.across), np.full(2, level)) for level in levels)],
        margins.x, margins.y, look, height=BESIDE,
    )  # fmt: skip
    low, high = margins.across
    spots = [(low, max(levels), False), (low, min(levels), True), (high, max(levels), False), (high, min(levels), True)]
    rooms = [min(beside.room(x, y, text, left=x == high, below=under, off=3.0), 1.0) for x, y, under in spots]
    at, level, below = spots[int(np.argmax(rooms))]
    return strips.coloured_words(
        [{"x": at, "y": level, "text": text, "colour": look.inks.warn}], margins, look, name="_epsilon text",
        align="right" if at == high else "left", baseline="top" if below else "bottom",
        dx=(-3 if at == high else 3) * look.unit, dy=(3 if below else -3) * look.unit, fontWeight="normal",
    )  # fmt: skip


def _free_places(
    neuron: Neuron, epsilon: float, margins: Margins, texts: tuple[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Places on the two curves for their names: where the box of the words is farthest from both curves."""
    low, high = margins.up
    z = np.linspace(-1, 1, 161)  # shares of the half-width
    curves = [np.interp(z * neuron.half, neuron.x, values) for values in (neuron.f, neuron.slope)]
    up = [(values - low) / (high - low) for values in curves]
    line = np.full(z.shape, (epsilon - low) / (high - low))
    found: list[dict[str, Any]] = []
    for mine, text in zip(up, texts, strict=True):
        width = 0.05 + 0.034 * len(text)  # of the half-width, for letters of 13 px in a plot of 450 px
        best = (-np.inf, 0, "right")
        for side, start, stop in (("right", -width, 0.0), ("left", 0.0, width)):
            covers = (z[None, :] >= z[:, None] + start) & (z[None, :] <= z[:, None] + stop)
            bottom = mine[:, None] + 0.015
            gaps = [np.maximum(bottom - other, other - bottom - 0.06) for other in (*up, line)]
            free = np.where(covers, np.minimum.reduce(gaps), np.inf).min(axis=1)
            for taken in found:
                # The other name's box, as wide as this one's own margin allows for.
                apart = np.maximum(np.abs(mine - taken["up"]) - 0.08, 0)
                meets = (z + start < taken["to"] + 0.12) & (z + stop > taken["from"] - 0.12)
                free = np.where(meets, np.minimum(free, apart), free)
            fits = (z + start > -0.98) & (z + stop < 0.98) & (mine > 0.02) & (mine < 0.91)
            score = np.where(fits, np.minimum(free, 0.03) + 0.004 * z + 0.01 * np.abs(mine - line), -np.inf)
            here = int(score.argmax())
            if score[here] > best[0]:
                best = (float(score[here]), here, side)
        _score, here, side = best
        at = float(z[here])
        box = {"from": at - width, "to": at} if side == "right" else {"from": at, "to": at + width}
        place = {"x": at * neuron.half, "y": float(low + mine[here] * (high - low)), "side": side}
        found.append({**place, **box, "up": float(mine[here])})
    return found[0], found[1]


def hero_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """The function, what arrives at it, and what it makes of that."""
    n, s = result.neuron, result.settings
    return {
        "function": titled(n.name, s), "mean": small(s.mean), "std": f"{s.std:g}", "saturated": percent(n.saturated),
        "epsilon": f"{s.epsilon:g}", "output": small(n.mean),
    }  # fmt: skip


DRAWINGS = {"hero": Drawing(hero, hero_numbers, BESIDE)}
