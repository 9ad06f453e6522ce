"""Axes: pinned domains, few ticks, and powers of ten written as such.

Domains are always pinned: a picture must not jump when a slider moves, an image needs to know the
corners it fills, and labels can only keep out of each other's way when their places are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dlviz.drawing.grammar.piece import Piece, Spec, mark, number, word
from dlviz.drawing.grammar.theme import Look

Side = Literal["x", "y"]
SMALLEST = 1e-300  # below this the browser's scales divide by zero
LARGEST = 1e300  # beyond this they overflow


@dataclass(frozen=True)
class Axis:
    """A scale with its title (already translated, with its unit). ``low < high``; both positive if ``log``.

    ``reverse`` puts ``low`` at the far end (the first layer on top). Ticks and grid lines stay within
    ``ticks_from`` and ``ticks_to``, where the axis has margins for something else, and on integers if ``whole``.

    A domain that cannot be drawn (not finite, of no or denormal width, zero on a logarithmic scale: what a run
    that went wrong leaves) becomes what :func:`span` makes of its two ends.
    """

    title: str
    low: float
    high: float
    log: bool = False
    grid: bool = True
    reverse: bool = False
    ticks_from: float | None = None
    ticks_to: float | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        if not _drawable(self.low, self.high, self.log):
            # The one place where a picture's data become its scales, so that no figure needs a guard of its own.
            low, high = span(self.low, self.high, log=self.log)
            object.__setattr__(self, "low", low)
            object.__setattr__(self, "high", high)
        for end in ("ticks_from", "ticks_to"):
            value = getattr(self, end)
            if value is not None and not self.low <= value <= self.high:
                object.__setattr__(self, end, None)

    @cached_property
    def scale(self) -> Spec:
        kind = {"type": "log"} if self.log else {"type": "linear", "zero": False}
        turned = {"reverse": True} if self.reverse else {}
        return {**kind, "domain": [self.low, self.high], "nice": False, **turned}

    def along(self, name: str) -> Spec:
        """The channel of a layer that puts ``name`` on this axis (the axis itself is the frame's)."""
        return number(name, scale=self.scale)

    def header(self, otherwise: str) -> str:
        """Of the column of a file that holds what lies along this axis; ``otherwise`` where it has no title."""
        return self.title or otherwise

    def share(self, values: Any) -> np.ndarray:
        """Where values lie: 0 at the left or bottom, 1 at the other end; NaN where they cannot be drawn."""
        at = np.asarray(values, dtype=float)
        if self.log:
            logs = np.log10(at, where=at > 0, out=np.full(at.shape, np.nan))
            share = (logs - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        else:
            share = (at - self.low) / (self.high - self.low)
        return 1 - share if self.reverse else share

    def at(self, share: Any) -> np.ndarray:
        """The inverse of :meth:`share`."""
        share = np.asarray(share, dtype=float)
        share = 1 - share if self.reverse else share
        if not self.log:
            return self.low + share * (self.high - self.low)
        bottom, top = math.log10(self.low), math.log10(self.high)
        with np.errstate(over="ignore", under="ignore"):
            # Beyond the ends of an axis of 300 decades there are no numbers: infinity, or zero.
            return 10 ** (bottom + share * (top - bottom))


@dataclass(frozen=True)
class Plane:
    """The two coordinates of a surface, without padding: ``domain`` is (x_min, x_max, y_min, y_max)."""

    domain: tuple[float, float, float, float]
    names: tuple[str, str] = ("x", "y")

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", (self.x.low, self.x.high, self.y.low, self.y.high))

    @cached_property
    def x(self) -> Axis:
        return Axis(self.names[0], float(self.domain[0]), float(self.domain[1]), grid=False)

    @cached_property
    def y(self) -> Axis:
        return Axis(self.names[1], float(self.domain[2]), float(self.domain[3]), grid=False)

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which of the points (..., 2) can be seen."""
        x, y = points[..., 0], points[..., 1]
        return (x >= self.x.low) & (x <= self.x.high) & (y >= self.y.low) & (y <= self.y.high)


def _drawable(low: float, high: float, log: bool) -> bool:
    """Whether a browser's scale can have this domain: its arithmetic may neither overflow nor divide by zero."""
    wide = high - low
    within = abs(low) <= LARGEST and abs(high) <= LARGEST  # false for NaN
    return within and wide > max(SMALLEST, 1e-14 * abs(high)) and (low > 0 or not log)


def span(*values: Any, log: bool = False, pad: float = 0.05, decades: float = 16) -> tuple[float, float]:
    """A domain that holds all finite values and can be drawn, whatever they are.

    Values that are not finite are ignored; constant or (nearly) denormal ranges are widened; without
    any value it is (0, 1), or (0.1, 1) if ``log``. A logarithmic domain ignores what is not positive
    and reaches down ``decades`` below the top at most: there float64 has no digits left to show.
    """
    flat = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in values]) if values else np.empty(0)
    flat = flat[np.isfinite(flat) & (np.abs(flat) < LARGEST)]
    if log:
        flat = flat[flat > SMALLEST]
        if not flat.size:
            return 0.1, 1.0
        top = math.log10(flat.max())
        bottom = max(math.log10(flat.min()), top - decades)
        margin = max(pad * (top - bottom), 0.1 if top - bottom > 0.2 else 0.5)
        return 10.0 ** max(bottom - margin, -299.0), 10.0 ** min(top + margin, 300.0)
    if not flat.size:
        return 0.0, 1.0
    low, high = float(flat.min()), float(flat.max())
    least = max(1e-9 * max(abs(low), abs(high)), 1e-12)
    if high - low < least:
        half = max(0.5 * abs(low), least) if abs(low) > 1e-12 else 0.5
        return low - half, high + half
    margin = pad * (high - low)
    return low - margin, high + margin


