"""The table of functions: properties found by evaluating them, and what they cost on this device."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device, in_words
from dlviz.engine.signals import saturation
from dlviz.engine.signals.activations import maxout
from dlviz.progress import Progress, silent, split

from .functions import both_sides, kinks, lines, numeric, steepest, torch_function
from .settings import Settings

if TYPE_CHECKING:
    import torch

    from .result import Result

ELEMENTS = 100_000
REPEATS = 15
FLAT = 1e-6
"""A side on which |f′| ends below this saturates."""


@dataclass(frozen=True)
class Properties:
    """One row of the table, found by evaluating f and f′ in float64."""

    name: str
    parameter: float | None
    low: float  # infimum of f as reached within ±1e6; -inf where f keeps falling
    high: float
    mean: float  # of f(z), z ~ N(0, 1)
    at_zero: float  # f'(0)
    steepest: float  # max |f'|
    saturates_left: bool
    saturates_right: bool


@dataclass(frozen=True)
class Costs:
    """Forward and backward time of F functions as a multiple of ReLU's."""

    names: tuple[str, ...]
    ratio: np.ndarray  # (F,) median over rounds
    low: np.ndarray  # (F,) lower quartile
    high: np.ndarray  # (F,) upper quartile
    seconds: float  # ReLU's own
    elements: int  # of the tensor
    device: str


@dataclass(frozen=True)
class Table:
    """A row and a time of every function of the page."""

    properties: tuple[Properties, ...]
    costs: Costs


@cached(maxsize=64)
def properties(
    name: str, parameter: float | None, pieces: int, seed: int, *, progress: Progress = silent
) -> Properties:
    """Range, mean under N(0, 1), slopes and saturation of one function, each by evaluation in float64."""
    value, slope = (numeric(part) for part in torch_function(name, parameter, pieces, seed))
    jumps = kinks(name, pieces, seed)
    f = value(np.concatenate([saturation.GRID, both_sides(jumps)]))
    ends = value(np.array([-saturation.FAR, -saturation.FAR / 2, saturation.FAR / 2, saturation.FAR]))
    # What still moves by a half when z doubles has no bound.
    left_open, right_open = abs(ends[0] - ends[1]) > 1, abs(ends[3] - ends[2]) > 1
    low = -np.inf if (left_open and ends[0] < ends[1]) or (right_open and ends[3] < ends[2]) else float(f.min())
    high = np.inf if (left_open and ends[0] > ends[1]) or (right_open and ends[3] > ends[2]) else float(f.max())
    tails = np.abs(slope(np.array([-saturation.FAR, saturation.FAR])))
    progress(1.0)
    return Properties(
        name=name,
        parameter=parameter,
        low=low,
        high=high,
        mean=saturation.expectation(value, 0.0, 1.0, jumps.tolist()),
        at_zero=float(slope(np.zeros(1))[0]),
        steepest=steepest(name, parameter, pieces, seed),
        saturates_left=bool(tails[0] < FLAT),
        saturates_right=bool(tails[1] < FLAT),
    )


@cached(maxsize=8)
def costs(
    functions: tuple[tuple[str, float | None], ...], pieces: int, seed: int, *, progress: Progress = silent
) -> Costs:
    """Time of a forward and a backward pass, as a multiple of ReLU's, measured now on this device.

    Every round times every function once, so that a disturbance meets all of them alike; the ratio is taken
    within a round. A timing is not reproducible: it is taken once for these functions while the program runs.
    torch's own functions are timed where it has them, as a user would call them.
    """
    import torch

    where = device()
    x = torch.randn(ELEMENTS, generator=torch.Generator().manual_seed(0)).to(where).requires_grad_()
    calls = [_called(name, parameter, pieces, seed, where) for name, parameter in functions]
    relu = [name for name, _ in functions].index("ReLU")
    seconds = np.empty((REPEATS, len(calls)))
    for call in calls:
        _timed(call, x)
    for repeat in range(REPEATS):
        for i, call in enumerate(calls):
            seconds[repeat, i] = _timed(call, x)
            progress((repeat + (i + 1) / len(calls)) / REPEATS)
    ratios = seconds / seconds[:, relu : relu + 1]
    middle, low, high = np.percentile(ratios, (50, 25, 75), axis=0)
    return Costs(
        tuple(name for name, _ in functions), middle, low, high,
        float(np.median(seconds[:, relu])), ELEMENTS, in_words(where),
    )  # fmt: skip


def _called(
    name: str, parameter: float | None, pieces: int, seed: int, where: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    import torch
    from torch.nn import functional as F

    if name == "PReLU":
        weight = torch.tensor([parameter], device=where)
        return lambda x: F.prelu(x, weight)
    value = 0.0 if parameter is None else parameter  # which those that have none leave alone
    if name == "Swish" and value != 1:
        return lambda x: x * torch.sigmoid(value * x)
    torch_names: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "Sigmoid": torch.sigmoid,
        "Tanh": torch.tanh,
        "ReLU": F.relu,
        "Leaky ReLU": lambda x: F.leaky_relu(x, value),
        "ELU": lambda x: F.elu(x, value),
        "SELU": F.selu,
        "GELU": F.gelu,
        "Swish": F.silu,
        "Softplus": lambda x: F.softplus(x, value),
    }
    if name in torch_names:
        return torch_names[name]
    w, b = (part.float().to(where) for part in lines(pieces, seed))
    return lambda x: maxout(x[..., None] * w + b)


def _timed(call: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> float:
    import torch

    begun = time.perf_counter()
    torch.autograd.grad(call(x).sum(), x)
    if x.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def compute(settings: Settings, progress: Progress) -> Table:
    """Every function of the page with its parameter. The times are taken once while the program runs."""
    s = settings
    rows = tuple((name, s.parameter(name)) for name in s.options("function"))
    listed, timed = split(progress, [1.0, 20.0])
    watches = split(listed, [1.0] * len(rows))
    found = tuple(
        properties(name, value, s.maxout_pieces, s.seed, progress=watch)
        for (name, value), watch in zip(rows, watches, strict=True)
    )
    return Table(found, costs(rows, s.maxout_pieces, s.seed, progress=timed))


def table(result: Result) -> Check:
    """No slope of the sigmoid exceeds 1/4; of all functions few have mean zero under N(0, 1)."""
    rows = {row.name: row for row in result.table.properties}
    centred_ = [row.name for row in result.table.properties if abs(row.mean) < 1e-3]
    both = [row.name for row in result.table.properties if row.saturates_left and row.saturates_right]
    holds = abs(rows["Sigmoid"].steepest - 0.25) < 1e-9 and {"Tanh", "SELU"} <= set(centred_)
    holds = holds and both == ["Sigmoid", "Tanh"]
    values = {"centred": ", ".join(centred_), "both": ", ".join(both), "count": len(rows)}
    return Check(holds, {**values, "steepest": rows["Sigmoid"].steepest})


PRESETS = (Preset("table", Settings(panels=("Table",)), table),)


def notice(result: Result) -> list[Note]:
    """The cheapest and the dearest function beside ReLU."""
    c = result.table.costs
    others = [i for i, name in enumerate(c.names) if name != "ReLU"]
    cheap, dear = min(others, key=lambda i: c.ratio[i]), max(others, key=lambda i: c.ratio[i])
    return [
        Note(
            "cost",
            {
                "cheap": c.names[cheap], "cheap_ratio": float(c.ratio[cheap]), "dear": c.names[dear],
                "dear_ratio": float(c.ratio[dear]), "device": c.device, "count": c.elements,
            },
        )
    ]  # fmt: skip


STUDY = Study(compute, PRESETS, notice=notice)
