"""Results whose numbers are spoilt: what a picture is given when a run went wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from pydantic import BaseModel
from runs import run
from strategies import quick

from dlviz import catalog
from dlviz.contract import Settings
from dlviz.drawing.grammar.piece import SAID
from dlviz.drawing.grammar.runs import with_pinned
from dlviz.drawing.grammar.theme import Look


def _first(values: np.ndarray) -> np.ndarray:
    """Only the first value of each row."""
    out = np.full_like(values, np.nan)
    out[..., :1] = np.nan_to_num(values[..., :1])
    return out


def _some(values: np.ndarray, other: float) -> np.ndarray:
    values.ravel()[::3] = other  # a copy is contiguous, so this writes into it
    return values


def _late(values: np.ndarray) -> np.ndarray:
    values[len(values) // 3 :] = np.nan
    return values


def _signs(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(values.size).reshape(values.shape) % 2, 1.0, -1.0)


def _denormal(values: np.ndarray) -> np.ndarray:
    least = np.finfo(values.dtype).smallest_subnormal
    return np.arange(values.size, dtype=values.dtype).reshape(values.shape) % 7 * least


KINDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "empty": lambda values: values[:0],
    "length one": lambda values: values[:1],
    "one point": _first,
    "late NaN": _late,
    "all NaN": lambda values: np.full_like(values, np.nan),
    "some inf": lambda values: _some(values, np.inf),
    "all -inf": lambda values: np.full_like(values, -np.inf),
    "denormal": _denormal,
    "constant": lambda values: np.full_like(values, 0.5),
    "zero": np.zeros_like,
    "huge": lambda values: (_signs(values) * min(1e300, np.finfo(values.dtype).max / 2)).astype(values.dtype),
}
"""What becomes of every array of floats in a result."""
MISSHAPEN = {"empty", "length one"}
"""Kinds whose arrays are shorter than the result's names and settings promise."""
NUMBERS = {"all NaN", "some inf", "all -inf", "huge"}
"""Kinds that spoil single numbers, too. The others would spoil copies of settings, which have bounds."""


def spoilt(value: Any, kind: str) -> Any:
    """A copy of a result, every array of floats in it replaced; settings, names and whole numbers stay."""
    if isinstance(value, np.ndarray):
        return KINDS[kind](value.copy()) if value.dtype.kind == "f" and value.ndim else value
    if isinstance(value, float | np.floating):
        return KINDS[kind](np.array([float(value)]))[0].item() if kind in NUMBERS else value
    if isinstance(value, dict):
        return {key: spoilt(item, kind) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [spoilt(item, kind) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, BaseModel):
        # Past the initialiser, and without what was computed from the sound values and kept beside them.
        new = object.__new__(type(value))
        for field in dataclasses.fields(value):
            object.__setattr__(new, field.name, spoilt(getattr(value, field.name), kind))
        return new
    return value


@cache
def results(stem: str) -> tuple[tuple[Any, tuple[str, ...]], ...]:
    """Real results of a concept with the figures to draw of each: together they show every figure."""
    concept = catalog.concepts()[stem]
    left = list(concept.figures.FIGURES)
    found = []
    model: type[Settings] = concept.experiment.Settings
    whole = quick(model())
    for settings in (model(), whole, *(preset.settings for preset in concept.experiment.PRESETS)):
        if not left:
            break
        settings = settings if settings in (model(), whole) else quick(settings)
        names = tuple(name for name in concept.figures.shown(settings) if name in left or settings == whole)
        if set(names) & set(left):
            found.append((run(stem, settings), names))
            left = [name for name in left if name not in names]
    assert not left, f"no settings show {left}"
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class Case:
    """One figure of one real result, spoilt in one way."""

    stem: str
    figure: str
    kind: str
    number: int  # of the result
    result: Any = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return f"{self.stem} {self.figure} {self.number} {self.kind}"

    def chart(self, look: Look, ghost: Any = None) -> Any:
        """The figure, or None where a misshapen result cannot be drawn: the page then says so in its place."""
        try:
            return (
                catalog.concepts()[self.stem]
                .figures.FIGURES[self.figure]
                .draw(with_pinned(self.result, ghost, look), look)
            )
        except (ValueError, LookupError, TypeError):
            if self.kind in MISSHAPEN:
                return None
            raise


def cases(stem: str) -> Iterator[Case]:
    """Every figure of a concept with every kind of numbers."""
    for number, (result, names) in enumerate(results(stem)):
        for kind in KINDS:
            bad = spoilt(result, kind)
            yield from (Case(stem, name, kind, number, bad) for name in names)


def bare(figure: Any) -> Any:
    """The same picture without any of its rows' marks and without messages: what a blank chart looks like."""
    spec = figure.to_dict()
    del spec["$schema"]
    layers = []
    for layer in spec["layer"]:
        data = layer.get("data", {})
        if "name" in data:  # the rows stay, for expressions may read them
            layer = layer | {"transform": [*layer.get("transform", []), {"filter": "false"}]}
        if data.get("values") != SAID:
            layers.append(layer)
    return type(figure)(**spec | {"layer": layers})
