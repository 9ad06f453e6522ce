"""3x3 convolutions of many models on small maps: compiled on the CPU, elsewhere products of gathered neighbours.

Feature maps stand as (M, N, P, C): M models, N examples, P positions of a square map, C channels; weights as
(M, O, 9·C), the taps outermost. The other way is ``conv2d`` with a group for each model; its gradient by the inputs is
slow where the stride is 2, as in the first convolutions of both networks here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.networks.model import Alive, nothing

if TYPE_CHECKING:
    import torch
    from torch import Tensor

COMPILED = True  # whether the kernels are used on the CPU; a test holds them against the products in torch
AT_ONCE = 20_000_000  # products of a call of a kernel: one to four milliseconds


@dataclass(frozen=True)
class Convolution:
    """With padding 1, on maps of ``side`` x ``side`` positions."""

    side: int
    stride: int

    @property
    def size(self) -> int:
        """Side of the outgoing map."""
        return (self.side - 1) // self.stride + 1

    def forward(self, x: Tensor, weights: Tensor, biases: Tensor, alive: Alive = nothing) -> Tensor:
        """Maps (M, N, P, C), weights (M, O, 9·C), ``biases`` (M, O) -> (M, N, P', O)."""
        models, examples, _, inputs = x.shape
        shape = models, examples, self.size**2, weights.shape[1]
        if not self._compiled(x, shape[3]):
            return biases[:, None].baddbmm(self._rows(x), weights.transpose(1, 2)).view(shape)
        from dlviz.engine.networks.conv_kernels import forward

        return self._in_turn(forward, (x, weights, biases), shape, examples * inputs * shape[3], alive)

    def by_inputs(self, gradient: Tensor, weights: Tensor, alive: Alive = nothing) -> Tensor:
        """The gradient by the inputs, (M, N, P, C), from that by the outputs, (M, N, P', O)."""
        models, examples, _, channels = gradient.shape
        inputs = weights.shape[2] // 9
        if not self._compiled(gradient, inputs):
            room = gradient.new_zeros(models, examples, self.side**2 + 1, inputs)
            rows = gradient.flatten(1, 2).bmm(weights)
            taps = neighbours(self, gradient.device)
            return room.index_add_(2, taps, rows.view(models, examples, len(taps), inputs))[:, :, :-1]
        from dlviz.engine.networks.conv_kernels import by_inputs

        shape = models, examples, self.side**2, inputs
        return self._in_turn(by_inputs, (gradient, weights), shape, examples * inputs * channels, alive)

    def by_weights(self, gradient: Tensor, x: Tensor, alive: Alive = nothing) -> Tensor:
        """The gradient by the weights, (M, O, 9·C), from that by the outputs, (M, N, P', O)."""
        models, examples, _, inputs = x.shape
        channels = gradient.shape[3]
        if not self._compiled(x, channels):
            return gradient.flatten(1, 2).transpose(1, 2).bmm(self._rows(x))
        from dlviz.engine.networks.conv_kernels import by_weights

        shape = models, channels, 9 * inputs
        return self._in_turn(by_weights, (gradient, x), shape, examples * inputs * channels, alive)

    def _compiled(self, x: Tensor, channels: int) -> bool:
        """Whether the kernels serve, which go through the ``channels`` by eights."""
        return COMPILED and x.device.type == "cpu" and channels % 8 == 0 and self.stride in (1, 2)

    def _rows(self, x: Tensor) -> Tensor:
        """Maps (M, N, P, C) -> the neighbours of each output position (im2col), (M, N·P', 9·C)."""
        models, examples, positions, channels = x.shape
        room = x.new_zeros(models, examples, positions + 1, channels)
        room[:, :, :-1] = x
        return room.index_select(2, neighbours(self, x.device)).view(models, -1, 9 * channels)

    def _in_turn(
        self, kernel: Callable[..., None], given: tuple[Tensor, ...], shape: tuple[int, ...], pairs: int, alive: Alive
    ) -> Tensor:
        """What a kernel makes of the models, of some after others, between which ``alive`` is called.

        ``pairs`` are those of a number that comes in and one that goes out at a tap and position of one model.
        """
        import torch

        arrays = [part.contiguous().numpy() for part in given]
        # An array of NumPy's own as a tensor takes a third of the time of the other way round.
        out = np.empty(shape, arrays[0].dtype)
        models = max(1, AT_ONCE // (9 * self.size**2 * pairs))
        for first in range(0, len(out), models):
            if first:
                alive()
            some = slice(first, first + models)
            kernel(*[array[some] for array in arrays], self.side, self.stride, out[some])
        return torch.from_numpy(out)


@cache
def neighbours(convolution: Convolution, where: torch.device | None = None) -> Tensor:
    """The nine neighbours of each output position, (P'·9,) of the inputs; P is the padding."""
    import torch

    side, stride, out = convolution.side, convolution.stride, convolution.size
    found = np.full((out * out, 9), side * side)
    for row, column in np.ndindex(out, out):
        for tap, (down, right) in enumerate(np.ndindex(3, 3)):
            y, x = row * stride + down - 1, column * stride + right - 1
            if 0 <= y < side and 0 <= x < side:
                found[row * out + column, tap] = y * side + x
    return torch.from_numpy(found.ravel()).to(where)
