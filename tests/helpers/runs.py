"""Runs that several tests look at: each is computed once a process, and only read."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from dlviz import catalog
from dlviz.contract import Settings


class PresetRun(NamedTuple):
    """What a preset shows."""

    result: Any
    ghost: Any
    """The result of the run it is compared with, or None."""


@lru_cache(maxsize=64)
def run(stem: str, settings: Settings) -> Any:
    """The result of a concept with these settings."""
    return catalog.concepts()[stem].experiment.run(settings)


@cache
def preset_run(stem: str, name: str) -> PresetRun:
    """The result of a preset, by its name, and that of its pin."""
    (preset,) = [preset for preset in catalog.concepts()[stem].experiment.PRESETS if preset.name == name]
    return PresetRun(run(stem, preset.settings), None if preset.pin is None else run(stem, preset.pin))
