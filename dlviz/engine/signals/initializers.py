"""Weight initializers: the standard deviation each one gives, and the draw.

Every scheme is one of four base draws times a scale. A base has entries of mean square one, so the scale is
the root mean square of the weights; schemes that share a base differ by a number, and a product with the
base serves all of them (:mod:`dlviz.engine.signals.propagation`).

Weights have torch's shape (fan_out, fan_in). They are drawn in float32 from a CPU generator, as torch.nn.init draws
them, and then used in float64. Importing this module does not import torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Generator, Tensor, device

Draw = Literal["normal", "uniform", "orthogonal", "constant"]


@dataclass(frozen=True)
class Free:
    """The numbers that some schemes leave free; each scheme reads its own."""

    std: float = 0.05  # Normal
    bound: float = 0.1  # Uniform: on (-bound, bound)
    constant: float = 0.01  # Constant
    mode: str = "fan-in"  # He: "fan-in" or "fan-out"
    scale: float = 1.0  # Variance scaling: variance is scale/n
    average: str = "fan-in"  # Variance scaling: n is "fan-in", "fan-out" or "fan average"
    gain: float = 1.0  # Orthogonal


@dataclass(frozen=True)
class Initializer:
    """A scheme: its base draw, the formula of its weights in LaTeX, the function in ``torch.nn.init``, and a source.

    ``torch`` is empty where torch.nn.init has no such function.
    """

    name: str
    draw: Draw
    formula: str
    torch: str
    source: str

    def rms(self, fan_in: int, fan_out: int, free: Free | None = None) -> float:
        """Root mean square of a weight, which is its standard deviation for all schemes but Constant."""
        free = free or Free()
        chosen = {"fan-in": fan_in, "fan-out": fan_out, "fan average": (fan_in + fan_out) / 2}
        match self.name:
            case "Zeros":
                return 0.0
            case "Constant":
                return free.constant
            case "Normal":
                return free.std
            case "Uniform":
                return free.bound / math.sqrt(3)
            case "Xavier normal" | "Xavier uniform":
                return math.sqrt(2 / (fan_in + fan_out))
            case "He normal" | "He uniform":
                return math.sqrt(2 / chosen[free.mode])
            case "LeCun normal":
                return math.sqrt(1 / fan_in)
            case "Variance scaling":
                return math.sqrt(free.scale / chosen[free.average])
            case "Orthogonal":
                # QᵀQ = I: max(fan_in, fan_out) is how many squares of entries make up one.
                return free.gain / math.sqrt(max(fan_in, fan_out))
        raise KeyError(self.name)

    def weights(
        self, fan_in: int, fan_out: int, generator: Generator, free: Free | None = None, where: device | None = None
    ) -> Tensor:
        """A weight matrix, (fan_out, fan_in), float64, on a device (the CPU, if none is given)."""
        return self.rms(fan_in, fan_out, free) * base(self.draw, fan_out, fan_in, generator, where)


def base(draw: Draw, rows: int, columns: int, generator: Generator, where: device | None = None) -> Tensor:
    """A matrix (rows, columns) with entries of mean square one, float64, on a device (the CPU, if none is given).

    The generator is one of the CPU, so that every device has the same draws.

    ``orthogonal``: a multiple of a matrix whose rows or columns (the fewer) are orthonormal, uniformly distributed
    (Saxe et al. 2014; the signs of the QR factors are fixed as in Mezzadri 2007).
    """
    import torch

    if draw == "constant":
        return torch.ones(rows, columns, dtype=torch.float64, device=where)
    found = torch.empty(rows, columns)
    if draw == "normal":
        found.normal_(generator=generator)
    elif draw == "uniform":
        found.uniform_(-math.sqrt(3), math.sqrt(3), generator=generator)
    elif draw == "orthogonal":
        # As torch.nn.init.orthogonal_, but with the factorization on the device: it is most of the work.
        found = found.normal_(generator=generator).to(where)
        tall = found.t() if rows < columns else found
        q, r = torch.linalg.qr(tall)
        q = q * r.diagonal().sign()
        found = (q.t() if rows < columns else q) * math.sqrt(max(rows, columns))
    else:
        raise KeyError(draw)
    return found.to(where).double()


_GLOROT = "Glorot & Bengio 2010"
_HE = "He et al. 2015"

INITIALIZERS: dict[str, Initializer] = {
    scheme.name: scheme
    for scheme in (
        Initializer("Zeros", "constant", r"w = 0", "zeros_", ""),
        Initializer("Constant", "constant", r"w = c", "constant_", ""),
        Initializer("Normal", "normal", r"w \sim \mathcal N(0, \sigma^2)", "normal_", ""),
        Initializer("Uniform", "uniform", r"w \sim \mathcal U(-a, a)", "uniform_", ""),
        Initializer("Xavier normal", "normal", r"w \sim \mathcal N\!\left(0, \tfrac{2}{n_{in} + n_{out}}\right)",
                    "xavier_normal_", _GLOROT),
        Initializer("Xavier uniform", "uniform",
                    r"w \sim \mathcal U(-a, a),\ a = \sqrt{\tfrac{6}{n_{in} + n_{out}}}", "xavier_uniform_", _GLOROT),
        Initializer("He normal", "normal", r"w \sim \mathcal N\!\left(0, \tfrac{2}{n}\right)", "kaiming_normal_", _HE),
        Initializer("He uniform", "uniform", r"w \sim \mathcal U(-a, a),\ a = \sqrt{\tfrac{6}{n}}",
                    "kaiming_uniform_", _HE),
        Initializer("LeCun normal", "normal", r"w \sim \mathcal N\!\left(0, \tfrac{1}{n_{in}}\right)", "",
                    "LeCun et al. 1998"),
        Initializer("Variance scaling", "normal", r"w \sim \mathcal N\!\left(0, \tfrac{s}{n}\right)", "",
                    "the common form of the above"),
        Initializer("Orthogonal", "orthogonal", r"W^\top W = g^2 I", "orthogonal_", "Saxe et al. 2014"),
    )
}  # fmt: skip
