"""Softmax at every temperature, on the logits of a classifier trained on digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import percent
from dlviz.progress import Progress, silent

from .digits import standardised_digits
from .settings import Settings
from .wording import left

if TYPE_CHECKING:
    from .result import Result

TRAINED, TESTED = 1000, 300
STEPS, RATE = 300, 0.5
SCALES = np.logspace(-2, 2, 121)


@dataclass(frozen=True)
class Softmax:
    """Softmax of s z for the logits z of n digits, over C scales s = 1/T. Rows: median, 10th, 90th percentile."""

    scales: np.ndarray  # (C,)
    largest: np.ndarray  # (3, C) largest probability
    entropy: np.ndarray  # (3, C) as a share of log K
    jacobian: np.ndarray  # (3, C) Frobenius norm of ∂p/∂(s z), in closed form
    temperature: float
    here: tuple[float, float, float]  # the three medians at s = 1/T, by torch
    by_autograd: float  # the median norm of the Jacobian at s = 1/T once more, by autograd
    gap: np.ndarray  # (n,) largest logit minus the second largest
    classes: int  # K


@cache
def logits() -> np.ndarray:
    """Logits (n, 10) of a softmax regression for digits that it has not seen.

    Trained by gradient descent from zero weights on the first of all digits in a fixed random order: no choice
    of seed enters.
    """
    import torch

    from dlviz.engine.networks.batches import Repeated
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.mlp import MLP
    from dlviz.engine.networks.updates import sgd

    x, y = (torch.tensor(part) for part in standardised_digits(TRAINED + TESTED))
    zeros = [torch.zeros(1, 10, x.shape[1], dtype=x.dtype)], [torch.zeros(1, 10, dtype=x.dtype)]
    network = MLP(*zeros, ["Linear"])
    fit(network, Repeated(x[:TRAINED], y[:TRAINED], STEPS), sgd(RATE))
    with torch.no_grad():
        return network.forward(x[TRAINED:])[0].contiguous().numpy()


def jacobian_norm(p: np.ndarray) -> np.ndarray:
    """‖diag(p) − p pᵀ‖_F, softmax's Jacobian by its own input; (..., K) -> (...).

    Its square is Σ p_i²(1 − p_i)² + Σ_{i≠j} p_i² p_j². All but the largest p are measured in units of the second
    largest, so that nothing cancels or underflows near one-hot.
    """
    largest = p.argmax(axis=-1)[..., None]
    first = np.take_along_axis(p, largest, -1)[..., 0]
    rest = np.where(np.arange(p.shape[-1]) == largest, 0.0, p)
    unit = rest.max(axis=-1)
    r = rest / np.where(unit > 0, unit, 1.0)[..., None]
    squares = (r**2).sum(axis=-1)
    diagonal = (first * r.sum(axis=-1)) ** 2 + (r**2 * (1 - rest) ** 2).sum(axis=-1)
    beside = 2 * first**2 * squares + unit**2 * (squares**2 - (r**4).sum(axis=-1))
    return unit * np.sqrt(diagonal + np.maximum(beside, 0.0))


@cached(maxsize=32)
def softmax(temperature: float, *, progress: Progress = silent) -> Softmax:
    """Largest probability, entropy and Jacobian over the scales s = 1/T and at one, there by autograd too."""
    import torch

    z = logits()
    scaled = SCALES[:, None, None] * z
    log_p = scaled - scaled.max(axis=-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=-1, keepdims=True))
    p = np.exp(log_p)
    entropy = np.maximum(-(p * log_p).sum(axis=-1), 0.0) / np.log(z.shape[1])
    progress(0.5)
    u = torch.tensor(z / temperature, requires_grad=True)
    q = torch.softmax(u, dim=1)
    # One backward pass a class: row k of every sample's Jacobian.
    rows = [torch.autograd.grad(q[:, k].sum(), u, retain_graph=True)[0] for k in range(z.shape[1])]
    jacobian = torch.stack(rows, dim=1)
    # In units of its largest entry: the squares of 1e-200 would be zeros.
    unit = jacobian.abs().amax(dim=(1, 2), keepdim=True)
    norm = torch.linalg.matrix_norm(jacobian / unit.where(unit > 0, 1.0)) * unit.squeeze()
    q = q.detach()
    # Autograd's own 1 − p loses its digits near one-hot; there the closed form is the truth.
    closed = jacobian_norm(q.numpy())
    surprise = -(q * torch.log_softmax(u.detach(), 1)).sum(1).numpy() / np.log(z.shape[1])
    top = np.sort(z, axis=1)
    return Softmax(
        scales=SCALES,
        largest=_summary(p.max(axis=-1)),
        entropy=_summary(entropy),
        jacobian=_summary(jacobian_norm(p)),
        temperature=temperature,
        here=(float(np.median(q.amax(dim=1))), float(np.median(surprise)), float(np.median(closed))),
        by_autograd=float(np.median(norm)),
        gap=top[:, -1] - top[:, -2],
        classes=z.shape[1],
    )


def _summary(values: np.ndarray) -> np.ndarray:
    """Median, 10th and 90th percentile over the samples: (S, n) -> (3, S)."""
    return np.percentile(values, (50, 10, 90), axis=1)


def compute(settings: Settings, progress: Progress) -> Softmax:
    """Softmax at the chosen temperature."""
    return softmax(settings.temperature, progress=progress)


def one_hot(result: Result) -> Check:
    """At a low temperature softmax is nearly one-hot, and its Jacobian nearly zero."""
    found = result.softmax
    largest, _, jacobian = found.here
    flat = float(np.sqrt(found.classes - 1) / found.classes)
    holds = largest > 0.999 and jacobian < 1e-3 * flat
    return Check(holds, {"temperature": found.temperature, "largest": largest, "jacobian": jacobian, "flat": flat})


PRESETS = (Preset("one_hot", Settings(panels=("Softmax",), temperature=0.5), one_hot),)


def probability(largest: float) -> str:
    """Softmax's largest probability, which is never all of 1, even where float64 has it so."""
    return percent(min(largest, float(np.nextafter(1, 0))))


def readouts(result: Result) -> list[Readout]:
    """The largest probability, a median over the digits."""
    return [Readout("Largest probability", probability(result.softmax.here[0]))]


def notice(result: Result) -> list[Note]:
    """Whether softmax is nearly one-hot, nearly uniform, or between."""
    found = result.softmax
    largest, entropy, jacobian = found.here
    key = "softmax_hot" if largest > 0.99 else "softmax_flat" if largest < 2 / found.classes else "softmax_between"
    values = {"temperature": found.temperature, "largest": probability(largest), "entropy": percent(entropy)}
    return [Note(key, {**values, "jacobian": left(jacobian), "count": len(found.gap)})]


STUDY = Study(compute, PRESETS, readouts, notice)
