"""What a run of the page holds. Steps of a sequence count from 1 to T; the lag of step t is T - t.

The *state* s is what a network carries from step to step: h, of an LSTM h and c together.
"""

from __future__ import annotations

from dataclasses import dataclass

from dlviz import contract
from dlviz.contract import switched_off

from .exploding import Exploding
from .gates import Gates
from .pairs import Pairs
from .reach import Reach
from .remembering import Remembering
from .settings import Settings
from .steps import Steps
from .tasks import Tasks
from .weight import Weight


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows."""

    settings: Settings
    reach: dict[str, Reach]  # by cell
    pairs: Pairs = switched_off()
    steps: Steps = switched_off()
    weight: Weight = switched_off()
    gates: Gates = switched_off()
    exploding: Exploding = switched_off()
    remembering: Remembering = switched_off()
    tasks: Tasks = switched_off()
