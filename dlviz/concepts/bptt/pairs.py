"""How far every step reaches: the Jacobians from every step to every later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Note, Study
from dlviz.engine.runtime.cache import cached
from dlviz.progress import Progress, silent

from .magnitudes import power_of_ten
from .networks import Network, keys, network, read
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

TARGETS = 40
"""At most so many steps t in the triangle of all pairs."""
EXACT = 6e9
"""Multiplications up to which the triangle is exact; beyond, random rows give an estimate with about PROBED."""
PROBED = 2e10


@dataclass(frozen=True)
class Pairs:
    """‖∂s_t/∂s_s‖_F / √(size of the state), of the first network."""

    targets: np.ndarray  # (R,) the steps t that were taken, ascending, the last T
    logs: np.ndarray  # (R, T) log10 of the norm by s = 1 ... T; NaN for s > t, -inf for 0
    probes: int  # random rows of which it is estimated; 0: exact


def compute(settings: Settings, progress: Progress = silent) -> Pairs:
    """Of the cell looked at."""
    return of_network(network(settings, settings.cell), settings.seed, progress=progress)


@cached(128)
def of_network(of: Network, seed: int, *, progress: Progress = silent) -> Pairs:
    """‖∂s_t/∂s_s‖ for pairs of steps of the first network, exact or by random rows."""
    import torch

    from dlviz.engine.signals import cells, recurrent_init

    stride = -(-of.length // TARGETS)
    targets = list(range(of.length, 0, -stride))[::-1]
    with torch.no_grad():
        trace = read(of, keys(seed, 1)).trace
        each = 2 * trace.cells.weight_hh[0].numel() * sum(targets)
        state, probes = trace.cells.state, None
        if each * state > EXACT:
            count = int(np.clip(PROBED / each, 8, min(64, state)))
            generator = recurrent_init.generator(keys(seed, 1)[0], 7)
            probes = torch.randn(count, state, generator=generator, dtype=torch.float64).to(trace.h.device)
        logs = cells.products(trace, targets, probes, progress)
    return Pairs(np.array(targets), logs, 0 if probes is None else len(probes))


def notice(result: Result) -> list[Note]:
    """How much of the first step arrives at the last."""
    found = result.pairs
    if not np.isfinite(found.logs[-1, 0]):
        return []
    shown = found.logs[np.isfinite(found.logs)]
    values = {
        "cell": result.settings.cell,
        "last": int(found.targets[-1]),
        "value": power_of_ten(found.logs[-1, 0]),
        "high": power_of_ten(shown.max()),
    }
    notes = [Note("first_to_last", values)]
    if found.probes:
        notes.append(Note("probes", {"count": found.probes}))
    return notes


STUDY = Study(compute, notice=notice)
