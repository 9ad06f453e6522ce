"""What the common tests must know of a concept: ``CASES`` in ``tests/concepts/<stem>/cases.py``.

A concept without that file, and whatever the file leaves out, has the defaults.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis.strategies import SearchStrategy

ROUNDING, SINGLE = 1e-12, 1e-5
"""Of float64; of training in float32, which magnifies the rounding of a sum step by step."""


@dataclass(frozen=True)
class Dearest:
    """The settings of the largest result, beside every panel and every switch on and every name chosen."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    at_most: tuple[str, ...] = ()
    """Numbers that are taken at their greatest. The numbers that are not named must change no shape of the result."""
    less: Mapping[str, Any] = field(default_factory=dict)
    """Numbers that are less here, for it would take minutes: the result has as many times more numbers at most."""
    long: bool = False
    """Whether it is far below the limit, and only for the long run."""


@dataclass(frozen=True, kw_only=True)
class Cases:
    """All that is told of a concept. Names of numbers are those of :mod:`stored_runs`, without the stem."""

    short: Mapping[str, Callable[[Any], SearchStrategy]] = field(default_factory=dict)
    """What keeps a run short, from a setting's options: fewer of what it does, never another kind of it."""
    dear: Set[str] = frozenset()
    """Settings that take seconds at their upper end where all else is short: more steps and seeds of a training."""
    small: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Short runs, by name, of whatever trains or goes to a GPU: their settings."""
    shorten: Callable[[], None] = lambda: None
    """Cuts the trainings whose length is no setting to a few steps."""
    clock: tuple[str, ...] = ()
    """How the names begin of what a clock measures."""
    by_limit: tuple[str, ...] = ()
    """How the names begin of what a GPU has on another grid, for its limits are others."""
    by_threads: Mapping[str, float] = field(default_factory=dict)
    """By pattern of names: what may differ with the number of threads, in parts of the largest number of an array."""
    by_device: Mapping[str, float] = field(default_factory=dict)
    """The same for a device that is written in Python."""
    by_gpu: float = 1e-3
    """The same for a real GPU, in all numbers."""
    in_float64: bool = False
    """Whether all is computed in float64, and so on the CPU where a device lacks it."""
    dearest: Dearest = Dearest()
    first_looks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the name of a preset: what its first look changes, for that takes over half a second."""
    anywhere: str | None = None
    """The figure, if any, whose rows a visitor's choice of a place decides."""


@cache
def cases(stem: str) -> Cases:
    """What is told of a concept."""
    name = f"concepts.{stem}.cases"
    try:
        return importlib.import_module(name).CASES
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        return Cases()
