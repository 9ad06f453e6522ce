"""Activation functions and their derivatives, for tensors of any shape.

They are torch's own kernels where these keep their digits far out: elementwise work is as fast as its passes over
memory are few. Where autograd's formula cancels (σ(1 − σ) and 1 − tanh² are 0 from x = 37 and x = 19 on, Φ by 1 + erf
from x = −8.3 down) the derivative is written so that it does not.

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

    ``kinks`` are the points at which f′ jumps, where an integral over f has to be split. ``both`` gives
    (f, f′) of functions that share what takes longest in them.
    """

    name: str
    value: Callable[..., Any]
    derivative: Callable[..., Any]
    formula: str
    slope_formula: str
    source: str
    parameter: Parameter | None = None
    kinks: tuple[float, ...] = ()
    both: Callable[..., tuple[Any, Any]] | None = None

    def __call__(self, x: Tensor, parameter: float | Tensor | None = None) -> Tensor:
        """f(x), elementwise. ``parameter`` defaults to the function's own; raises ``ValueError`` if it has none."""
        return self.value(x, *self._given(parameter))

    def slope(self, x: Tensor, parameter: float | Tensor | None = None) -> Tensor:
        """f′(x), elementwise."""
        return self.derivative(x, *self._given(parameter))

    def with_slope(self, x: Tensor, parameter: float | Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(f(x), f′(x)), for who needs both: no slower than one after the other."""
        given = self._given(parameter)
        return self.both(x, *given) if self.both else (self.value(x, *given), self.derivative(x, *given))

    def _given(self, parameter: float | Tensor | None) -> tuple[Any, ...]:
        if self.parameter is None:
            if parameter is not None:
                raise ValueError(f"{self.name} has no parameter, got {parameter!r}")
            return ()
        return (self.parameter.default if parameter is None else parameter,)


def _step(x: Tensor) -> Tensor:
    return (x > 0).to(x.dtype)


def _leaky(x: Tensor, a: Any) -> Tensor:
    if isinstance(a, int | float):
        return _torch().nn.functional.leaky_relu(x, a)
    return x.where(x > 0, a * x)


def _leaky_slope(x: Tensor, a: Any) -> Tensor:
    if isinstance(a, int | float):
        return _aten().leaky_relu_backward(_ones(x), x, a, False)
    return x.new_ones(()).where(x > 0, a)


def _elu(x: Tensor, a: Any) -> Tensor:
    elu = _torch().nn.functional.elu
    if isinstance(a, int | float):
        return elu(x, a)
    one = elu(x)
    return one.where(x > 0, a * one)


def _elu_slope(x: Tensor, a: Any, scale: float = 1.0) -> Tensor:
    if isinstance(a, int | float):
        return _aten().elu_backward(_ones(x), a, scale, 1.0, False, x)
    one = _elu_slope(x, 1.0)
    return one.where(x > 0, a * one)


def _sigmoid_slope(x: Tensor) -> Tensor:
    return _bell(x.copysign(-1))


def _tanh_slope(x: Tensor) -> Tensor:
    # 1 − tanh² x = 4 σ′(2x)
    return _bell(x.copysign(-1).mul_(2)).mul_(4)


def _bell(x: Tensor) -> Tensor:
    """σ(x)(1 − σ(x)) for x ≤ 0, where no difference cancels. The values overwrite the input."""
    s = x.sigmoid_()
    return s.addcmul_(s, s, value=-1)


def _gelu(x: Tensor) -> Tensor:
    return _normal_cdf(x * -math.sqrt(0.5)).mul_(x)


def _gelu_slope(x: Tensor) -> Tensor:
    return _gelu_both(x)[1]


def _gelu_both(x: Tensor) -> tuple[Tensor, Tensor]:
    z = x * -math.sqrt(0.5)
    cdf = _normal_cdf(z)
    value = x * cdf
    # Φ(x) + x φ(x), in the places of Φ and z
    density = z.square_().neg_().exp_()
    return value, cdf.addcmul_(x, density, value=1 / math.sqrt(2 * math.pi))


def _normal_cdf(z: Tensor) -> Tensor:
    """Φ at −√2 z: erfc keeps its digits in the left tail, where 1 + erf cancels."""
    return z.erfc().mul_(0.5)


def _swish(x: Tensor, b: Any) -> Tensor:
    y = _scaled(x, b)
    return _torch().nn.functional.silu(x) if y is x else x * y.sigmoid()


def _swish_slope(x: Tensor, b: Any) -> Tensor:
    # d/dx x σ(βx) is the slope of y σ(y) at y = βx.
    y = _scaled(x, b)
    return _aten().silu_backward(_ones(y), y)


def _scaled(x: Tensor, b: Any) -> Tensor:
    """βx, without a pass where β is the number 1."""
    return x if isinstance(b, int | float) and b == 1 else b * x


def _softplus(x: Tensor, b: Any) -> Tensor:
    if isinstance(b, int | float):
        # From βx = 40 on it is x, in every digit of float64.
        return _torch().nn.functional.softplus(x, b, 40.0)
    # log(e^βx + e^0)/β neither overflows nor loses the tail.
    return (b * x).logaddexp(x.new_zeros(())) / b


def _ones(x: Tensor) -> Tensor:
    """The gradient that autograd hands to the derivative of a sum."""
    return x.new_ones(()).expand_as(x)


def _torch() -> Any:
    import torch

    return torch


def _aten() -> Any:
    """Torch's kernels by name, those of its derivatives among them."""
    return _torch().ops.aten


_TABLE = (
    Activation("Linear", lambda x: x, lambda x: x.new_ones(x.shape), "x", "1", "the identity"),
    Activation(
        "Sigmoid", lambda x: x.sigmoid(), _sigmoid_slope,
        r"\sigma(x) = \frac{1}{1 + e^{-x}}", r"\sigma(x)\,(1 - \sigma(x))",
        "Goodfellow et al. 2016, section 6.3.2",
    ),
    Activation(
        "Tanh", lambda x: x.tanh(), _tanh_slope,
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
        "SELU", lambda x: _torch().nn.functional.selu(x), lambda x: _elu_slope(x, SELU_ALPHA, SELU_SCALE),
        r"\lambda x\ (x > 0),\quad \lambda\alpha (e^x - 1)\ (x \le 0)",
        r"\lambda\ (x > 0),\quad \lambda\alpha e^x\ (x \le 0)",
        "Klambauer et al. 2017, equations 2 and 14", kinks=(0.0,),
    ),
    Activation(
        "GELU", _gelu, _gelu_slope,
        r"x\,\Phi(x)", r"\Phi(x) + x\,\varphi(x)",
        "Hendrycks & Gimpel 2016", both=_gelu_both,
    ),
    Activation(
        "Swish", _swish, _swish_slope,
        r"x\,\sigma(\beta x)", r"\sigma(\beta x) + \beta x\,\sigma(\beta x)(1 - \sigma(\beta x))",
        "Ramachandran et al. 2017; SiLU for β = 1", Parameter("β", 1.0, 0.0, 50.0),
    ),
    Activation(
        "Softplus", _softplus, lambda x, b: _scaled(x, b).sigmoid(),
        r"\frac{1}{\beta}\log(1 + e^{\beta x})", r"\sigma(\beta x)",
        "Glorot et al. 2011, section 3", Parameter("β", 1.0, 0.1, 20.0),
    ),
)  # fmt: skip

ACTIVATIONS: dict[str, Activation] = {activation.name: activation for activation in _TABLE}


def maxout(pieces: Tensor) -> Tensor:
    """The largest of k affine pieces: (..., k) -> (...). Goodfellow et al. 2013, "Maxout networks"."""
    return pieces.amax(dim=-1)
