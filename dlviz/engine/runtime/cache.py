"""Least-recently-used caches that share one memory budget: no training run is repeated for another panel's knob."""

from __future__ import annotations

import dataclasses
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import Any, TypeVar

import numpy as np

from dlviz.engine.runtime.device import left_the_gpu, note, noting
from dlviz.progress import Progress, silent

T = TypeVar("T")


class Budget:
    """Memory that several caches share: when it is full, the least recently used value of all of them is evicted."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.lock = threading.Lock()
        self.caches: weakref.WeakSet[Cache] = weakref.WeakSet()
        self.clock = count()

    def make(self) -> None:
        """Evict values until the rest fits. The caller holds the lock."""
        while self.bytes > self.max_bytes:
            min((cache for cache in self.caches if cache), key=Cache.oldest).pop()


BUDGET = Budget(192_000_000)
"""What all results, kept parts, drawings and files of this process take at most, in bytes of their contents."""
LARGEST = 0.25
"""The share of the budget that a single value may take, so that one visitor's cannot evict all others'."""


class Cache:
    """The most recently used values by key, bounded in number, and in bytes by a shared budget.

    For all sessions and thread-safe. ``st.cache_data`` would copy every result for every visitor, replay
    elements drawn while it ran, and could be emptied by any visitor's "clear cache".
    """

    def __init__(self, max_entries: int, budget: Budget = BUDGET) -> None:
        self._values: OrderedDict[Any, tuple[Any, int, int]] = OrderedDict()  # value, bytes, when it was used
        self._max_entries = max_entries
        self._budget = budget
        weakref.finalize(self, _leave, budget, self._values)
        budget.caches.add(self)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Any) -> Any:
        """The value, or None."""
        with self._budget.lock:
            if key not in self._values:
                return None
            value, size, _used = self._values[key]
            self._values[key] = value, size, next(self._budget.clock)
            self._values.move_to_end(key)
            return value

    def put(self, key: Any, value: Any) -> None:
        """Keep a value; one that takes more than its share of the budget (:data:`LARGEST`) is not kept."""
        size = size_of(value)
        with self._budget.lock:
            if key in self._values:
                self._budget.bytes -= self._values.pop(key)[1]
            if size > self._budget.max_bytes * LARGEST:
                return
            self._values[key] = value, size, next(self._budget.clock)
            self._budget.bytes += size
            while len(self) > self._max_entries:
                self.pop()
            self._budget.make()

    def clear(self) -> None:
        """Forget all values."""
        with self._budget.lock:
            while self:
                self.pop()

    def pop(self) -> None:
        """Evict the least recently used value. The caller holds the budget's lock."""
        _key, (_value, size, _used) = self._values.popitem(last=False)
        self._budget.bytes -= size

    def oldest(self) -> int:
        """When the least recently used value was last used. The caller holds the budget's lock."""
        return next(iter(self._values.values()))[2]


def _leave(budget: Budget, values: OrderedDict[Any, tuple[Any, int, int]]) -> None:
    budget.bytes -= sum(size for _value, size, _used in values.values())


def size_of(value: Any) -> int:
    """Bytes of a value's contents: arrays and tensors with what they are views of, texts, and what holds them."""
    seen: set[int] = set()
    found = 0
    todo = [value]
    while todo:
        item = todo.pop()
        base = getattr(item, "base", None)
        if isinstance(item, np.ndarray) and isinstance(base, np.ndarray):
            item = base
        if id(item) in seen:
            continue
        seen.add(id(item))
        found += item.nbytes if hasattr(item, "nbytes") else sys.getsizeof(item)
        if isinstance(item, dict):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            todo += item
        elif dataclasses.is_dataclass(item):
            todo += [getattr(item, field.name) for field in dataclasses.fields(item)]
    return found


def cached(maxsize: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Keep the last ``maxsize`` results of a function by its arguments, all hashable, for this process.

    The keyword argument ``progress`` is no part of the key: it is passed on when there is work to do.
    NumPy arrays in a result are made read-only, for it is shared. What raises is not kept. Two threads that
    ask for the same at once both compute it; in the app that is rare, for the compute lock lets only one in. All
    such functions and the app's own results share the bytes of :data:`BUDGET`.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        # With the accelerators that computed them: a run that takes a result from the cache has used them, too.
        cache = Cache(maxsize)

        @wraps(function)
        def call(*args: Any, progress: Progress = silent, **named: Any) -> T:
            key = (args, tuple(sorted(named.items())), left_the_gpu())
            found = cache.get(key)
            if found is None:
                with noting() as used:
                    result = frozen(function(*args, progress=progress, **named))
                cache.put(key, (result, used))
                return result
            result, used = found
            note(used)
            return result

        call.forget = cache.clear  # type: ignore[attr-defined]
        return call

    return decorate


def frozen(value: T) -> T:
    """The same object, every NumPy array in it read-only; looks into dicts, lists, tuples and dataclasses."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, dict):
        for item in value.values():
            frozen(item)
    elif isinstance(value, list | tuple):
        for item in value:
            frozen(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            frozen(getattr(value, field.name))
    return value
