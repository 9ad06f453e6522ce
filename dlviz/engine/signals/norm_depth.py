"""How gradients change on their way down a deep network with and without norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.norms import EPS
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch


@cached(maxsize=16)
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

    from dlviz.engine.data.datasets import digits

    f = ACTIVATIONS[activation]
    generator = torch.Generator().manual_seed(seed)
    pixels, classes = digits()
    chosen = torch.randperm(len(pixels), generator=generator)[:batch]
    where = device(double=True)
    x = torch.from_numpy((pixels - pixels.mean()) / pixels.std())[chosen].to(where)
    y = torch.from_numpy(np.array(classes))[chosen].to(where)
    count = len(norms)

    def drawn(out: int, inputs: int, deviation: float) -> torch.Tensor:
        normal = torch.randn(seeds, out, inputs, generator=generator, dtype=torch.float64)
        return (normal * deviation).to(where).repeat(count, 1, 1)

    h = x.expand(count * seeds, *x.shape)
    states: list[torch.Tensor] = []
    with torch.enable_grad():
        for layer in range(depth):
            weight = drawn(width, h.shape[-1], gain * (2 / h.shape[-1]) ** 0.5)
            z = h.bmm(weight.transpose(1, 2))
            parts = zip(z.chunk(count), norms, strict=True)
            h = f(torch.cat([_normalised(part, norm, groups) for part, norm in parts]))
            states.append(h if layer else h.requires_grad_())
            progress(0.5 * (layer + 1) / depth)
            # On the way back, too.
            h.register_hook(lambda _gradient, layer=layer: progress(1 - 0.5 * layer / depth))
        logits = h.bmm(drawn(10, width, width**-0.5).transpose(1, 2))
        # The sum over networks: each has the gradient of its own mean loss.
        every = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.repeat(count * seeds), reduction="none")
        loss = every.view(-1, len(y)).mean(1).sum()
    found = torch.stack([signal.flatten(1).norm(dim=1) for signal in torch.autograd.grad(loss, states)])
    return found.view(depth, count, seeds).cpu().numpy()


def _normalised(z: torch.Tensor, norm: str, groups: int) -> torch.Tensor:
    """One norm of vectors (S, N, C), in training: of every feature over the batch, or of every example by itself."""
    import torch

    functional = torch.nn.functional
    match norm:
        case "BatchNorm":
            return (z - z.mean(1, keepdim=True)) * (z.var(1, correction=0, keepdim=True) + EPS).rsqrt()
        case "LayerNorm":
            return functional.layer_norm(z, z.shape[2:], eps=EPS)
        case "GroupNorm":
            return functional.group_norm(z.flatten(0, 1), groups, eps=EPS).view(z.shape)
        case "RMSNorm":
            return functional.rms_norm(z, z.shape[2:], eps=EPS)
        case "None":
            return z
    raise KeyError(norm)


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
