"""The functions of the page, evaluated: f and f′ with torch or NumPy, where f′ jumps, and how steep f is at most."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import saturation
from dlviz.engine.signals.activations import ACTIVATIONS, maxout
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch


def lines(pieces: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Slopes and offsets (k,) of a one-dimensional maxout unit, from N(0, 1)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    w, b = torch.randn(2, pieces, generator=generator, dtype=torch.float64)
    return w, b


def torch_function(
    name: str, parameter: float | None, pieces: int, seed: int
) -> tuple[Callable[[torch.Tensor], torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]:
    """f and f′ of a scalar function, of tensors of any shape."""
    if name == "Maxout":
        w, b = lines(pieces, seed)
        return (lambda x: maxout(x[..., None] * w + b)), (lambda x: w[(x[..., None] * w + b).argmax(dim=-1)])
    function = ACTIVATIONS[name]
    return (lambda x: function(x, parameter)), (lambda x: function.slope(x, parameter))


def numeric(function: Callable[[torch.Tensor], torch.Tensor]) -> saturation.Function:
    """A torch function as one of NumPy arrays in float64."""

    def of_array(x: np.ndarray) -> np.ndarray:
        import torch

        return function(torch.from_numpy(np.ascontiguousarray(x, dtype=float))).numpy()

    return of_array


def kinks(name: str, pieces: int = 1, seed: int = 0) -> np.ndarray:
    """Where f′ may jump, (m,): the function's own kinks, and for maxout wherever two pieces meet."""
    if name != "Maxout":
        return np.array(ACTIVATIONS[name].kinks, dtype=float)
    w, b = (part.numpy() for part in lines(pieces, seed))
    one, other = np.triu_indices(pieces, k=1)
    return (b[other] - b[one]) / (w[one] - w[other])


def both_sides(places: np.ndarray) -> np.ndarray:
    """Points just below and just above each place, (2m,): a jump between them is drawn upright."""
    return np.concatenate([places - 1e-9, places + 1e-9])


@cached(maxsize=64)
def steepest(
    name: str, parameter: float | None, pieces: int = 1, seed: int = 0, *, progress: Progress = silent
) -> float:
    """max |f′| over the real line, by evaluation on a fine grid and beside every kink."""
    _value, slope = torch_function(name, parameter, pieces, seed)
    grid = np.concatenate([saturation.GRID, both_sides(kinks(name, pieces, seed))])
    progress(1.0)
    return float(np.abs(numeric(slope)(grid)).max())
