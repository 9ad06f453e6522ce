"""A two-dimensional slice through the loss of a network trained on handwritten digits.

The network is 64-16-10 with tanh, trained here with Adam on a class-balanced set of digits. The slice
is L(theta + a delta + b eta), with random Gaussian directions delta, eta, filter-normalised (Li, Xu,
Taylor, Studer & Goldstein 2018, "Visualizing the loss landscape of neural nets", section 4): every
filter of a direction (for a dense layer: the weights into one neuron) is scaled to the norm of the
same filter in theta; biases are not moved. The loss is the one that the network was trained on.

500 of the 1,797 digits are used: a descent step of 13 runs must stay near 1.5 ms on two cores, and
the time grows with the number of examples; 50 a class leave the shape of the loss as it is.

In the plane the pre-activations of the first layer are affine in (a, b): X W1(a, b) is computed once
for theta, delta and eta, and every point costs one combination of the three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.engine.data.datasets import balanced, digits
from dlviz.engine.networks.batches import Repeated
from dlviz.engine.networks.fit import fit
from dlviz.engine.networks.mlp import MLP
from dlviz.engine.networks.updates import adam
from dlviz.engine.runtime.device import chunk_size
from dlviz.engine.surfaces.data_surfaces import on_device
from dlviz.engine.surfaces.minima import find_minima
from dlviz.engine.surfaces.surface import Surface
from dlviz.engine.surfaces.symbolic import is_tensor
from dlviz.engine.surfaces.table import SAMPLES, TABLE
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch

NAME = "Digits network"
HIDDEN, CLASSES = 16, 10
TRAINING_STEPS, TRAINING_RATE = 200, 0.02
CHUNK = 16
"""Points worked on at once: 16 x 500 x 16 float64 are 1 MB; from 64 on a point takes twice the time."""
CHUNK_ON_GPU = 1024

FORMULA = (
    r"L(a, b) = \frac{1}{n} \sum_{i=1}^{n} \ell\left(f_{\theta + a \delta + b \eta}(\mathbf{x}_i), t_i\right)"
    r",\quad n = " + str(SAMPLES[NAME])
)


def filter_normalised(direction: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Each row (filter) of a direction scaled to the norm of the same row of the weight; (out, in)."""
    return direction * (weight.norm(dim=1, keepdim=True) / direction.norm(dim=1, keepdim=True))


