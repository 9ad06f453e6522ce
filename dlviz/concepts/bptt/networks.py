"""The networks of the page at the start of training, and how each reads its sequence, to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dlviz.progress import Progress, silent

from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from dlviz.engine.signals.cells import Trace

WEIGHTS, STORED = 1.5e6, 4e6
"""Networks run in groups whose weights and stored numbers stay below these counts, so that a group fits the cache."""


class Network(NamedTuple):
    """What a network and its sequence depend on, but for the seed."""

    cell: str
    hidden: int
    matrix: str
    radius: float
    input_gain: float
    bias: float
    data: str
    length: int


def network(settings: Settings, cell: str) -> Network:
    """Of a cell under the settings that matter to it."""
    s = settings
    bias = gate_bias(s, cell)
    return Network(cell, s.hidden, s.matrix, s.radius, s.input_gain, bias, s.data, s.steps_read)


def gate_bias(settings: Settings, cell: str) -> float:
    """The bias of the gate that keeps the memory; 0 of a cell without gates."""
    return {"LSTM": settings.forget_bias, "GRU": settings.update_bias}.get(cell, 0.0)


def keys(seed: int, count: int) -> list[int]:
    """The keys of ``count`` networks."""
    return [1000 * seed + i for i in range(count)]


def batches(of: Network, seed: int, seeds: int) -> list[list[int]]:
    """Keys of the networks in groups that fit a cache: a larger group waits for memory at each step."""
    from dlviz.engine.signals.cells import BLOCKS

    blocks = BLOCKS[of.cell]
    together = max(1, int(min(WEIGHTS / (blocks * of.hidden**2), STORED / (3 * of.length * blocks * of.hidden))))
    all_keys = keys(seed, seeds)
    return [all_keys[i : i + together] for i in range(0, seeds, together)]


class Reading(NamedTuple):
    """What some networks went through over their sequences."""

    trace: Trace
    last: Tensor  # (S, state) ∂L/∂s_T
    loss: Tensor  # (S,)
    inputs: Tensor  # (S, T, m)


def read(of: Network, chosen: list[int], progress: Progress = silent) -> Reading:
    """The networks with these keys read their sequences, to the loss."""
    import torch

    from dlviz.engine.data import sequences
    from dlviz.engine.runtime.device import device
    from dlviz.engine.signals import cells, recurrent_init

    kind = sequences.KINDS[of.data]
    drawn = [sequences.draw(of.data, of.length, 1, recurrent_init.generator(key, 6)) for key in chosen]
    x = torch.cat([inputs for inputs, _ in drawn]).to(device(double=True))
    y = torch.cat([target for _, target in drawn]).to(x.device)
    networks = recurrent_init.draw(
        of.cell, of.hidden, kind.inputs, chosen, matrix=of.matrix, radius=of.radius, input_gain=of.input_gain,
        bias=of.bias, progress=lambda _share: progress(0.0),
    )  # fmt: skip
    trace = cells.forward(networks, x, progress)
    readout = recurrent_init.readout(of.hidden, kind.outputs, chosen)
    loss, by_h = sequences.final_loss(of.data, trace.h[-1], readout, y)
    # The loss reads h; c of an LSTM has no direct part in it.
    last = torch.zeros(len(chosen), networks.state, dtype=x.dtype, device=x.device)
    last[:, : of.hidden] = by_h
    return Reading(trace, last, loss, x)
