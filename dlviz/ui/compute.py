"""Running experiments: shared between visitors, one at a time, stopped when no longer wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from time import perf_counter
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlviz import catalog
from dlviz.contract import Settings
from dlviz.engine.kept import frozen
from dlviz.ui.visitor import tr

PATIENCE = 0.4
"""Seconds of work before a progress bar appears."""
_FRAME = 0.1
_YIELD = 0.01


class Shelf:
    """The most recently used values by key, for all sessions; thread-safe.

    ``st.cache_data`` would copy every result for every visitor, replay elements drawn while it ran,
    and could be emptied by any visitor's "clear cache".
    """

    def __init__(self, max_entries: int) -> None:
        self._values: OrderedDict[Any, Any] = OrderedDict()
        self._max_entries = max_entries
        self._lock = threading.Lock()

    def get(self, key: Any) -> Any:
        """The value, or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Any, value: Any) -> None:
        """Keep a value; the one unused for longest goes when there are too many."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._max_entries:
                self._values.popitem(last=False)


_results = Shelf(max_entries=128)


def result(stem: str, settings: Settings, progress: Callable[[float], None]) -> Any:
    """The result for these settings, computed if no visitor asked for it lately.

    Its arrays are read-only, since sessions share them. Whatever ``run`` or ``progress`` raises passes
    through, and nothing is kept then.
    """
    key = (stem, settings)
    found = _results.get(key)
    if found is not None:
        return found
    from dlviz.engine.device import gate

    with gate(progress):
        # Another visitor may have computed the same while this one waited.
        found = _results.get(key)
        if found is None:
            found = catalog.concepts()[stem].experiment.run(settings, progress)
            frozen(found)
            _results.put(key, found)
    return found


def ready(stem: str, settings: Settings) -> bool:
    """Whether the result for these settings is on the shelf."""
    return _results.get((stem, settings)) is not None


class TooLongError(Exception):
    """The work was not done in the time that it had."""


def at_once(stem: str, settings: Settings) -> Any:
    """The result if it is there or can be had in a moment; else None. Errors of the run give None, too."""
    end = perf_counter() + PATIENCE

    def hurry(_share: float) -> None:
        if perf_counter() > end:
            raise TooLongError

    try:
        return result(stem, settings, hurry)
    except Exception:  # noqa: BLE001  who asks has something else to show and has said what went wrong
        return None


class Watch:
    """A progress callback that shows a bar once the work has taken a while.

    Every call is also a point where Streamlit may end the script, so work for settings that have
    changed again stops within milliseconds. ``meanwhile`` is called once when the bar has appeared and the
    work is under way, to show what can be shown before its end. ``stop`` is called by a button beside the bar,
    which ends the script as any other control does; ``key`` tells it from the button of another run.
    """

    def __init__(
        self,
        slot: DeltaGenerator,
        meanwhile: Callable[[], None] | None = None,
        stop: Callable[[], None] | None = None,
        key: str = "stop",
    ) -> None:
        self._slot = slot
        self._meanwhile = meanwhile
        self._stop, self._key = stop, key
        self._begun = self._drawn = self._yielded = perf_counter()
        self._bar: DeltaGenerator | None = None

    def __call__(self, share: float) -> None:
        now = perf_counter()
        if now - self._begun > PATIENCE and now - self._drawn > _FRAME:
            self._drawn = now
            if self._bar is None:
                self._bar = self._open()
            self._bar.progress(min(max(share, 0.0), 1.0), tr("Computing …"))
            # At zero it may still wait for its turn.
            if share > 0 and self._meanwhile is not None:
                show, self._meanwhile = self._meanwhile, None
                show()
        elif now - self._yielded > _YIELD:
            self._yielded = now
            # Reading the session state lets a waiting rerun through; no message goes to the browser.
            st.session_state.get("theme")

    def _open(self) -> DeltaGenerator:
        """The place of the bar, with the button beside it."""
        row = self._slot.container(horizontal=True, vertical_alignment="center", key=f"{self._key}_row")
        bar = row.empty()
        if self._stop is not None:
            row.button(tr("Stop"), icon=":material/stop_circle:", key=self._key, on_click=self._stop)
        return bar

    def done(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._slot.empty()
