"""Pictures of real training, of softmax, and the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlviz.drawing.charts.matrix import matrix, sequential
from dlviz.drawing.charts.table import table as text_table
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.lines import Line
from dlviz.drawing.curves.ranges import ranges
from dlviz.drawing.grammar.axes import Axis, frame, span
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr

from .deep_figures import BESIDE, SUPPORT, missing
from .measure import DeadLines, Properties, Result
from .settings import titled


def _training(pick: Callable[[DeadLines], np.ndarray], title: Callable[[Look], str], height: int) -> Callable[..., Any]:
    def draw(result: Result, look: Look, ghost: Result | None = None) -> Any:
        if result.dying is None:
            return missing(look, height)

        def curves(found: dict[str, DeadLines]) -> list[Line]:
            return [_until_lost(d, pick(d)) for d in found.values()]

        drawn = curves(result.dying)
        pinned = curves(ghost.dying) if ghost is not None and ghost.dying is not None else []
        x = Axis(tr(look, "Step"), 0, float(max(line.x[-1] for line in drawn)))
        y = Axis(title(look), -0.02, 1.02)
        piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
        piece += lines.measured(drawn, x, y, look, height=height)
        count = len(next(iter(result.dying.values())).dead)
        note = tr(look, "Median of {count} seeds; bands from least to greatest.", count=count)
        note += lines.ghost_note(pinned, look)
        return finish(piece, look, height=height, title=footnote(note, look))

    return draw


def _until_lost(found: DeadLines, values: np.ndarray) -> Line:
    """Median and band over seeds while all of them are finite; the first run that overflows ends the line."""
    left = int(found.lost[found.lost >= 0].min(initial=10**9))
    part = np.where(found.steps < left, values, np.nan)
    left = left if left < 10**9 else -1
    with np.errstate(invalid="ignore"):
        return Line(found.name, found.steps, np.median(part, axis=0), part.min(axis=0), part.max(axis=0), diverged=left)


dead_lines = _training(lambda d: d.dead, lambda look: tr(look, "Share of hidden units that are dead"), BESIDE)
dead_accuracy = _training(lambda d: d.accuracy, lambda look: tr(look, "Accuracy on the training digits"), SUPPORT)


def dead_grid(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """ReLU's dead share at the end for every learning rate and initial bias; a click chooses both."""
    grid = result.grid
    if grid is None:
        return missing(look)
    s = result.settings
    biases, rates = [f"{b:g}" for b in grid.biases[::-1]], [f"{r:g}" for r in grid.rates]
    values = grid.dead[::-1]
    texts = np.array([[f"{v:.0%}" if np.isfinite(v) else "×" for v in row] for row in values], dtype=object)
    here = (f"{s.dying_bias:g}", f"{s.dying_rate:g}")
    chosen = here if here[0] in biases and here[1] in rates else None
    # Seldom more than 0.6, so that most pictures share their colours.
    top = max(0.6, float(np.nan_to_num(values).max()))
    piece = matrix(
        values, biases, rates, look, bounds=(0.0, top), colours=sequential(look), texts=texts, chosen=chosen,
        click=True, title=tr(look, "dead"), axes=(tr(look, "Initial bias"), tr(look, "Learning rate")),
        written_as={name: name.replace("-", "−") for name in biases},
    )  # fmt: skip
    lost = {}
    if not np.isfinite(values).all():
        lost = {"title": footnote(tr(look, "×: numbers overflowed during training."), look)}
    return finish(piece, look, height=SUPPORT + 40, **lost)


