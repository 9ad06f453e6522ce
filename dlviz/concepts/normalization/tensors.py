"""The real tensors of the page: digits, photographs or sequences through one random layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.data.photos import PHOTOS, photo

from . import unit
from .settings import Settings

if TYPE_CHECKING:
    from torch import Generator, Tensor

PATCH = 8  # side of a patch of a photograph, as large as a digit


def tensor(settings: Settings) -> tuple[Tensor, np.ndarray]:
    """The tensor that the settings ask for, (N, C, P), and which positions (N, P) are not padded."""
    return TENSORS[settings.kind](settings)


def _digits(settings: Settings, generator: Generator) -> Tensor:
    """N digits, standardised over all of them, (N, 8, 8)."""
    import torch

    pixels = torch.from_numpy(unit.pixels())
    chosen = torch.randperm(len(pixels), generator=generator)[: settings.examples]
    return pixels[chosen].view(-1, 8, 8)


def _patches(settings: Settings, generator: Generator) -> Tensor:
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
