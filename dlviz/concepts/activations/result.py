"""What a run of the page "Activation functions" holds."""

from __future__ import annotations

from dataclasses import dataclass

from dlviz import contract
from dlviz.contract import switched_off

from .depth import Depth
from .dying import Dying
from .learned import LearnedSlopes
from .neuron import Neuron
from .settings import Settings
from .softmax import Softmax
from .table import Table
from .zigzag import Zigzag


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page draws for one Settings: the neuron, and what the panels that are on hold."""

    settings: Settings
    neuron: Neuron
    depth: Depth = switched_off()
    zigzag: Zigzag = switched_off()
    dying: Dying = switched_off()
    learned: LearnedSlopes = switched_off()
    softmax: Softmax = switched_off()
    table: Table = switched_off()
