"""Training of stacked recurrent networks: gradient descent with every network's own cure against explosion, and Adam.

Updates and clipping are tested against ``torch.optim`` and ``torch.nn.utils`` in a loop over torch's own cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.networks.recurrent import NAMES, Recurrent, forward, gradients
from dlviz.engine.runtime.device import doubled
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

Batches = Callable[[int], tuple["Tensor", "Tensor"]]
"""step -> inputs (M, T, B, d) and targets (M, B), or (1, ...) for the same in all networks."""
ORDER = ("weight_out", "bias_out", "weight_hh", "weight_ih", "bias")
"""The order in which the backward pass comes to the parameters."""


@dataclass(frozen=True)
class Rule:
    """How each of M networks turns its gradient g into a step of gradient descent, all (M,).

    ``clip_norm`` scales g down to this Euclidean norm over all parameters together where it is longer (Pascanu,
    Mikolov and Bengio 2013, algorithm 1; ``torch.nn.utils.clip_grad_norm_``); ``clip_value`` cuts every entry of g
    off at plus and minus this (Mikolov 2012; ``clip_grad_value_``); infinity leaves g alone. ``weight_decay`` times
    the weights is added to the clipped gradient (``torch.optim.SGD(weight_decay=...)``).
    """

    rate: Tensor
    clip_norm: Tensor
    clip_value: Tensor
    weight_decay: Tensor


@dataclass(frozen=True)
class Failure:
    """The first number of a run that is not finite: before step ``step`` (from 0), in ``tensor``.

    ``tensor`` is "hidden state", "output", "loss", "gradient of <parameter>", "gradient norm", or "<parameter>"
    (after the update of this step); ``time`` is the time step 1 ... T of a hidden state, else 0.
    """

    step: int
    tensor: str
    time: int = 0


@dataclass(frozen=True)
class Descent:
    """What was recorded at each of N steps of M networks. After a failure all is NaN."""

    loss: np.ndarray  # (N, M) before the step
    norm: np.ndarray  # (N, M) of the gradient, before clipping
    turned: np.ndarray  # (N, M) angle between the gradient and its clipped form, in degrees
    clipped: np.ndarray  # (N, M) share of the gradient's entries that clipping changed
    failures: list[Failure | None]  # of each network


def clip(grads: Sequence[Tensor], rule: Rule) -> tuple[list[Tensor], Tensor, Tensor, Tensor]:
    """Clip the gradients (each (M, ...)) of every network by its own thresholds.

    Gives the clipped gradients, the norms before (M,), the angles by which they turned (M,) in degrees, and the share
    of entries that changed (M,), NaN where the norm is not finite. Norms and angles are taken in float64, so that
    squares do not overflow.
    """
    import torch

    flat = torch.cat([grad.flatten(1) for grad in grads], 1)
    wide = doubled(flat)
    norm = wide.norm(dim=1)
    scale = (rule.clip_norm.to(norm) / (norm + 1e-6)).clamp(max=1.0)
    value = rule.clip_value.to(flat)[:, None]
    after = torch.minimum(torch.maximum(flat * scale.to(flat)[:, None], -value), value)
    units = [part / part.norm(dim=1, keepdim=True) for part in (wide, doubled(after))]
    # By half the angle: the cosine of a small one has lost it.
    angle = 2 * torch.atan2((units[0] - units[1]).norm(dim=1), (units[0] + units[1]).norm(dim=1))
    changed = doubled(after != flat).mean(1).where(norm.isfinite(), norm.new_tensor(float("nan")))
    parts = after.split([grad[0].numel() for grad in grads], 1)
    return [part.view(grad.shape) for part, grad in zip(parts, grads, strict=True)], norm, angle.rad2deg(), changed


def descend(
    networks: Recurrent,
    batches: Batches,
    lengths: Sequence[int],
    rule: Rule,
    steps: int,
    *,
    progress: Progress = silent,
) -> Descent:
    """Plain gradient descent, in place. Numbers that overflow end one network's run, not the others'."""
    found = {name: np.full((steps, len(lengths)), np.nan) for name in ("loss", "norm", "turned", "clipped")}
    failures: list[Failure | None] = [None] * len(lengths)
    rate, decay = (value.to(networks.bias) for value in (rule.rate, rule.weight_decay))
    for step in range(steps):
        x, y = batches(step)
        loss, grads = gradients(networks, x, y, lengths, alive=lambda step=step: progress(step / steps))
        clipped, norm, angle, changed = clip(grads, rule)
        for name, value in (("loss", loss), ("norm", norm), ("turned", angle), ("clipped", changed)):
            found[name][step] = value.cpu().double().numpy()
        for m in np.flatnonzero(~(loss.isfinite().cpu() & norm.isfinite().cpu()).numpy()):
            failures[m] = failures[m] or _failure(networks, x, lengths, int(m), step, loss, grads)
        for parameter, grad in zip(networks.parameters, clipped, strict=True):
            parameter.sub_(_each(rate, grad) * (grad + _each(decay, grad) * parameter))
        for name in ORDER:
            bad = ~getattr(networks, name).flatten(1).isfinite().all(1)
            for m in np.flatnonzero(bad.cpu().numpy()):
                failures[m] = failures[m] or Failure(step, name)
        progress((step + 1) / steps)
    for m, failure in enumerate(failures):
        if failure is not None:
            # What was finite at the failure stays: a loss may be so when its gradient is not.
            for values in found.values():
                values[failure.step + 1 :, m] = np.nan
    return Descent(**found, failures=failures)


def _each(value: Tensor, like: Tensor) -> Tensor:
    """(M,) in a shape that broadcasts to (M, ...)."""
    return value.view(-1, *[1] * (like.dim() - 1))


def _failure(
    networks: Recurrent, x: Tensor, lengths: Sequence[int], m: int, step: int, loss: Tensor, grads: Sequence[Tensor]
) -> Failure:
    """What is first not finite on the way of network m forward and back, before the update of this step."""
    alone = x if len(x) == 1 else x[m : m + 1]
    passed = forward(networks.one(m), alone, lengths[m : m + 1])
    bad = ~passed.states[0, 1:].flatten(1).isfinite().all(1)
    if bad.any():
        return Failure(step, "hidden state", int(bad.nonzero()[0]) + 1 - (x.shape[1] - lengths[m]))
    if not passed.outputs.isfinite().all():
        return Failure(step, "output")
    if not loss[m].isfinite():
        return Failure(step, "loss")
    by_name = dict(zip(NAMES, grads, strict=True))
    for name in ORDER:
        if not by_name[name][m].isfinite().all():
            return Failure(step, f"gradient of {name}")
    # Finite entries whose squares leave even float64's range: not in float32.
    return Failure(step, "gradient norm")


def adapt(
    networks: Recurrent,
    batches: Batches,
    lengths: Sequence[int],
    steps: int,
    *,
    rate: float,
    clip_norm: float = float("inf"),
    truncation: int | None = None,
    progress: Progress = silent,
) -> np.ndarray:
    """Adam (Kingma and Ba 2015, algorithm 1, with torch's defaults), in place; the loss before each step, (N, M).

    The gradient of every network is first scaled down to ``clip_norm``, and comes from :func:`gradients` with
    ``truncation``.
    """
    import torch

    first, second = ([torch.zeros_like(parameter) for parameter in networks.parameters] for _ in range(2))
    losses = np.empty((steps, len(lengths)))
    for step in range(steps):
        x, y = batches(step)
        alive = lambda step=step: progress(step / steps)  # noqa: E731
        loss, grads = gradients(networks, x, y, lengths, truncation=truncation, alive=alive)
        losses[step] = loss.cpu().double().numpy()
        norm = torch.stack([grad.flatten(1).norm(dim=1) for grad in grads]).norm(dim=0)
        scale = (clip_norm / (norm + 1e-6)).clamp(max=1.0)
        for parameter, grad, m, v in zip(networks.parameters, grads, first, second, strict=True):
            grad.mul_(_each(scale, grad))
            m.lerp_(grad, 0.1)
            v.mul_(0.999).addcmul_(grad, grad, value=0.001)
            root = (v / (1 - 0.999 ** (step + 1))).sqrt_().add_(1e-8)
            parameter.addcdiv_(m, root, value=-rate / (1 - 0.9 ** (step + 1)))
        progress((step + 1) / steps)
    return losses
