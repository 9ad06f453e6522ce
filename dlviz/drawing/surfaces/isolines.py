"""Isolines: which values, where they run, and where their numbers stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.lib.stride_tricks import sliding_window_view

from dlviz.drawing.grammar.axes import LARGEST, SMALLEST, Plane, nice_step
from dlviz.drawing.grammar.clipping import clip
from dlviz.drawing.grammar.palette import hexed, oklab, ramp
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, literal, mark, rows, word
from dlviz.drawing.grammar.theme import INKS, Look, tr

CROWDED = 30_000
"""Points of isolines beyond which none is drawn: more than one in every cell of the grid, and a megabyte to send."""


@dataclass(frozen=True)
class Levels:
    """Values of isolines, ascending, and how they were spaced.

    ``kind``: "linear" (equal steps), "geometric" (equal ratios of the height above ``base``), "signed" (equal
    ratios on either side of zero) or "crowded" (none, for they would hide the picture).
    """

    values: tuple[float, ...]
    kind: str
    base: float = 0.0

    def text(self, level: float) -> str:
        """The number at an isoline: the value, or the height above the base where that is not zero."""
        return plain(level - self.base)


def plain(value: float) -> str:
    """A short number for people: 0.25, 40, 2.5×10⁶; with a true minus. What is no number is a dash."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if 1e-4 <= abs(value) < 1e6:
        return f"{float(f'{value:.3g}'):.10g}".replace("-", "−")
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    mantissa = mantissa.removesuffix(".0").replace("-", "−")
    return f"10{raised}" if mantissa == "1" else f"{mantissa}×10{raised}"


def levels(z: np.ndarray, floor: float | None = None, about: int = 12) -> Levels:
    """Values for about ``about`` isolines of the heights ``z``.

    Heights within one order of magnitude get equal steps. A wider range gets equal ratios (2, 5 in
    turn, 10 and so on): of the value itself where it reaches down to zero, of the height above the
    lowest value otherwise; of the distance from zero on both sides where zero lies well inside, as
    on a saddle. ``floor`` is the true lowest value where it is known; the grid's is a little higher.
    """
    finite = np.clip(z[np.isfinite(z)], -LARGEST, LARGEST)
    if finite.size == 0 or not finite.max() - finite.min() > SMALLEST:
        return Levels((), "linear")
    low, high = np.quantile(finite, [0.004, 0.985])
    lowest = float(finite.min()) if floor is None else min(floor, float(finite.min()))
    if low < 0 < high and min(-low, high) > 0.2 * max(-low, high):
        return _linear_or_signed(finite, float(low), float(high), about)
    base = 0.0 if abs(lowest) <= 0.02 * (np.median(finite) - lowest) else lowest
    heights = finite - base
    bottom, top = np.quantile(heights, [0.02, 0.985])
    bottom = max(float(bottom), 1e-9 * float(top))
    if top / bottom < 12:
        return Levels(_steps(float(low), float(high), about), "linear")
    return Levels(tuple(base + v for v in _ratios(bottom, float(top), about)), "geometric", base)


