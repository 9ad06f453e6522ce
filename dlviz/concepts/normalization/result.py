"""What a run of the page holds."""

from __future__ import annotations

from dataclasses import dataclass

from dlviz import contract
from dlviz.contract import switched_off

from .batches import Batches
from .block import Block
from .depth import Depth
from .groups import Groups
from .padding import Padding
from .settings import Settings
from .steps import Steps
from .style import Style
from .training import Training


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows; a field for each panel that computes something."""

    settings: Settings
    block: Block
    steps: Steps = switched_off()
    batches: Batches = switched_off()
    training: Training = switched_off()
    depth: Depth = switched_off()
    groups: Groups = switched_off()
    padding: Padding = switched_off()
    style: Style = switched_off()
