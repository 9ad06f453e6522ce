"""Why a mean that is not zero hurts: the signs of one neuron's weight gradients, and the path they force.

LeCun et al. 1998, "Efficient BackProp", section 4.3: a neuron's gradient on one sample is δ a, its error times
its inputs. If all inputs a are positive, all its weights move in one direction at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.numbers import fixed, percent
from dlviz.progress import Progress, silent, split

from .digits import standardised_digits
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

INPUT_FUNCTIONS = ("Sigmoid", "Tanh")
"""What the neuron's inputs went through; the hero's function joins them."""
WIDTH = 100
SAMPLES = 1000
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
PATH_STEPS = 200
PATH_RATE = 0.5
TARGET = (1.0, -1.0)
NEAR = 0.05
"""Distance from the target, of length √2 from the start, at which two weights have arrived."""


@dataclass(frozen=True)
class Agreement:
    """How far the signs of one neuron's weight gradients agree, for B batch sizes."""

    name: str  # what the neuron's inputs went through
    batches: np.ndarray  # (B,)
    mean: np.ndarray  # (B,) share of a neuron's nonzero gradient entries with the more frequent sign
    low: np.ndarray  # (B,) 10th percentile over neurons and batches
    high: np.ndarray  # (B,) 90th
    inputs_mean: float  # mean of the neuron's inputs
    inputs: int  # weights a neuron has


@dataclass(frozen=True)
class Paths:
    """SGD on two weights, one sample a step: T steps from (0, 0) towards (1, -1)."""

    name: str  # what the two inputs went through
    w: np.ndarray  # (T+1, 2); NaN after it left
    left: int  # step at which it was no longer finite or beyond 100; -1 if it stayed
    one_sign: float  # share of the steps in which both weights moved in the same direction
    distance: np.ndarray  # (T+1,) to the target; NaN after they left

    def steps_within(self, near: float) -> int | None:
        """First step from which the weights stay within ``near`` of the target; None if they do not get there."""
        outside = np.flatnonzero(~(self.distance < near))
        first = int(outside[-1]) + 1 if outside.size else 0
        return first if first < len(self.distance) else None


@dataclass(frozen=True)
class Zigzag:
    """Signs and paths, both for what the neuron's inputs went through, in one order."""

    agreement: tuple[Agreement, ...]
    paths: tuple[Paths, ...]


@cached(maxsize=32)
def agreement(name: str, parameter: float | None, seed: int, *, progress: Progress = silent) -> Agreement:
    """Sign agreement of weight gradients in the second layer of a 64-100-10 network, by batch size.

    The first layer maps the digits to a = f(W₁x), and the ten output neurons see a; the loss is softmax
    cross-entropy. Of a neuron's gradient over a batch, the agreement is the share of its nonzero entries that
    have the more frequent sign.
    """
    import torch

    x, labels = standardised_digits(SAMPLES)
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(WIDTH, 64, generator=generator, dtype=torch.float64) / 8
    second = torch.randn(10, WIDTH, generator=generator, dtype=torch.float64) / math.sqrt(WIDTH)
    second.requires_grad_(True)
    a = ACTIVATIONS[name](torch.tensor(x) @ first.T, parameter)
    y = torch.tensor(labels)
    mean = float(a.mean())
    middle, low, high = [], [], []
    for i, batch in enumerate(BATCHES):
        order = torch.randperm(SAMPLES, generator=generator)
        found = []
        for start in range(0, min(SAMPLES - batch + 1, 40 * batch), batch):
            rows = order[start : start + batch]
            loss = torch.nn.functional.cross_entropy(a[rows] @ second.T, y[rows])
            (gradient,) = torch.autograd.grad(loss, second)
            up, down = (gradient > 0).sum(dim=1), (gradient < 0).sum(dim=1)
            used = up + down > 0
            found.append((torch.maximum(up, down)[used] / (up + down)[used]).numpy())
        shares = np.concatenate(found) if found else np.array([np.nan])
        shares = shares if shares.size else np.array([np.nan])
        middle.append(shares.mean())
        low.append(np.percentile(shares, 10))
        high.append(np.percentile(shares, 90))
        progress((i + 1) / len(BATCHES))
    return Agreement(name, np.array(BATCHES), np.array(middle), np.array(low), np.array(high), mean, WIDTH)


