"""The norms of many models in one pass, forward and backward, each model with a norm of its own.

Every norm is a mixture of statistics over sets of cells, and every set is made of whole *instances* (one
channel of one example): from the mean and the mean square of each instance follow those of all sets (Luo et
al. 2019, equation 5). So a tensor is read once, whatever the norms, and all that differs is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dlviz.engine.signals.norms import EPS, PARTS

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SETS = ("instance", "layer", "group", "square", "batch")  # "square": RMSNorm's, about zero


class Saved(NamedTuple):
    """What the backward pass needs; K sets of cells.

    ``x``, ``x_hat`` (M, N, P, C); ``inverse`` 1/σ (M, N, 1, C); ``mean``, ``var`` (M, N, K, C) over each
    set; ``shares`` their weights (M, 1, K, 1) in the mean and in the variance.
    """

    x: Tensor
    x_hat: Tensor
    inverse: Tensor
    mean: Tensor
    var: Tensor
    shares: tuple[Tensor, Tensor]


class MixedNorms:
    """Norms of M models, ``names[m]`` that of model m, on (M, N, P, C): N examples, P positions, C channels.

    ``groups`` must divide C. The statistics are those of the tensor itself (training mode).
    """

    def __init__(
        self, names: Sequence[str], channels: int, groups: int = 1, eps: float = EPS, *,
        where: torch.device | None = None,
    ) -> None:  # fmt: skip
        import torch

        self.eps = eps
        parts = [["square"] if name == "RMSNorm" else PARTS[name] for name in names]
        self.sets = [cells for cells in SETS if any(cells in part for part in parts)] or ["instance"]
        share = [[(cells in part) / max(len(part), 1) for cells in self.sets] for part in parts]
        self._share = torch.tensor(share, device=where)[:, None, :, None]
        self._switching = [m for m, name in enumerate(names) if name == "Switchable"]
        self._columns = [self.sets.index(part) for part in PARTS["Switchable"]] if self._switching else []
        self._centred = torch.tensor([[float(cells != "square")] for cells in self.sets], device=where)
        # A model without norm has the constant variance 1.
        constant = [(1 - eps) * (name == "None") for name in names]
        self._constant = torch.tensor(constant, device=where)[:, None, None, None]
        whole = torch.full((channels, channels), 1 / channels)
        averages = {
            "instance": torch.eye(channels),
            "layer": whole,
            "group": torch.block_diag(*[torch.full((channels // groups,) * 2, groups / channels)] * groups),
            "square": whole,
        }
        # Means over sets within an example, as one product with the instances' values.
        average = torch.cat([averages[cells] for cells in self.sets if cells != "batch"] or [whole[:, :0]], 1)
        self._average = average.to(where)

    def _over_sets(self, values: Tensor) -> Tensor:
        """Means of instance values (..., N, C) over all sets: (..., N, K, C)."""
        import torch

        *_, examples, channels = values.shape
        within = (
            (values @ self._average.to(values.dtype)).unflatten(-1, (-1, channels)) if len(self._average[0]) else None
        )
        if self.sets[-1] != "batch":
            return within
        batch = values.sum(-2, keepdim=True).expand(values.shape)[..., None, :] / examples
        return batch if within is None else torch.cat([within, batch], -2)

    def _shares(self, mixing: Tensor | None, like: Tensor) -> tuple[Tensor, Tensor]:
        share = self._share.to(like.dtype)
        if not self._switching or mixing is None:
            return share, share
        learned = mixing[self._switching].softmax(-1).to(like.dtype)
        of_mean, of_var = share.clone(), share.clone()
        for k, column in enumerate(self._columns):
            of_mean[self._switching, 0, column, 0] = learned[:, 0, k]
            of_var[self._switching, 0, column, 0] = learned[:, 1, k]
        return of_mean, of_var

    def forward(self, x: Tensor, mixing: Tensor | None = None) -> Saved:
        """Standardise ``x``. ``mixing`` (M, 2, 3): Switchable's logits, as in :func:`norms.normalise`."""
        import torch

        shares = self._shares(mixing, x)
        of_mean, of_var = shares
        mean, square = self._over_sets(torch.stack([x.sum(2), (x * x).sum(2)]) / x.shape[2])
        mean = mean * self._centred.to(x.dtype)
        var = (square - mean * mean).clamp_min_(0)
        total = (of_var * var).sum(2, keepdim=True) + self._constant
        inverse = (total + self.eps).rsqrt_()
        shift = (of_mean * mean).sum(2, keepdim=True) * inverse
        return Saved(x, x * inverse - shift, inverse, mean, var, shares)

    def backward(self, gradient: Tensor, saved: Saved, mixing: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The gradient with respect to ``x``, and to ``mixing`` where it was given (zero but for Switchable).

        ``gradient`` is that of the loss with respect to ``x_hat``. With weights w, v of the means and
        variances over the sets k of cells, and σ² = Σ vₖσₖ² + ε::

            dx = g/σ − Σ wₖ meanₖ(g/σ) − Σ vₖ (x − μₖ) meanₖ(g x̂/σ²)

        which for a single set is the formula of Ioffe and Szegedy (2015, section 3).
        """
        import torch

        of_mean, of_var = saved.shares
        positions, inverse = gradient.shape[2], saved.inverse[:, :, 0]
        to_mean = gradient.sum(2) * inverse
        to_var = (gradient * saved.x_hat).sum(2) * inverse * inverse
        over_mean, over_var = self._over_sets(torch.stack([to_mean, to_var]) / positions)
        part = of_var * over_var
        centred = self._centred.to(gradient.dtype)
        constant = (of_mean * over_mean * centred - part * saved.mean).sum(2, keepdim=True)
        dx = gradient * saved.inverse - saved.x * part.sum(2, keepdim=True) - constant
        if mixing is None:
            return dx, None
        to_mixing = torch.zeros_like(mixing)
        if self._switching:
            at = self._switching
            means, variances = (values[at][:, :, self._columns] for values in (saved.mean, saved.var))
            to_shares = torch.stack(
                [
                    -(to_mean[at][:, :, None] * means).sum((1, 3)),
                    -0.5 * (to_var[at][:, :, None] * variances).sum((1, 3)),
                ],
                1,
            )
            share = mixing[at].softmax(-1)
            to_mixing[at] = share * (to_shares - (share * to_shares).sum(-1, keepdim=True))
        return dx, to_mixing
