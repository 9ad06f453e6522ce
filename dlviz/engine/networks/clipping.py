"""Gradient clipping of stacked models, each with its own thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlviz.engine.runtime.device import doubled

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Clip:
    """Thresholds of M models, each a number or (M,); infinity leaves the gradient alone.

    ``norm`` scales a model's gradient down to this Euclidean norm over all parameters together where it is longer
    (Pascanu, Mikolov and Bengio 2013, algorithm 1; ``torch.nn.utils.clip_grad_norm_``). Then ``value`` cuts every entry
    off at plus and minus this (Mikolov 2012; ``clip_grad_value_``).
    """

    norm: Any = float("inf")
    value: Any = float("inf")


def each(value: Any, like: Tensor) -> Any:
    """A number as it is; (M,) of all models -> (m, 1, ...), of those that train the parameter ``like`` (m, ...)."""
    import torch

    if isinstance(value, int | float):
        return value
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return value if value.dim() == 0 else value[: len(like)].view(-1, *[1] * (like.dim() - 1))


def norms(gradients: Sequence[Tensor], models: int) -> Tensor:
    """Euclidean norm of each model's gradient over all its parameters, (M,), in float64: squares do not overflow.

    A parameter whose gradient is (m, ...) belongs to the first m models.
    """
    squares = doubled(gradients[0].new_zeros(models))
    for gradient in gradients:
        squares[: len(gradient)] += doubled(gradient.flatten(1)).square().sum(1)
    return squares.sqrt_()


def clip(gradients: Sequence[Tensor], limits: Clip, norm: Tensor) -> list[Tensor]:
    """The clipped gradients, each (m, ...), of models whose gradients have ``norm`` (M,), from :func:`norms`."""
    import torch

    # As torch has it: the 1e-6 keeps a gradient of norm 0.
    scale = (torch.as_tensor(limits.norm, dtype=norm.dtype, device=norm.device) / (norm + 1e-6)).clamp(max=1.0)
    clipped = []
    for gradient in gradients:
        after = gradient * each(scale, gradient)
        value = each(limits.value, gradient)
        if not (isinstance(value, float) and value == float("inf")):
            value = torch.as_tensor(value, dtype=gradient.dtype, device=gradient.device)
            after = torch.minimum(torch.maximum(after, -value), value)
        clipped.append(after)
    return clipped


def change(before: Sequence[Tensor], after: Sequence[Tensor], norm: Tensor) -> tuple[Tensor, Tensor]:
    """By what angle clipping turned each gradient, (M,) in degrees, and the share of entries that it changed, (M,).

    Both in float64; NaN where the ``norm`` (M,) before clipping is not finite. All parameters are (M, ...).
    """
    import torch

    flat, clipped = (torch.cat([part.flatten(1) for part in parts], 1) for parts in (before, after))
    units = [part / part.norm(dim=1, keepdim=True) for part in (doubled(flat), doubled(clipped))]
    # By half the angle: the cosine of a small one has lost it.
    angle = 2 * torch.atan2((units[0] - units[1]).norm(dim=1), (units[0] + units[1]).norm(dim=1))
    changed = doubled(clipped != flat).mean(1).where(norm.isfinite(), norm.new_tensor(float("nan")))
    return angle.rad2deg(), changed
