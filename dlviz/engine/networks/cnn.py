"""Stacked small convolutional networks with different norms; the gradients are written out.

Each network is three 3x3 convolutions, each followed by a norm, γ and β and ReLU, and a linear readout. At mini-batches
of a few examples the time goes into calls, not into arithmetic: convolutions and norms are compiled kernels, and
autograd would only add calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from dlviz.engine.networks.cnn_norms import Norms, Saved
from dlviz.engine.networks.convolution import Convolution
from dlviz.engine.networks.fit import Loss
from dlviz.engine.networks.losses import with_gradient
from dlviz.engine.networks.model import Alive, nothing
from dlviz.engine.runtime.device import device

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 8  # of the digits
CHANNELS = (8, 16, 32)
STRIDES = {1: (2, 2, 2), 2: (2, 2, 1), 4: (2, 1, 1)}
"""Strides of the convolutions by the side of the last feature map."""
CLASSES = 10


class Trace(NamedTuple):
    """What the backward pass needs of one layer."""

    x: Tensor  # (M, N, P_in, C_in) what met the kernels
    saved: Saved


@dataclass
class CNN:
    """K norms times S seeds as M = K·S models, the norms outermost; one seed starts alike under all norms.

    ``kernels[l]`` (M, out, 9 * in), neighbours outermost; ``gammas[l]``, ``betas[l]`` (M, out); ``readout``
    (M, 10, features), positions outermost; ``bias`` (M, 10); ``mixing[l]`` (M, 2, 3), Switchable's logits for mean and
    variance. ``running[l]``: BatchNorm's averages, mean and variance (S, out) each.
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

    def __post_init__(self) -> None:
        import torch

        names = [norm for norm in self.norms for _ in range(self.seeds)]
        where = self.bias.device
        self._norms = [Norms(names, kernel.shape[1], self.groups, where=where) for kernel in self.kernels]
        self._plain, self._switching = self.models("None"), self.models("Switchable")
        side, self._convolutions = SIDE, []
        for stride in STRIDES[self.last_side]:
            self._convolutions.append(Convolution(side, stride))
            side = self._convolutions[-1].size
        # A norm follows each convolution, and has the biases.
        self._no_biases = [torch.zeros_like(beta) for beta in self.betas]

    def parameters(self) -> Mapping[str, Tensor]:
        """``kernels.l``, ``gammas.l``, ``betas.l``, ``mixing.l`` where there is Switchable, ``readout``, ``bias``."""
        kinds = {"kernels": self.kernels, "gammas": self.gammas, "betas": self.betas}
        if self._switching is not None:
            kinds["mixing"] = self.mixing
        lists = {f"{kind}.{layer}": tensor for kind, tensors in kinds.items() for layer, tensor in enumerate(tensors)}
        return lists | {"readout": self.readout, "bias": self.bias}

    def layers(self) -> Sequence[int]:
        """The layer of each parameter; the readout is layer 3."""
        return [int(name[-1]) if name[-1].isdigit() else len(self.kernels) for name in self.parameters()]

    def models(self, norm: str) -> slice | None:
        """The models with a norm."""
        if norm not in self.norms:
            return None
        first = self.norms.index(norm) * self.seeds
        return slice(first, first + self.seeds)

    def of_seed(self, seed: int) -> CNN:
        """The models of one seed (of 0 ... S - 1) under all norms, as views."""
        some = slice(seed, None, self.seeds)
        kernels, gammas, betas, mixing = (
            [part[some] for part in parts] for parts in (self.kernels, self.gammas, self.betas, self.mixing)
        )
        running = [(mean[seed : seed + 1], var[seed : seed + 1]) for mean, var in self.running]
        return CNN(
            self.norms, 1, self.groups, self.last_side, kernels, gammas, betas, mixing,
            self.readout[some], self.bias[some], running,
        )  # fmt: skip

    def forward(
        self, x: Tensor, alive: Alive = nothing, *, training: bool = True, trace: list[Trace] | None = None
    ) -> Tensor:
        """Logits (M, N, 10) of images ``x`` (M, N, 64). In training BatchNorm's averages move, otherwise it uses them.

        ``trace`` receives what :meth:`gradients` needs.
        """
        import torch

        maps = x[..., None]
        for layer, (kernel, convolution) in enumerate(zip(self.kernels, self._convolutions, strict=True)):
            given = maps
            maps = convolution.forward(given, kernel, self._no_biases[layer], alive)
            saved = self._norms[layer](
                maps, self.gammas[layer], self.betas[layer], self.mixing[layer], self.running[layer], training=training
            )
            maps = saved.out
            if trace is not None:
                trace.append(Trace(given, saved))
            alive()
        return torch.baddbmm(self.bias[:, None], maps.flatten(2), self.readout.transpose(1, 2))

    def gradients(self, x: Tensor, y: Tensor, loss: Loss, alive: Alive = nothing) -> tuple[Tensor, list[Tensor]]:
        """Losses (M,) of images ``x`` (M, N, 64) and classes ``y`` (M, N), and their gradients by the parameters."""
        import torch

        trace: list[Trace] = []
        logits = self.forward(x, alive, trace=trace)
        values, signal = with_gradient(loss, logits, y)
        readout = signal.transpose(1, 2).bmm(trace[-1].saved.out.flatten(2))
        found: dict[str, Tensor] = {"readout": readout, "bias": signal.sum(1)}
        signal = signal.bmm(self.readout).view_as(trace[-1].saved.out)
        alive()
        for layer in reversed(range(len(self.kernels))):
            given, saved = trace[layer]
            convolution = self._convolutions[layer]
            by_maps, by_gamma, by_beta, by_mixing = self._norms[layer].backward(signal, saved, self.gammas[layer])
            if self._plain is not None:  # a network without norm has its biases, but no scales
                by_gamma[self._plain] = 0
            found |= {f"gammas.{layer}": by_gamma, f"betas.{layer}": by_beta}
            found[f"kernels.{layer}"] = convolution.by_weights(by_maps, given, alive)
            if by_mixing is not None:
                whole = found[f"mixing.{layer}"] = torch.zeros_like(self.mixing[layer])
                whole[self._switching] = by_mixing
            if layer:
                signal = convolution.by_inputs(by_maps, self.kernels[layer], alive)
            alive()
        return values, [found[name] for name in self.parameters()]


def draw(norms: Sequence[str], seeds: int, *, groups: int = 4, last_side: int = 1, seed: int = 0) -> CNN:
    """He-normal kernels (He et al. 2015), γ = 1, β = 0, and a readout of variance 1/features."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    count, where = len(norms), device()

    def drawn(*shape: int, var: float) -> Tensor:
        one = torch.randn(seeds, *shape, generator=generator) * var**0.5
        return one.to(where).repeat(count, *[1] * len(shape))

    inputs = (1, *CHANNELS)
    kernels = [drawn(out, 9 * fan, var=2 / (9 * fan)) for fan, out in zip(inputs, CHANNELS, strict=False)]
    features, models = CHANNELS[-1] * last_side**2, count * seeds
    zeros, ones = (partial[Any](make, device=where) for make in (torch.zeros, torch.ones))
    return CNN(
        tuple(norms), seeds, groups, last_side, kernels,
        [ones(models, c) for c in CHANNELS], [zeros(models, c) for c in CHANNELS],
        [zeros(models, 2, 3) for _ in CHANNELS],
        drawn(CLASSES, features, var=1 / features), zeros(models, CLASSES),
        [(zeros(seeds, c), ones(seeds, c)) for c in CHANNELS],
    )  # fmt: skip