def chance(count: int) -> float:
    """Expected agreement of ``count`` independent fair signs: E[max(K, n - K)]/n, K binomial (de Moivre 1730).

    E|2K - n| = n C(n-1, ⌊n/2⌋) / 2^(n-1), so the share is 1/2 + C(n-1, ⌊n/2⌋)/2^n.
    """
    return 0.5 + math.comb(count - 1, count // 2) / 2**count


@cache
def principal_components() -> np.ndarray:
    """The first two principal components of the digits, each with mean 0 and variance 1, (SAMPLES, 2)."""
    x, _ = standardised_digits(SAMPLES)
    x = x - x.mean(axis=0)
    _values, vectors = np.linalg.eigh(x.T @ x)
    u = x @ vectors[:, :-3:-1]
    # The sign of an eigenvector is arbitrary: its largest entry is made positive.
    largest = vectors[np.abs(vectors[:, :-3:-1]).argmax(axis=0), [-1, -2]]
    return u / u.std(axis=0) * np.sign(largest)


@cached(maxsize=32)
def path(name: str, parameter: float | None, seed: int, *, progress: Progress = silent) -> Paths:
    """SGD on one linear neuron with two inputs f(u₁), f(u₂), one sample a step, towards the weights (1, -1).

    u are the first two principal components of the digits, standardised; the targets are those of a neuron that
    has the weights (1, -1), so that the loss can reach zero. Start (0, 0), squared error, one learning rate
    for every f.
    """
    import torch

    u = principal_components()
    a = ACTIVATIONS[name](torch.tensor(u), parameter).numpy()
    y = a @ np.array(TARGET)
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(seed))[:PATH_STEPS].numpy()
    places = np.zeros((PATH_STEPS + 1, 2))
    with np.errstate(invalid="ignore", over="ignore"):
        for step, i in enumerate(order):
            # ∂/∂w of ½(a·w − y)² is δ a with δ = a·w − y.
            places[step + 1] = places[step] - PATH_RATE * (a[i] @ places[step] - y[i]) * a[i]
    progress(1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        moves = np.diff(places, axis=0)
        gone = ~np.isfinite(places).all(axis=1) | (np.abs(places).max(axis=1) > 100)
        one_sign = (moves[:, 0] * moves[:, 1] > 0)[np.isfinite(moves).all(axis=1) & (moves != 0).all(axis=1)]
        distance = np.linalg.norm(places - TARGET, axis=1)
    left = int(gone.argmax()) if gone.any() else -1
    if left >= 0:
        places[left:] = distance[left:] = np.nan
    return Paths(name, places, left, float(one_sign.mean()) if one_sign.size else np.nan, distance)


def compute(settings: Settings, progress: Progress) -> Zigzag:
    """Signs and paths behind sigmoid and tanh, and behind the function above where that is elementwise."""
    s = settings
    names = [*INPUT_FUNCTIONS]
    names += [s.function] if s.function not in names and s.function in s.options("compared") else []
    watches = split(progress, [3.0] * len(names) + [1.0] * len(names))
    signs, ways = watches[: len(names)], watches[len(names) :]
    return Zigzag(
        tuple(agreement(name, s.parameter(name), s.seed, progress=w) for name, w in zip(names, signs, strict=True)),
        tuple(path(name, s.parameter(name), s.seed, progress=w) for name, w in zip(names, ways, strict=True)),
    )


def centred(result: Result) -> Check:
    """Behind sigmoids all gradients of a neuron on one sample have one sign and its weights zigzag; behind tanh not."""
    signs = {a.name: a for a in result.zigzag.agreement}
    ways = {p.name: p for p in result.zigzag.paths}
    sigmoid, tanh = signs["Sigmoid"], signs["Tanh"]
    slow, quick = (ways[name].steps_within(NEAR) for name in ("Sigmoid", "Tanh"))
    error = 4 * result.neuron.spread / np.sqrt(result.neuron.samples)
    holds = (
        result.neuron.name == "Tanh" and abs(result.neuron.mean) < error + abs(result.settings.mean)
        and sigmoid.mean[0] == 1 and tanh.mean[0] < 0.65
        and ways["Sigmoid"].one_sign == 1 and slow is not None and quick is not None and quick < slow / 3
    )  # fmt: skip
    return Check(
        bool(holds),
        {
            "mean": fixed(result.neuron.mean, 3), "inputs": sigmoid.inputs,
            "sigmoid": percent(float(sigmoid.mean[0])), "tanh": percent(float(tanh.mean[0])),
            "chance": percent(chance(sigmoid.inputs)),
            "near": NEAR, "slow": slow, "quick": quick,
        },
    )  # fmt: skip


PRESETS = (
    Preset(
        "centred", Settings(panels=("Zigzag",), function="Tanh"), centred,
        pin=Settings(panels=("Zigzag",), function="Sigmoid"),
    ),
)  # fmt: skip


def readouts(result: Result) -> list[Readout]:
    """How far the signs agree behind the function above, where that is elementwise."""
    one = next((a for a in result.zigzag.agreement if a.name == result.neuron.name), None)
    if one is None or not np.isfinite(one.mean[0]):
        return []
    return [
        Readout(
            "Gradients of one sign", percent(float(one.mean[0])), percent(chance(one.inputs)),
            help="Of one neuron on one sample, the share with the more frequent sign; theory: fair signs.",
        )
    ]  # fmt: skip


def notice(result: Result) -> list[Note]:
    """How far the signs agree, and how the two weights go, behind each function."""
    notes = []
    for a in result.zigzag.agreement:
        if np.isfinite(a.mean[0]):
            key = "one_sign" if a.mean[0] == 1 else "mixed_signs"
            values = {"name": a.name, "share": percent(float(a.mean[0])), "mean": fixed(a.inputs_mean, 2)}
            notes.append(Note(key, {**values, "chance": percent(chance(a.inputs)), "inputs": a.inputs}))
    for p in result.zigzag.paths:
        steps = p.steps_within(NEAR)
        if p.left >= 0:
            notes.append(Note("path_left", {"name": p.name, "step": p.left}))
        elif steps is not None:
            notes.append(Note("path", {"name": p.name, "near": NEAR, "step": steps}))
        else:
            notes.append(Note("path_not", {"name": p.name, "near": NEAR, "steps": PATH_STEPS}))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
