"""The networks that are trained, before their training, in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .networks import gate_bias
from .settings import Settings

if TYPE_CHECKING:
    from dlviz.engine.data.sequences import Kind
    from dlviz.engine.networks.rnn import RNN


class Start(NamedTuple):
    """What a network before training depends on, but for its key and its task."""

    cell: str
    hidden: int
    matrix: str
    radius: float
    input_gain: float
    bias: float


def start(settings: Settings, cell: str) -> Start:
    """Of a cell under the settings that matter to it."""
    s = settings
    return Start(cell, s.trained_hidden, s.matrix, s.radius, s.input_gain, gate_bias(s, cell))


def networks(of: Start, kind: Kind, keys: list[int], copies: int) -> RNN:
    """``copies`` times the networks with these keys, one after the other."""
    import torch

    from dlviz.engine.networks.rnn import RNN
    from dlviz.engine.runtime.device import device
    from dlviz.engine.signals import recurrent_init

    drawn = recurrent_init.draw(
        of.cell, of.hidden, kind.inputs, keys, matrix=of.matrix, radius=of.radius, input_gain=of.input_gain,
        bias=of.bias,
    )  # fmt: skip
    readout = recurrent_init.readout(of.hidden, kind.outputs, keys)
    parts = [drawn.weight_ih, drawn.weight_hh, drawn.bias, readout, torch.zeros(len(keys), kind.outputs)]
    return RNN(of.cell, *[part.float().to(device()).repeat(copies, *[1] * (part.dim() - 1)) for part in parts])
