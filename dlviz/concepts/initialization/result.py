"""What a run of the page holds."""

from __future__ import annotations

from dataclasses import dataclass

from dlviz import contract
from dlviz.contract import switched_off

from .chaos import Chaos
from .grid import Grid
from .settings import Settings
from .signals import Signals
from .spectra import Spectra
from .symmetry import Symmetry
from .training import Training


@dataclass(frozen=True)
class Result(contract.Result):
    """Everything that the page draws for one Settings."""

    settings: Settings
    signals: Signals
    grid: Grid = switched_off()
    chaos: Chaos = switched_off()
    spectra: Spectra = switched_off()
    symmetry: Symmetry = switched_off()
    training: Training = switched_off()
