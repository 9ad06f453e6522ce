"""Many small networks of one shape in stacked weights: multilayer perceptrons, and convolutional networks.

There is no batch normalisation: no layer has statistics that could move while it is frozen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlviz.engine.data.digit_tasks import SIDE
from dlviz.engine.networks import scores
from dlviz.engine.networks.convolution import Convolution
from dlviz.engine.networks.model import Alive, nothing
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Kind = Literal["MLP", "CNN"]
WIDTH = {"MLP": 64, "CNN": 16}
"""Units of a hidden layer, channels of a convolution."""
STRIDES = (2, 2)  # of the first convolutions: 12x12 -> 6x6 -> 3x3; those after have stride 1
ROOM = 1_000_000  # numbers that a pass over many examples may hold at once
HEAD_STREAM = 10_000  # added to the seed: the new head is drawn apart from the rest


@dataclass(frozen=True)
class Layer:
    """A linear map: a dense layer, or a 3x3 convolution with padding 1 (``stride`` > 0).

    Maps are flattened position by position: P positions times C channels; the weights of a convolution are those of its
    nine taps times the channels.
    """

    fan_in: int
    units: int  # outputs, or channels
    side: int = 1  # of the incoming maps
    stride: int = 0

    @property
    def positions(self) -> int:
        """Of the outgoing maps."""
        return self._convolution.size**2 if self.stride else 1

    @property
    def outputs(self) -> int:
        return self.units * self.positions

    def forward(self, h: Tensor, weights: Tensor, biases: Tensor, alive: Alive = nothing) -> Tensor:
        """Inputs (M, N, d) -> outputs (M, N, d'), before ReLU."""
        if not self.stride:
            return biases.unsqueeze(1).baddbmm(h, weights.transpose(1, 2))
        return self._convolution.forward(self._maps(h), weights, biases, alive).flatten(2)

    def by_inputs(self, gradient: Tensor, weights: Tensor, alive: Alive = nothing) -> Tensor:
        """The gradient by the inputs, (M, N, d), from that by the outputs, (M, N, d')."""
        if not self.stride:
            return gradient.bmm(weights)
        maps = gradient.unflatten(2, (self.positions, self.units))
        return self._convolution.by_inputs(maps, weights, alive).flatten(2)

    def by_weights(self, gradient: Tensor, h: Tensor, alive: Alive = nothing) -> tuple[Tensor, Tensor]:
        """The gradients by weights and biases, from that by the outputs, (M, N, d'), of inputs ``h`` (M, N, d)."""
        if not self.stride:
            return gradient.transpose(1, 2).bmm(h), gradient.sum(1)
        maps = gradient.unflatten(2, (self.positions, self.units))
        return self._convolution.by_weights(maps, self._maps(h), alive), maps.sum((1, 2))

    @property
    def _convolution(self) -> Convolution:
        return Convolution(self.side, self.stride)

    def _maps(self, h: Tensor) -> Tensor:
        return h.unflatten(2, (self.side**2, self.fan_in // 9))


def shape(kind: Kind, layers: int, classes: int) -> tuple[Layer, ...]:
    """A network of ``layers`` layers on 12x12 images, the last one the head, which gives the logits."""
    width = WIDTH[kind]
    if kind == "MLP":
        sizes = [SIDE**2] + [width] * (layers - 1)
        return *(Layer(n, width) for n in sizes[:-1]), Layer(sizes[-1], classes)
    found, side, inputs = [], SIDE, 1
    for layer in range(layers - 1):
        found.append(Layer(9 * inputs, width, side, STRIDES[layer] if layer < len(STRIDES) else 1))
        side, inputs = math.isqrt(found[-1].positions), width
    return *found, Layer(width * side**2, classes)


@dataclass
class Networks:
    """M networks: ``weights[l]`` (M, units, fan_in), ``biases[l]`` (M, units).

    ReLU stands between the layers. Training changes the tensors in place.
    """

    layers: tuple[Layer, ...]
    weights: list[Tensor]
    biases: list[Tensor]

    def __len__(self) -> int:
        return len(self.weights[0])

    def to(self, device: torch.device | str) -> Networks:
        """The same networks on a device."""
        return Networks(self.layers, [w.to(device) for w in self.weights], [b.to(device) for b in self.biases])

    def take(self, models: Sequence[int]) -> Networks:
        """Copies of some of the networks, in this order; one may be taken several times."""
        import torch

        index = torch.as_tensor(np.asarray(models, dtype=np.int64), device=self.weights[0].device)
        return Networks(self.layers, [w[index] for w in self.weights], [b[index] for b in self.biases])

    def sizes(self) -> list[int]:
        """Number of weights and biases of each layer of one network."""
        return [w[0].numel() + b[0].numel() for w, b in zip(self.weights, self.biases, strict=True)]

    def apply(self, layer: int, h: Tensor, models: slice = slice(None), alive: Alive = nothing) -> Tensor:
        """A layer's outputs (M, N, d') of ``h`` (M, N, d) of some models."""
        z = self.layers[layer].forward(h, self.weights[layer][models], self.biases[layer][models], alive)
        return z if layer == len(self.layers) - 1 else z.relu_()

    def features(self, x: Tensor, last: int | None = None, models: slice = slice(None)) -> list[Tensor]:
        """[x, h_1, ..., h_last] (M, N, d_l) of images ``x`` (M, N, 144); by default up to the logits."""
        found = [x]
        for layer in range(len(self.layers) if last is None else last):
            found.append(self.apply(layer, found[-1], models))
        return found

    def outputs(
        self,
        last: int,
        x: Tensor,
        owner: Tensor | None = None,
        models: slice = slice(None),
        progress: Progress = silent,
    ) -> Tensor:
        """h_last (M, N, d) of images ``x`` (S, N, 144), model m looking at ``x[owner[m]]`` (without owner: S = M)."""
        import torch

        widest = max(max(layer.fan_in, layer.units) * layer.positions for layer in self.layers)
        at_once = max(1, ROOM // (x.shape[1] * widest))
        start, stop, _ = models.indices(len(self))
        parts = []
        for first in range(start, stop, at_once):
            some = slice(first, min(first + at_once, stop))
            h = x[some] if owner is None else x[owner[some]]
            for layer in range(last):
                h = self.apply(layer, h, some)
            parts.append(h)
            progress((some.stop - start) / (stop - start))
        return torch.cat(parts)

    def logits(self, x: Tensor, owner: Tensor | None = None, progress: Progress = silent) -> Tensor:
        """(M, N, classes), as in :meth:`outputs`."""
        return self.outputs(len(self.layers), x, owner, progress=progress)

    def score(
        self, x: Tensor, y: Tensor, owner: Tensor | None = None, progress: Progress = silent
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean cross-entropy and accuracy, (M,) each, as in :func:`scores.score`: NaN for what is not finite.

        ``x`` and ``owner`` as in :meth:`logits`, ``y`` (S, N).
        """
        found = scores.score(self.logits(x, owner, progress), y if owner is None else y[owner])
        loss, right = (part.cpu().double().numpy() for part in found)
        return loss, right

    def accuracy(self, x: Tensor, y: Tensor, owner: Tensor | None = None, progress: Progress = silent) -> np.ndarray:
        """Share of right answers (M,), as in :meth:`score`."""
        return self.score(x, y, owner, progress)[1]

    @staticmethod
    def stacked(parts: Sequence[Networks]) -> Networks:
        """Copies of the networks of all parts, one after another; all have the same shape."""
        import torch

        weights = [torch.cat(tensors) for tensors in zip(*(part.weights for part in parts), strict=True)]
        biases = [torch.cat(tensors) for tensors in zip(*(part.biases for part in parts), strict=True)]
        return Networks(parts[0].layers, weights, biases)

    def with_head(self, weight: Tensor, bias: Tensor) -> Networks:
        """The same layers (shared, not copied) under another head (M, classes, features)."""
        head = Layer(weight.shape[2], weight.shape[1])
        return Networks((*self.layers[:-1], head), [*self.weights[:-1], weight], [*self.biases[:-1], bias])


def draw(kind: Kind, layers: int, classes: int, seeds: Sequence[int]) -> Networks:
    """A network for every seed: He-normal weights (He et al. 2015), a head of variance 1/fan_in, biases 0.

    Each seed's numbers come from a generator of its own, layer by layer, in the order of torch's weights.
    """
    import torch

    built = shape(kind, layers, classes)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights = []
    for layer in built:
        last = layer is built[-1]
        weights.append(torch.stack([_weight(layer, kind, last, generator) for generator in generators]))
    return Networks(built, weights, [torch.zeros(len(seeds), layer.units) for layer in built])


def _weight(layer: Layer, kind: Kind, last: bool, generator: torch.Generator) -> Tensor:
    """One layer's weights (units, fan_in), drawn as torch's module has them and put into the order used here."""
    import torch

    drawn = torch.randn(layer.units, layer.fan_in, generator=generator) * ((1 if last else 2) / layer.fan_in) ** 0.5
    if kind == "MLP":
        return drawn
    # Channels before positions (or taps), as Conv2d and Flatten have them -> positions before channels.
    inner = WIDTH[kind] if last else layer.fan_in // 9
    return drawn.view(layer.units, inner, -1).transpose(1, 2).reshape(layer.units, layer.fan_in)


def new_head(kind: Kind, layers: int, classes: int, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """A head for every seed, (S, classes, features) and (S, classes), with the same variance as :func:`draw`'s."""
    import torch

    head = shape(kind, layers, classes)[-1]
    generators = [torch.Generator().manual_seed(HEAD_STREAM + seed) for seed in seeds]
    weight = torch.stack([_weight(head, kind, True, generator) for generator in generators])
    return weight, torch.zeros(len(seeds), classes)
