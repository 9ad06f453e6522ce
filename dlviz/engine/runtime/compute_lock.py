"""The lock that heavy computation takes: one run at a time, and a long one yields to those that wait.

Torch calls of several server threads on few cores slow each other down manyfold, so all of them take this lock.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from dlviz.engine.runtime import memory
from dlviz.engine.runtime.fair_queue import FairQueue
from dlviz.progress import Progress, silent

BEGUN = 4
"""How many runs may be begun and not ended: what they hold adds up while they wait for each other."""
LONG = 2.0
"""Seconds of computing after which a run lets others go first, again and again. Most runs end before."""
TURN = 0.25
"""Seconds that a long run computes before it lets others go first again."""
FREES = 0.05
"""Seconds of computing after which freed memory is returned, which itself takes some milliseconds."""

_begun, _line = FairQueue(BEGUN), FairQueue(1)


class _Own(threading.local):
    """Of a thread: whether its run has begun and is inside, since when, and how long it was inside before."""

    begun = inside = uninterrupted = False
    since = before = 0.0


_own = _Own()


@contextmanager
def compute_lock(progress: Progress = silent) -> Iterator[None]:
    """One heavy computation at a time in this process, in the order of arrival.

    The lock is reentrant. While waiting, ``progress`` is called with 0 now and then and may raise, so that a
    visitor who has moved on leaves the queue.
    """
    if _own.begun:
        yield
        return
    _begun.enter(progress)
    _own.begun, _own.before = True, 0.0
    try:
        _enter(progress)
        yield
    except BaseException as error:
        # The error's frames hold what the stopped run held: that is released before the next run begins.
        traceback.clear_frames(error.__traceback__)
        raise
    finally:
        _own.begun = False
        if _own.inside:
            if _own.before + perf_counter() - _own.since > FREES:
                memory.give_back()
            _leave()
        _begun.leave()


def busy() -> bool:
    """Whether a computation is under way, so that another one would have to wait."""
    return _line.full


def let_others_go_first(progress: Progress = silent) -> None:
    """Yield to the runs that wait for the lock, if the run of this thread is a long one and has had its turn.

    For a run to call now and then. It comes back after at most ``BEGUN - 1`` others; ``progress`` as in
    :func:`compute_lock`.
    """
    here = perf_counter() - _own.since
    if _own.inside and not _own.uninterrupted and here > TURN and _own.before + here > LONG and _line.waited_for:
        _leave()
        _enter(progress)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Nobody goes first meanwhile: for work of other threads, which would go on all the same."""
    had, _own.uninterrupted = _own.uninterrupted, True
    try:
        yield
    finally:
        _own.uninterrupted = had


def _enter(progress: Progress) -> None:
    _line.enter(progress)
    _own.inside, _own.since = True, perf_counter()


def _leave() -> None:
    _own.inside = False
    _own.before += perf_counter() - _own.since
    _line.leave()