def _linear_or_signed(finite: np.ndarray, low: float, high: float, about: int) -> Levels:
    sizes = np.abs(finite)
    bottom, top = np.quantile(sizes, [0.1, 0.985])
    if top / max(float(bottom), 1e-12 * float(top)) < 25:
        return Levels(_steps(low, high, about), "linear")
    side = _ratios(max(float(bottom), 1e-6 * float(top)), float(top), about // 2)
    return Levels(tuple(sorted({0.0, *side, *(-v for v in side)})), "signed")


def _steps(low: float, high: float, about: int) -> tuple[float, ...]:
    step = nice_step((high - low) / about)
    return tuple(float(f"{i * step:.12g}") for i in range(math.ceil(low / step), math.floor(high / step) + 1))


def _ratios(bottom: float, top: float, about: int) -> tuple[float, ...]:
    """Round numbers with one ratio (2, about 3, 10, 100 ...) from ``bottom`` to ``top``."""
    decades = math.log10(top / bottom)
    mantissas: tuple[float, ...]
    if decades * 3 <= about * 1.4:
        mantissas, stride = (1.0, 2.0, 5.0), 1
    elif decades * 2 <= about * 1.4:
        mantissas, stride = (1.0, 3.0), 1
    else:
        mantissas, stride = (1.0,), max(1, math.ceil(decades / about))
    powers = range(math.floor(math.log10(bottom)), math.ceil(math.log10(top)) + 1)
    values = [float(f"{m}e{p}") for p in powers if p % stride == 0 for m in mantissas]
    inside = tuple(v for v in values if bottom <= v <= top)
    # A stride longer than the range may miss it.
    return inside or (float(f"1e{round(math.log10(bottom * top) / 2)}"),)


@dataclass(frozen=True)
class Traced:
    """Isolines as points: ``points`` (n, 2), and for each its ``line`` number (n,) and ``level`` (n,)."""

    chosen: Levels
    points: np.ndarray
    line: np.ndarray
    level: np.ndarray


def trace(z: np.ndarray, plane: Plane, floor: float | None = None) -> Traced:
    """The isolines of a grid, thinned to what can be seen.

    A surface with very many bumps gets fewer levels, in the end none, so that neither the picture nor the
    browser is overloaded.
    """
    x = np.linspace(plane.x.low, plane.x.high, z.shape[1])
    y = np.linspace(plane.y.low, plane.y.high, z.shape[0])
    generator = contour_generator(x, y, np.ma.masked_invalid(z))
    for about in (12, 7, 4, 2):
        chosen = levels(z, floor, about)
        found = [(level, line) for level in chosen.values for line in generator.lines(level) if len(line) > 3]
        sizes = [len(line) for _, line in found]
        if sum(sizes) < 15_000:
            break
    if not found:
        return Traced(chosen, np.empty((0, 2)), np.empty(0, dtype=int), np.empty(0))
    points = np.concatenate([line for _, line in found])
    line = np.repeat(np.arange(len(found)), sizes)
    level = np.repeat([level for level, _ in found], sizes)
    keep = simplify(line, points, plane)
    if len(keep) > CROWDED:
        return Traced(Levels((), "crowded"), np.empty((0, 2)), np.empty(0, dtype=int), np.empty(0))
    return Traced(chosen, points[keep], line[keep], level[keep])


def simplify(line: np.ndarray, points: np.ndarray, plane: Plane, share: float = 1 / 4000) -> np.ndarray:
    """Which points (n, 2) of many polylines to keep; ``line`` (n,) says to which one each belongs.

    Each pass drops every other point that lies within ``share`` of the picture's width from the chord
    between its neighbours. All lines at once: one by one in Python takes ten times as long.
    """
    keep = np.arange(len(points))
    scaled = np.stack([plane.x.share(points[:, 0]), plane.y.share(points[:, 1])], axis=1)
    for _ in range(4):
        if len(keep) < 3:
            break
        before, here, after = scaled[keep[:-2]], scaled[keep[1:-1]], scaled[keep[2:]]
        chord = after - before
        length = np.maximum(np.hypot(chord[:, 0], chord[:, 1]), 1e-12)
        off = np.abs((here - before)[:, 0] * chord[:, 1] - (here - before)[:, 1] * chord[:, 0]) / length
        inner = line[keep[:-2]] == line[keep[2:]]
        odd = np.arange(1, len(keep) - 1) % 2 == 1
        # Ends meet in a closed line, where the chord has no length: such a point stays.
        drop = inner & odd & (off < share) & (length > 1e-9)
        keep = np.delete(keep, 1 + np.flatnonzero(drop))
    return keep


def isolines(traced: Traced, plane: Plane, look: Look) -> Piece:
    """Fine lines of equal height."""
    data = {"isolines": rows(level=traced.level, line=traced.line, x=traced.points[:, 0], y=traced.points[:, 1])}
    drawn = {"x": plane.x.along("x"), "y": plane.y.along("y"), "detail": word("line")}
    fine: Spec = {
        "color": look.inks.isoline,
        "opacity": look.inks.isoline_opacity,
        "strokeWidth": 0.9 * look.unit,
        "clip": True,
    }
    return Piece((mark("line", "isolines", drawn, tooltip=None, name="isolines", **fine),), data)


def numbered(
    traced: Traced, brightness: np.ndarray, plane: Plane, look: Look, *, around: Sequence[np.ndarray] = ()
) -> Piece:
    """The numbers of a few isolines, at places where none of the paths ``around``, (T, 2) each, goes through them.

    ``brightness``: (H, W) of the relief under them, from 0 to 1.
    """
    place = {"x": plane.x.along("x"), "y": plane.y.along("y"), "text": word("text")}
    turned: Spec = {"angle": {"expr": "datum.angle"}, "fontSize": look.small, "tooltip": None}
    halo: Spec = {"strokeWidth": 4 * look.unit, "strokeJoin": "round", "opacity": 0.9}
    layers = (
        mark("text", "_isoline_labels", {**place, "stroke": literal("ground")}, **turned, **halo),
        mark("text", "_isoline_labels", {**place, "fill": literal("ink")}, **turned),
    )
    return Piece(layers, {"_isoline_labels": _labels(traced, brightness, plane, look, _covered(around, plane))})


SCREEN_ASPECT = 1.4  # width of a picture over its height, about: turns slopes in data into slopes on screen
CELLS = 50  # a side, of the grid on which it is marked where paths run
REACH = 2  # cells on every side of its middle that a number takes


def _covered(around: Sequence[np.ndarray], plane: Plane) -> np.ndarray:
    """Cells (CELLS, CELLS) of the picture, row 0 at the bottom, whose number would lie under a path."""
    covered = np.zeros((CELLS, CELLS), dtype=bool)
    for path in around:
        cut = clip(path[:-1], path[1:], plane)
        start, stop = (
            np.stack([plane.x.share(ends[cut.seen, 0]), plane.y.share(ends[cut.seen, 1])], axis=1) * CELLS
            for ends in (cut.start, cut.stop)
        )
        # Each segment as points half a cell apart or closer.
        count = np.ceil(2 * np.abs(stop - start).max(axis=1, initial=0)).astype(int) + 1
        share = (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)) / np.repeat(count, count)
        points = np.repeat(start, count, axis=0) + share[:, None] * np.repeat(stop - start, count, axis=0)
        column, row = np.clip(points.astype(int), 0, CELLS - 1).T
        covered[row, column] = True
    return np.logical_or.reduce(sliding_window_view(np.pad(covered, REACH), (2 * REACH + 1,) * 2), axis=(2, 3))


