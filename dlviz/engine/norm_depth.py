"""How gradients change on their way down a deep network with and without norms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlviz.contract import Progress, silent
from dlviz.engine.activations import ACTIVATIONS
from dlviz.engine.kept import kept
from dlviz.engine.mixed_norms import MixedNorms


@kept(maxsize=16)
def gradient_norms(
    norms: tuple[str, ...],
    *,
    depth: int,
    width: int,
    activation: str,
    gain: float,
    groups: int,
    seeds: int,
    batch: int,
    seed: int,
    progress: Progress = silent,
) -> np.ndarray:
    """‖∂L/∂h_l‖ at the start of training for l = 1 … depth, shape (depth, K norms, S seeds).

    ``depth`` layers h_l = f(norm(W_l h_{l-1})) of ``width`` units on ``batch`` standardised digits, a linear
    readout and cross-entropy L; the norm is Frobenius's, over examples and units. W_l is normal with standard
    deviation ``gain`` · √(2/inputs) (He et al. 2015 for gain 1). A seed has the same weights under every
    norm. float64: what is smaller than 1e-308 is 0.
    """
    import torch

    from dlviz.engine.datasets import digits

    f = ACTIVATIONS[activation]
    generator = torch.Generator().manual_seed(seed)
    pixels, classes = digits()
    chosen = torch.randperm(len(pixels), generator=generator)[:batch]
    x = torch.from_numpy((pixels - pixels.mean()) / pixels.std())[chosen]
    y = torch.from_numpy(np.array(classes))[chosen]
    count = len(norms)
    mixed = MixedNorms([norm for norm in norms for _ in range(seeds)], width, groups)

    def drawn(out: int, inputs: int, deviation: float) -> torch.Tensor:
        normal = torch.randn(seeds, out, inputs, generator=generator, dtype=torch.float64)
        return (normal * deviation).repeat(count, 1, 1)

    h = x.expand(count * seeds, *x.shape)
    kept_: list[tuple[torch.Tensor, object]] = []
    for layer in range(depth):
        weight = drawn(width, h.shape[-1], gain * (2 / h.shape[-1]) ** 0.5)
        saved = mixed.forward(h.bmm(weight.transpose(1, 2))[:, :, None])
        h = f(saved.x_hat[:, :, 0])
        kept_.append((weight, saved))
        progress(0.5 * (layer + 1) / depth)
    readout = drawn(10, width, width**-0.5)
    logits = h.bmm(readout.transpose(1, 2))
    signal = logits.softmax(-1)
    signal[:, torch.arange(len(y)), y] -= 1
    signal = (signal / len(y)).bmm(readout)
    found = np.empty((depth, count, seeds))
    for layer in reversed(range(depth)):
        found[layer] = signal.flatten(1).norm(dim=1).view(count, seeds).numpy()
        weight, saved = kept_.pop()
        to_hat = signal * f.slope(saved.x_hat[:, :, 0])
        signal = mixed.backward(to_hat[:, :, None], saved)[0][:, :, 0].bmm(weight)
        progress(1 - 0.5 * layer / depth)
    return found


def growth(norm: str, activation: str, gain: float) -> float | None:
    """The factor by which ‖∂L/∂h‖ grows from a layer to the one before it, in wide networks; None if unknown.

    BatchNorm: √(E f′² / Var f), whatever the weights (Yang et al. 2019, "A mean field theory of batch
    normalization", for large batches); LayerNorm, RMSNorm: √(E f′² / E f²); None: ``gain`` · √(2 E f′²), which
    is known where f′ does not depend on the scale. Expectations are over a standard normal.
    """
    import torch

    at = np.linspace(-10, 10, 20_000)  # even steps on both sides of a kink at 0
    weights = np.exp(-(at**2) / 2)
    weights /= weights.sum()
    f = ACTIVATIONS[activation]
    values, slopes = (g(torch.from_numpy(at)).numpy() for g in (f, f.slope))
    square, mean, slope = weights @ values**2, weights @ values, weights @ slopes**2
    if norm == "BatchNorm":
        return float(np.sqrt(slope / (square - mean**2)))
    if norm in ("LayerNorm", "RMSNorm"):
        return float(np.sqrt(slope / square))
    if norm == "None" and activation in ("ReLU", "Linear"):
        return float(gain * np.sqrt(2 * slope))
    return None


def factors(norms: Sequence[str], activation: str, gain: float) -> dict[str, float]:
    """:func:`growth` of each norm for which it is known."""
    found = {norm: growth(norm, activation, gain) for norm in norms}
    return {norm: value for norm, value in found.items() if value is not None}
