"""The devices of this computer: which one computes, and whether it is a GPU.

``DLVIZ_DEVICE`` (``cpu``, ``cuda`` or ``mps``) if that is set, else the first CUDA GPU, else the CPU. ``mps`` must be
asked for, because it has no float64. Importing this imports nothing of the package, and torch not at all.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

DEVICES = ("cpu", "cuda", "mps")


def chosen() -> torch.device:
    """The device of this process by ``DLVIZ_DEVICE`` and what is there. Raises as :func:`device` does."""
    import torch

    wanted = _asked()
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not wanted:
        wanted = "cuda" if present["cuda"] else "cpu"
    if wanted not in DEVICES:
        raise ValueError(f"DLVIZ_DEVICE is {wanted!r}; allowed are {', '.join(DEVICES)}")
    if not present[wanted]:
        there = ", ".join(name for name in DEVICES if present[name])
        raise ValueError(f"DLVIZ_DEVICE is {wanted!r}, which torch does not find on this computer; there is {there}")
    return torch.device(wanted)


def _asked() -> str:
    return os.environ.get("DLVIZ_DEVICE", "").strip().lower()


@cache
def _driver() -> bool:
    """Whether a CUDA driver is there: asked of the system, for importing torch takes seconds."""
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def accelerated() -> bool:
    """Whether a GPU computes here, for which larger limits are open. A wrong ``DLVIZ_DEVICE`` counts as none."""
    if not (_asked() or _driver()) or _asked() == "cpu":
        return False
    try:
        return chosen().type != "cpu"
    except ValueError:  # told where something is computed
        return False
