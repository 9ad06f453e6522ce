"""Singular values of products of random square matrices.

The product of L matrices with independent entries of variance g²/n stretches some directions and flattens the
others, ever more with L; a product of orthogonal matrices does not (Saxe et al. 2014, section 3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dlviz.engine.runtime.device import device
from dlviz.engine.signals.initializers import Draw, base
from dlviz.progress import Progress, silent

RESOLVED = 1e-13
"""Singular values below this share of the largest are rounding in float64, and given as NaN."""


def product_singular_values(
    draw: Draw, width: int, depth: int, gain: float, seeds: Sequence[int], progress: Progress = silent
) -> np.ndarray:
    """log10 of the singular values of W_L ... W_1, descending, (seeds, width); NaN where float64 cannot resolve them.

    Each W_l is ``gain``/√width times a base draw (:mod:`dlviz.engine.signals.initializers`), that of layer l + 1 of
    :mod:`dlviz.engine.signals.propagation` (l = 1 has other fan-in there). Carried on a logarithmic scale, so that no
    depth overflows.
    """
    import torch

    found, where = np.full((len(seeds), width), np.nan), device(double=True)
    for s, seed in enumerate(seeds):
        product, log_size = torch.eye(width, dtype=torch.float64, device=where), 0.0
        for layer in range(depth):
            generator = torch.Generator().manual_seed(1000 * seed + layer + 2)
            product = base(draw, width, width, generator, where) @ product
            size = float(product.abs().max())
            product /= size
            log_size += math.log10(size)
            progress((s + (layer + 1) / depth) / len(seeds))
        values = torch.linalg.svdvals(product).cpu().numpy()
        values = np.where(values > RESOLVED * values[0], values, np.nan)
        found[s] = np.log10(values) + log_size + depth * math.log10(gain / math.sqrt(width))
    return found


def product_theory(depth: int, shares: np.ndarray) -> np.ndarray:
    """log10 of the singular values of a product of ``depth`` Gaussian matrices of variance 1/n as n -> ∞.

    ``shares`` (K,) in (0, 1): the share of singular values that are larger. The squares follow the Fuss-Catalan
    law, which for one matrix is that of Marchenko and Pastur, in the parametrization by an angle 0 < φ < π/(L + 1):

        s² = sin((L+1)φ)^(L+1) / (sin φ sin(Lφ)^L),   density sin²φ sin(Lφ)^(L-1) / (π sin((L+1)φ)^L)

    (Penson & Życzkowski 2011, Phys. Rev. E 83, 061118; in terms of the angle Neuschel 2014, Random Matrices 3).
    """
    top = math.pi / (depth + 1)
    # Both ends matter: near 0 the largest values, near the top the smallest, of which there are many.
    inner = np.linspace(0, 1, 20_001)[1:-1]
    phi = top * (3 * inner**2 - 2 * inner**3)
    log_square = (
        (depth + 1) * np.log(np.sin((depth + 1) * phi)) - np.log(np.sin(phi)) - depth * np.log(np.sin(depth * phi))
    )
    log_density = (
        2 * np.log(np.sin(phi)) + (depth - 1) * np.log(np.sin(depth * phi)) - depth * np.log(np.sin((depth + 1) * phi))
    )
    # Mass between nodes is density times the change of s²; s² falls as φ grows.
    weight = np.exp(log_density + log_square) / math.pi
    mass = np.diff(-log_square) * (weight[1:] + weight[:-1]) / 2
    larger = np.concatenate([[0.0], np.cumsum(mass)])
    return np.interp(shares, larger / larger[-1], log_square / (2 * math.log(10)))
