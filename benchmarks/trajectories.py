"""How fast descent runs here against the usual loop over torch.optim: ``python benchmarks/trajectories.py``.

Everything is timed side by side in one run, ours and the other by turns. Before it is timed, each comparison
is checked to give the same paths or labels. Prints Markdown for docs/benchmarks.md.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from numba import njit  # noqa: E402

from dlviz.engine.descent import descent  # noqa: E402
from dlviz.engine.descent.interpreter import BLOCK  # noqa: E402
from dlviz.engine.descent.lanes import Final, Lanes, Trace  # noqa: E402
from dlviz.engine.descent.tracer import OPERATIONS, compile_program  # noqa: E402
from dlviz.engine.optimizers import RULES  # noqa: E402
from dlviz.engine.runtime import device  # noqa: E402
from dlviz.engine.surfaces.named import surface  # noqa: E402

STEPS, RATE, STARTS, LOOP_STARTS = 300, 0.002, 1000, 20
SIDE, BASIN_STEPS, BASIN_RATE, TOLERANCE = 256, 500, 0.1, 0.05
CORES = device.threads()
GROUND = surface("Himmelblau")


# -- what is compared against ------------------------------------------------------------------------------


def himmelblau(w: torch.Tensor) -> torch.Tensor:
    """As one writes it in torch; w (..., 2)."""
    x, y = w.unbind(-1)
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


class AveragedMomentum(torch.optim.Optimizer):
    """Not in torch: momentum as an average of gradients."""

    def __init__(self, params: Iterable, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                m.lerp_(p.grad, 0.1)
                p.add_(m, alpha=-group["lr"])


class Lion(torch.optim.Optimizer):
    """Not in torch: Chen et al. 2023."""

    def __init__(self, params: Iterable, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.add_(m.lerp(p.grad, 0.1).sign_(), alpha=-group["lr"])
                m.lerp_(p.grad, 0.01)


OPTIMIZERS: dict[str, Callable[[list], torch.optim.Optimizer]] = {
    "GD": lambda p: torch.optim.SGD(p, RATE),
    "SGD": lambda p: torch.optim.SGD(p, RATE),
    "Momentum": lambda p: torch.optim.SGD(p, RATE, momentum=0.9),
    "Averaged momentum": lambda p: AveragedMomentum(p, RATE),
    "Nesterov": lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p: torch.optim.Adagrad(p, RATE),
    "RMSprop": lambda p: torch.optim.RMSprop(p, RATE),
    "AdaDelta": lambda p: torch.optim.Adadelta(p, RATE),
    "Adam": lambda p: torch.optim.Adam(p, RATE),
    "AdamW": lambda p: torch.optim.AdamW(p, RATE),
    "NAdam": lambda p: torch.optim.NAdam(p, RATE),
    "Lion": lambda p: Lion(p, RATE),
}


def loop(starts: np.ndarray) -> np.ndarray:
    """The usual training loop for every optimizer and start; paths (starts, optimizers, STEPS+1, 2)."""
    paths = np.empty((len(starts), len(OPTIMIZERS), STEPS + 1, 2))
    for i, start in enumerate(starts):
        for j, make in enumerate(OPTIMIZERS.values()):
            w = torch.nn.Parameter(torch.tensor(start))
            optimizer = make([w])
            paths[i, j, 0] = start
            for step in range(STEPS):
                optimizer.zero_grad()
                himmelblau(w).backward()
                optimizer.step()
                paths[i, j, step + 1] = w.detach().numpy()
    return paths


def ours(starts: np.ndarray, executor: descent.Executor = "auto") -> list[Trace]:
    """The same paths, with the loss at every step besides."""
    lanes = [Lanes(rule, starts[:, 0], starts[:, 1], RATE) for rule in RULES.values()]
    return descent.descend(GROUND, lanes, STEPS, executor=executor)


def torch_basins(points: np.ndarray) -> np.ndarray:
    """Which minimum torch.optim.Adam on one big tensor (points, 2) is near at the end, -1 if none."""
    w = torch.nn.Parameter(torch.tensor(points))
    optimizer = torch.optim.Adam([w], lr=BASIN_RATE)
    for _ in range(BASIN_STEPS):
        optimizer.zero_grad()
        himmelblau(w).sum().backward()
        optimizer.step()
    distance = torch.cdist(w.detach(), torch.tensor(GROUND.minima)).numpy()
    return np.where(distance.min(1) <= TOLERANCE, distance.argmin(1), -1)


def our_basins(points: np.ndarray) -> np.ndarray:
    return descent.basins(
        GROUND, RULES["Adam"], {}, BASIN_RATE, *points.T, steps=BASIN_STEPS, tolerance=TOLERANCE
    ).minimum


def our_full_basins(points: np.ndarray) -> list[Final]:
    """All steps of all starts, none ended early."""
    return descent.final_loss(GROUND, [Lanes(RULES["Adam"], *points.T, BASIN_RATE)], BASIN_STEPS)


# -- timing and limits -------------------------------------------------------------------------------------


def by_turns(*calls: Callable, turns: int = 5) -> list[float]:
    """Seconds of each call: the median over turns of the best of a turn.

    Calls take turns, so that a busy moment of the computer hits all of them; in a turn a short call is
    repeated, up to five times within half a second. One turn before them warms up.
    """
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(turns + 1):
        for taken, call in zip(times, calls, strict=True):
            durations: list[float] = []
            while not durations or (len(durations) < 5 and sum(durations) < 0.5):
                begin = time.perf_counter()
                call()
                durations.append(time.perf_counter() - begin)
            if turn:
                taken.append(min(durations))
    return [statistics.median(taken) for taken in times]


@njit(nogil=True, error_model="numpy")
def _arithmetic(a, repeats):
    for _ in range(repeats):
        for i in range(len(a)):
            u, v, w, z = a[i], a[i] + 1.0, a[i] + 2.0, a[i] + 3.0
            for _k in range(8):
                u, v, w, z = u * 0.999 + 0.001, v * 0.999 + 0.001, w * 0.999 + 0.001, z * 0.999 + 0.001
            a[i] = u + v + w + z


@njit(nogil=True, error_model="numpy")
def _divisions(a, repeats):
    for _ in range(repeats):
        for i in range(len(a)):
            u, v = a[i], a[i] + 1.0
            for _k in range(4):
                u, v = 1.5 / u, 1.5 / v
            a[i] = u * 0.5 + v * 0.5


@njit(nogil=True, error_model="numpy")
def _roots(a, repeats):
    for _ in range(repeats):
        for i in range(len(a)):
            u, v = a[i], a[i] + 1.0
            for _k in range(4):
                u, v = math.sqrt(u), math.sqrt(v)
            a[i] = u + v


def limits() -> dict[str, float]:
    """Least seconds of one multiplication or addition, division and root on one core, and of one fresh byte.

    Arithmetic: chains in registers over a vector in the L1 cache, IEEE float64 as the kernels use it.
    Memory: first writing of new pages by all cores, which is what recording a path costs.
    """
    found = {}
    for name, chain, operations in (("flop", _arithmetic, 64), ("div", _divisions, 8), ("sqrt", _roots, 8)):
        vector = np.full(BLOCK, 1.2)
        chain(vector, 1)
        best = math.inf
        for _ in range(20):
            vector[:] = 1.2
            begin = time.perf_counter()
            chain(vector, 2000)
            best = min(best, time.perf_counter() - begin)
        found[name] = best / (2000 * BLOCK * operations)
    best, size = math.inf, 1 << 25
    with ThreadPoolExecutor(CORES) as pool:
        for _ in range(10):
            begin = time.perf_counter()
            list(pool.map(lambda _: np.empty(size, np.uint8).fill(1), range(CORES)))
            best = min(best, time.perf_counter() - begin)
    return found | {"byte": best / (size * CORES)}


def arithmetic_seconds(limit: dict[str, float], rule: str, record: bool) -> float:
    """Least seconds of one step of one lane: its operations at the measured limits, none for moving data."""
    program = compile_program(GROUND, RULES[rule], False, record)
    counts = Counter(OPERATIONS[operation] for operation in program.code[program.setup :, 0])
    flops = sum(counts[name] * n for name, n in (("add", 1), ("sub", 1), ("mul", 1), ("muladd", 2), ("sign", 1)))
    return flops * limit["flop"] + counts["div"] * limit["div"] + counts["sqrt"] * limit["sqrt"]


# -- start-up ----------------------------------------------------------------------------------------------

PROBE = """
import os, time
import numpy, sympy
from dlviz.engine.descent import descent
from dlviz.engine.optimizers import RULES
from dlviz.engine.surfaces.named import surface
ground = surface("Himmelblau"); ground.minima
def memory():  # MB in use; Linux only
    try:
        return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except FileNotFoundError:
        return float("nan")
