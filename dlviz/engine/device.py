"""Where the numbers are computed, and the gate that heavy computation goes through.

The device is ``DLVIZ_DEVICE`` (``cpu``, ``cuda`` or ``mps``) if that is set, else the first CUDA GPU, else
the CPU. ``mps`` must be asked for, because it has no float64. Importing this module does not import torch.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

from dlviz.contract import Progress, silent

if TYPE_CHECKING:
    import torch

DEVICES = ("cpu", "cuda", "mps")
POLL_SECONDS = 0.01

_lock = threading.RLock()


def device(double: bool = False) -> torch.device:
    """The device to compute on. With `double`, one that has float64 (the CPU in place of ``mps``).

    Raises ``ValueError`` if ``DLVIZ_DEVICE`` names no device, or one that is not there.
    """
    import torch

    wanted = os.environ.get("DLVIZ_DEVICE", "").strip().lower()
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not wanted:
        wanted = "cuda" if present["cuda"] else "cpu"
    if wanted not in DEVICES:
        raise ValueError(f"DLVIZ_DEVICE is {wanted!r}; allowed are {', '.join(DEVICES)}")
    if not present[wanted]:
        there = ", ".join(name for name in DEVICES if present[name])
        raise ValueError(f"DLVIZ_DEVICE is {wanted!r}, which torch does not find on this computer; there is {there}")
    return torch.device("cpu" if double and wanted == "mps" else wanted)


def describe(double: bool = False) -> str:
    """The device in words for a caption: ``"CPU"``, the GPU's name, or ``"Apple GPU"``."""
    import torch

    match device(double).type:
        case "cuda":
            return torch.cuda.get_device_name()
        case "mps":
            return "Apple GPU"
    return "CPU"


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


@contextmanager
def gate(progress: Progress = silent) -> Iterator[None]:
    """One heavy computation at a time in this process.

    Torch calls of several server threads on few cores slow each other down manyfold, so all of them pass
    here. The gate is reentrant. While waiting, `progress` is called with 0 and may raise, so that a
    visitor who has moved on leaves the queue.
    """
    while not _lock.acquire(timeout=POLL_SECONDS):
        progress(0.0)
    try:
        yield
    finally:
        _lock.release()
