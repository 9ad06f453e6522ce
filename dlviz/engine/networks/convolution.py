"""Many small convolutional networks with different norms, trained at once; the gradients are written out.

Each network is three 3x3 convolutions, each followed by a norm, γ and β and ReLU, and a linear readout.
Feature maps stand as (M, N, P, C): M models, N examples, P positions, C channels. A convolution is a gather
of nine neighbours and one batched product for all models: at mini-batches of two examples the time goes into
calls, not into arithmetic, and this is several times faster than ``conv2d`` with groups under autograd (which
the tests compare it with).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dlviz.engine.runtime.device import device
from dlviz.engine.signals import norms as normalization
from dlviz.engine.signals.mixed_norms import MixedNorms
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 8  # of the digits
CHANNELS = (8, 16, 32)
STRIDES = {1: (2, 2, 2), 2: (2, 2, 1), 4: (2, 1, 1)}
"""Strides of the convolutions by the side of the last feature map."""
CLASSES = 10


class Neighbours(NamedTuple):
    """The nine neighbours of each output position among the P_in inputs; the index P_in is the padding."""

    index: Tensor  # (P_out * 9,)
    side: int  # of the output


@cache
def neighbours(side: int, stride: int) -> Neighbours:
    """For a 3x3 convolution with padding 1 on a square map."""
    import torch

    out = (side - 1) // stride + 1
    found = np.full((out * out, 9), side * side)
    for row, column in np.ndindex(out, out):
        for tap, (down, right) in enumerate(np.ndindex(3, 3)):
            y, x = row * stride + down - 1, column * stride + right - 1
            if 0 <= y < side and 0 <= x < side:
                found[row * out + column, tap] = y * side + x
    return Neighbours(torch.from_numpy(found.ravel()), out)


def gather(maps: Tensor, index: Tensor) -> Tensor:
    """(M, N, P, C) -> the neighbours (M, N * P', 9 * C) that ``index`` (P' * 9,) names."""
    models, examples, positions, channels = maps.shape
    padded = maps.new_zeros(models, examples, positions + 1, channels)
    padded[:, :, :-1] = maps
    return padded.index_select(2, index).view(models, examples * len(index) // 9, 9 * channels)


def scatter(patches: Tensor, index: Tensor, positions: int) -> Tensor:
    """The adjoint of :func:`gather`: sums over all places of a cell, (M, N, P, C) with P = ``positions``."""
    models, rows, wide = patches.shape
    examples = 9 * rows // len(index)
    padded = patches.new_zeros(models, examples, positions + 1, wide // 9)
    padded.index_add_(2, index, patches.view(models, examples, len(index), wide // 9))
    return padded[:, :, :-1]


@dataclass
class Networks:
    """K norms times S seeds as M = K·S models, the norms outermost; one seed starts alike under all norms.

    ``kernels[l]`` (M, out, 9 * in), neighbours outermost; ``gammas[l]``, ``betas[l]`` (M, out); ``readout``
    (M, 10, features), ``bias`` (M, 10); ``mixing[l]`` (M, 2, 3), Switchable's logits for mean and variance.
    ``running[l]``: BatchNorm's averages, mean and variance (S, out) each.
    """

    norms: tuple[str, ...]
    seeds: int
    groups: int
    last_side: int
    kernels: list[Tensor]
    gammas: list[Tensor]
    betas: list[Tensor]
    mixing: list[Tensor]
    readout: Tensor
    bias: Tensor
    running: list[tuple[Tensor, Tensor]]
    geometry: list[Neighbours] = field(default_factory=list)

    @property
    def parameters(self) -> list[Tensor]:
        return [*self.kernels, *self.gammas, *self.betas, *self.mixing, self.readout, self.bias]

    def __post_init__(self) -> None:
        names = [norm for norm in self.norms for _ in range(self.seeds)]
        self._mixed = [MixedNorms(names, kernel.shape[1], self.groups, where=kernel.device) for kernel in self.kernels]
        self._batch_norm, self._plain = self.models("BatchNorm"), self.models("None")

    def models(self, norm: str) -> slice | None:
        """The models with a norm."""
        if norm not in self.norms:
            return None
        first = self.norms.index(norm) * self.seeds
        return slice(first, first + self.seeds)

    def of_seed(self, seed: int) -> Networks:
        """The models of one seed (of 0 ... S - 1) under all norms, as views."""
        some = slice(seed, None, self.seeds)
        lists = ([part[some] for part in parts] for parts in (self.kernels, self.gammas, self.betas, self.mixing))
        running = [(mean[seed : seed + 1], var[seed : seed + 1]) for mean, var in self.running]
        given = self.norms, 1, self.groups, self.last_side
        return Networks(*given, *lists, self.readout[some], self.bias[some], running, self.geometry)

    def forward(self, x: Tensor, training: bool, trace: list[dict] | None = None) -> Tensor:
        """Logits (M, N, 10) of images ``x`` (M, N, 64). In training BatchNorm's averages move.

        ``trace`` receives what :meth:`gradients` needs.
        """
        import torch

        maps = x[..., None]
        for layer, (kernel, geometry) in enumerate(zip(self.kernels, self.geometry, strict=True)):
            patches = gather(maps, geometry.index)
            out = patches.bmm(kernel.transpose(1, 2)).view(*maps.shape[:2], geometry.side**2, kernel.shape[1])
            saved = self._mixed[layer].forward(out, self.mixing[layer])
            x_hat, batch_norm = saved.x_hat, self._batch_norm
            if batch_norm is not None and training:
                mean, var = (values[batch_norm, 0, -1] for values in (saved.mean, saved.var))
                normalization.update_running(*self.running[layer], mean, var, out.shape[1] * out.shape[2])
            elif batch_norm is not None:
                mean, var = self.running[layer]
                ones = torch.ones_like(mean)
                still = normalization.evaluate(out[batch_norm].transpose(-1, -2), mean, var, ones, 0 * ones)
                x_hat[batch_norm] = still.transpose(-1, -2)
            maps = x_hat * self.gammas[layer][:, None, None] + self.betas[layer][:, None, None]
            maps = maps.relu_()
            if trace is not None:
                trace.append({"patches": patches, "saved": saved, "maps": maps})
        features = maps.flatten(2)
        if trace is not None:
            trace.append({"features": features})
        return torch.baddbmm(self.bias[:, None], features, self.readout.transpose(1, 2))

    def gradients(self, trace: list[dict], logits: Tensor, y: Tensor) -> list[Tensor]:
        """The gradient of each model's mean cross-entropy with respect to :attr:`parameters`. ``y`` (M, N)."""
        examples = logits.shape[1]
        signal = logits.softmax(-1)
        signal.scatter_add_(2, y[..., None], signal.new_full((*y.shape, 1), -1.0))
        signal /= examples
        features = trace[-1]["features"]
        readout, bias = signal.transpose(1, 2).bmm(features), signal.sum(1)
        signal = signal.bmm(self.readout).view_as(trace[-2]["maps"])
        kernels, gammas, betas, mixing = [], [], [], []
        for layer in reversed(range(len(self.kernels))):
            stored, geometry = trace[layer], self.geometry[layer]
            signal = signal * (stored["maps"] > 0)
            betas.append(signal.sum((1, 2)))
            gammas.append((signal * stored["saved"].x_hat).sum((1, 2)))
            if self._plain is not None:  # a network without norm has its biases, but no scales
                gammas[-1][self._plain] = 0
            signal *= self.gammas[layer][:, None, None]
            to_out, to_mixing = self._mixed[layer].backward(signal, stored["saved"], self.mixing[layer])
            mixing.append(to_mixing)
            flat = to_out.flatten(1, 2)
            kernels.append(flat.transpose(1, 2).bmm(stored["patches"]))
            if layer:
                below = trace[layer - 1]["maps"]
                signal = scatter(flat.bmm(self.kernels[layer]), geometry.index, below.shape[2])
        ordered = [part for parts in (kernels, gammas, betas, mixing) for part in reversed(parts)]
        return [*ordered, readout, bias]