def learned(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The slope of every hidden layer during training, with a band over seeds."""
    if result.learned is None:
        return missing(look, BESIDE)

    def curves(found: Any) -> list[Line]:
        drawn = []
        steps = np.arange(found.slopes.shape[2])
        for layer, slopes in enumerate(found.slopes):
            whole = slopes if found.lost < 0 else np.where(steps < found.lost, slopes, np.nan)
            label = tr(look, "layer {number}", number=layer + 1)
            drawn.append(
                Line(f"layer {layer + 1}", steps, np.median(whole, axis=0), whole.min(axis=0), whole.max(axis=0),
                     diverged=found.lost, label=label)
            )  # fmt: skip
        return drawn

    drawn = curves(result.learned)
    pinned = curves(ghost.learned) if ghost is not None and ghost.learned is not None else []
    x = Axis(tr(look, "Step"), 0, result.learned.slopes.shape[2] - 1)
    edges = [part for line in (*drawn, *pinned) for part in (line.low, line.high)]
    y = Axis(tr(look, "Slope a for z < 0"), *span(*edges, np.array([0.0, result.learned.start])))
    piece = frame(x, y, look) + lines.ghost_lines(pinned, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    note = tr(look, "Median of {count} seeds; bands from least to greatest.", count=result.learned.slopes.shape[1])
    note += lines.ghost_note(pinned, look)
    return finish(piece, look, height=BESIDE, title=footnote(note, look))


def probabilities(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Largest probability and entropy against the scale of the logits."""
    found = result.softmax
    if found is None:
        return missing(look, BESIDE)
    drawn = [
        Line("forward", found.scales, *found.largest, label=tr(look, "largest p")),
        Line("backward", found.scales, *found.entropy, label=tr(look, "entropy")),
    ]
    x = _scale(result, look)
    y = Axis(tr(look, "Largest probability; entropy / log {count}", count=found.classes), -0.02, 1.04)
    # Under the curves' upper ends.
    piece = frame(x, y, look) + lines.vertical(1 / found.temperature, x, look, "s = 1/T", dashed=False, row=1)
    piece += _uniform(found.classes, x, y, look)
    piece += lines.measured(drawn, x, y, look, height=BESIDE)
    here = 1 / found.temperature
    piece += lines.marks({"forward": (here, found.here[0]), "backward": (here, found.here[1])}, x, y, look)
    return finish(piece, look, height=BESIDE, title=footnote(_digits(result, look), look))


def _uniform(classes: int, x: Axis, y: Axis, look: Look) -> Any:
    across = x.at(np.linspace(0, 1, 41))
    return lines.theory(across, np.full(41, 1 / classes), x, y, look, "1/K", at=0.9)


def _scale(result: Result, look: Look) -> Axis:
    scales = result.softmax.scales
    return Axis(tr(look, "Scale s of the logits, 1/T"), float(scales[0]), float(scales[-1]), log=True)


def _digits(result: Result, look: Look) -> str:
    return tr(look, "Median of {count} digits; bands 10–90%.", count=len(result.softmax.gap))


def jacobian(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Frobenius norm of softmax's Jacobian: closed form, autograd at the chosen temperature, and both limits."""
    found = result.softmax
    if found is None:
        return missing(look)
    x = _scale(result, look)
    y = Axis(tr(look, "Frobenius norm of softmax's Jacobian"), 1e-16, 2.0, log=True)
    # Cut at the foot, where its name is to stand.
    middle = np.where(found.jacobian[0] > y.low, found.jacobian[0], np.nan)
    drawn = [Line("backward", found.scales, middle, *found.jacobian[1:], label="||∂p/∂(sz)||")]
    piece = frame(x, y, look) + lines.vertical(1 / found.temperature, x, look, "s = 1/T", dashed=False, row=1)
    across = x.at(np.linspace(0, 1, 41))
    flat = np.sqrt(found.classes - 1) / found.classes
    piece += lines.theory(across, np.full(41, flat), x, y, look, "√(K − 1)/K", name="uniform", at=0.8)
    with np.errstate(under="ignore"):
        tail = 2 * np.exp(-found.scales * float(np.median(found.gap)))
    tail = np.where(tail < 1.9, tail, np.nan)
    piece += lines.theory(found.scales, tail, x, y, look, "2 exp(−sΔ)", name="one-hot", at=0.7)
    piece += lines.measured(drawn, x, y, look, height=SUPPORT + 40)
    piece += lines.marks({"backward": (1 / found.temperature, found.by_autograd)}, x, y, look)
    gap = f"{np.median(found.gap):.2f}"
    note = tr(look, "Ring: by autograd. Δ: largest logit minus the second largest, median {gap}.", gap=gap)
    # Higher than others, for the title of its axis is long.
    return finish(piece, look, height=SUPPORT + 40, title=footnote(f"{_digits(result, look)} {note}", look))


def cost(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Forward and backward time of every function as a multiple of ReLU's."""
    found = result.costs
    if found is None:
        return missing(look, BESIDE)
    order = np.argsort(found.ratio, kind="stable")
    names = [found.names[i] for i in order]
    low, high = span(found.low, found.high, log=True)
    # Room for the texts at the ends of the bars.
    x = Axis(tr(look, "Time, as a multiple of ReLU's"), low, high * (high / low) ** 0.15, log=True)
    texts = [f"{found.ratio[i]:.1f}×" for i in order]
    piece = ranges(names, found.ratio[order], found.low[order], found.high[order], x, look, texts=texts)
    note = tr(
        look, "{count} numbers forward and backward, {device}; ReLU {time} ms. Bars: quartiles.",
        count=f"{found.elements:,}", device=found.device, time=f"{1e3 * found.seconds:.2f}",
    )  # fmt: skip
    return finish(piece, look, height=BESIDE, title=footnote(note, look))


def table(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Properties of every function, one a row."""
    if result.table is None:
        return missing(look)
    headers = [
        tr(look, "function"), tr(look, "parameter"), tr(look, "range"), "E[f(z)]", "f′(0)", "max |f′|",
        tr(look, "saturates"),
    ]  # fmt: skip
    body = [_row(row, result, look) for row in result.table]
    bold = [(r, 0) for r, row in enumerate(result.table) if row.name == result.settings.function]
    piece = text_table(headers, body, look, emphasised=bold)
    note = tr(look, "E[f(z)] for z ~ N(0, 1). A side saturates where |f′| falls below 1e−6.")
    return finish(piece, look, height=SUPPORT + 40, title=footnote(note, look))


def _row(row: Properties, result: Result, look: Look) -> list[str]:
    if row.saturates_left and row.saturates_right:
        said = tr(look, "both sides")
    elif row.saturates_left or row.saturates_right:
        said = tr(look, "left" if row.saturates_left else "right")
    else:
        said = "–"
    title = titled(row.name, result.settings)
    parameter = title[len(row.name) :].strip(" ()") or "–"
    return [
        row.name, parameter, f"{_bound(row.low)} … {_bound(row.high)}", _number(row.mean),
        _number(row.at_zero), _number(row.steepest), said,
    ]  # fmt: skip


def _bound(value: float) -> str:
    return ("−∞" if value < 0 else "∞") if np.isinf(value) else _number(value)


def _number(value: float) -> str:
    """Three decimals, without a minus before zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")
