"""Results of settings, computed once in each test process, however many tests look at them.

For tests that assert something of a plain result. Those that are about computing itself (progress, threads, devices,
what is kept), or that put something in its place, call ``experiment.run``.
"""

from __future__ import annotations

from typing import Any

import pytest

from dlviz import catalog
from dlviz.contract import Settings
from dlviz.engine.runtime.cache import Budget, Cache, frozen
from dlviz.progress import Progress, silent

MOST_BYTES = 700_000_000
"""Of results in each test process: all presets of all concepts, and their first looks, take a fraction of it."""
_results = Cache(10_000, Budget(MOST_BYTES))
_RUN = {stem: concept.experiment.run for stem, concept in catalog.concepts().items()}
"""The experiments themselves, whatever a test puts in their place."""


def run(stem: str, settings: Settings | None = None) -> Any:
    """The result of settings, by default the usual ones; its arrays are read-only."""
    settings = catalog.concepts()[stem].experiment.Settings() if settings is None else settings
    result = _results.get((stem, settings))
    if result is None:
        result = frozen(_RUN[stem](settings))
        _results.put((stem, settings), result)
    return result


def shared(monkeypatch: pytest.MonkeyPatch, stem: str) -> None:
    """Have all that asks the experiment of a concept take what the tests share."""

    def taken(settings: Settings, progress: Progress = silent) -> Any:
        return run(stem, settings)

    monkeypatch.setattr(catalog.concepts()[stem].experiment, "run", taken)