@dataclass(frozen=True, eq=False, kw_only=True)
class DigitsSurface(Surface):
    """The slice as a surface over (a, b), float64; its tensors live on the CPU, and on a GPU where that computes.

    ``plane`` maps the parameter names of ``torch.nn.Sequential(Linear, Tanh, Linear)`` to (3, ...)
    tensors: theta, delta, eta. ``inputs`` (n, 64) and ``targets`` (n,) are the training examples;
    ``accuracy`` is the share of all other digits that the trained network gets right.
    """

    plane: dict[str, torch.Tensor]
    inputs: torch.Tensor
    targets: torch.Tensor
    accuracy: float

    @cached_property
    def minima(self) -> np.ndarray:
        """As of every surface, on a coarser grid: the slice is smooth, and a point costs a forward pass."""
        return find_minima(self, resolution=33)

    @cached_property
    def _parts(self) -> dict[str, dict[str, torch.Tensor]]:
        return {}

    def _on(self, device: torch.device) -> dict[str, torch.Tensor]:
        """The tensors of the forward pass, moved to a device once."""
        import torch

        if str(device) not in self._parts:
            # Examples last: exp and sums over classes then run along contiguous memory.
            pre = self.plane["0.weight"] @ self.inputs.T  # (3, hidden, n)
            pre[0] += self.plane["0.bias"][0][:, None]
            parts = {
                "pre": pre,
                "out": self.plane["2.weight"].contiguous(),  # (3, classes, hidden)
                "bias": self.plane["2.bias"][0][:, None],
                "truth": torch.nn.functional.one_hot(self.targets, CLASSES).to(pre).T.contiguous(),
            }
            self._parts[str(device)] = {name: part.to(device) for name, part in parts.items()}
        return self._parts[str(device)]

    def _pre(self, device: torch.device, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """First-layer pre-activations (3, L or 1, hidden, B) and one-hot classes (L or 1, classes, B)."""
        part = self._on(device)
        if rows is None:
            return part["pre"][:, None], part["truth"][None]
        return part["pre"][:, :, rows].movedim(2, 1), part["truth"][:, rows].movedim(1, 0)

    def _forward(self, a: torch.Tensor, b: torch.Tensor, pre: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Hidden units (L, hidden, B), logits (L, classes, B) and output weights (L, classes, hidden)."""
        import torch

        part = self._on(a.device)
        at = torch.stack([torch.ones_like(a), a, b], dim=1)  # (L, 3)
        out = (at @ part["out"].flatten(1)).view(-1, CLASSES, HIDDEN)
        if pre.shape[1] == 1:
            hidden = (at @ pre.flatten(1)).view(len(a), HIDDEN, -1).tanh()
        else:
            hidden = (pre[0] + a[:, None, None] * pre[1] + b[:, None, None] * pre[2]).tanh()
        return hidden, out @ hidden + part["bias"], out

    def _losses(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor]:
        pre, truth = self._pre(a.device, None)
        _, logits, _ = self._forward(a, b, pre)
        return (-(logits.log_softmax(dim=1) * truth).sum(dim=(1, 2)) / logits.shape[2],)

    def _slopes(self, a: torch.Tensor, b: torch.Tensor, rows: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """The gradient of the loss, taken back from the logits to the two coordinates of the plane."""
        import torch

        pre, truth = self._pre(a.device, rows)
        hidden, logits, out = self._forward(a, b, pre)
        error = (logits.softmax(dim=1) - truth) / logits.shape[2]
        back = out.mT @ error
        back = torch.addcmul(back, back * hidden, hidden, value=-1)  # tanh' = 1 - tanh^2
        outer = (error @ hidden.mT).flatten(1) @ self._on(a.device)["out"][1:].flatten(1).T  # (L, 2)
        # One product where all points share their examples, else a sum for each point over its own.
        shared = pre.shape[1] == 1
        inner = back.flatten(1) @ pre[1:].flatten(1).T if shared else (back * pre[1:]).sum(dim=(2, 3)).T
        return (outer + inner).unbind(dim=1)

    def _bends(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The Hessian: the gradient above, differentiated once more by autograd."""
        import torch

        with torch.enable_grad():
            a, b = a.detach().requires_grad_(), b.detach().requires_grad_()
            da, db = self._slopes(a, b)
            haa, hab = torch.autograd.grad(da.sum(), (a, b), retain_graph=True)
            (hbb,) = torch.autograd.grad(db.sum(), b)
        return haa, hab, hbb

    def _chunked(self, function: Callable, x: Any, y: Any, progress: Progress = silent) -> list:
        """Apply a function of flat tensors to points of any shape and kind, some at a time."""
        import torch

        a, b = on_device(x, y)
        flat_a, flat_b = a.reshape(-1), b.reshape(-1)
        count, chunk = max(len(flat_a), 1), CHUNK if a.device.type == "cpu" else chunk_size(CHUNK_ON_GPU)
        parts = []
        for i in range(0, count, chunk):
            parts.append(function(flat_a[i : i + chunk], flat_b[i : i + chunk]))
            progress(min(1.0, (i + chunk) / count))
        whole = [torch.cat(part).view(a.shape) for part in zip(*parts, strict=True)]
        return whole if is_tensor(x) else [part.cpu().numpy() for part in whole]

    def value(self, x: Any, y: Any, progress: Progress = silent) -> Any:
        return self._chunked(self._losses, x, y, progress)[0]

    def gradient(self, x: Any, y: Any) -> tuple[Any, Any]:
        return tuple(self._chunked(self._slopes, x, y))

    def hessian(self, x: Any, y: Any) -> tuple[Any, Any, Any]:
        return tuple(self._chunked(self._bends, x, y))

    def batch_gradient(self, x: torch.Tensor, y: torch.Tensor, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Gradient (L,), (L,) of the mean loss of some examples; ``index`` (L or 1, B) are their rows."""
        return self._slopes(x, y, index)


def build(seed: int) -> DigitsSurface:
    """Train the network and span the plane; equal seeds give equal surfaces.

    The seed decides which digits are used, the initial weights (Glorot uniform) and the directions.
    """
    import torch

    images, labels = digits()
    chosen = balanced(labels, SAMPLES[NAME], np.random.default_rng(seed))
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    inputs, targets = torch.tensor(images[chosen]), torch.tensor(labels[chosen])
    generator = torch.Generator().manual_seed(seed)
    shapes = {"0": (HIDDEN, inputs.shape[1]), "2": (CLASSES, HIDDEN)}
    weights: dict[str, torch.Tensor] = {}
    for layer, shape in shapes.items():
        weight = torch.empty(shape, dtype=torch.float64)
        weights[f"{layer}.weight"] = torch.nn.init.xavier_uniform_(weight, generator=generator)
        weights[f"{layer}.bias"] = torch.zeros(shape[0], dtype=torch.float64)
    stacked = {kind: [weights[f"{at}.{kind}"][None] for at in shapes] for kind in ("weight", "bias")}
    network = MLP(stacked["weight"], stacked["bias"], ["Tanh"])
    fit(network, Repeated(inputs, targets, TRAINING_STEPS), adam(TRAINING_RATE))
    plane: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        accuracy = network.accuracy(torch.tensor(images[others]), torch.tensor(labels[others]))
        for name, weight in weights.items():
            directions = [torch.zeros_like(weight)] * 2
            if weight.ndim == 2:
                draws = [torch.randn(weight.shape, generator=generator, dtype=torch.float64) for _ in range(2)]
                directions = [filter_normalised(draw, weight) for draw in draws]
            plane[name] = torch.stack([weight, *directions])
    row = TABLE[NAME]
    return DigitsSurface(
        NAME, FORMULA, row.domain, row.start, row.axes, row.samples,
        plane=plane, inputs=inputs, targets=targets, accuracy=float(accuracy),
    )  # fmt: skip
