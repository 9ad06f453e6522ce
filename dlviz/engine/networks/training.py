"""Many multilayer perceptrons trained at once as one tensor program, with the gradients written out.

M networks of one shape stand in stacked weights; they may differ in activation, in start and in learning
rate, and see the same mini-batches. One batched product per layer serves all of them, and a network whose
numbers overflow does not touch the others. Gradients are tested against autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.signals.activations import ACTIVATIONS, maxout
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAXOUT = "Maxout"


@dataclass
class Networks:
    """M networks: ``weights[l]`` (M, out, in), ``biases[l]`` (M, out), and an activation for each network.

    The last layer gives logits. A "Maxout" network has k times as many rows in a hidden layer as the next
    layer has inputs: row j·k + i is piece i of unit j. ``parameters[m]`` is the activation's parameter
    (None: its default). The tensors are changed in place by :func:`train`.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activations: Sequence[str]
    parameters: Sequence[float | None] | None = None

    def __post_init__(self) -> None:
        models = len(self.activations)
        given = [*self.weights, *self.biases]
        if len(self.weights) != len(self.biases) or any(tensor.shape[0] != models for tensor in given):
            raise ValueError(f"every weight and bias needs one entry for each of the {models} activations")
        unknown = [name for name in self.activations if name not in ACTIVATIONS and name != MAXOUT]
        if unknown:
            raise ValueError(f"unknown activation {unknown[0]!r}; allowed: {', '.join(ACTIVATIONS)}, {MAXOUT}")
        parameters = self.parameters or [None] * models
        # Runs of equal activations: one call for each.
        self._groups: list[tuple[str, float | None, slice]] = []
        for m, (name, parameter) in enumerate(zip(self.activations, parameters, strict=True)):
            if self._groups and self._groups[-1][:2] == (name, parameter):
                start = self._groups[-1][2].start
                self._groups[-1] = (name, parameter, slice(start, m + 1))
            else:
                self._groups.append((name, parameter, slice(m, m + 1)))

    def to(self, where: torch.device) -> Networks:
        """The same networks on a device."""
        moved = ([tensor.to(where) for tensor in tensors] for tensors in (self.weights, self.biases))
        return Networks(*moved, self.activations, self.parameters)

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Pre-activations z_l (M, n, rows) of every layer, and its inputs: x and the activations (M, n, units).

        ``x`` is (n, d), the same for all, or (M, n, d). The last pre-activation is the logits.
        """
        inputs = [x.expand(len(self.activations), *x.shape) if x.dim() == 2 else x]
        pre: list[Tensor] = []
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            pre.append(b.unsqueeze(1).baddbmm(inputs[-1], w.transpose(1, 2)))
            if layer < len(self.weights) - 1:
                inputs.append(self._activate(pre[-1], self.weights[layer + 1].shape[2]))
        return pre, inputs

    def logits(self, x: Tensor) -> Tensor:
        """(M, n, classes) for ``x`` as in :meth:`forward`."""
        return self.forward(x)[0][-1]

    def score(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy and share of right answers of each network, (M,) each.

        The share is NaN for a network whose logits are not all finite.
        """
        logits = self.logits(x)
        right = (logits.argmax(-1) == y).to(logits.dtype).mean(-1)
        finite = logits.isfinite().all(-1).all(-1)
        return _cross_entropy(logits, y), right.where(finite, right.new_tensor(float("nan")))

    def accuracy(self, x: Tensor, y: Tensor) -> Tensor:
        """Share of right answers of each network, (M,), as in :meth:`score`."""
        return self.score(x, y)[1]

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Loss (M,) and its gradients by ``weights`` and ``biases``: backpropagation (Goodfellow et al., 6.5.4)."""
        pre, inputs = self.forward(x)
        n = x.shape[-2]
        delta = pre[-1].softmax(-1)
        delta[:, _range(n, y), y] -= 1
        delta /= n
        by_weight, by_bias = [], []
        for layer in range(len(self.weights) - 1, -1, -1):
            by_weight.append(delta.transpose(1, 2) @ inputs[layer])
            by_bias.append(delta.sum(1))
            if layer:
                delta = self._pull_back(delta @ self.weights[layer], pre[layer - 1])
        return _cross_entropy(pre[-1], y), by_weight[::-1], by_bias[::-1]

    def _activate(self, z: Tensor, units: int) -> Tensor:
        if len(self._groups) == 1 and self._groups[0][0] != MAXOUT:
            name, parameter, _all = self._groups[0]
            return ACTIVATIONS[name](z, parameter)
        h = z.new_empty(*z.shape[:2], units)
        for name, parameter, group in self._groups:
            part = z[group]
            if name == MAXOUT:
                h[group] = maxout(part.unflatten(-1, (units, -1)))
            else:
                h[group] = ACTIVATIONS[name](part, parameter)
        return h

    def _pull_back(self, delta: Tensor, z: Tensor) -> Tensor:
        """Gradient by the units' outputs (M, n, units) -> by the pre-activations z (M, n, rows)."""
        pulled = z.new_empty(z.shape)
        for name, parameter, group in self._groups:
            part = z[group]
            if name == MAXOUT:
                pieces = part.unflatten(-1, (delta.shape[-1], -1))
                first = pieces.argmax(-1, keepdim=True)
                share = pieces.new_zeros(pieces.shape).scatter_(-1, first, delta[group].unsqueeze(-1))
                pulled[group] = share.flatten(-2)
            else:
                pulled[group] = delta[group] * ACTIVATIONS[name].slope(part, parameter)
        return pulled


