"""What every loss surface is: a function of two coordinates with its derivatives and its minima."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dlviz.engine.surfaces.minima import find_minima
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Surface(ABC):
    """A function of two coordinates with its derivatives.

    ``domain`` is (x_min, x_max, y_min, y_max), the part that is drawn; ``formula`` LaTeX; ``samples``
    the number of training examples behind a surface made from data. Points are given as two NumPy
    arrays or two float64 torch tensors of one shape; results have that kind and shape. Where the
    function is not defined or overflows, results are NaN or infinite, never an exception.
    """

    name: str
    formula: str
    domain: tuple[float, float, float, float]
    start: tuple[float, float]
    axes: tuple[str, str] = ("x", "y")
    samples: int | None = None

    program: ClassVar[bool] = False
    """Whether ``bind`` works, so that value and gradient can be traced and compiled."""

    @abstractmethod
    def value(self, x: Any, y: Any, progress: Progress = silent) -> Any:
        """f(x, y); ``progress`` is called while a large batch of points is worked on."""

    @abstractmethod
    def gradient(self, x: Any, y: Any) -> tuple[Any, Any]:
        """(df/dx, df/dy)."""

    @abstractmethod
    def hessian(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        """(d2f/dx2, d2f/dxdy, d2f/dy2)."""

    def bind(self, namespace: Mapping[str, Callable]) -> tuple[Callable, Callable]:
        """(value, gradient) built on the functions of a namespace; only where ``program`` is true."""
        raise NotImplementedError(f"{self.name} cannot be compiled")

    def batch_gradient(self, x: torch.Tensor, y: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gradient (L,), (L,) over some examples, ``index`` (L or 1, B); only of a surface made from data."""
        raise NotImplementedError(f"{self.name} is not made from data")

    @cached_property
    def minima(self) -> np.ndarray:
        """Strict local minima in and near the domain, lowest first; (k, 2), see ``find_minima``."""
        return find_minima(self)

    @cached_property
    def curvatures(self) -> tuple[float, float] | None:
        """(smallest, largest) eigenvalue of the Hessian at the lowest minimum; None without one.

        None too at a minimum with a kink (Ackley's), where the Hessian does not exist.
        """
        if not len(self.minima):
            return None
        hxx, hxy, hyy = (float(h[0]) for h in self.hessian(*self.minima[:1].T))
        if not math.isfinite(hxx + hxy + hyy):
            return None
        low, high = np.linalg.eigvalsh([[hxx, hxy], [hxy, hyy]])
        return float(low), float(high)

    @property
    def lambda_max(self) -> float | None:
        """Largest Hessian eigenvalue at the lowest minimum; of a quadratic, everywhere.

        Gradient descent with a rate above 2 / lambda_max cannot stay at that minimum.
        """
        return self.curvatures[1] if self.curvatures else None

    @property
    def condition(self) -> float | None:
        """Condition number of the Hessian at the lowest minimum; None where the Hessian is singular."""
        if self.curvatures is None or self.curvatures[0] <= 1e-12 * self.curvatures[1]:
            return None
        return self.curvatures[1] / self.curvatures[0]
