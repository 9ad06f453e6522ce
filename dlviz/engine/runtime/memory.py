"""The C library's allocator: fewer heaps, and what is freed goes back to the system. GNU's alone needs to be told."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

_M_ARENA_MAX = -8  # malloc.h
ARENAS = 2


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def few_arenas() -> None:
    """Let all threads share two heaps: for a process that starts a thread for every visitor's script.

    Of up to eight heaps a core, each keeps the holes that its threads have left. Call it before threads are started.
    """
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return freed memory to the system, which otherwise is kept wherever something lives above it."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)
