"""Kernels compiled by numba: without the GIL, and kept on disk where there is a place for them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """``numba.njit`` without the GIL, with IEEE division, and cached on disk where there is a place and room for it."""
    try:
        kernel: Any = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba found no writable place for the cache
        return njit(nogil=True, error_model="numpy")(function)
    save = kernel._cache.save_overload

    def save_where_there_is_room(*what: Any) -> None:
        # Numba lets the error of a full disk end the run, though the compiled code is there.
        with suppress(OSError):
            save(*what)

    kernel._cache.save_overload = save_where_there_is_room
    return kernel
