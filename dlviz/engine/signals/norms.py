"""Normalization layers on many tensors at once; autograd goes through them.

Every tensor is seen as (..., N, C, P): N examples, C channels or features, P positions (H·W of feature
maps, T of a sequence, 1 of a fully connected layer); leading dimensions are models. A norm subtracts a
mean and divides by a standard deviation; the norms differ only in *which cells share* them:

- BatchNorm (Ioffe and Szegedy 2015, algorithm 1): all cells of a channel;
- LayerNorm (Ba, Kiros and Hinton 2016, equation 3): all cells of an example, or of a token;
- InstanceNorm (Ulyanov et al. 2016, equation 5): the positions of one channel of one example;
- GroupNorm (Wu and He 2018, equation 5): those of C/G neighbouring channels of one example;
- RMSNorm (Zhang and Sennrich 2019, equation 4): LayerNorm's cells, but nothing is subtracted;
- Switchable (Luo et al. 2019, equation 3): a learned mixture of the statistics of the first three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

EPS = 1e-5  # torch's default

PARTS: dict[str, tuple[str, ...]] = {
    "BatchNorm": ("batch",),
    "LayerNorm": ("layer",),
    "InstanceNorm": ("instance",),
    "GroupNorm": ("group",),
    "RMSNorm": ("layer",),
    "Switchable": ("instance", "layer", "batch"),
    "None": (),
}
"""The sets of cells over which each norm takes its statistics."""

NORMS = tuple(PARTS)


class Normalised(NamedTuple):
    """The standardised tensor, and the mean and variance that it was standardised with.

    ``mean`` and ``var`` broadcast to ``x_hat``. RMSNorm's ``mean`` is 0 and its ``var`` the mean square;
    None's are 0 and 1 (and there is no ε).
    """

    x_hat: Tensor
    mean: Tensor
    var: Tensor


def mean_over(x: Tensor, cells: str, groups: int = 1, token: bool = False) -> Tensor:
    """The mean of ``x`` (..., N, C, P) over a set of cells, in a shape that broadcasts to ``x``.

    ``cells``: batch, layer, instance or group. ``token``: a layer is the features of one position
    (torch's ``LayerNorm(C)`` on sequences), not the whole example. ``groups`` must divide C.
    """
    if cells == "batch":
        return x.mean((-3, -1), keepdim=True)
    if cells == "layer":
        return x.mean(-2, keepdim=True) if token else x.mean((-2, -1), keepdim=True)
    if cells == "instance":
        return x.mean(-1, keepdim=True)
    *rest, channels, positions = x.shape
    if channels % groups:
        raise ValueError(f"the number of channels, {channels}, must be a multiple of the number of groups, {groups}")
    mean = x.reshape(*rest, groups, channels // groups * positions).mean(-1)
    return mean.repeat_interleave(channels // groups, -1)[..., None]


def _statistics(x: Tensor, norm: str, groups: int, token: bool) -> list[tuple[Tensor, Tensor]]:
    """Mean and biased variance over each set of cells of a norm."""
    found = []
    for cells in PARTS[norm]:
        mean = x.new_zeros(()) if norm == "RMSNorm" else mean_over(x, cells, groups, token)
        found.append((mean, mean_over((x - mean) ** 2, cells, groups, token)))
    return found


def _shares(mixing: Tensor | None, count: int) -> list[tuple[Tensor | float, Tensor | float]]:
    """The weights of each set of cells, of its mean and of its variance, broadcasting to (..., N, C, P)."""
    if mixing is None:
        return [(1 / count, 1 / count)] * count
    shares = mixing.softmax(-1)[..., None, None, None]
    return [(shares[..., 0, k, :, :, :], shares[..., 1, k, :, :, :]) for k in range(count)]


def normalise(
    x: Tensor, norm: str, *, groups: int = 1, token: bool = False, eps: float = EPS, mixing: Tensor | None = None
) -> Normalised:
    """Standardise ``x`` (..., N, C, P) with the statistics of its own cells (training mode).

    ``mixing`` (..., 2, 3): Switchable's logits for the mean and the variance, over instance, layer and
    batch statistics; without it each has a third, as at the start of training.
    """
    if norm == "None":
        return Normalised(x, x.new_zeros(()), x.new_ones(()))
    found = _statistics(x, norm, groups, token)
    shares = _shares(mixing if norm == "Switchable" else None, len(found))
    nothing = x.new_zeros(())
    mean = sum((share * mean for (share, _), (mean, _) in zip(shares, found, strict=True)), nothing)
    var = sum((share * var for (_, share), (_, var) in zip(shares, found, strict=True)), nothing)
    return Normalised((x - mean) * (var + eps).rsqrt(), mean, var)


def update_running(
    running_mean: Tensor, running_var: Tensor, mean: Tensor, var: Tensor, count: int, momentum: float = 0.1
) -> None:
    """Move the running averages towards a batch's statistics, in place, as ``torch.nn.BatchNorm`` does.

    ``var`` is the biased variance over ``count`` values a channel; the running one is unbiased.
    Raises ``ValueError`` for a single value a channel, which has no unbiased variance.
    """
    if count < 2:
        raise ValueError("one value a channel has no variance to average")
    running_mean.lerp_(mean, momentum)
    running_var.lerp_(var * (count / (count - 1)), momentum)


def evaluate(x: Tensor, mean: Tensor, var: Tensor, gamma: Tensor, beta: Tensor, eps: float = EPS) -> Tensor:
    """BatchNorm in evaluation mode: with fixed statistics it is an affine map of ``x`` (..., N, C, P).

    ``mean``, ``var``, ``gamma``, ``beta``: (..., C).
    """
    scale = gamma * (var + eps).rsqrt()
    return x * scale[..., None, :, None] + (beta - mean * scale)[..., None, :, None]
