"""PReLU's slope learned from data: one slope a layer, trained with the weights (He et al. 2015, section 2.1)."""

from __future__ import annotations

import math

from dlviz.engine.runtime.cache import cached
from dlviz.engine.runtime.device import device
from dlviz.progress import Progress, silent

from .digits import standardised_digits
from .measure import LearnedSlopes

LAYERS = (64, 64, 64, 64, 10)
SAMPLES, BATCH, STEPS = 1000, 50, 300
SEEDS = 5


@cached(maxsize=16)
def slopes(start: float, rate: float, seed: int, *, progress: Progress = silent) -> LearnedSlopes:
    """SEEDS networks 64-64-64-64-10 with one PReLU slope per hidden layer from ``start``, by plain SGD.

    All parameters, the slopes too, have the same learning rate and no weight decay (He et al., which warn that
    weight decay pulls the slopes to 0). The gradient of a slope is the sum of ∂loss/∂f · min(z, 0).
    """
    import torch

    from dlviz.engine.networks.training import mini_batches

    x, y = (torch.tensor(part) for part in standardised_digits(SAMPLES))
    where = device()
    x, y = x.float().to(where), y.to(where)
    generators = [torch.Generator().manual_seed(seed + 1000 * repeat) for repeat in range(SEEDS)]
    weights, biases = [], []
    for inputs, units in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        # He et al. 2015, equation 15: the variance that keeps a signal's size under a slope of `start`.
        scale = math.sqrt(2 / (1 + start**2) / inputs)
        w = torch.stack([torch.randn(units, inputs, generator=generator) for generator in generators])
        weights.append((scale * w).to(where).requires_grad_())
        biases.append(torch.zeros(SEEDS, 1, units, device=where, requires_grad=True))
    a = torch.full((len(LAYERS) - 2, SEEDS), float(start), device=where, requires_grad=True)

    def logits(h: torch.Tensor) -> torch.Tensor:
        h = h.expand(SEEDS, *h.shape)
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = torch.baddbmm(b, h, w.transpose(1, 2))
            if layer == len(weights) - 1:
                return z
            h = torch.where(z > 0, z, a[layer][:, None, None] * z)
        raise AssertionError

    parameters = [*weights, *biases, a]
    order = mini_batches(SAMPLES, BATCH, STEPS, seed).to(where)
    path = [a.detach().clone()]
    for step, rows in enumerate(order):
        out = logits(x[rows])
        target = y[rows].expand(SEEDS, -1)
        # The sum over networks: each has the gradient of its own mean loss.
        loss = torch.nn.functional.cross_entropy(out.flatten(0, 1), target.flatten(), reduction="none")
        gradients = torch.autograd.grad(loss.view(SEEDS, -1).mean(dim=1).sum(), parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(rate * gradient)
            path.append(a.detach().clone())
        progress((step + 1) / STEPS)
    with torch.no_grad():
        out = logits(x)
        finite = out.isfinite().all(-1).all(-1)
        accuracy = torch.where(finite, (out.argmax(-1) == y).float().mean(-1), math.nan).cpu().double().numpy()
    found = torch.stack(path).cpu().double().numpy()
    return LearnedSlopes(found.transpose(1, 2, 0), accuracy, start)
