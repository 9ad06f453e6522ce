"""Why a mean that is not zero hurts: the signs of one neuron's weight gradients, and the path they force.

LeCun et al. 1998, "Efficient BackProp", section 4.3: a neuron's gradient on one sample is δ a, its error times
its inputs. If all inputs a are positive, all its weights move in one direction at a time.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.progress import Progress, silent

from .digits import standardised_digits
from .measure import Agreement, Paths

INPUT_FUNCTIONS = ("Sigmoid", "Tanh")
"""What the neuron's inputs went through; the hero's function joins them."""
WIDTH = 100
SAMPLES = 1000
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
PATH_STEPS = 200
PATH_RATE = 0.5
TARGET = (1.0, -1.0)


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
