"""Everything that the page draws for one Settings."""

from __future__ import annotations

from dataclasses import dataclass

from dlviz import contract
from dlviz.contract import switched_off

from .basins import Basins
from .inside import Inside
from .race import Race
from .rates import Scan
from .settings import Settings


@dataclass(frozen=True)
class Result(contract.Result):
    """The race, and what the chosen panels hold."""

    settings: Settings
    race: Race
    inside: Inside = switched_off()
    sensitivity: Scan = switched_off()
    basins: Basins = switched_off()
