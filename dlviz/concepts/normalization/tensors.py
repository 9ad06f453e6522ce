"""The real tensors of the page, and their statistics under every norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.data.datasets import digits
from dlviz.engine.data.photos import PHOTOS, photo
from dlviz.engine.signals import norms

from .measure import Block, Groups, Padding, Residual
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

PATCH = 8  # side of a patch of a photograph, as large as a digit
APPENDED = 8  # most padded positions appended


def block(settings: Settings) -> Block:
    """The tensor that the settings ask for, and what each norm makes of it."""
    x, real = TENSORS[settings.kind](settings)
    token, groups = settings.kind == "Sequence", settings.divisor()
    mean, var, x_hat = {}, {}, {}
    for norm in norms.NORMS:
        done = norms.normalise(x, norm, groups=groups, token=token)
        mean[norm], var[norm], x_hat[norm] = (
            part.expand(x.shape).numpy().copy() for part in (done.mean, done.var, done.x_hat)
        )
    return Block(settings.kind, token, groups, x.numpy(), real, settings.cell(), mean, var, x_hat)


def _digits(settings: Settings, generator: object) -> Tensor:
    """N digits, standardised over all of them, (N, 8, 8)."""
    import torch

    pixels, _ = digits()
    chosen = torch.randperm(len(pixels), generator=generator)[: settings.examples]
    return torch.from_numpy((pixels - pixels.mean()) / pixels.std())[chosen].view(-1, 8, 8)


def _patches(settings: Settings, generator: object) -> Tensor:
    """Patches of the two photographs in turn, standardised over both, (N, 3, 8, 8)."""
    import torch

    photos = np.stack([photo(name) for name in PHOTOS])
    pixels = torch.from_numpy((photos - photos.mean()) / photos.std())
    height, width = pixels.shape[-2:]
    found = []
    for n in range(settings.examples):
        top = int(torch.randint(height - PATCH + 1, (), generator=generator))
        left = int(torch.randint(width - PATCH + 1, (), generator=generator))
        found.append(pixels[n % 2, :, top : top + PATCH, left : left + PATCH])
    return torch.stack(found)


def _maps(settings: Settings) -> tuple[Tensor, np.ndarray]:
    import torch

    generator = torch.Generator().manual_seed(settings.seed)
    images = _digits(settings, generator)[:, None] if settings.source == "Digits" else _patches(settings, generator)
    inputs = images.shape[1]
    kernel = torch.randn(settings.channels, inputs, 3, 3, generator=generator, dtype=torch.float64)
    maps = torch.conv2d(images, kernel * (2 / (9 * inputs)) ** 0.5, padding=1)
    pooled = torch.nn.functional.adaptive_avg_pool2d(maps, settings.side).flatten(2)
    return pooled, np.ones((settings.examples, settings.side**2), dtype=bool)


def _features(settings: Settings) -> tuple[Tensor, np.ndarray]:
    import torch

    generator = torch.Generator().manual_seed(settings.seed)
    images = _digits(settings, generator).flatten(1)
    weight = torch.randn(settings.channels, 64, generator=generator, dtype=torch.float64) * (2 / 64) ** 0.5
    return (images @ weight.T)[..., None], np.ones((settings.examples, 1), dtype=bool)


def _sequences(settings: Settings) -> tuple[Tensor, np.ndarray]:
    """The rows of a digit, from the top, as a sequence: each row of 8 pixels is mapped to C features.

    The first sequence has the full length T; the others end at random between T/2 and T - 1 and are padded
    with zeros.
    """
    import torch

    generator = torch.Generator().manual_seed(settings.seed)
    rows = _digits(settings, generator)[:, : settings.length]
    weight = torch.randn(settings.channels, 8, generator=generator, dtype=torch.float64) * (2 / 8) ** 0.5
    lengths = torch.randint((settings.length + 1) // 2, settings.length, (settings.examples,), generator=generator)
    lengths[0] = settings.length
    real = torch.arange(settings.length) < lengths[:, None]
    features = (rows @ weight.T).transpose(1, 2)  # (N, C, T)
    return features * real[:, None], real.numpy()


TENSORS = {"Feature maps": _maps, "MLP": _features, "Sequence": _sequences}


def residual(found: Block) -> Residual:
    """Mean and deviation of every norm's output along every axis."""
    examples, channels, positions = found.x.shape
    axes = {"example": (1, 2), "channel": (0, 2)}
    if positions > 1:
        axes["instance"] = (2,)
    if found.token:
        axes["token"] = (1,)
    grouped = 1 < found.groups < channels
    mean: dict[str, dict[str, float]] = {}
    low: dict[str, dict[str, float]] = {}
    high: dict[str, dict[str, float]] = {}
    for norm, x_hat in found.x_hat.items():
        means = {name: x_hat.mean(axis=over) for name, over in axes.items()}
        deviations = {name: x_hat.std(axis=over) for name, over in axes.items()}
        if found.token:  # a padded position is all zeros
            means["token"], deviations["token"] = means["token"][found.real], deviations["token"][found.real]
        if grouped:
            parts = x_hat.reshape(examples, found.groups, -1)
            means["group"], deviations["group"] = parts.mean(-1), parts.std(-1)
        mean[norm] = {name: float(np.abs(values).max()) for name, values in means.items()}
        low[norm] = {name: float(values.min()) for name, values in deviations.items()}
        high[norm] = {name: float(values.max()) for name, values in deviations.items()}
    return Residual(tuple(mean["None"]), mean, low, high)