def _labels(traced: Traced, brightness: np.ndarray, plane: Plane, look: Look, covered: np.ndarray) -> Rows:
    """Where numbers stand: away from the frame, paths and each other, level if possible, never upside down.

    Each is printed in ink or in paper, whichever reads better, on the relief's colour at its place.
    """
    scaled = np.stack([plane.x.share(traced.points[:, 0]), plane.y.share(traced.points[:, 1])], axis=1)
    joined = np.flatnonzero(traced.line[1:] == traced.line[:-1])
    all_middles = (scaled[joined] + scaled[joined + 1]) / 2
    all_steps = (scaled[joined + 1] - scaled[joined]) * (SCREEN_ASPECT, 1)
    wanted = np.unique(traced.level)
    picked = wanted[:: max(1, math.ceil(len(wanted) / (3 if look.slide else 5)))].tolist()
    taken = np.empty((0, 2))
    records = []
    for level in picked:
        here = traced.level[joined] == level
        middles, steps = all_middles[here], all_steps[here]
        slopes = np.arctan2(steps[:, 1], steps[:, 0])
        away = np.min(np.linalg.norm(middles[:, None] - taken, axis=2), axis=1, initial=0.5)
        framed = np.all((middles > 0.06) & (middles < 0.94), axis=1)
        column, row = np.clip((middles * CELLS).astype(int), 0, CELLS - 1).T
        room = np.where(framed & ~covered[row, column], away - 0.1 * np.abs(np.sin(slopes)), -1.0)
        best = int(np.argmax(room))
        if room[best] < 0.13:
            continue
        place = middles[best]
        taken = np.vstack([taken, place])
        row, column = (
            int(round(share * (count - 1))) for share, count in zip(place[::-1], brightness.shape, strict=True)
        )
        t = brightness[row, column]
        ground = ramp(look.inks.relief, np.float64(0.5 if np.isnan(t) else t))
        records.append(
            {
                "level": level,
                "text": traced.chosen.text(level),
                "x": float(plane.x.at(place[0])),
                "y": float(plane.y.at(place[1])),
                "angle": round((90 - math.degrees(slopes[best])) % 180 - 90, 1),
                "ground": hexed(ground),
                "ink": "#ffffff" if oklab(ground)[0] < 0.68 else INKS["light"].ink,
            }
        )
    return records


def note(z: np.ndarray, plane: Plane, look: Look, *, symbol: str = "f", floor: float | None = None) -> str:
    """What the isolines mean, in words: for the line under the picture."""
    chosen = trace(z, plane, floor).chosen
    if chosen.kind == "crowded":
        return tr(look, "No isolines: the surface is folded too finely for them.")
    if not chosen.values:
        return tr(look, "No isolines: the surface is constant or not finite here.")
    first, last = plain(chosen.values[0] - chosen.base), plain(chosen.values[-1] - chosen.base)
    if chosen.kind == "linear":
        step = plain(chosen.values[1] - chosen.values[0]) if len(chosen.values) > 1 else first
        return tr(
            look,
            "Isolines: {symbol} from {first} to {last} in steps of {step}.",
            symbol=symbol,
            first=first,
            last=last,
            step=step,
        )
    if chosen.base:
        symbol = tr(look, "{symbol} above its minimum", symbol=symbol)
    if chosen.kind == "signed":
        last_text = plain(max(chosen.values))
        least = plain(min(v for v in chosen.values if v > 0))
        return tr(
            look,
            "Isolines: {symbol} = 0 and ±{first} to ±{last}, logarithmic steps.",
            symbol=symbol,
            first=least,
            last=last_text,
        )
    return tr(
        look, "Isolines: {symbol} from {first} to {last}, logarithmic steps.", symbol=symbol, first=first, last=last
    )
