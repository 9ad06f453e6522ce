"""Signals forward and backward through deep random networks: many variants, a few seeds, one product per layer.

The network is z_l = W_l h_{l-1} + b_l, h_l = φ(z_l) for l = 1 ... L, with h_0 = x, and a fixed linear head
of Gaussian weights (variance 1/width) above h_L. Its loss is softmax cross-entropy. W_l is σ_w/√fan_in times a base
draw with entries of mean square one (:func:`dlviz.engine.signals.initializers.base`), so that variants which share a
base differ only by a scale: their inputs are stacked into one matrix, and one product per layer serves all.

Everything is float64, and what falls below 1e-300 is set to exactly zero (a signal that is gone): factors of 1e-5 a
layer leave float32's range, and float64's, within the depths shown here.

Randomness: the base of layer l = 1 ... L comes from ``torch.Generator().manual_seed(1000 * seed + l)``, the
bias vector from ``1000 * seed + 500 + l``, the head from ``1000 * seed``. A seed therefore means the same draws in
every call, whatever the variants.

Theory: :mod:`dlviz.engine.signals.mean_field`. He et al. 2015, section 2.2; Glorot & Bengio 2010, section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dlviz.engine.runtime.device import chunk_size, device
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import Draw, base
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

Key = TypeVar("Key", bound=str)

GONE = 1e-300
"""Signals whose root mean square is below this are set to zero."""
SLOPES = 96e6  # bytes of φ′ kept for the way back; more variants than that takes go through one after another
SLOPES_ON_GPU = 2e9  # a GPU needs large products to be busy
BASES = 96e6  # bytes of base draws kept for the way back and for other variants; the others are drawn again


@dataclass(frozen=True)
class Variant:
    """One network of a stack: its activation and its weights W ~ σ_w/√fan_in, b ~ N(0, σ_b²)."""

    activation: str
    sigma_w: float
    sigma_b: float = 0.0
    parameter: float | None = None  # of the activation
    draw: Draw = "normal"
    first_sigma_w: float | None = None  # σ_w of the first layer, where it differs


UP = ("mean", "std", "rms", "pre_std", "pre_rms", "saturated", "dead")
DOWN = ("gradient_std", "gradient_rms")


@dataclass(frozen=True)
class Signals:
    """Statistics over units and inputs, each (V, S, L): variant, seed, layer.

    NaN once numbers overflow, and throughout for what was not wanted.
    ``gradient_*`` are of ∂loss/∂z_l, of each input's own loss: they do not depend on the number of inputs.
    """

    mean: np.ndarray  # of h_l
    std: np.ndarray  # of h_l
    rms: np.ndarray  # root mean square of h_l
    pre_std: np.ndarray  # of z_l
    pre_rms: np.ndarray  # root mean square of z_l
    gradient_std: np.ndarray  # of ∂loss/∂z_l
    gradient_rms: np.ndarray  # root mean square of ∂loss/∂z_l
    saturated: np.ndarray  # share of (unit, input) pairs with |φ′(z_l)| < epsilon
    dead: np.ndarray  # share of units with φ′(z_l) = 0 for every input
    loss: np.ndarray  # (V, S) mean loss
    values: np.ndarray  # (V, L, K) values of h_l of the first seed: all units for the first few inputs


def propagate(
    variants: Sequence[Variant],
    depth: int,
    width: int,
    seeds: Sequence[int],
    x: np.ndarray,
    labels: np.ndarray,
    *,
    classes: int = 10,
    epsilon: float = 0.01,
    values: int = 0,
    want: Collection[str] = (*UP, *DOWN),
    progress: Progress = silent,
) -> Signals:
    """Run all variants forward and backward over inputs ``x`` (n, d) with ``labels`` (n,) in 0 ... classes - 1.

    ``depth`` layers of ``width`` units each. ``values``: about how many activations of each layer to keep, 0 for
    none. ``want``: names of the statistics to take; each costs as much as a part of a product. ``progress`` is
    called after every product and may raise.
    """
    import torch

    where = device(double=True)
    inputs = torch.tensor(np.asarray(x, dtype=float), device=where)
    targets = torch.nn.functional.one_hot(torch.tensor(labels, device=where).long(), classes).double()
    shown = min(len(x), math.ceil(values / width)) if values else 0
    found = {name: np.full((depth, len(seeds), len(variants)), np.nan) for name in (*UP, *DOWN)}
    loss = np.full((len(seeds), len(variants)), np.nan)
    kept = np.full((len(variants), depth, shown * width), np.nan)
    # Neighbours share a base and an activation, so that each product and each function takes one slice.
    distinct = {variant: v for v, variant in reversed(list(enumerate(variants)))}
    order = sorted(distinct.values(), key=lambda v: (variants[v].draw, variants[v].activation))
    # As many seeds at once, and then as many variants, as there is room for.
    slopes = 8 * len(x) * width * depth
    room = SLOPES if where.type == "cpu" else SLOPES_ON_GPU
    together = min(int(room / slopes), int(BASES / (8 * width * width * depth)), len(seeds))
    groups = list(_runs(range(len(seeds)), chunk_size(together)))
    stacks = [list(run) for run in _runs(order, chunk_size(min(int(room / (slopes * len(groups[0]))), len(order))))]
    total, done = 2 * depth * len(groups) * len(stacks), 0
    with torch.no_grad():
        for at in groups:
            bases = _Bases([seeds[s] for s in at], depth, width, inputs.shape[1], where)
            for chosen in stacks:
                stack = _Stack([variants[v] for v in chosen], bases, epsilon, frozenset(want))
                cells = np.ix_(at, chosen)
                for layer, statistics, h in stack.through(inputs, targets):
                    for name, value in statistics.items():
                        found[name][layer][cells] = value.cpu().numpy()
                    if h is not None and shown and at[0] == 0:
                        kept[chosen, layer] = h[0, :, :shown].flatten(1).cpu().numpy()
                    done += 1
                    progress(done / total)
                loss[cells] = stack.loss.cpu().numpy()
    twins = [distinct[variant] for variant in variants]
    by_variant = {name: value.T[twins] for name, value in found.items()}
    return Signals(**by_variant, loss=loss.T[twins], values=kept[twins])


def _runs(items: Sequence[int], length: int) -> Iterator[Sequence[int]]:
    """The items in order, at most ``length`` (one, if it is less) at a time."""
    length = max(1, length)
    return (items[i : i + length] for i in range(0, len(items), length))


def generator(seed: int, offset: int) -> Any:
    """The torch generator behind the base draw of layer ``offset`` = 1 ... L; 0 for the head, 500 + l for biases."""
    import torch

    return torch.Generator().manual_seed(1000 * seed + offset)


class _Bases:
    """The base draws of some seeds, kept while they are few enough and drawn again where they are not."""

    def __init__(self, seeds: Sequence[int], depth: int, width: int, inputs: int, where: Any) -> None:
        self.seeds, self.depth, self.width, self.inputs, self.where = seeds, depth, width, inputs, where
        self.kept: dict[tuple[Draw, int], Tensor] = {}
        self.room = int(BASES / (8 * width * max(width, inputs) * len(seeds)))

    def fan_in(self, layer: int) -> int:
        return self.width if layer else self.inputs

    def weights(self, draw: Draw, layer: int) -> Tensor:
        """Of layer 0 ... depth - 1, (S, width, fan_in)."""
        key = (draw, layer)
        if key in self.kept:
            return self.kept[key]
        found = self._drawn(draw, self.width, self.fan_in(layer), layer + 1)
        if len(self.kept) < self.room:
            self.kept[key] = found
        return found

    def bias(self, layer: int) -> Tensor:
        """(S, 1, width)"""
        return self._drawn("normal", 1, self.width, 501 + layer)

    def head(self, classes: int) -> Tensor:
        """(S, classes, width)"""
        return self._drawn("normal", classes, self.width, 0) / math.sqrt(self.width)

    def _drawn(self, draw: Draw, rows: int, columns: int, offset: int) -> Tensor:
        import torch

        return torch.stack([base(draw, rows, columns, generator(seed, offset), self.where) for seed in self.seeds])


class _Stack:
    """Variants and seeds that go through the layers together: tensors (S, V, n, width)."""

    def __init__(self, variants: list[Variant], bases: _Bases, epsilon: float, want: frozenset[str]) -> None:
        import torch

        self.bases, self.epsilon, self.want = bases, epsilon, want
        column = partial(torch.tensor, dtype=torch.float64, device=bases.where)
        first = [v.sigma_w if v.first_sigma_w is None else v.first_sigma_w for v in variants]
        self.scale = [
            column(sigma)[:, None, None] / math.sqrt(fan_in)
            for sigma, fan_in in ((first, bases.inputs), ([v.sigma_w for v in variants], bases.width))
        ]
        self.sigma_b = column([v.sigma_b for v in variants])[:, None, None]
        self.draws = [(draw, part) for draw, part, _ in _slices([v.draw for v in variants])]
        self.functions = []
        for name, part, at in _slices([v.activation for v in variants]):
            act = ACTIVATIONS[name]
            default = act.parameter.default if act.parameter else None
            given = [default if variants[i].parameter is None else variants[i].parameter for i in at]
            # A number goes to torch's own kernel; different ones share a call.
            parameter = given[0] if len(set(given)) == 1 else column(given)[:, None, None]
            self.functions.append((act, part, parameter))
        self.loss: Tensor = torch.full((len(bases.seeds), len(variants)), math.nan)

    def through(self, x: Tensor, targets: Tensor) -> Iterator[tuple[int, dict[str, Tensor], Tensor | None]]:
        """Yields (layer, statistics by name, activations) on the way up, then (layer, statistics, None) back down."""
        import torch

        depth = self.bases.depth
        h = x.expand(*self.loss.shape, *x.shape)
        slopes = []
        for layer in range(depth):
            z = self._product(h, layer, transposed=True).mul_(self.scale[bool(layer)])
            if self.sigma_b.any():
                z += self.sigma_b * self.bases.bias(layer)[:, None]
            h, slope = self._activate(z)
            slopes.append(slope)
            statistics, rms = self._statistics(z, h, slope)
            h[rms < GONE] = 0
            yield layer, statistics, h
        head = self.bases.head(targets.shape[1])[:, None]
        logits = h @ head.mT
        self.loss = -(torch.log_softmax(logits, dim=-1) * targets).sum(dim=-1).mean(dim=-1)
        back = (torch.softmax(logits, dim=-1) - targets) @ head
        for layer in reversed(range(depth)):
            delta = back.mul_(slopes.pop())
            _, std, rms = moments(delta)
            delta[rms < GONE] = 0
            if layer:
                back = self._product(delta, layer, transposed=False).mul_(self.scale[1])
            yield layer, {"gradient_std": std, "gradient_rms": rms}, None

    def _activate(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Every variant's activations and slopes at its pre-activations, each in one tensor."""
        import torch

        pairs = [act.with_slope(z[:, part], parameter) for act, part, parameter in self.functions]
        if len(pairs) == 1:
            return pairs[0]
        values, slopes = zip(*pairs, strict=True)
        return torch.cat(values, dim=1), torch.cat(slopes, dim=1)

    def _statistics(self, z: Tensor, h: Tensor, slope: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """What is wanted on the way up, by name, and the root mean square of h, which always is."""
        import torch

        mean, std, rms = moments(h)
        found = {"mean": mean, "std": std, "rms": rms}
        if self.want & {"pre_std", "pre_rms"}:
            _, found["pre_std"], found["pre_rms"] = moments(z)
        if self.want & {"saturated", "dead"}:
            # A signal that has overflowed has no slopes worth counting.
            lost = torch.where(rms.isfinite(), 0.0, math.nan)
            steep = slope.abs()
            found["saturated"] = (steep < self.epsilon).sum(dim=(2, 3)).double() / steep[0, 0].numel() + lost
            found["dead"] = (steep.amax(dim=2) == 0).double().mean(dim=2) + lost
        return found, rms

    def _product(self, signal: Tensor, layer: int, *, transposed: bool) -> Tensor:
        """Every variant's signal times its base (or the base's transpose): one product for each base in use."""
        import torch

        found = []
        for draw, part in self.draws:
            weights = self.bases.weights(draw, layer)
            right = weights.mT if transposed else weights
            stacked = signal[:, part]
            found.append((stacked.flatten(1, 2) @ right).unflatten(1, stacked.shape[1:3]))
        return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def _slices(keys: Sequence[Key]) -> list[tuple[Key, slice, list[int]]]:
    """Runs of equal keys: (key, slice, indices)."""
    found = []
    for key, run in groupby(range(len(keys)), keys.__getitem__):
        at = list(run)
        found.append((key, slice(at[0], at[-1] + 1), at))
    return found


def moments(signal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and root mean square over the last two axes of a tensor (..., n, width).

    Without overflow or underflow of squares.
    """
    import torch

    flat = signal.flatten(-2)
    mean, std, rms = _moments(flat)
    extreme = ~((rms > 1e-140) & (rms < 1e140))
    if extreme.any():
        few = flat[extreme]
        peak = few.abs().amax(dim=-1)
        size = torch.where(peak > 0, peak, 1.0)
        for whole, value in zip((mean, std, rms), _moments(few / size[:, None]), strict=True):
            whole[extreme] = value * size
    return mean, std, rms


def _moments(flat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # torch.var_mean takes three times as long.
    mean = flat.mean(dim=-1)
    var = (flat - mean[..., None]).square_().mean(dim=-1)
    return mean, var.sqrt(), (var + mean.square()).sqrt()
