"""Results of settings, computed once in each test process, however many tests look at them.

For tests that assert something of a plain result. Those that are about computing itself (progress, threads, devices,
what is kept), or that put something in its place, call ``experiment.run``.
"""

from __future__ import annotations

from typing import Any

from dlviz import catalog
from dlviz.contract import Settings
from dlviz.engine.runtime.cache import Budget, Cache, frozen

MOST_BYTES = 700_000_000
"""Of results in each test process: all presets of all concepts, and their first looks, take a fraction of it."""
_results = Cache(10_000, Budget(MOST_BYTES))


def run(stem: str, settings: Settings | None = None) -> Any:
    """The result of settings, by default the usual ones; its arrays are read-only."""
    experiment = catalog.concepts()[stem].experiment
    settings = experiment.Settings() if settings is None else settings
    key = (stem, settings)
    result = _results.get(key)
    if result is None:
        result = frozen(experiment.run(settings))
        _results.put(key, result)
    return result
