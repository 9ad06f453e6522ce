"""What a run of the page holds. S seeds, L layers with the head, C numbers of labels.

Accuracies are shares of right answers on test images that neither task has learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlviz import contract
from dlviz.contract import switched_off
from dlviz.engine.data import digit_tasks

from .settings import Settings

if TYPE_CHECKING:
    from .curves import Curves
    from .gradual import Gradual
    from .holding import Holding
    from .moved import Moved
    from .network import Blocks
    from .pairs import Pairs
    from .sweep import Sweep


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page shows."""

    settings: Settings
    sweep: Sweep  # for the chosen numbers of labels
    network: Blocks = switched_off()
    curves: Curves = switched_off()
    gains: Sweep = switched_off()  # for all numbers of labels
    holding: Holding = switched_off()
    moved: Moved = switched_off()
    gradual: Gradual = switched_off()
    pairs: Pairs = switched_off()

    @property
    def classes(self) -> int:
        """Of the target."""
        return digit_tasks.classes(self.settings.target)

    @property
    def tested(self) -> int:
        """Test images of the target."""
        return digit_tasks.TEST * self.classes

    def labels(self, amount: str) -> int:
        """How many labels a class: "all" is a number, too."""
        return digit_tasks.POOL if amount == "all" else int(amount)
