"""Stacked multilayer perceptrons, which may differ in activation and start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlviz.engine.networks import scores
from dlviz.engine.networks.model import Alive, nothing, watched
from dlviz.engine.signals.activations import ACTIVATIONS, maxout

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MAXOUT = "Maxout"


@dataclass
class MLP:
    """M networks: ``weights[l]`` (M, out, in), ``biases[l]`` (M, out), and an activation for each network.

    The last layer gives logits. A "Maxout" network has k times as many rows in a hidden layer as the next
    layer has inputs: row j·k + i is piece i of unit j. ``arguments[m]`` is the activation's parameter
    (None: its default). With ``slopes``, one (M,) for each hidden layer, all are PReLU networks that learn their
    slopes (He et al. 2015, section 2.1). Training changes the tensors in place.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activations: Sequence[str]
    arguments: Sequence[float | None] | None = None
    slopes: list[Tensor] | None = None

    def __post_init__(self) -> None:
        models = len(self.activations)
        given = [*self.weights, *self.biases, *(self.slopes or [])]
        if len(self.weights) != len(self.biases) or any(tensor.shape[0] != models for tensor in given):
            raise ValueError(f"every weight and bias needs one entry for each of the {models} activations")
        unknown = [name for name in self.activations if name not in ACTIVATIONS and name != MAXOUT]
        if unknown:
            raise ValueError(f"unknown activation {unknown[0]!r}; allowed: {', '.join(ACTIVATIONS)}, {MAXOUT}")
        if self.slopes is not None and set(self.activations) != {"PReLU"}:
            raise ValueError("only PReLU's slopes are learned")
        arguments = self.arguments or [None] * models
        # Runs of equal activations: one call for each.
        self._groups: list[tuple[str, float | None, int]] = []
        for name, argument in zip(self.activations, arguments, strict=True):
            if self._groups and self._groups[-1][:2] == (name, argument):
                self._groups[-1] = (name, argument, self._groups[-1][2] + 1)
            else:
                self._groups.append((name, argument, 1))

    def to(self, where: torch.device) -> MLP:
        """The same networks on a device."""
        weights, biases = ([tensor.to(where) for tensor in tensors] for tensors in (self.weights, self.biases))
        slopes = None if self.slopes is None else [slope.to(where) for slope in self.slopes]
        return MLP(weights, biases, self.activations, self.arguments, slopes)

    def parameters(self) -> Mapping[str, Tensor]:
        """``weights.l``, ``biases.l`` and ``slopes.l``."""
        kinds = {"weights": self.weights, "biases": self.biases, "slopes": self.slopes or []}
        return {f"{kind}.{layer}": tensor for kind, tensors in kinds.items() for layer, tensor in enumerate(tensors)}

    def layers(self) -> Sequence[int]:
        """The layer of each parameter."""
        return [int(name.rpartition(".")[2]) for name in self.parameters()]

    def preactivations(self, x: Tensor, alive: Alive = nothing) -> list[Tensor]:
        """z_l (M, n, rows) of every layer for ``x`` (n, d), the same for all, or (M, n, d); the last are the logits."""
        # Units before examples: the gradients of the weights then lie as the weights do, and a step takes two thirds.
        h = (x.expand(len(self.activations), *x.shape) if x.dim() == 2 else x).transpose(1, 2)
        found: list[Tensor] = []
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = watched(b.unsqueeze(2).baddbmm(w, h), alive)
            found.append(z.transpose(1, 2))
            if layer < len(self.weights) - 1:
                h = self._activate(z, layer)
        return found

    def forward(self, x: Tensor, alive: Alive = nothing) -> Tensor:
        """Logits (M, n, classes) for ``x`` as in :meth:`preactivations`."""
        return self.preactivations(x, alive)[-1]

    def score(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy and accuracy of each network, (M,) each, as in :func:`scores.score`."""
        return scores.score(self.forward(x), y)

    def accuracy(self, x: Tensor, y: Tensor) -> Tensor:
        """Share of right answers of each network, (M,), as in :func:`scores.accuracy`."""
        return scores.accuracy(self.forward(x), y)

    def _activate(self, z: Tensor, layer: int) -> Tensor:
        """(M, rows, n) -> (M, units, n)."""
        import torch

        if self.slopes is not None:
            return torch.where(z > 0, z, self.slopes[layer][:, None, None] * z)
        units = self.weights[layer + 1].shape[2]
        parts = z.split([count for *_, count in self._groups]) if len(self._groups) > 1 else [z]
        found = []
        for (name, argument, _), part in zip(self._groups, parts, strict=True):
            if name == MAXOUT:
                found.append(maxout(part.unflatten(1, (units, -1)).transpose(2, 3)))
            else:
                found.append(ACTIVATIONS[name](part, argument))
        return found[0] if len(found) == 1 else torch.cat(found)
