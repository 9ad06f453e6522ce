"""Queues in which threads wait for one of a few slots, in the order of arrival."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from dlviz.progress import Progress, silent

FIRST_LOOK_SECONDS, LOOK_SECONDS = 0.02, 0.25
"""How often a waiting thread checks whether it is still wanted: less often the longer it waits, as 200 may wait."""


class FairQueue:
    """A semaphore of ``places`` slots that serves waiting threads in the order of arrival. Thread-safe."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return not self._free

    @property
    def waited_for(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    def enter(self, progress: Progress = silent, first: bool = False) -> None:
        """Take a place, ``first`` before those who wait already; each goes with a :meth:`leave`.

        While waiting, ``progress`` is called with 0 now and then. What it raises passes through, and no place
        is taken then.
        """
        turn = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if first:
                self._waiting.appendleft(turn)
            else:
                self._waiting.append(turn)
        patience = FIRST_LOOK_SECONDS
        try:
            while not turn.wait(patience):
                progress(0.0)
                patience = min(2 * patience, LOOK_SECONDS)
        except BaseException:
            with self._lock:
                if turn.is_set():  # its turn came at the same moment
                    self._pass_on()
                else:
                    self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Give the place back; it goes straight to who has waited longest."""
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1


class KeyedQueues:
    """A queue with one slot for every key, kept as long as it is used. Thread-safe."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, FairQueue] = {}
        self._users: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, key: Hashable, progress: Progress = silent) -> Iterator[None]:
        """Be the only one with this key; ``progress`` as in :meth:`Line.enter`."""
        with self._lock:
            line = self._lines.setdefault(key, FairQueue(1))
            self._users[key] += 1
        try:
            line.enter(progress)
            try:
                yield
            finally:
                line.leave()
        finally:
            with self._lock:
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key], self._lines[key]
