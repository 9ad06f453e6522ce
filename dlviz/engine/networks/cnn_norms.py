"""Norm, scale, shift and ReLU of many convolutional networks in one pass, each with a norm of its own.

Every norm is a mixture of statistics over sets of cells, and every set is made of whole *instances* (one channel of
one example): from the mean and the mean square of each instance follow those of all sets (Luo et al. 2019, equation 5),
by one small product a model. So a tensor is read once, whatever the norms, and all that differs is small.

In training on the CPU compiled kernels do the same; a whole step is 1.4 (mini-batches of 128) to 1.9 times as fast (2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlviz.engine.signals.norms import EPS, PARTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

BATCH_MOMENTUM = 0.1  # torch's default, of BatchNorm's running averages
COMPILED = True  # whether the kernels are used on the CPU; a test holds them against the pass in torch


class Saved(NamedTuple):
    """What the backward pass needs. V sets: one for each of M models, and two more for each Switchable one.

    From the compiled kernels all but ``x`` and ``out`` are NumPy arrays, ``mean`` and ``var`` are those of Switchable's
    three sets alone, (S, 3, N, C), and ``scale`` is None.
    """

    x: Tensor  # (M, N, P, C) what came in
    out: Tensor  # (M, N, P, C) what came out
    mean: Any  # (V, N, C) over each set
    var: Any
    inverse: Any  # (M, N, C) 1/σ
    scale: Any  # (M, N, C) γ/σ
    centre: Any  # (M, N, C) what was subtracted
    shares: Any  # (S, 2, 3) Switchable's weights


class Norms:
    """max(0, γ x̂ + β) for x (M, N, P, C): N examples, P positions, C channels; model m has the norm ``names[m]``.

    ``groups``, of GroupNorm, must divide C. The models of "BatchNorm" stand together, as do those of "Switchable".
    """

    def __init__(
        self, names: Sequence[str], channels: int, groups: int = 1, eps: float = EPS, *,
        where: torch.device | None = None,
    ) -> None:  # fmt: skip
        import torch

        whole, own = torch.full((channels, channels), 1 / channels), torch.eye(channels)
        group = torch.block_diag(*[torch.full((channels // groups,) * 2, groups / channels)] * groups)
        averages = {"instance": own, "layer": whole, "group": group, "batch": own}
        self.models = len(names)
        self.batch, self.switching = (_block(names, name) for name in ("BatchNorm", "Switchable"))
        sets = [(PARTS[name] or ("none",))[0] for name in names]
        # Switchable's first set stands with its model, the others after all models.
        sets += [name for name in PARTS["Switchable"][1:] for _ in names[self.switching or slice(0)]]
        squares = torch.stack([averages.get(cells, 0 * whole) for cells in sets])
        means = squares.clone()
        means[[m for m, name in enumerate(names) if name == "RMSNorm"]] = 0  # about zero
        self._average = torch.cat([means, squares]).to(where)  # (2V, C, C)
        self._eps, self._tables = eps, _tables(names, channels, groups)
        # The variance of a model without norm is 1.
        added = [1.0 if name == "None" else eps for name in names]
        self._added = torch.tensor(added, device=where)[:, None, None]

    def __call__(
        self, x: Tensor, gamma: Tensor, beta: Tensor, mixing: Tensor, running: tuple[Tensor, Tensor] | None = None,
        *, training: bool = True,
    ) -> Saved:  # fmt: skip
        """The outputs, and what :meth:`backward` needs; ``gamma``, ``beta`` (M, C), ``mixing`` (M, 2, 3).

        ``mixing`` holds Switchable's logits for the mean and the variance, over instance, layer and batch statistics.
        ``running`` are BatchNorm's averages, mean and variance (S, C): in training they move towards the batch's, as
        in ``torch.nn.BatchNorm2d``, otherwise BatchNorm uses them.
        """
        import torch

        if COMPILED and training and x.device.type == "cpu":
            return self._compiled(x.contiguous(), gamma, beta, mixing, running)
        positions = x.shape[2]
        values = torch.stack([x.sum(2), (x * x).sum(2)] if positions > 1 else [x[:, :, 0], x[:, :, 0].square()])
        mean, square = self._over_sets(values, positions)
        var = torch.addcmul(square, mean, mean, value=-1).clamp_min_(0)
        if self.batch is not None and running is not None:
            self._follow(mean, var, running, x.shape[1] * positions, training)
        shares, centre, total = mixing[self.switching or slice(0)].softmax(-1), mean, var
        if self.switching is not None:
            centre, total = (self._mixed(values, shares[:, k, :, None, None]) for k, values in enumerate((mean, var)))
        inverse = (total + self._added.to(x.dtype)).rsqrt_()
        scale = inverse * gamma[:, None]
        shift = torch.addcmul(beta[:, None], centre, scale, value=-1)
        out = torch.addcmul(shift[:, :, None], x, scale[:, :, None]).relu_()
        return Saved(x, out, mean, var, inverse, scale, centre, shares)

    def backward(self, gradient: Tensor, saved: Saved, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The gradients by x, γ (M, C), β (M, C) and Switchable's logits (S, 2, 3), from that by the outputs.

        With weights w, v of the means and variances over the sets k of cells,
        σ² = Σ vₖσₖ² + ε, and g the gradient by x̂::

            dx = g/σ − Σ wₖ meanₖ(g/σ) − Σ vₖ (x − μₖ) meanₖ(g x̂/σ²)

        which for a single set is the formula of Ioffe and Szegedy (2015, section 3).
        """
        import torch

        if saved.scale is None:
            return self._compiled_backward(gradient, saved, gamma)
        x, positions = saved.x, saved.x.shape[2]
        g = torch.ops.aten.threshold_backward(gradient, saved.out, 0)
        if positions > 1:
            by_shift, by_scale = g.sum(2), (g * x).sum(2)
        else:
            by_shift = g[:, :, 0]
            by_scale = by_shift * x[:, :, 0]
        by_scale = by_scale.addcmul_(saved.centre, by_shift, value=-1)
        by_gamma = (by_scale * saved.inverse).sum(1)
        # −2 times the gradient by the variance, and the one by the mean.
        by_var = by_scale * (saved.scale * saved.inverse).mul_(saved.inverse)
        by_mean = (saved.scale * by_shift).neg_()
        to_mixing = None
        if self.switching is None:
            by_mean.addcmul_(saved.mean, by_var)
        else:
            by_mean, by_var, to_mixing = self._unmixed(by_mean, by_var, saved, self.switching)
        by_mean, by_var = self._over_sets(torch.stack([by_mean, by_var], 0), positions, expand=False)
        if self.switching is not None:
            by_mean, by_var = (self._gathered(values) for values in (by_mean, by_var))
        by_x = torch.addcmul(by_mean[:, :, None], g, saved.scale[:, :, None])
        return by_x.addcmul_(x, by_var[:, :, None], value=-1), by_gamma, by_shift.sum(1), to_mixing

    def _compiled(
        self, x: Tensor, gamma: Tensor, beta: Tensor, mixing: Tensor, running: tuple[Tensor, Tensor] | None
    ) -> Saved:
        import torch

        from dlviz.engine.networks import norm_kernels

        read = x.numpy()
        _, examples, positions, channels = read.shape
        if self.batch is not None and running is not None:
            _cells(examples * positions)
        shares = mixing[self.switching or slice(0)].softmax(-1).numpy()
        # Arrays of NumPy's own: as tensors they would be made, cut and seen as arrays again for most of a small step.
        out, (centre, inverse) = np.empty_like(read), np.empty((2, self.models, examples, channels), read.dtype)
        sets = np.empty((2, len(shares), 3, examples, channels), read.dtype)
        none = np.empty((0, channels), read.dtype)
        averages = (none, none) if running is None else [part.numpy() for part in running]
        norm_kernels.forward(
            read, *self._tables, gamma.numpy(), beta.numpy(), shares, read.dtype.type(self._eps),
            read.dtype.type(BATCH_MOMENTUM), out, centre, inverse, sets[0], sets[1], *averages,
        )  # fmt: skip
        return Saved(x, torch.from_numpy(out), sets[0], sets[1], inverse, None, centre, shares)

    def _compiled_backward(
        self, gradient: Tensor, saved: Saved, gamma: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        import torch

        from dlviz.engine.networks import norm_kernels

        read, shares = saved.x.numpy(), saved.shares
        _, examples, _, channels = read.shape
        by_x, by_gamma, by_beta = np.empty_like(read), *np.empty((2, self.models, channels), read.dtype)
        by_shares, sums = np.empty_like(shares), np.empty((6, examples, channels), read.dtype)
        norm_kernels.backward(
            gradient.contiguous().numpy(), read, saved.out.numpy(), *self._tables, gamma.numpy(), shares,
            saved.centre, saved.inverse, saved.mean, saved.var, by_x, by_gamma, by_beta, by_shares, sums,
        )  # fmt: skip
        to_mixing = None
        if self.switching is not None:
            to_mixing = torch.from_numpy(shares * (by_shares - (shares * by_shares).sum(-1, keepdims=True)))
        return torch.from_numpy(by_x), torch.from_numpy(by_gamma), torch.from_numpy(by_beta), to_mixing

    def _over_sets(self, values: Tensor, positions: int, expand: bool = True) -> tuple[Tensor, Tensor]:
        """Two sums over positions (2, M or V, N, C) -> their means over each set (V, N, C). Its own adjoint."""
        import torch

        if self.switching is not None and expand:
            some = values[:, self.switching]
            values = torch.cat([values, some, some], 1)
        blocks = [] if self.batch is None else [self.batch]
        if self.switching is not None:
            count = values.shape[1]
            blocks.append(slice(count - (count - self.models) // 2, count))
        for block in blocks:
            part = values[:, block]
            part.copy_(part.mean(2, keepdim=True))
        average = self._average.to(values.dtype)
        means = values.flatten(0, 1).bmm(average)
        if positions > 1:
            means /= positions
        return means.chunk(2)  # type: ignore[return-value]

    def _follow(self, mean: Tensor, var: Tensor, running: tuple[Tensor, Tensor], cells: int, training: bool) -> None:
        """Move BatchNorm's averages, or put them in the place of the batch's statistics."""
        if not training:
            for values, average in zip((mean, var), running, strict=True):
                values[self.batch] = average[:, None]
            return
        unbiased = BATCH_MOMENTUM * _cells(cells) / (cells - 1)  # as torch averages the variance
        running[0].lerp_(mean[self.batch, 0], BATCH_MOMENTUM)
        running[1].mul_(1 - BATCH_MOMENTUM).add_(var[self.batch, 0], alpha=unbiased)

    def _mixed(self, values: Tensor, shares: Tensor) -> Tensor:
        """(V, N, C) -> (M, N, C): Switchable's three sets add up with their ``shares`` (S, 3, 1, 1)."""
        mixed = values[: self.models].clone()
        extra = values[self.models :].unflatten(0, (2, -1))
        mixed[self.switching] *= shares[:, 0]
        mixed[self.switching] += extra[0] * shares[:, 1] + extra[1] * shares[:, 2]
        return mixed

    def _unmixed(self, by_mean: Tensor, by_var: Tensor, saved: Saved, some: slice) -> tuple[Tensor, Tensor, Tensor]:
        """From the gradients (M, N, C) by centre and (−2 times) total variance to those by every set's, (V, N, C)."""
        import torch

        shares = saved.shares
        sets = [
            torch.stack([part[some], *part[self.models :].unflatten(0, (2, -1))], 1) for part in (saved.mean, saved.var)
        ]  # (S, 3, N, C) each
        of = by_mean[some][:, None], by_var[some][:, None]
        to_shares = torch.stack([(of[0] * sets[0]).sum((2, 3)), -0.5 * (of[1] * sets[1]).sum((2, 3))], 1)
        to_mixing = shares * (to_shares - (shares * to_shares).sum(-1, keepdim=True))
        each = [values * shares[:, k, :, None, None] for k, values in enumerate(of)]  # (S, 3, N, C)
        spread = []
        for whole, part in zip((by_mean, by_var), each, strict=True):
            whole[some] = part[:, 0]
            spread.append(torch.cat([whole, part[:, 1], part[:, 2]]))
        spread[0].addcmul_(saved.mean, spread[1])
        return spread[0], spread[1], to_mixing

    def _gathered(self, values: Tensor) -> Tensor:
        """The adjoint of setting Switchable's sets apart: (V, N, C) -> (M, N, C)."""
        found = values[: self.models]
        found[self.switching] += values[self.models :].unflatten(0, (2, -1)).sum(0)
        return found


def _cells(count: int) -> int:
    """How many values a channel has. ``ValueError`` if it is one."""
    if count < 2:
        raise ValueError("one value a channel has no variance to average")
    return count


def _tables(names: Sequence[str], channels: int, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the compiled kernels, of each model: what kind of sets, how many channels in one, and whether centred."""
    kinds = {"None": 0, "BatchNorm": 1, "Switchable": 3}  # in the order of norm_kernels; 2 within an example
    sizes = {"LayerNorm": channels, "RMSNorm": channels, "GroupNorm": channels // groups}
    return (
        np.array([kinds.get(name, 2) for name in names]),
        np.array([sizes.get(name, 1) for name in names]),
        np.array([name != "RMSNorm" for name in names]),
    )


def _block(names: Sequence[str], name: str) -> slice | None:
    """Where the models with a norm stand. ``ValueError`` if they do not stand together."""
    at = [m for m, other in enumerate(names) if other == name]
    if not at:
        return None
    if at != list(range(at[0], at[-1] + 1)):
        raise ValueError(f"the models with {name} must stand together")
    return slice(at[0], at[-1] + 1)
