"""What heads the explanation: which tensor is on the screen, and the chosen cell's arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlviz.contract import Note
from dlviz.numbers import latex

from .cell import arithmetic

if TYPE_CHECKING:
    from .result import Result


def facts(result: Result) -> list[Note]:
    """Which tensor is on the screen."""
    block, settings = result.block, result.settings
    examples, channels, positions = block.x.shape
    values = {"n": examples, "c": channels, "p": positions, "seed": settings.seed}
    if block.kind == "Feature maps":
        key = "maps" if settings.source == "Digits" else "patches"
        return [Note(key, values | {"side": settings.side}), *_formula(result)]
    return [Note("features" if block.kind == "MLP" else "sequences", values), *_formula(result)]


def _formula(result: Result) -> list[Note]:
    """The chosen cell's own arithmetic under the first of the norms that subtracts and divides."""
    block, settings = result.block, result.settings
    for norm in settings.norms:
        if norm not in ("None", "RMSNorm"):
            found = arithmetic(result, norm)
            numbers = {
                "x": float(block.x[block.cell]), "mean": found.mean, "var": found.var, "x_hat": found.x_hat,
                "y": found.y, "gamma": settings.gamma, "beta": settings.beta,
            }  # fmt: skip
            return [Note("arithmetic", {"norm": norm} | {name: latex(number) for name, number in numbers.items()})]
    return []
