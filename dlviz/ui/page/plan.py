"""What a page computes, and in which order: decided here, carried out in :mod:`dlviz.ui.page.frame`.

Nothing here computes, draws or looks anything up, so that every case can be tested with plain values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from dlviz.contract import PANELS, Settings


class Way(Enum):
    """How long a run is waited for. A result that is cached when its turn comes is taken in any of these ways."""

    BAR = auto()
    """As long as it takes, under a progress bar; an error is said."""
    SOON = auto()
    """As long as nobody notices; nothing is said if that is too short."""
    AT_ONCE = auto()
    """As long as a page may take without a progress bar; nothing is said if that is too short."""
    CACHED = auto()
    """Not at all."""
    STOPPED = auto()
    """Not at all, for the visitor has stopped it; this is said, with a button that runs it."""


@dataclass(frozen=True)
class Run:
    """One run and how it is waited for.

    ``name`` says what it is on the page, and so where its progress bar stands and what its buttons stop: the run of
    the settings, less in place of it, or the pinned run. Who stops the first look stops the run of the settings.
    """

    settings: Settings
    way: Way
    name: Literal["run", "first", "pin"] = "run"


@dataclass(frozen=True)
class Picture:
    """A run that the page can be drawn from, the pinned run beside it, and the run that follows below the page.

    One that follows is computed when all the rest of the page is there, and the page is drawn anew with it. The
    pinned run follows only if it was not there at first.
    """

    run: Run
    pin: Run | None = None
    later: Run | None = None


def plan(
    settings: Settings, coarse: Settings, pin: Settings | None, *,
    ready: bool, stopped: Collection[Settings], took: float | None, soon: float,
) -> tuple[Picture, ...]:  # fmt: skip
    """The pictures that are tried for these settings: the first one whose run gives a result is shown.

    ``ready`` says whether the result is cached; ``stopped`` are the settings whose run the visitor has stopped;
    ``took`` is how many seconds a run of such amounts took last, None if that is not known; up to ``soon`` seconds
    no first look is needed.
    """
    beside = _pinned(settings, pin, stopped, Way.AT_ONCE)
    missing = None if beside is None or beside.way is Way.STOPPED else Run(beside.settings, Way.BAR, "pin")
    full = Run(settings, Way.BAR)
    # The first look does not wait for the pinned run, and the full one follows before it.
    first = Picture(Run(coarse, Way.BAR, "first"), _pinned(settings, pin, stopped, Way.CACHED), full)
    if settings in stopped:
        tried = [Picture(Run(settings, Way.STOPPED), beside, missing)]
    elif ready or coarse == settings or (took is not None and took <= soon):
        tried = [Picture(full, beside, missing)]
    elif took is None:
        tried = [Picture(Run(settings, Way.SOON), beside, missing), first]
    else:
        tried = [first]
    return (*tried, *(Picture(less, beside, missing) for less in _instead(settings, coarse)))


def _pinned(settings: Settings, pin: Settings | None, stopped: Collection[Settings], way: Way) -> Run | None:
    """The pinned run beside a picture, waited for in this way unless it is stopped."""
    # One that is the current one would hide under it.
    if pin is None or pin == settings:
        return None
    return Run(pin, Way.STOPPED if pin in stopped else way, "pin")


def _instead(settings: Settings, coarse: Settings) -> list[Run]:
    """What is shown of settings that cannot be shown: the first look if it is there, and both without their panels."""
    bare = dict.fromkeys(s.model_copy(update={PANELS: ()}) for s in (settings, coarse) if getattr(s, PANELS, ()))
    runs = [Run(coarse, Way.CACHED, "first"), *(Run(less, Way.AT_ONCE, "first") for less in bare)]
    return [run for run in runs if run.settings != settings]
