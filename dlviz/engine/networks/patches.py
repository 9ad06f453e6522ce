"""3x3 convolutions of many models on small maps: a gather of nine neighbours, and one batched product for all models.

Feature maps stand as (M, N, P, C): M models, N examples, P positions of a square map, C channels. The other way is
``conv2d`` with a group for each model; its gradient by the inputs is slow where the stride is 2, as in the first
convolutions of both networks here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Neighbours(NamedTuple):
    """The nine neighbours of each output position among the P_in inputs; the index P_in is the padding."""

    taps: Tensor  # (P_out * 9,)
    side: int  # of the output


@cache
def neighbours(side: int, stride: int, where: torch.device | None = None) -> Neighbours:
    """For a 3x3 convolution with padding 1 on a square map."""
    import torch

    out = (side - 1) // stride + 1
    found = np.full((out * out, 9), side * side)
    for row, column in np.ndindex(out, out):
        for tap, (down, right) in enumerate(np.ndindex(3, 3)):
            y, x = row * stride + down - 1, column * stride + right - 1
            if 0 <= y < side and 0 <= x < side:
                found[row * out + column, tap] = y * side + x
    return Neighbours(torch.from_numpy(found.ravel()).to(where), out)


def padded(shape: tuple[int, int, int, int], like: Tensor) -> Tensor:
    """Room for maps of ``shape`` (M, N, P, C) and one more position, which is 0: (M, N, P + 1, C)."""
    models, examples, positions, channels = shape
    room = like.new_empty(models, examples, positions + 1, channels)
    room[:, :, -1] = 0
    return room


def gather(room: Tensor, index: Tensor) -> Tensor:
    """:func:`padded` maps (M, N, P + 1, C) -> the neighbours (M, N·P', 9·C) that ``index`` (P'·9,) names."""
    models, examples, _, channels = room.shape
    return room.index_select(2, index).view(models, examples * len(index) // 9, 9 * channels)


def scatter(patches: Tensor, index: Tensor, positions: int) -> Tensor:
    """The adjoint of :func:`gather`: sums over all places of a cell, (M, N, P + 1, C) with P = ``positions``."""
    models, rows, wide = patches.shape
    examples = 9 * rows // len(index)
    room = patches.new_zeros(models, examples, positions + 1, wide // 9)
    room.index_add_(2, index, patches.view(models, examples, len(index), wide // 9))
    return room
