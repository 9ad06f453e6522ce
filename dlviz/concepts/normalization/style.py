"""Instance statistics of photographs, removed and exchanged: the panel "Style"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.data.photos import PHOTOS, photo
from dlviz.engine.runtime.cache import cached
from dlviz.engine.signals import norms
from dlviz.numbers import percent
from dlviz.progress import Progress, silent

from .settings import Settings

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Picture:
    """A picture as shown: its pixels, and what was cut off to show it."""

    pixels: np.ndarray  # (H, W, 3) uint8, row 0 on top
    mean: np.ndarray  # (3,) of red, green, blue, before anything was cut off
    deviation: np.ndarray  # (3,)
    clipped: float  # share of the values that were outside of what can be shown


@dataclass(frozen=True)
class Style:
    """Instance statistics of photographs: removed, and exchanged."""

    photo: Picture
    copy: Picture  # contrast and brightness changed
    photo_hat: Picture  # InstanceNorm of both, shown as 1/2 + x̂/6
    copy_hat: Picture
    difference: float  # largest |x̂ − x̂'| of the two
    other: Picture
    swapped: Picture  # photo with the other's μ and σ
    returned: Picture  # the other with the photo's
    residual: float  # largest difference of the swapped channels' μ and σ from what they should be


def compute(settings: Settings, progress: Progress) -> Style:
    """The chosen photograph's statistics removed, and exchanged with those of the other one."""
    s = settings
    return exchanged(s.content, s.contrast, s.brightness, s.strength, progress=progress)


def _picture(pixels: np.ndarray) -> Picture:
    """Red, green, blue (3, H, W), of which 0 to 1 can be shown."""
    outside = (pixels < -1e-12) | (pixels > 1 + 1e-12)
    shown = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    return Picture(shown, _mean(pixels), _deviation(pixels), float(outside.mean()))


def instance_norm(pixels: np.ndarray) -> np.ndarray:
    """InstanceNorm of one picture (3, H, W): every channel has mean 0 and variance 1 (but for ε)."""
    import torch

    x = torch.from_numpy(np.array(pixels)).flatten(1)[None]
    return norms.normalise(x, "InstanceNorm").x_hat.view(*pixels.shape).numpy()


def adain(content: np.ndarray, style: np.ndarray, strength: float) -> np.ndarray:
    """σ(s) (x − μ(x))/σ(x) + μ(s) for every channel (Huang and Belongie 2017, equation 8), and a share of it.

    ``strength`` α mixes: (1 − α) x + α AdaIN(x, s) (their equation 14). A channel without contrast stays so.
    """
    over = (1, 2)
    deviation = content.std(axis=over, keepdims=True)
    standard = (content - content.mean(axis=over, keepdims=True)) / np.maximum(deviation, 1e-12)
    moved = style.std(axis=over, keepdims=True) * standard + style.mean(axis=over, keepdims=True)
    return (1 - strength) * content + strength * moved


@cached(maxsize=16)
def exchanged(content: str, contrast: float, brightness: float, strength: float, progress: Progress = silent) -> Style:
    """A photograph and a flat copy of it, normalised; and statistics exchanged with the other photograph."""
    first = photo(content)
    second = photo(next(name for name in PHOTOS if name != content))
    # Contrast about the middle of the scale.
    copy = contrast * (first - 0.5) + 0.5 + brightness
    hats = [instance_norm(pixels) for pixels in (first, copy)]
    progress(0.5)
    photo_hat, copy_hat = (
        replace(_picture(0.5 + x_hat / 6), mean=_mean(x_hat), deviation=_deviation(x_hat)) for x_hat in hats
    )
    swapped, returned = adain(first, second, strength), adain(second, first, strength)
    aim = [(1 - strength) * moment(first) + strength * moment(second) for moment in (_mean, _deviation)]
    residual = max(
        float(np.abs(moment(swapped) - goal).max()) for moment, goal in zip((_mean, _deviation), aim, strict=True)
    )
    progress(1.0)
    return Style(
        photo=_picture(first),
        copy=_picture(copy),
        photo_hat=photo_hat,
        copy_hat=copy_hat,
        difference=float(np.abs(hats[0] - hats[1]).max()),
        other=_picture(second),
        swapped=_picture(swapped),
        returned=_picture(returned),
        residual=residual,
    )


def _mean(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(axis=(1, 2))


def _deviation(pixels: np.ndarray) -> np.ndarray:
    return pixels.std(axis=(1, 2))


def style_is_statistics(result: Result) -> Check:
    """InstanceNorm maps photograph and flat copy to one picture; the swap gives the other's μ and σ."""
    found = result.style
    return Check(
        found.difference < 0.05 and found.residual < 1e-9,
        {
            "difference": found.difference,
            "before": float(found.photo.deviation.mean()),
            "copy": float(found.copy.deviation.mean()),
            "swapped": float(found.swapped.deviation.mean()),
            "other": float(found.other.deviation.mean()),
        },
    )


def readouts(result: Result) -> list[Readout]:
    """How different photograph and copy are after InstanceNorm."""
    return [Readout("Largest difference of the two x̂", f"{result.style.difference:.4f}")]


def notice(result: Result) -> list[Note]:
    """That both are one picture, and what a screen cannot show of it."""
    found = result.style
    notes = [Note("same_picture", {"difference": found.difference, "contrast": result.settings.contrast})]
    cut = {"copy": found.copy.clipped, "hat": found.photo_hat.clipped, "swapped": found.swapped.clipped}
    if max(cut.values()) > 0:
        notes.append(Note("clipped", {name: percent(share) for name, share in cut.items()}))
    return notes


STUDY = Study(compute, (Preset("style", Settings(panels=("Style",)), style_is_statistics),), readouts, notice)