def networks(norms: Sequence[str], seeds: int, *, groups: int = 4, last_side: int = 1, seed: int = 0) -> Networks:
    """He-normal kernels (He et al. 2015), γ = 1, β = 0, and a readout of variance 1/features."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    count, where = len(norms), device()

    def drawn(*shape: int, var: float) -> Tensor:
        one = torch.randn(seeds, *shape, generator=generator) * var**0.5
        return one.to(where).repeat(count, *[1] * len(shape))

    side, inputs, kernels, geometry = SIDE, 1, [], []
    for channels, stride in zip(CHANNELS, STRIDES[last_side], strict=True):
        kernels.append(drawn(channels, 9 * inputs, var=2 / (9 * inputs)))
        index, out = neighbours(side, stride)
        geometry.append(Neighbours(index.to(where), out))
        side, inputs = geometry[-1].side, channels
    features = CHANNELS[-1] * side**2
    models = count * seeds
    zeros, ones = (partial(make, device=where) for make in (torch.zeros, torch.ones))
    return Networks(
        tuple(norms), seeds, groups, last_side, kernels,
        [ones(models, c) for c in CHANNELS], [zeros(models, c) for c in CHANNELS],
        [zeros(models, 2, 3) for _ in CHANNELS],
        drawn(CLASSES, features, var=1 / features), zeros(models, CLASSES),
        [(zeros(seeds, c), ones(seeds, c)) for c in CHANNELS], geometry,
    )  # fmt: skip


def train(
    nets: Networks,
    x: Tensor,
    y: Tensor,
    *,
    batch: int,
    epochs: int,
    rate: float,
    momentum: float = 0.9,
    seed: int = 0,
    progress: Progress = silent,
) -> None:
    """Stochastic gradient descent with momentum on images ``x`` (n, 64) and classes ``y`` (n,), in place.

    Every epoch is a new permutation, cut into mini-batches of ``batch``; a rest is left out. Seeds have
    permutations of their own, the same under every norm.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    steps = len(x) // batch
    velocity = [torch.zeros_like(parameter) for parameter in nets.parameters]
    count = len(nets.norms)
    for epoch in range(epochs):
        order = torch.stack([torch.randperm(len(x), generator=generator) for _ in range(nets.seeds)]).to(x.device)
        for step in range(steps):
            chosen = order[:, step * batch : (step + 1) * batch]
            images, classes = x[chosen].repeat(count, 1, 1), y[chosen].repeat(count, 1)
            trace: list[dict] = []
            gradients = nets.gradients(trace, nets.forward(images, True, trace), classes)
            torch._foreach_mul_(velocity, momentum)
            torch._foreach_add_(velocity, gradients)
            torch._foreach_add_(nets.parameters, velocity, alpha=-rate)
            progress((epoch * steps + step + 1) / (epochs * steps))


def error(nets: Networks, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong answers in evaluation mode, and whether a model's numbers are not finite; (K, S) each.

    An answer that is not finite is wrong.
    """
    found = []
    for seed in range(nets.seeds):  # of all seeds at once, the neighbours of all positions are up to a gigabyte
        logits = nets.of_seed(seed).forward(x.expand(len(nets.norms), *x.shape), False)
        finite = logits.isfinite().all(-1)
        wrong = ~finite | (logits.argmax(-1) != y)
        found.append((wrong.cpu().double().mean(1).numpy(), (~finite).any(1).cpu().numpy()))
    wrong, lost = (np.stack(part, 1) for part in zip(*found, strict=True))
    return wrong, lost
