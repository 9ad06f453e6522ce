"""What stands behind the panels: real batches, real training, deep networks, photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.data.datasets import digits
from dlviz.engine.data.photos import PHOTOS, photo
from dlviz.engine.networks import cnn
from dlviz.engine.networks.batches import MiniBatches, epochs
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.scores import right_answers
from dlviz.engine.networks.updates import sgd
from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals import norm_depth, norms
from dlviz.progress import Progress, silent, split

from .measure import Batches, Depth, Picture, Steps, Style, Training
from .settings import SIZES

if TYPE_CHECKING:
    import torch

TRAINED_ON = 1024  # a multiple of every batch size: all networks see as many images
GROUPS = 4  # of GroupNorm in the trained networks
BATCH_SIZES = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
DEPTH_SHAPE = {"width": 64, "seeds": 3, "batch": 128, "groups": GROUPS}


def _sums(seed: int) -> np.ndarray:
    """s = w·x of one unit for every digit, (1797,), w normal with variance 2/64."""
    import torch

    pixels, _ = digits()
    weight = torch.randn(64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * (2 / 64) ** 0.5
    return (pixels - pixels.mean()) / pixels.std() @ weight.numpy()


def steps(batch: int, seed: int) -> Steps:
    """One unit over a batch of digits."""
    import torch

    pixels, _ = digits()
    chosen = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed + 1))[:batch].numpy()
    shown = ((pixels - pixels.mean()) / pixels.std())[chosen]
    sums = _sums(seed)[chosen]
    x_hat = norms.normalise(torch.from_numpy(sums)[:, None, None], "BatchNorm").x_hat.flatten().numpy()
    values, counts = np.unique(shown, return_counts=True)
    return Steps(values, counts / shown.size, sums, x_hat)


@cached(maxsize=16)
def batches(count: int, seed: int, progress: Progress = silent) -> Batches:
    """Means and variances of ``count`` batches of each size, drawn with replacement."""
    sums = _sums(seed)
    mean, deviation = float(sums.mean()), float(sums.std())
    standard = (sums - mean) / deviation
    evaluated = (sums - mean) / np.sqrt(deviation**2 + norms.EPS)
    rng = np.random.default_rng(seed)
    totals = np.zeros((len(BATCH_SIZES), 5))  # of means, their squares, variances, theirs, squared gaps
    done, all_of_it = 0, count * int(BATCH_SIZES.sum())
    for i, size in enumerate(BATCH_SIZES):
        left = count
        while left:
            part = min(left, max(1, 200_000 // int(size)))
            drawn = rng.integers(len(sums), size=(part, size))
            chosen = sums[drawn]
            middle, var = chosen.mean(axis=1, keepdims=True), chosen.var(axis=1, keepdims=True)
            gap = (chosen - middle) / np.sqrt(var + norms.EPS) - evaluated[drawn]
            at, spread = (middle - mean) / deviation, var / deviation**2
            totals[i] += at.sum(), (at**2).sum(), spread.sum(), (spread**2).sum(), (gap**2).mean(axis=1).sum()
            left -= part
            done += part * int(size)
            progress(done / all_of_it)
    averages = totals / count
    return Batches(
        BATCH_SIZES,
        count,
        mean,
        deviation,
        float((standard**4).mean()),
        np.sqrt(np.maximum(averages[:, 1] - averages[:, 0] ** 2, 0)),
        np.sqrt(np.maximum(averages[:, 3] - averages[:, 2] ** 2, 0)),
        np.sqrt(averages[:, 4]),
        # A batch of one is its own mean: x̂ = 0 whatever x is.
        float(np.sqrt((evaluated**2).mean())),
    )


@cached(maxsize=64)
def _trained(
    chosen: tuple[str, ...], size: int, last_side: int, passes: int, seeds: int, rate: float, seed: int,
    progress: Progress = silent,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Test errors (K, S), divergence (K, S) and Switchable's weights (layers, S, 2, 3) at one batch size."""
    import torch

    pixels, classes = digits()
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    x = torch.from_numpy((pixels - pixels.mean()) / pixels.std()).float().to(device())
    y = torch.from_numpy(np.array(classes)).to(device())
    train, test = order[:TRAINED_ON], order[TRAINED_ON:]
    nets = cnn.draw(chosen, seeds, groups=GROUPS, last_side=last_side, seed=seed)
    owner = torch.arange(seeds, device=x.device).repeat(len(chosen))
    order = epochs(TRAINED_ON, size, passes, seeds, seed)
    batches = MiniBatches(x[train], y[train], order, owner)
    fit(nets, batches, sgd(rate * size / 32, momentum=0.9), progress=progress)
    error, diverged = _errors(nets, x[test], y[test])
    mixing = np.full((len(nets.mixing), seeds, 2, 3), np.nan)
    if (models := nets.models("Switchable")) is not None:
        mixing = torch.stack([logits[models].softmax(-1) for logits in nets.mixing]).cpu().double().numpy()
    return error, diverged, mixing


