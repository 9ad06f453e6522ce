"""Results that are kept: a training run is not repeated because a knob of another panel moved."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from dlviz.contract import Progress, silent

T = TypeVar("T")


def kept(maxsize: int) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Keep the last ``maxsize`` results of a function by its arguments, all hashable, for this process.

    The keyword argument ``progress`` is no part of the key: it is passed on when there is work to do.
    NumPy arrays in a result are made read-only, for it is shared. What raises is not kept. Two threads that
    ask for the same at once both compute it; in the app the gate of ``engine.device`` lets only one.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        values: OrderedDict[Any, T] = OrderedDict()
        lock = threading.Lock()

        @wraps(function)
        def call(*args: Any, progress: Progress = silent, **named: Any) -> T:
            key = (args, tuple(sorted(named.items())))
            with lock:
                if key in values:
                    values.move_to_end(key)
                    return values[key]
            result = frozen(function(*args, progress=progress, **named))
            with lock:
                values[key] = result
                values.move_to_end(key)
                while len(values) > maxsize:
                    values.popitem(last=False)
            return result

        call.forget = values.clear  # type: ignore[attr-defined]
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
