"""The arithmetic of the chosen cell: the panel "One cell"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlviz.contract import Study

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Arithmetic:
    """The chosen cell's way from x to y under one norm."""

    mean: float  # μ of its set
    var: float  # σ² of its set
    x_hat: float
    y: float  # γ x̂ + β


def arithmetic(result: Result, norm: str) -> Arithmetic:
    """μ, σ², x̂ and y of the chosen cell."""
    block, settings = result.block, result.settings
    mean, var, x_hat = (float(table[norm][block.cell]) for table in (block.mean, block.var, block.x_hat))
    return Arithmetic(mean, var, x_hat, settings.gamma * x_hat + settings.beta)


STUDY = Study()
