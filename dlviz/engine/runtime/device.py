"""Where the numbers are computed, and what is done where the memory there is too small.

The device is that of :mod:`dlviz.hardware`. What is a matter of microseconds stays on the CPU, on every machine.
Importing this module does not import torch.
"""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar

from dlviz import hardware
from dlviz.contract import Computed, Fallback, Result
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch

R = TypeVar("R", bound=Result)

LEAST_PIECE = 16
"""Pieces are cut to this part of their usual size before a run that does not fit goes to the CPU."""


@dataclass
class _Run:
    """What is known of the run under way: into how many the usual pieces are cut, and what it computes on."""

    parts: int = 1
    on_cpu: bool = False
    in_pieces: bool = False  # some work was cut into pieces that could be smaller


_run: ContextVar[_Run | None] = ContextVar("run", default=None)
_used: ContextVar[set[str] | None] = ContextVar("used", default=None)


def device(double: bool = False) -> torch.device:
    """The device to compute on. With `double`, one that has float64 (the CPU in place of ``mps``).

    Raises ``ValueError`` if ``DLVIZ_DEVICE`` names no device, or one that is not there.
    """
    import torch

    where = hardware.chosen()
    if left_the_gpu() or (double and _lacks_double(where)):
        where = torch.device("cpu")
    if where.type != "cpu":
        note([in_words(where)])
    return where


def _lacks_double(where: torch.device) -> bool:
    """Whether a device has no float64, as Apple's GPUs."""
    return where.type == "mps"


def in_words(where: torch.device) -> str:
    """A device for a caption: ``"CPU"``, the GPU's name, or ``"Apple GPU"``."""
    import torch

    match where.type:
        case "cuda":
            return torch.cuda.get_device_name(where)
        case "mps":
            return "Apple GPU"
    return where.type.upper()


def doubled(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float64: on its own device, or on the CPU where that has none."""
    return (tensor.cpu() if _lacks_double(tensor.device) else tensor).double()


def describe() -> str:
    """The device that a computation would run on now, in words."""
    return in_words(device())


def note(devices: Iterable[str]) -> None:
    """Accelerators that the result under way was computed on, also where it was kept from an earlier run."""
    used = _used.get()
    if used is not None:
        used.update(devices)


@contextmanager
def noting() -> Iterator[set[str]]:
    """Gives the accelerators that its body computes on, complete at its end."""
    used: set[str] = set()
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)
        note(used)


def left_the_gpu() -> bool:
    """Whether the run under way had to go to the CPU: tensors that are kept for others lie elsewhere."""
    run = _run.get()
    return run is not None and run.on_cpu


def chunk_size(items: int) -> int:
    """How many items to work on at once, of so many as usual: fewer when they did not fit into the GPU's memory."""
    run = _run.get()
    if run is None:
        return items
    fewer = max(1, items // run.parts)
    run.in_pieces |= fewer > 1
    return fewer


def with_fallback(run: Callable[..., R]) -> Callable[..., R]:
    """A concept's ``run`` that gets by with the memory there is, and whose result says where it was computed.

    When the GPU's memory is too small, the run is repeated with pieces of half the size (:func:`chunk_size`), as long
    as some of its work goes in pieces, to a sixteenth; then on the CPU. Parts that are kept are not computed
    again. An out-of-memory of the computer itself passes through.
    """

    @wraps(run)
    def call(settings: Any, progress: Progress = silent) -> R:
        state = _Run()
        while True:
            token = _run.set(state)
            try:
                with noting() as used:
                    result = run(settings, progress)
                fallback: Fallback = "cpu" if state.on_cpu else "pieces" if state.parts > 1 else ""
                where = Computed(", ".join(sorted(used)) or "CPU", fallback)
                return replace(result, computed=where)
            except (RuntimeError, MemoryError) as error:
                if not gpu_is_full(error) or state.on_cpu:
                    raise
            finally:
                _run.reset(token)
            # Here the error is gone, and with it the tensors that its frames held.
            smaller = state.in_pieces and state.parts < LEAST_PIECE
            state = _Run(parts=2 * state.parts) if smaller else _Run(on_cpu=True)
            _give_back()

    return call


def gpu_is_full(error: BaseException) -> bool:
    """Whether this is an accelerator's out-of-memory, and not the computer's own."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "mps backend out of memory" in str(error).lower()


def _give_back() -> None:
    """Return what torch's allocator caches of the GPU's memory, for other processes and for larger blocks."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on, by name. Read from package metadata: imports nothing."""
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "numpy")}


def threads() -> int:
    """How many CPU cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def one_thread() -> None:
    """Let torch use one thread in this process and its children, unless ``OMP_NUM_THREADS`` says otherwise.

    To be called before torch is imported, by programs and not by a library's user. Torch's threads wait for each
    other by spinning: the small networks here gain nothing from a second one, and where another process
    wants the cores, or a shared machine has fewer than it shows, a run takes many times as long.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