def _errors(nets: cnn.CNN, x: torch.Tensor, y: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Share of wrong answers in evaluation mode, and whether a model's numbers are not finite; (K, S) each.

    Here an answer that is not finite is wrong: the picture shows the error of a network that overflowed, too.
    """
    found = []
    for seed in range(nets.seeds):  # of all seeds at once, the neighbours of all positions are up to a gigabyte
        logits = nets.of_seed(seed).forward(x.expand(len(nets.norms), *x.shape), training=False)
        wrong, lost = ~right_answers(logits, y), ~logits.isfinite().all(-1).all(-1)
        found.append((wrong.cpu().double().mean(1).numpy(), lost.cpu().numpy()))
    wrong, lost = (np.stack(part, 1) for part in zip(*found, strict=True))
    return wrong, lost


def training(
    chosen: tuple[str, ...], last_side: int, epochs: int, seeds: int, rate: float, seed: int, progress: Progress
) -> Training:
    """Networks with each norm, trained at every batch size on as many examples."""
    # The time goes into steps, and a step costs more where the batch is large.
    watches = split(progress, [TRAINED_ON / size * (1 + size / 40) for size in SIZES])
    found = [
        _trained(chosen, size, last_side, epochs, seeds, rate, seed, progress=watch)
        for size, watch in zip(SIZES, watches, strict=True)
    ]
    error, diverged, mixing = (np.array(part) for part in zip(*found, strict=True))
    tested = len(digits()[1]) - TRAINED_ON
    return Training(
        chosen, np.array(SIZES), error.swapaxes(0, 1), diverged.swapaxes(0, 1), mixing, TRAINED_ON, tested, GROUPS
    )


def depth(chosen: tuple[str, ...], layers: int, activation: str, gain: float, seed: int, progress: Progress) -> Depth:
    """Gradients of deep networks at the start of training."""
    gradient = norm_depth.gradient_norms(
        chosen, depth=layers, activation=activation, gain=gain, seed=seed, progress=progress, **DEPTH_SHAPE
    )
    return Depth(chosen, gradient, norm_depth.factors(chosen, activation, gain))


def _picture(pixels: np.ndarray) -> Picture:
    """Red, green, blue (3, H, W), of which 0 to 1 can be shown."""
    outside = (pixels < -1e-12) | (pixels > 1 + 1e-12)
    shown = np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    return Picture(shown, pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2)), float(outside.mean()))


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
def style(content: str, contrast: float, brightness: float, strength: float, progress: Progress = silent) -> Style:
    """A photograph and a flat copy of it, normalised; and statistics exchanged with the other photograph."""
    first = photo(content)
    second = photo(next(name for name in PHOTOS if name != content))
    # Contrast about the middle of the scale.
    copy = contrast * (first - 0.5) + 0.5 + brightness
    hats = [instance_norm(pixels) for pixels in (first, copy)]
    progress(0.5)
    shown = []
    for x_hat in hats:
        picture = _picture(0.5 + x_hat / 6)
        over = (1, 2)
        shown.append(Picture(picture.pixels, x_hat.mean(axis=over), x_hat.std(axis=over), picture.clipped))
    swapped, returned = adain(first, second, strength), adain(second, first, strength)
    aim = [(1 - strength) * moment(first) + strength * moment(second) for moment in (_mean, _deviation)]
    residual = max(
        float(np.abs(moment(swapped) - goal).max()) for moment, goal in zip((_mean, _deviation), aim, strict=True)
    )
    progress(1.0)
    return Style(
        _picture(first), _picture(copy), *shown, float(np.abs(hats[0] - hats[1]).max()),
        _picture(second), _picture(swapped), _picture(returned), residual,
    )  # fmt: skip


def _mean(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(axis=(1, 2))


def _deviation(pixels: np.ndarray) -> np.ndarray:
    return pixels.std(axis=(1, 2))
