"""Losses of linear models on real data, as surfaces over two parameters.

"Diabetes raw" and "Diabetes standardised" are the mean squared error of the same linear regression
w x + b on one feature: s4, total cholesterol over HDL, once in its own units and once standardised.
The Hessian is 2 [[mean(x^2), mean(x)], [mean(x), 1]]. A raw feature lies far from 0 (mean 4.07,
standard deviation 1.29), so w and b pull on the same residuals and the loss is a narrow ravine of
condition number 220.5; after standardising the Hessian is 2I and the loss a round bowl.
s4 is taken because its ravine can still be drawn and walked: other features are worse (bmi 26,000,
total cholesterol 1,100,000) and every path would look stuck.

"Breast cancer" is the mean cross-entropy of a logistic regression of malignant against benign over the
weights of two standardised features (no bias). The classes overlap in these features, so a finite
minimum exists without regularisation and none is added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.engine.data.datasets import breast_cancer, diabetes, standardise
from dlviz.engine.runtime.device import chunk_size, device
from dlviz.engine.surfaces.analytic import AnalyticSurface
from dlviz.engine.surfaces.minima import find_minima
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import X, Y, is_tensor
from dlviz.engine.surfaces.table import TABLE
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch

DIABETES_FEATURE = "s4"
BREAST_CANCER_FEATURES = ("worst radius", "worst concave points")
CHUNK = 2048
"""Points of the logistic loss worked on at once; 2048 x 569 float64 are 9 MB."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionSurface(AnalyticSurface):
    """Mean squared error over (w, b): exactly a quadratic, so it is analytic; data for mini-batches.

    ``inputs`` and ``targets`` have shape (n,).
    """

    inputs: np.ndarray
    targets: np.ndarray

    @cached_property
    def _tensors(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        return {}

    def batch_gradient(self, x: torch.Tensor, y: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gradient (L,), (L,) of the mean squared error of some examples; ``index`` (L or 1, B) are their rows."""
        inputs, targets = _on(self._tensors, x.device, self.inputs, self.targets)
        feature = inputs[index]
        residual = x[:, None] * feature + y[:, None] - targets[index]
        return 2 * (residual * feature).mean(dim=1), 2 * residual.mean(dim=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class LogisticSurface(Surface):
    """Mean binary cross-entropy over two weights; ``inputs`` (n, 2), ``targets`` (n,) of 0 and 1."""

    inputs: np.ndarray
    targets: np.ndarray

    @cached_property
    def minima(self) -> np.ndarray:
        """The minimum, which is the only one because the loss is convex: found on a coarse grid."""
        return find_minima(self, resolution=33)

    @cached_property
    def _tensors(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        return {}

    def value(self, x: Any, y: Any, progress: Progress = silent) -> Any:
        def loss(weights: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor]:
            logits = weights @ inputs.T
            # log(1 + e^z) - t z, written so that nothing overflows.
            softplus = logits.clamp(min=0) + logits.abs().neg().exp().log1p()
            return (softplus.mean(1) - weights @ (targets @ inputs) / len(inputs),)

        return self._chunked(loss, x, y, progress)[0]

    def gradient(self, x: Any, y: Any) -> tuple[Any, Any]:
        def slope(weights: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (((weights @ inputs.T).sigmoid() - targets) @ inputs / len(inputs)).unbind(1)

        return tuple(self._chunked(slope, x, y))

    def hessian(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        def bend(weights: torch.Tensor, inputs: torch.Tensor, _targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
            p = (weights @ inputs.T).sigmoid()
            products = inputs[:, [0, 0, 1]] * inputs[:, [0, 1, 1]]
            return ((p - p * p) @ products / len(inputs)).unbind(1)

        return tuple(self._chunked(bend, x, y))

    def batch_gradient(self, x: torch.Tensor, y: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gradient (L,), (L,) of the mean cross-entropy of some examples; ``index`` (L or 1, B) are their rows."""
        inputs, targets = _on(self._tensors, x.device, self.inputs, self.targets)
        first, second = inputs[index].unbind(-1)
        error = (x[:, None] * first + y[:, None] * second).sigmoid() - targets[index]
        return (error * first).mean(dim=1), (error * second).mean(dim=1)

    def _chunked(self, function: Callable, x: Any, y: Any, progress: Progress = silent) -> list:
        """Apply a function of weights (P, 2) to points of any shape and kind, CHUNK points at a time."""
        import torch

        one, two = on_device(x, y)
        data = _on(self._tensors, one.device, self.inputs, self.targets)
        weights = torch.stack([one.reshape(-1), two.reshape(-1)], dim=1)
        parts = []
        chunk = chunk_size(CHUNK)
        for i in range(0, max(len(weights), 1), chunk):
            parts.append(function(weights[i : i + chunk], *data))
            progress(min(1.0, (i + chunk) / max(len(weights), 1)))
        whole = [torch.cat(part).view(one.shape) for part in zip(*parts, strict=True)]
        return whole if is_tensor(x) else [part.cpu().numpy() for part in whole]


def on_device(x: Any, y: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Two coordinates as tensors: where they are if they are such, else in float64 where things are computed."""
    import torch

    if is_tensor(x):
        return x, y
    where = device(double=True)
    one, two = (torch.as_tensor(np.array(values, dtype=float)).to(where) for values in (x, y))
    return one, two


def _on(cache: dict, device: torch.device, *arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    """Arrays as tensors on a device, moved once."""
    import torch

    if str(device) not in cache:
        cache[str(device)] = tuple(torch.tensor(array, device=device) for array in arrays)
    return cache[str(device)]


def regression(name: str, inputs: np.ndarray, targets: np.ndarray) -> RegressionSurface:
    """The mean squared error of w x + b over (w, b).

    It is variance(x) (w - w*)^2 + (b + mean(x) w - mean(y))^2 + residual, with the slope w* and the mean
    squared residual of the least-squares line: the same number as the mean of (w x + b - y)^2, without
    the cancellation of expanded moments.
    """
    import sympy

    mean_x, mean_y = inputs.mean(), targets.mean()
    variance = np.mean((inputs - mean_x) ** 2)
    slope = np.mean((inputs - mean_x) * (targets - mean_y)) / variance
    residual = np.mean((targets - mean_y - slope * (inputs - mean_x)) ** 2)
    variance, slope, mean_x, mean_y, residual = (
        sympy.Float(float(v), 17) for v in (variance, slope, mean_x, mean_y, residual)
    )
    expression = variance * (X - slope) ** 2 + (Y + mean_x * X - mean_y) ** 2 + residual
    n, row = len(inputs), TABLE[name]
    formula = rf"L(w, b) = \frac{{1}}{{{n}}} \sum_{{i=1}}^{{{n}}} \left(w x_i + b - y_i\right)^{{2}}"
    return RegressionSurface(
        name, formula, row.domain, row.start, row.axes, n,
        expression=expression, inputs=inputs, targets=targets,
    )  # fmt: skip


def build(name: str) -> Surface:
    """The surface of "Diabetes raw", "Diabetes standardised" or "Breast cancer"; else ``KeyError``."""
    if name in ("Diabetes raw", "Diabetes standardised"):
        feature, target = diabetes(DIABETES_FEATURE)
        return regression(name, feature if name == "Diabetes raw" else standardise(feature), target)
    if name != "Breast cancer":
        raise KeyError(f"unknown data surface {name!r}; allowed: Diabetes raw, Diabetes standardised, Breast cancer")
    features, malignant = breast_cancer(BREAST_CANCER_FEATURES)
    row, n = TABLE[name], len(malignant)
    formula = (
        rf"L(\mathbf{{w}}) = \frac{{1}}{{{n}}} \sum_{{i=1}}^{{{n}}} \left[\log\left(1 + e^{{z_i}}\right)"
        r" - t_i z_i\right],\quad z_i = w_1 x_{i1} + w_2 x_{i2}"
    )
    return LogisticSurface(
        name, formula, row.domain, row.start, row.axes, n, inputs=standardise(features), targets=malignant
    )
