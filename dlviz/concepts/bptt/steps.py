"""The Jacobian of one step over time, and the powers of the recurrent matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import small
from dlviz.progress import Progress, silent, split

from .networks import Network, keys, network, read
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

POWERS = 40


@dataclass(frozen=True)
class Steps:
    """Jacobians of single steps of the first network, and the powers of its W."""

    at: np.ndarray  # (J,) the steps t that were taken
    singular: np.ndarray  # (J, 3) largest, median and smallest singular value of ∂s_t/∂s_{t-1}
    rho: np.ndarray  # (J,) its spectral radius
    powers: np.ndarray  # (K+1,) ‖W^k‖₂ for k = 0 ... K, W the first recurrent block
    radius: float  # ρ(W)
    norm: float  # σ_max(W)


def compute(settings: Settings, progress: Progress = silent) -> Steps:
    """Of the cell looked at."""
    return of_network(network(settings, settings.cell), settings.seed, progress=progress)


@cached(16)
def of_network(of: Network, seed: int, *, progress: Progress = silent) -> Steps:
    """Singular values and spectral radius of the Jacobian of single steps, and the powers of W."""
    import torch

    from dlviz.engine.signals import cells

    with torch.no_grad():
        trace = read(of, keys(seed, 1)).trace
        state = trace.cells.state
        most = int(np.clip(64 * (64 / state) ** 1.5, 10, 64))
        at = np.unique(np.linspace(1, of.length, min(most, of.length)).round().astype(int))
        singular, rho = np.full((len(at), 3), np.nan), np.full(len(at), np.nan)
        *single, multiplied = split(progress, (*(9 / len(at) for _ in at), 1))
        for i, (t, part) in enumerate(zip(at, single, strict=True)):
            jacobian = cells.jacobian(trace, int(t))[0].cpu()
            values, radius = split(part, (3, 7))
            values(0.0)
            if jacobian.isfinite().all():
                found = torch.linalg.svdvals(jacobian)
                singular[i] = [float(found[0]), float(found.median()), float(found[-1])]
                rho[i] = cells.spectral_radius(jacobian, radius)
            radius(1.0)
        w = trace.cells.weight_hh[0, : of.hidden].cpu()
        power, powers = torch.eye(of.hidden, dtype=w.dtype), [1.0]
        for k in range(POWERS):
            power = power @ w
            powers.append(float(torch.linalg.matrix_norm(power, 2)))
            multiplied((k + 1) / POWERS)
    return Steps(at, singular, rho, np.array(powers), float(of.radius), powers[1])


def norm_says_more(result: Result) -> Check:
    """The powers of a Gaussian W grow before they shrink, though its spectral radius is below one."""
    found = result.steps
    peak = int(np.argmax(found.powers))
    grows = found.radius < 1 < found.norm and found.powers[peak] > 1.5
    return Check(
        bool(grows and found.powers[-1] < found.powers[peak]),
        {
            "rho": found.radius,
            "sigma": found.norm,
            "peak": float(found.powers[peak]),
            "at": peak,
            "theory": found.radius**peak,
        },
    )


PRESETS = (
    Preset(
        "norm",
        Settings(panels=("Step Jacobian",), cells=("RNN tanh",), radius=0.95, input_gain=0.001),
        norm_says_more,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """How far the powers of W rise, beside ρ^k."""
    found = result.steps
    at = int(np.argmax(found.powers))
    return [Readout("Largest norm of $W^k$", small(float(found.powers[at])), small(found.radius**at))]


def notice(result: Result) -> list[Note]:
    """Where norm and radius say different things."""
    found = result.steps
    notes = []
    good = np.isfinite(found.rho)
    if good.any():
        over = int(((found.singular[:, 0] > 1) & (found.rho < 1))[good].sum())
        if over:
            notes.append(Note("stretches", {"count": over, "total": int(good.sum()), "cell": result.settings.cell}))
    at = int(np.argmax(found.powers))
    if found.radius <= 1 and found.powers[at] > 1.05:
        values = {"peak": small(float(found.powers[at])), "at": at, "rho": small(found.radius)}
        notes.append(Note("transient", values))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
