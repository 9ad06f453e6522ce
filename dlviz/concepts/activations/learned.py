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

    from dlviz.engine.networks.batches import MiniBatches, mini_batches
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.mlp import MLP
    from dlviz.engine.networks.recording import Every
    from dlviz.engine.networks.updates import sgd

    x, y = (torch.tensor(part) for part in standardised_digits(SAMPLES))
    where = device()
    x, y = x.float().to(where), y.to(where)
    generators = [torch.Generator().manual_seed(seed + 1000 * repeat) for repeat in range(SEEDS)]
    weights, biases = [], []
    for inputs, units in zip(LAYERS[:-1], LAYERS[1:], strict=True):
        # He et al. 2015, equation 15: the variance that keeps a signal's size under a slope of `start`.
        scale = math.sqrt(2 / (1 + start**2) / inputs)
        w = torch.stack([torch.randn(units, inputs, generator=generator) for generator in generators])
        weights.append(scale * w)
        biases.append(torch.zeros(SEEDS, units))
    a = [torch.full((SEEDS,), float(start)) for _ in LAYERS[2:]]
    networks = MLP(weights, biases, ["PReLU"] * SEEDS, slopes=a).to(where)

    def look(of: MLP, _alive: object) -> dict[str, object]:
        return {"slopes": torch.stack(of.slopes)}

    order = mini_batches(SAMPLES, BATCH, STEPS, seed)
    path = fit(networks, MiniBatches(x, y, order), sgd(rate), record=[Every(1, look)], progress=progress)["slopes"]
    with torch.no_grad():
        accuracy = networks.accuracy(x, y).cpu().double().numpy()
    return LearnedSlopes(path.transpose(1, 2, 0), accuracy, start)
