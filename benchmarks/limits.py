"""What this machine can do at most, measured on the spot, and how figures are timed; shared by the benchmarks."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

FLOPS, BYTES = "flops", "bytes"


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was given; nothing on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def by_turns(*calls: Callable[[], object], turns: int = 3, device: torch.device | None = None) -> list[float]:
    """Median seconds of each call, all called in turn, so that a busy moment of the computer meets all of them."""
    device = device or torch.device("cpu")
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(turns + 1):
        for taken, call in zip(times, calls, strict=True):
            wait(device)
            begin = time.perf_counter()
            call()
            wait(device)
            if turn:
                taken.append(time.perf_counter() - begin)
    return [statistics.median(taken) for taken in times]


def flops(device: torch.device, dtype: torch.dtype, side: int | None = None) -> float:
    """Multiplications and additions a second in a product of two large square matrices: the arithmetic limit."""
    side = side or (1024 if device.type == "cpu" else 8192)
    a, b = (torch.randn(side, side).to(device, dtype) for _ in range(2))
    return 2 * side**3 / _least(lambda: a @ b, device)


def bandwidth(device: torch.device, size: int | None = None) -> float:
    """Bytes a second read and written in a copy of a tensor that fits no cache: the limit of what only moves data."""
    size = size or (1 << 26 if device.type == "cpu" else 1 << 30)
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / _least(lambda: target.copy_(source), device)


def _least(call: Callable[[], object], device: torch.device, times: int = 7) -> float:
    return min(by_turns(call, turns=1, device=device)[0] for _ in range(times))


def machine(device: torch.device) -> str:
    """The machine in words: processor and cores, or card, driver and memory; and the versions."""
    import numpy as np

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = f"{platform.machine()}, {cores} cores, {torch.get_num_threads()} thread(s)"
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        words += f"; {card.name}, {card.total_memory / 1e9:.0f} GB, driver {_driver()}, CUDA {torch.version.cuda}"
    elif device.type == "mps":
        words += f"; Apple GPU, macOS {platform.mac_ver()[0]}"
    return f"{words}; Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}."


def _driver() -> str:
    """The version of NVIDIA's driver, as the kernel module tells it."""
    told = Path("/proc/driver/nvidia/version")
    words = told.read_text(encoding="utf-8").split() if told.exists() else []
    return next((word for word in words if word[:1].isdigit() and "." in word), "unknown")


def duration(seconds: float) -> str:
    """In three digits."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def elementwise(function: Callable[[torch.Tensor], torch.Tensor], device: torch.device, dtype: torch.dtype) -> float:
    """Values a second of a function that is taken number by number, on a tensor that stays in the cache."""
    size = 1 << (15 if device.type == "cpu" else 26)
    x = torch.rand(size).to(device, dtype)
    return size / _least(lambda: [function(x) for _ in range(16)], device) * 16