def groups(found: Block) -> Groups:
    """GroupNorm for every G that divides C, against LayerNorm over the whole example and InstanceNorm."""
    import torch

    x = torch.from_numpy(np.array(found.x))
    counts = [g for g in range(1, x.shape[1] + 1) if x.shape[1] % g == 0]
    layer, instance = (norms.normalise(x, norm).x_hat for norm in ("LayerNorm", "InstanceNorm"))
    each = [norms.normalise(x, "GroupNorm", groups=g).x_hat for g in counts]
    return Groups(
        np.array(counts),
        np.array([float((x_hat - layer).square().mean().sqrt()) for x_hat in each]),
        np.array([float((x_hat - instance).square().mean().sqrt()) for x_hat in each]),
    )


PADDED = ("BatchNorm", "InstanceNorm", "GroupNorm", "LayerNorm", "RMSNorm")


def padding(found: Block) -> Padding:
    """x̂ of the real cells as padded positions are appended, against statistics over real cells only."""
    import torch

    x, real = torch.from_numpy(np.array(found.x)), torch.from_numpy(np.array(found.real))
    inside = real[:, None].expand(x.shape)
    shift: dict[str, list[float]] = {norm: [] for norm in PADDED}
    for norm in PADDED:
        (cells,) = norms.PARTS[norm]

        def mean_over(values: Tensor, cells: str = cells) -> Tensor:
            """Over the real cells of a set; a set without any gives 0/0."""
            total, count = (
                norms.mean_over(v, cells, found.groups, found.token) for v in (values * inside, inside.to(values.dtype))
            )
            return total / count

        mean = mean_over(x) if norm != "RMSNorm" else 0.0
        alone = (x - mean) * (mean_over((x - mean) ** 2) + norms.EPS).rsqrt()
        for k in range(APPENDED + 1):
            longer = torch.nn.functional.pad(x, (0, k))
            x_hat = norms.normalise(longer, norm, groups=found.groups, token=found.token).x_hat[..., : x.shape[2]]
            shift[norm].append(float((x_hat - alone)[inside].square().mean().sqrt()))
    appended = np.arange(APPENDED + 1)
    share = 1 - float(real.sum()) / (len(real) * (real.shape[1] + appended))
    return Padding(appended, share, {norm: np.array(values) for norm, values in shift.items()})
