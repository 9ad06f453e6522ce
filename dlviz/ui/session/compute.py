"""Running experiments: shared between visitors, one at a time, stopped when no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlviz import catalog
from dlviz.contract import Settings
from dlviz.engine.runtime.cache import Cache, frozen
from dlviz.engine.runtime.fair_queue import KeyedQueues
from dlviz.ui.session.turns import at_first_within
from dlviz.ui.session.visitor import tr

PATIENCE = 0.4
"""Seconds of work before a progress bar appears."""
SHORT = 0.1
"""Seconds of work before the browser gets what the page has said and others draw theirs. Shorter work is quicker alone:
a run's thousand small operations would each wait for the interpreter, and the browser would build the page twice."""
_FRAME = 0.1
_YIELD = 0.01


_results = Cache(max_entries=128)
_took = Cache(max_entries=128)
"""Seconds of the last run with such amounts."""
_under_way = KeyedQueues()


def result(stem: str, settings: Settings, progress: Callable[[float], None]) -> Any:
    """The result for these settings, computed if no visitor asked for it lately.

    Its arrays are read-only, since sessions share them. Whatever ``run`` or ``progress`` raises passes
    through, and nothing is kept then.
    """
    key = (stem, settings)
    found = _results.get(key)
    if found is not None:
        return found
    from dlviz.engine.runtime.compute_lock import busy, compute_lock, let_others_go_first

    long = busy() or (took(stem, settings) or 0) > SHORT
    # Half as long again: a run that is a little slower than the last one should not leave right before its end.
    with at_first_within(0 if long else 1.5 * SHORT) as look:

        def watch(share: float) -> None:
            look()
            progress(share)

        def fair(share: float) -> None:
            watch(share)
            let_others_go_first(lambda _share: progress(share))

        # A second session that wants the same result waits for it, and finds it cached.
        with _under_way.alone(key, watch):
            found = _results.get(key)
            if found is None:
                with compute_lock(watch):
                    # This thread's own, for others may compute or draw meanwhile.
                    begun = thread_time()
                    found = catalog.concepts()[stem].experiment.run(settings, fair)
                    _took.put((stem, *_amounts(settings)), thread_time() - begun)
                    frozen(found)
                    _results.put(key, found)
        return found


def ready(stem: str, settings: Settings) -> bool:
    """Whether the result for these settings is cached."""
    return _results.get((stem, settings)) is not None


def took(stem: str, settings: Settings) -> float | None:
    """Seconds of computing that the last run took that had the same numbers of steps, seeds and so on, if any had."""
    return _took.get((stem, *_amounts(settings)))


def _amounts(settings: Settings) -> list[Any]:
    """What a first look has less of."""
    return [getattr(settings, name) for name, less in settings.coarse() if getattr(settings, name) != less]


class TooLongError(Exception):
    """The work was not done in the time that it had."""


def at_once(stem: str, settings: Settings, seconds: float = PATIENCE) -> Any:
    """The result if it is there or can be had within so many seconds; else None. Errors of the run give None, too."""
    end = perf_counter() + seconds

    def hurry(_share: float) -> None:
        if perf_counter() > end:
            raise TooLongError

    try:
        return result(stem, settings, hurry)
    except Exception:  # noqa: BLE001  the caller shows something else and has said what went wrong
        return None


class Watch:
    """A progress callback that shows a bar once the work has taken a while.

    Every call is also a point where Streamlit may end the script, so work for settings that have
    changed again, or for a visitor who has left, stops within milliseconds. ``stop`` is called by a button beside
    the bar, which ends the script as any other control does; ``key`` tells it from the button of another run.
    """

    def __init__(self, slot: DeltaGenerator, stop: Callable[[], None] | None = None, key: str = "stop") -> None:
        self._slot = slot
        self._stop, self._key = stop, key
        self._begun = self._drawn = self._yielded = perf_counter()
        self._percent = -1
        self._bar: DeltaGenerator | None = None

    def __call__(self, share: float) -> None:
        now = perf_counter()
        percent = round(100 * min(max(share, 0.0), 1.0))
        # Who waits for others stays at 0 % for long: to say so again and again would cost those who compute.
        if percent != self._percent and now - self._begun > PATIENCE and now - self._drawn > _FRAME:
            self._drawn, self._percent = now, percent
            if self._bar is None:
                self._bar = self._open()
            self._bar.progress(percent, tr("Computing …"))
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