before, begin = memory(), time.perf_counter()
import dlviz.engine.descent.compiled
imported = time.perf_counter()
descent.descend(ground, [Lanes(RULES["Adam"], 0.0, 0.0, 0.1)], 3)
descent.basins(ground, RULES["Adam"], {}, 0.1, 0.0, 0.0, tolerance=0.1)
print(imported - begin, time.perf_counter() - imported, memory() - before)
"""


def startup() -> tuple[list[float], list[float]]:
    """(import seconds, first-call seconds, MB of memory) without and with the kernels in numba's cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)}
        runs = [
            subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True)
            for _ in range(2)
        ]
    return tuple([float(part) for part in run.stdout.split()] for run in runs)


# -- the report --------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def main() -> None:
    rng = np.random.default_rng(0)
    starts = rng.uniform(-4, 4, (STARTS, 2))
    side = np.linspace(-5.5, 5.5, SIDE)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)

    torch.set_default_dtype(torch.float64)  # torch.optim.NAdam computes its factors in the default dtype
    worst = max(np.abs(trace.w - path).max() for trace, path in zip(
        ours(starts[:2]), loop(starts[:2]).transpose(1, 2, 0, 3), strict=True))  # fmt: skip
    labels, torch_labels = our_basins(points), torch_basins(points)
    differing = int((labels != torch_labels).sum())
    if worst > 1e-10 or differing:
        raise SystemExit(f"not the same: paths differ by {worst:.1e}, {differing} of {labels.size} labels differ")

    limit = limits()
    # One thread as in the app: the tensors are small, and threads that wait for each other are slow on a busy computer.
    torch.set_num_threads(1)
    one_loop, one, one_eager = by_turns(
        lambda: loop(starts[:1]), lambda: ours(starts[:1]), lambda: ours(starts[:1], "torch"), turns=5
    )
    loop_20, many, many_eager = by_turns(
        lambda: loop(starts[:LOOP_STARTS]), lambda: ours(starts), lambda: ours(starts, "torch"), turns=3
    )
    loop_1000 = loop_20 * STARTS / LOOP_STARTS
    torch.set_num_threads(CORES)
    big, basin, full = by_turns(
        lambda: torch_basins(points), lambda: our_basins(points), lambda: our_full_basins(points), turns=5
    )
    rates = np.logspace(-5, 2, 57)
    grid_lanes = [Lanes(rule, *GROUND.start, rates) for rule in RULES.values()]
    (grid,) = by_turns(lambda: descent.final_loss(GROUND, grid_lanes, STEPS), turns=9)

    step = sum(arithmetic_seconds(limit, name, True) for name in RULES) * STEPS
    many_floor = step * STARTS / CORES + len(RULES) * STARTS * (STEPS + 1) * 3 * 8 * limit["byte"]
    full_floor = arithmetic_seconds(limit, "Adam", False) * len(points) * BASIN_STEPS / CORES
    arrival = descent.basins(GROUND, RULES["Adam"], {}, BASIN_RATE, *points.T, steps=BASIN_STEPS, tolerance=TOLERANCE)
    taken = np.minimum(np.where(arrival.minimum >= 0, arrival.steps + 10, arrival.steps), BASIN_STEPS).sum()
    basin_floor = full_floor * taken / (len(points) * BASIN_STEPS)

    print(f"{platform.machine()}, {CORES} cores, Python {platform.python_version()}, torch {torch.__version__}, "
          f"NumPy {np.__version__}; float64; {GROUND.name}.\n")  # fmt: skip
    print(f"Limits measured in the same run: {1e-9 / limit['flop']:.1f} Gflop/s, {1e-9 / limit['div']:.2f} G "
          f"divisions/s, {1e-9 / limit['sqrt']:.2f} G roots/s on one core; {1e-9 / limit['byte']:.1f} GB/s first "
          f"writing of fresh memory on {CORES}.\n")  # fmt: skip
    print("| What | torch.optim | dlviz | times faster | times the limit |")
    print("|---|---:|---:|---:|---:|")
    rows = [
        (f"{len(RULES)} optimizers × 1 start × {STEPS} steps, paths and losses", one_loop, one, None),
        ("the same in the torch executor", one_loop, one_eager, None),
        (f"{len(RULES)} optimizers × {STARTS:,} starts × {STEPS} steps ¹", loop_1000, many, many_floor),
        ("the same in the torch executor ¹", loop_1000, many_eager, None),
        (f"Basins, {SIDE}×{SIDE} starts × {BASIN_STEPS} Adam steps ²", big, basin, basin_floor),
        ("the same, every start to the last step ²", big, full, full_floor),
    ]
    for what, other, mine, floor in rows:
        near = "" if floor is None else f"{mine / floor:.1f}"
        print(f"| {what} | {duration(other)} | {duration(mine)} | {other / mine:,.0f} | {near} |")
    print(f"\n¹ The loop is extrapolated from {LOOP_STARTS} starts, which took {duration(loop_20)}.")
    print(f"² torch.optim.Adam on one tensor ({len(points):,}, 2) with {CORES} threads; the labels of all starts "
          "are equal. Starts end when they have stayed at a minimum for 10 steps "
          f"({taken / len(points):.0f} of {BASIN_STEPS} steps on average).")  # fmt: skip
    print("\nThe limit counts each program's operations at the rates above, all cores busy, plus the first "
          "writing of the recorded paths; it has nothing for loading and storing between operations.\n")  # fmt: skip
    print(f"Final losses of {len(RULES)} optimizers × {len(rates)} learning rates × {STEPS} steps: {duration(grid)}.\n")
    for when, (imported, first, memory) in zip(("empty", "filled"), startup(), strict=True):
        print(f"Start-up with numba's cache {when}: import {imported:.2f} s, first calls {first:.2f} s, "
              f"{memory:.0f} MB more memory.\n")  # fmt: skip


if __name__ == "__main__":
    main()
