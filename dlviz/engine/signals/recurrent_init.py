"""Recurrent networks before training: what they start from, in float64.

Every part of a network is drawn from a generator of its own, so that cells of different kinds with one key share what
they have in common: the first recurrent block, the readout, and the sequence that is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals.cells import BLOCKS, GATES, Cells
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor


def generator(key: int, part: int):
    """The torch generator behind one part of the network ``key``: 0 ... 3 its recurrent blocks, 4 its input weights,
    5 its readout, 6 what it reads.
    """
    import torch

    return torch.Generator().manual_seed(10 * key + part)


@cached(32)
def _block(hidden: int, matrix: str, key: int, part: int, *, progress: Progress = silent) -> Tensor:
    """An n x n recurrent matrix: standard normal, orthogonal (of Haar's measure), or the identity; not yet scaled.

    Kept for the cells that share it, and for the next radius; not to be changed.
    """
    import torch

    if matrix == "Identity":
        return torch.eye(hidden, dtype=torch.float64)
    normal = torch.randn(hidden, hidden, generator=generator(key, part), dtype=torch.float64)
    if matrix == "Gaussian":
        return normal
    q, r = torch.linalg.qr(normal)
    return q * r.diagonal().sign()


@cached(4096)
def _radius(hidden: int, matrix: str, key: int, part: int, *, progress: Progress = silent) -> float:
    """Spectral radius of an unscaled block."""
    import torch

    if matrix != "Gaussian":
        return 1.0
    return float(torch.linalg.eigvals(_block(hidden, matrix, key, part)).abs().max())


@cached(1024)
def _norm(hidden: int, matrix: str, key: int, *, progress: Progress = silent) -> float:
    """Largest singular value of the first block, unscaled."""
    import torch

    if matrix != "Gaussian":
        return 1.0
    return float(torch.linalg.matrix_norm(_block(hidden, matrix, key, 0), 2))


def recurrent(hidden: int, matrix: str, radius: float, key: int, part: int = 0) -> Tensor:
    """A recurrent block of network ``key``, (n, n), scaled so that its spectral radius is ``radius``."""
    return _block(hidden, matrix, key, part) * (radius / _radius(hidden, matrix, key, part))


def largest_singular_value(hidden: int, matrix: str, radius: float, key: int) -> float:
    """Of :func:`recurrent`'s first block."""
    return _norm(hidden, matrix, key) * radius / _radius(hidden, matrix, key, 0)


def draw(
    kind: str,
    hidden: int,
    inputs: int,
    keys: Sequence[int],
    *,
    matrix: str = "Gaussian",
    radius: float = 1.0,
    input_gain: float = 1.0,
    bias: float = 0.0,
    progress: Progress = silent,
) -> Cells:
    """Networks before training, one for each of ``keys``; cells of different kinds with one key share their draws.

    Input weights are normal with standard deviation ``input_gain``/√inputs. ``bias`` is that of the forget gate of
    an LSTM (Gers, Schmidhuber and Cummins 2000), or of the update gate of a GRU; all others are zero.
    """
    import torch

    blocks = BLOCKS[kind]
    by_input, by_state = [], []
    for i, key in enumerate(keys):
        parts = []
        for part in range(blocks):
            parts.append(recurrent(hidden, matrix, radius, key, part))
            progress((i + (part + 1) / blocks) / len(keys))
        by_state.append(torch.cat(parts))
        drawn = torch.randn(blocks * hidden, inputs, generator=generator(key, 4), dtype=torch.float64)
        by_input.append(drawn * (input_gain / inputs**0.5))
    biases = torch.zeros(len(keys), blocks * hidden, dtype=torch.float64)
    if kind in GATES:
        biases[:, hidden : 2 * hidden] = bias  # the second block: f, and z
    where = device(double=True)
    return Cells(kind, torch.stack(by_input).to(where), torch.stack(by_state).to(where), biases.to(where))


def readout(hidden: int, outputs: int, keys: Sequence[int]) -> Tensor:
    """A linear readout for each network, (S, outputs, n): normal with deviation 1/√n; a unit vector for one output."""
    import torch

    drawn = [torch.randn(outputs, hidden, generator=generator(key, 5), dtype=torch.float64) for key in keys]
    scaled = [v / v.norm() if outputs == 1 else v / hidden**0.5 for v in drawn]
    return torch.stack(scaled).to(device(double=True))
