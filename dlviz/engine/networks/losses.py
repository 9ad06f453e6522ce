"""Losses of M stacked models: outputs and targets -> the mean loss of each model on its examples, (M,).

All are differentiable by autograd. Those that classify take outputs (M, B, K), one score for each of K classes, and
classes ``y`` as integers; those of regression take outputs (M, B) or (M, B, 1) and numbers ``y``; those of the margin
take outputs (M, B) or (M, B, 1) and ``y`` in {-1, 1}. Targets are (M, B), or (B,) or (1, B) for the same in all models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def cross_entropy(outputs: Tensor, y: Tensor, smoothing: float = 0.0) -> Tensor:
    """Softmax cross-entropy (M,), as ``torch.nn.functional.cross_entropy``.

    With label ``smoothing`` ε the target is (1 − ε) one-hot + ε/K (Szegedy et al. 2016, section 7).
    """
    logs = outputs.log_softmax(-1)
    loss = -_chosen(logs, y)
    if smoothing:
        loss = (1 - smoothing) * loss - smoothing * logs.mean(-1)
    return loss.mean(-1)


def focal(outputs: Tensor, y: Tensor, gamma: float = 2.0) -> Tensor:
    """−(1 − p)^γ log p of the right class's softmax p (Lin et al. 2017, equation 4); cross-entropy for γ = 0."""
    logs = _chosen(outputs.log_softmax(-1), y)
    return -((-logs.expm1()) ** gamma * logs).mean(-1)


def squared(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean squared error (M,), as ``torch.nn.functional.mse_loss``."""
    return (_scores(outputs) - y).square().mean(-1)


def absolute(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean absolute error (M,), as ``torch.nn.functional.l1_loss``."""
    return (_scores(outputs) - y).abs().mean(-1)


def huber(outputs: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Half the square up to ``delta``, linear beyond (Huber 1964), as ``torch.nn.functional.huber_loss``."""
    off = (_scores(outputs) - y).abs()
    return off.square().mul(0.5).where(off <= delta, delta * (off - 0.5 * delta)).mean(-1)


def hinge(outputs: Tensor, y: Tensor) -> Tensor:
    """max(0, 1 − y·f), the loss of support vector machines (Cortes and Vapnik 1995)."""
    return (1 - y * _scores(outputs)).clamp(min=0).mean(-1)


def exponential(outputs: Tensor, y: Tensor) -> Tensor:
    """exp(−y·f), the loss of AdaBoost (Friedman, Hastie and Tibshirani 2000, section 4)."""
    return (-y * _scores(outputs)).exp().mean(-1)


def with_gradient(loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The losses (M,) and the gradient of each by its outputs, (M, B, K): for a backward pass that is written out.

    Written out for :func:`cross_entropy` and :func:`squared`, by autograd for all others. May overwrite ``outputs``.
    """
    import torch

    if loss is cross_entropy:
        # By hand: along so short an axis torch's own softmax takes three times as long.
        wanted = y.expand(outputs.shape[:-1]).unsqueeze(-1)
        shifted = outputs.sub_(outputs.amax(-1, keepdim=True))
        right = shifted.gather(-1, wanted)
        delta = shifted.exp_()
        total = delta.sum(-1, keepdim=True)
        values = (total.log() - right).mean((1, 2))
        delta /= total
        delta.scatter_add_(2, wanted, delta.new_full(wanted.shape, -1.0))
        return values, delta.div_(outputs.shape[1])
    if loss is squared:
        off = _scores(outputs) - y
        return off.square().mean(1), (2 / off.shape[1] * off).view_as(outputs)
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_()
        values = loss(leaf, y)
        return values.detach(), torch.autograd.grad(values.sum(), leaf)[0]


def _chosen(logs: Tensor, y: Tensor) -> Tensor:
    """The entries of the right classes: (M, B, K) -> (M, B)."""
    return logs.gather(-1, y.expand(logs.shape[:-1]).unsqueeze(-1)).squeeze(-1)


def _scores(outputs: Tensor) -> Tensor:
    """The only output of every example: (M, B, 1) or (M, B) -> (M, B)."""
    return outputs.squeeze(-1) if outputs.dim() == 3 else outputs