def _range(n: int, like: Tensor) -> Tensor:
    import torch

    return torch.arange(n, device=like.device)


def _cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    return -logits.log_softmax(-1)[:, _range(len(y), y), y].mean(-1)


def train(
    networks: Networks,
    x: Tensor,
    y: Tensor,
    rates: Tensor,
    order: Tensor,
    *,
    probe: Callable[[int], None] | None = None,
    every: int = 1,
    progress: Progress = silent,
) -> np.ndarray:
    """Plain SGD on mini-batches, in place; the loss of every network on each mini-batch before its step, (T, M).

    ``x`` (n, d), ``y`` (n,) classes; ``rates`` (M,) learning rates; ``order`` (T, B) the examples of each
    step, from :func:`mini_batches`. ``probe(step)`` is called before the first step, after every ``every``
    steps and after the last, to look at ``networks``. Numbers that overflow stay as they come (inf, NaN).
    """
    steps, order = len(order), order.to(x.device)
    losses = np.empty((steps, len(networks.activations)))
    by_rate = rates.to(x)[:, None, None]
    for step in range(steps):
        if probe is not None and step % every == 0:
            probe(step)
        chosen = order[step]
        loss, by_weight, by_bias = networks.gradients(x[chosen], y[chosen])
        losses[step] = loss.cpu().numpy()
        for w, b, dw, db in zip(networks.weights, networks.biases, by_weight, by_bias, strict=True):
            w.sub_(dw.mul_(by_rate))
            b.sub_(db.mul_(by_rate[..., 0]))
        progress((step + 1) / steps)
    if probe is not None:
        probe(steps)
    return losses


def mini_batches(n: int, batch: int, steps: int, seed: int) -> Tensor:
    """Indices (steps, batch) of ``n`` examples: epochs in random order, the rest of an epoch dropped.

    Raises ``ValueError`` if there are fewer examples than a batch holds.
    """
    import torch

    if batch > n:
        raise ValueError(f"a batch of {batch} needs as many examples, got {n}")
    generator = torch.Generator().manual_seed(seed)
    per_epoch = n // batch
    epochs = [
        torch.randperm(n, generator=generator)[: per_epoch * batch].view(per_epoch, batch)
        for _ in range(-(-steps // per_epoch))
    ]
    return torch.cat(epochs)[:steps]