def ticks(axis: Axis, about: int) -> list[float]:
    """Round values within the domain, about so many; on a logarithmic axis powers of ten (or 1, 2, 5)."""
    first, last = axis.ticks_from, axis.ticks_to
    if first is not None or last is not None:
        low = axis.low if first is None else first
        axis = replace(axis, low=low, high=axis.high if last is None else last, ticks_from=None, ticks_to=None)
    if not axis.log:
        least = (axis.high - axis.low) / about / 2.5
        steps = [nice_step(least * factor) for factor in (1, 2, 4, 8)]
        if axis.whole:
            steps = [max(round(step), 1) for step in steps]
        return min((_multiples(axis, step) for step in steps), key=lambda values: abs(len(values) - about))
    low, high = math.log10(axis.low), math.log10(axis.high)
    if high - low < 2:
        values = [m * 10.0**e for e in range(math.floor(low), math.ceil(high) + 1) for m in (1, 2, 5)]
        return [float(f"{v:.12g}") for v in values if axis.low <= v <= axis.high]
    powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    strides = [[10.0**e for e in powers if e % stride == 0] for stride in (1, 2, 3, 4, 5, 10, 20, 50, 100, 200)]
    return min(strides, key=lambda values: abs(len(values) - about))


def _multiples(axis: Axis, step: float) -> list[float]:
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def frame(x: Axis, y: Axis, look: Look) -> Piece:
    """The two axes with their grid and labels: the lowest layer of a picture."""
    encoding = {
        "x": number("x", scale=x.scale, axis=_axis(x, "x", look)),
        "y": number("y", scale=y.scale, axis=_axis(y, "y", look)),
    }
    corners = {"values": [{"x": x.low, "y": y.low}]}
    layers = [mark("point", corners, encoding, opacity=0, size=0, tooltip=None)]
    axes: dict[Side, Axis] = {"x": x, "y": y}
    for side, axis in axes.items():
        if _powers(axis, look):
            layers += _power_labels(axis, side, look)
    return Piece(tuple(layers))


def with_axis(piece: Piece, side: Side, **changed: object) -> Piece:
    """A :func:`frame` with other properties of one axis (Vega-Lite's): ticks of one's own, and what is said at them."""
    ground = dict(piece.layers[0])
    channel = ground["encoding"][side]
    ground["encoding"] = ground["encoding"] | {side: channel | {"axis": channel["axis"] | changed}}
    return Piece((ground, *piece.layers[1:]), piece.data, piece.params)


def _powers(axis: Axis, look: Look) -> bool:
    """Whether every tick of the axis is a power of ten, to be written with a raised exponent."""
    values = ticks(axis, look.ticks)
    return axis.log and len(values) > 1 and all(abs(math.log10(v) % 1) < 1e-9 for v in values)


def _axis(axis: Axis, side: Side, look: Look) -> Spec:
    values = ticks(axis, look.ticks)
    largest = max(abs(axis.low), abs(axis.high))
    spec: Spec = {
        "title": axis.title,
        "values": values,
        "grid": axis.grid,
        "format": ".3~s" if largest >= 1e5 else ".6~g",
    }
    if _powers(axis, look):
        spec |= {
            "labels": False,
            "titlePadding": 10 * look.unit + (_room(values, look) if side == "y" else 1.9 * look.label),
        }
    return spec


# Widths in em of the digits and the minus of Arial, Liberation Sans and Noto Sans CJK.
_DIGIT, _MINUS, _RAISED = 0.556, 0.584, 0.72


def _exponent(value: float) -> str:
    return str(round(math.log10(value))).replace("-", "−")


def _exponent_width(text: str, look: Look) -> float:
    return _RAISED * look.label * sum(_MINUS if c == "−" else _DIGIT for c in text)


def _room(values: list[float], look: Look) -> float:
    return 8 * look.unit + 2 * _DIGIT * look.label + max(_exponent_width(_exponent(v), look) for v in values)


def _power_labels(axis: Axis, side: Side, look: Look) -> list[Spec]:
    """10 with a smaller, raised exponent: two texts, because few fonts have all raised digits.

    Liberation Sans has ¹²³ but not ⁰⁴⁵, so "10⁻⁴" came out in three different fonts.
    """
    records = []
    for value in ticks(axis, look.ticks):
        exponent = _exponent(value)
        records.append({"v": value, "exponent": exponent, "width": round(_exponent_width(exponent, look), 2)})
    small: Spec = {"fontSize": round(_RAISED * look.label, 1)}
    base: Spec = {"fontSize": look.label, "text": "10", "align": "right", "color": look.inks.muted}
    raised: Spec = {**small, "align": "left", "color": look.inks.muted}
    gap, ten = 8 * look.unit, 2 * _DIGIT * look.label
    if side == "y":
        place = {"x": {"value": 0}, "y": axis.along("v")}
        left = {"expr": f"-{gap} - datum.width"}
        shifts: list[Spec] = [
            {"dx": left, "baseline": "middle"},
            {"dx": left, "dy": -0.42 * look.label, "baseline": "middle"},
        ]
    else:
        place = {"x": axis.along("v"), "y": {"value": "height"}}
        left = {"expr": f"{ten / 2:.2f} - datum.width / 2"}
        shifts = [
            {"dx": left, "dy": gap + look.label, "baseline": "alphabetic"},
            {"dx": left, "dy": gap + 0.6 * look.label, "baseline": "alphabetic"},
        ]
    values = {"values": records}
    return [
        mark("text", values, place, **base, **shifts[0], clip=False, tooltip=None),
        mark("text", values, {**place, "text": word("exponent")}, **raised, **shifts[1], clip=False, tooltip=None),
    ]
