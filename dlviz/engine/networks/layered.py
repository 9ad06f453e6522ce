"""Many small networks of one shape in stacked weights: multilayer perceptrons, and convolutional networks.

There is no batch normalisation: no layer has statistics that could move while it is frozen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlviz.contract import Progress, silent
from dlviz.engine.domains import SIDE
from dlviz.engine.networks import scores

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

    Maps are flattened as torch has them: C channels times P positions.
    """

    fan_in: int
    units: int  # outputs, or channels
    side: int = 1  # of the incoming maps
    stride: int = 0

    @property
    def positions(self) -> int:
        """Of the outgoing maps."""
        return ((self.side - 1) // self.stride + 1) ** 2 if self.stride else 1

    @property
    def outputs(self) -> int:
        return self.units * self.positions

    def __call__(self, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Outputs (N, M, units·P) of M models for h (N, M, d): examples first, as a grouped convolution has them."""
        import torch

        if not self.stride:
            # Units before examples: the gradients of the weights then lie as the weights do.
            return bias.unsqueeze(2).baddbmm(weight, h.permute(1, 2, 0)).permute(2, 0, 1)
        models, inputs = len(weight), self.fan_in // 9
        maps = h.reshape(len(h), models * inputs, self.side, self.side)
        kernel = weight.view(models * self.units, inputs, 3, 3)
        found = torch.nn.functional.conv2d(maps, kernel, bias.flatten(), self.stride, 1, groups=models)
        return found.view(len(h), models, -1)


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
    """M networks: ``weights[l]`` (M, units, fan_in) in the order of torch's modules, ``biases[l]`` (M, units).

    ReLU stands between the layers. Training changes the tensors in place.
    """

    layers: tuple[Layer, ...]
    weights: list[Tensor]
    biases: list[Tensor]

    def __len__(self) -> int:
        return len(self.weights[0])

    def to(self, device: object) -> Networks:
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

    def apply(self, layer: int, h: Tensor, models: slice = slice(None)) -> Tensor:
        """The outputs of a layer, (N, M, d), of ``h`` (N, M, d) of some models; the last layer gives logits."""
        z = self.layers[layer](h, self.weights[layer][models], self.biases[layer][models])
        return z if layer == len(self.layers) - 1 else z.relu()

    def features(self, x: Tensor, last: int | None = None, models: slice = slice(None)) -> list[Tensor]:
        """[x, h_1, ..., h_last] (M, N, d_l) of images ``x`` (M, N, 144); by default up to the logits."""
        found = [x.transpose(0, 1)]
        for layer in range(len(self.layers) if last is None else last):
            found.append(self.apply(layer, found[-1], models))
        return [h.transpose(0, 1) for h in found]

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
            h = (x[some] if owner is None else x[owner[some]]).transpose(0, 1)
            for layer in range(last):
                h = self.apply(layer, h, some)
            parts.append(h.transpose(0, 1))
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
        weights.append(torch.stack([_weight(layer, last, generator) for generator in generators]))
    return Networks(built, weights, [torch.zeros(len(seeds), layer.units) for layer in built])


def _weight(layer: Layer, last: bool, generator: torch.Generator) -> Tensor:
    """One layer's weights (units, fan_in), in the order of torch's module."""
    import torch

    return torch.randn(layer.units, layer.fan_in, generator=generator) * ((1 if last else 2) / layer.fan_in) ** 0.5


def new_head(kind: Kind, layers: int, classes: int, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """A head for every seed, (S, classes, features) and (S, classes), with the same variance as :func:`draw`'s."""
    import torch

    head = shape(kind, layers, classes)[-1]
    generators = [torch.Generator().manual_seed(HEAD_STREAM + seed) for seed in seeds]
    weight = torch.stack([_weight(head, True, generator) for generator in generators])
    return weight, torch.zeros(len(seeds), classes)
