"""Activation functions and their derivatives, written out, for tensors of any shape.

A derivative at a kink is the one that torch's autograd gives (ReLU: 0 at 0). The functions take an
optional parameter (a slope α, a sharpness β) as a number or as a tensor that broadcasts against the
input, so that variants can share one call. Importing this module does not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

# Klambauer et al. 2017, "Self-normalizing neural networks", equation 14.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@dataclass(frozen=True)
class Parameter:
    """A free number of an activation: its symbol, torch's default, and the bounds that make sense."""

    symbol: str
    default: float
    low: float
    high: float


@dataclass(frozen=True)
class Activation:
    """An elementwise function f with its derivative f′ and their formulas in LaTeX.

    ``kinks`` are the points at which f′ jumps, where an integral over f has to be split.
    """

    name: str
    value: Callable[..., Any]
    derivative: Callable[..., Any]
    formula: str
    slope_formula: str
    source: str
    parameter: Parameter | None = None
    kinks: tuple[float, ...] = ()

    def __call__(self, x: Tensor, parameter: float | Tensor | None = None) -> Tensor:
        """f(x), elementwise. ``parameter`` defaults to the function's own; raises ``ValueError`` if it has none."""
        return self.value(x, *self._given(parameter))

    def slope(self, x: Tensor, parameter: float | Tensor | None = None) -> Tensor:
        """f′(x), elementwise."""
        return self.derivative(x, *self._given(parameter))

    def _given(self, parameter: float | Tensor | None) -> tuple[Any, ...]:
        if self.parameter is None:
            if parameter is not None:
                raise ValueError(f"{self.name} has no parameter, got {parameter!r}")
            return ()
        return (self.parameter.default if parameter is None else parameter,)


def _step(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


def _leaky(x: Tensor, a: Any) -> Tensor:
    return x.where(x > 0, a * x)


def _leaky_slope(x: Tensor, a: Any) -> Tensor:
    positive = _step(x)
    return positive + a * (1 - positive)


def _elu(x: Tensor, a: Any) -> Tensor:
    # Clamped, for the exponential of a large x would make the gradient NaN where it is not even taken.
    return x.where(x > 0, a * x.clamp(max=0).expm1())


def _elu_slope(x: Tensor, a: Any) -> Tensor:
    positive = _step(x)
    return positive + a * x.clamp(max=0).exp() * (1 - positive)


def _sigmoid_slope(x: Tensor) -> Tensor:
    s = x.sigmoid()
    return s * (-x).sigmoid()


def _gelu(x: Tensor) -> Tensor:
    return x * _normal_cdf(x)


def _gelu_slope(x: Tensor) -> Tensor:
    return _normal_cdf(x) + x * (-x.square() / 2).exp() / math.sqrt(2 * math.pi)


def _normal_cdf(x: Tensor) -> Tensor:
    # erfc keeps its digits in the left tail, where 1 + erf cancels.
    return (-x / math.sqrt(2)).erfc() / 2


def _swish(x: Tensor, b: Any) -> Tensor:
    return x * (b * x).sigmoid()


def _swish_slope(x: Tensor, b: Any) -> Tensor:
    s = (b * x).sigmoid()
    return s + b * x * s * (-b * x).sigmoid()


def _softplus(x: Tensor, b: Any) -> Tensor:
    # log(e^βx + e^0)/β neither overflows nor loses the tail.
    return (b * x).logaddexp(x.new_zeros(())) / b


_TABLE = (
    Activation("Linear", lambda x: x, lambda x: x.new_ones(x.shape), "x", "1", "the identity"),
    Activation(
        "Sigmoid", lambda x: x.sigmoid(), _sigmoid_slope,
        r"\sigma(x) = \frac{1}{1 + e^{-x}}", r"\sigma(x)\,(1 - \sigma(x))",
        "Goodfellow et al. 2016, section 6.3.2",
    ),
    Activation(
        "Tanh", lambda x: x.tanh(), lambda x: 1 / x.cosh().square(),
        r"\tanh x", r"1 - \tanh^2 x",
        "LeCun et al. 1998, Efficient BackProp, section 4.4",
    ),
    Activation(
        "ReLU", lambda x: x.relu(), _step,
        r"\max(0, x)", r"[x > 0]",
        "Nair & Hinton 2010", kinks=(0.0,),
    ),
    Activation(
        "Leaky ReLU", _leaky, _leaky_slope,
        r"\max(0, x) + \alpha \min(0, x)", r"[x > 0] + \alpha [x \le 0]",
        "Maas et al. 2013", Parameter("α", 0.01, 0.0, 1.0), (0.0,),
    ),
    Activation(
        "PReLU", _leaky, _leaky_slope,
        r"\max(0, x) + a \min(0, x),\ a\ \text{learned}", r"[x > 0] + a [x \le 0]",
        "He et al. 2015, equation 1", Parameter("a", 0.25, -1.0, 1.0), (0.0,),
    ),
    Activation(
        "ELU", _elu, _elu_slope,
        r"x\ (x > 0),\quad \alpha (e^x - 1)\ (x \le 0)", r"1\ (x > 0),\quad \alpha e^x\ (x \le 0)",
        "Clevert et al. 2016, equation 15", Parameter("α", 1.0, 0.1, 3.0), (0.0,),
    ),
    Activation(
        "SELU", lambda x: SELU_SCALE * _elu(x, SELU_ALPHA), lambda x: SELU_SCALE * _elu_slope(x, SELU_ALPHA),
        r"\lambda x\ (x > 0),\quad \lambda\alpha (e^x - 1)\ (x \le 0)",
        r"\lambda\ (x > 0),\quad \lambda\alpha e^x\ (x \le 0)",
        "Klambauer et al. 2017, equations 2 and 14", kinks=(0.0,),
    ),
    Activation(
        "GELU", _gelu, _gelu_slope,
        r"x\,\Phi(x)", r"\Phi(x) + x\,\varphi(x)",
        "Hendrycks & Gimpel 2016",
    ),
    Activation(
        "Swish", _swish, _swish_slope,
        r"x\,\sigma(\beta x)", r"\sigma(\beta x) + \beta x\,\sigma(\beta x)(1 - \sigma(\beta x))",
        "Ramachandran et al. 2017; SiLU for β = 1", Parameter("β", 1.0, 0.0, 50.0),
    ),
    Activation(
        "Softplus", _softplus, lambda x, b: (b * x).sigmoid(),
        r"\frac{1}{\beta}\log(1 + e^{\beta x})", r"\sigma(\beta x)",
        "Glorot et al. 2011, section 3", Parameter("β", 1.0, 0.1, 20.0),
    ),
)  # fmt: skip

ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _TABLE}


def maxout(pieces: Tensor) -> Tensor:
    """The largest of k affine pieces: (..., k) -> (...). Goodfellow et al. 2013, "Maxout networks"."""
    return pieces.amax(dim=-1)
