"""Transfer: many small networks trained on a source task, and then, partly frozen, on a target task.

M networks of one shape stand in stacked weights (:mod:`dlviz.engine.networks.layered`). They differ in their start, in
how many of their first layers are frozen, in their learning rates, in the examples that they see, and in what holds
them to their start.

*Frozen layers cost nothing.* Networks stand in the order of their frozen depth, so that those that train layer l
are the first few. The activations below a network's first trained layer are computed once for all its
examples, and no gradient is computed there.

The gradients are written out: autograd through the same operations takes 1.2 times as long for dense layers, and does
not know the compiled convolutions.

Float sums are taken in another order than in a plain loop over ``torch.nn`` modules, and in another one for
another number of networks; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.engine.networks.batches import for_seeds
from dlviz.engine.networks.fit import Loss, Result, fit
from dlviz.engine.networks.layered import Networks
from dlviz.engine.networks.losses import with_gradient
from dlviz.engine.networks.model import Alive, nothing
from dlviz.engine.networks.recording import Recorder
from dlviz.engine.networks.updates import adam
from dlviz.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32
TEMPERATURE = 2.0  # of the distillation, as in Li and Hoiem (2016)


def batches(n: int, steps: int, seeds: Sequence[int]) -> Tensor | None:
    """Mini-batches (steps, S, 32) of ``n`` examples for every seed, or None: every step sees all, for there are few."""
    return for_seeds(n, BATCH, steps, seeds)


@dataclass(frozen=True)
class L2SP:
    """α/2·‖w − w₀‖² on all layers but the head (Li, Grandvalet and Davoine 2018, section 3, with β = 0)."""

    strength: np.ndarray  # (M,) α


@dataclass(frozen=True)
class Distillation:
    """Learning without forgetting: what the network said at the start under its old head, at temperature 2.

    λ times the cross-entropy between the softened outputs at the start and now, the old head itself staying as it is
    (Li and Hoiem 2016, equations 1 to 3, who train it, too).
    """

    strength: np.ndarray  # (M,) λ
    weight: Tensor  # (M, classes, features) of the old head
    bias: Tensor  # (M, classes)


@dataclass(frozen=True)
class Examples:
    """Mini-batches of the examples of S seeds, for ``fit``: their indices (M, B), or None for all, and classes (M, B).

    The inputs belong to the model, which keeps what frozen layers make of them.
    """

    y: Tensor  # (S, n)
    owner: Tensor  # (M,) whose examples a model sees
    order: Tensor | None  # (T, S, B)
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor | None, Tensor]]:
        own = self.y[self.owner]
        for step in range(self.steps):
            if self.order is None:
                yield None, own
            else:
                chosen = self.order[step].to(own.device)[self.owner]
                yield chosen, own.gather(1, chosen)


class PartlyFrozen:
    """M networks of which the first ``active[l]`` train layer l or one below it, as a model for ``fit``.

    ``x`` (S, n, 144) are the examples of S seeds, ``owner`` (M,) says whose a model sees.
    """

    def __init__(
        self, networks: Networks, x: Tensor, owner: Tensor, active: Sequence[int], alive: Alive = nothing
    ) -> None:
        self.networks, self.x, self.owner, self.active = networks, x, owner, list(active)
        # Views: they share the memory of the networks.
        named = {"weights": networks.weights, "biases": networks.biases}
        self._trained = {
            f"{name}.{layer}": tensors[layer][:count]
            for name, tensors in named.items()
            for layer, count in enumerate(active)
            if count
        }
        # Of the models whose first trained layer is l > 0, its inputs (m, n, d) for all examples: computed once.
        self._below: dict[int, Tensor] = {}
        for layer in range(1, len(active)):
            some = slice(active[layer - 1], active[layer])
            if some.stop > some.start:
                self._below[layer] = networks.outputs(layer, x, owner, some, lambda _: alive())
        self._pull: Tensor | None = None
        self._taught: Tensor | None = None

    def parameters(self) -> Mapping[str, Tensor]:
        """``weights.l``, ``biases.l`` of the models that train layer l."""
        return self._trained

    def layers(self) -> Sequence[int]:
        """The layer of each parameter."""
        return [int(name.rpartition(".")[2]) for name in self._trained]

    def hold(self, to: L2SP) -> None:
        """Remember where the layers started, of the models from the first to the last that are pulled."""
        import torch

        strength = torch.as_tensor(to.strength, dtype=self.x.dtype, device=self.x.device)
        pulled = strength.nonzero()[:, 0].tolist()
        if pulled:
            self._held = slice(pulled[0], pulled[-1] + 1)
            self._pull = strength[self._held]
            head = len(self.active) - 1
            self._start = {
                name: tensor[self._held].clone()
                for (name, tensor), layer in zip(self._trained.items(), self.layers(), strict=True)
                if layer != head
            }

    def distil(self, by: Distillation, alive: Alive = nothing) -> None:
        """Remember what the old head says of every example."""
        import torch

        strength = torch.as_tensor(by.strength, dtype=self.x.dtype, device=self.x.device)
        # Those that are frozen up to the head cannot forget.
        taught = strength[: self.active[-2]].nonzero()[:, 0]
        if len(taught):
            old = self.networks.with_head(by.weight, by.bias).take(taught.tolist())
            said = old.logits(self.x, self.owner[taught], lambda _: alive())
            self._kept = (said / TEMPERATURE).softmax(-1)  # (m, n, classes)
            self._taught, self._strength = taught, strength[taught]
            self._old_head = old.weights[-1], old.biases[-1]

    def forward(self, x: Tensor | None, alive: Alive = nothing) -> Tensor:
        """Logits (M, B, classes) for the examples ``x`` (M, B) of each model; None: all of them."""
        return self._forward(x, alive)[0]

    def gradients(self, x: Tensor | None, y: Tensor, loss: Loss, alive: Alive = nothing) -> tuple[Tensor, list[Tensor]]:
        """Losses (M,) and the gradients by the parameters, with those of L2-SP and distillation."""
        import torch

        logits, inputs = self._forward(x, alive)
        last, networks = len(self.active) - 1, self.networks
        values, delta = with_gradient(loss, logits, y)
        found: dict[str, Tensor] = {}
        for layer in range(last, -1, -1):
            kind = networks.layers[layer]
            alive()
            found[f"weights.{layer}"], found[f"biases.{layer}"] = kind.by_weights(delta, inputs[layer], alive)
            below = self.active[layer - 1] if layer else 0
            if not below:
                break
            delta = kind.by_inputs(delta[:below], networks.weights[layer][:below], alive)
            if layer == last and self._taught is not None:
                self._add_distillation(delta, self._taught, inputs[last], x)
            delta = torch.ops.aten.threshold_backward(delta, inputs[layer][:below], 0)
        if self._pull is not None:
            self._add_pull(found, self._pull)
        return values, [found[name] for name in self._trained]

    def _forward(self, x: Tensor | None, alive: Alive) -> tuple[Tensor, dict[int, Tensor]]:
        """Logits, and the inputs of every layer from the first trained one on."""
        import torch

        first = self.active.index(next(filter(None, self.active)))
        inputs = {}
        h = self._examples(first, slice(self.active[first]), x)
        for layer in range(first, len(self.active)):
            count = self.active[layer]
            if count > len(h):
                h = torch.cat([h, self._examples(layer, slice(len(h), count), x)])
            alive()
            inputs[layer] = h
            h = self.networks.apply(layer, h, slice(count), alive)
        return h, inputs

    def _examples(self, layer: int, models: slice, chosen: Tensor | None) -> Tensor:
        """The inputs (m, B, d) of some models' first trained layer, for the examples of this step."""
        import torch

        rows = self._below[layer] if layer else self.x
        if chosen is None:
            return rows if layer else rows[self.owner[models]]
        of = torch.arange(len(rows), device=rows.device) if layer else self.owner[models]
        # As rows of one table they are copied whole: a quarter of the time of an index for every model.
        at = of[:, None] * rows.shape[1] + chosen[models]
        return rows.flatten(0, 1).index_select(0, at.flatten()).unflatten(0, at.shape)

    def _add_distillation(self, delta: Tensor, taught: Tensor, features: Tensor, chosen: Tensor | None) -> None:
        """To the gradient by the features (m, B, d) add that of what the old head says of them."""
        weight, bias = self._old_head
        now = bias.unsqueeze(1).baddbmm(features[taught], weight.transpose(1, 2))
        kept = self._kept
        if chosen is not None:
            kept = kept.gather(1, chosen[taught][..., None].expand(-1, -1, kept.shape[2]))
        pull = ((now / TEMPERATURE).softmax(-1) - kept) * (self._strength[:, None, None] / TEMPERATURE / kept.shape[1])
        delta[taught] += pull.bmm(weight)

    def _add_pull(self, found: dict[str, Tensor], pull: Tensor) -> None:
        for name, start in self._start.items():
            # Those of them that train this layer.
            moved = self._trained[name][self._held] - start
            strength = pull[: len(moved)].view(-1, *[1] * (moved.dim() - 1))
            found[name][self._held].add_(moved.mul_(strength))


def tune(
    networks: Networks,
    x: Tensor,
    y: Tensor,
    rates: np.ndarray,
    steps: int,
    *,
    order: Tensor | None = None,
    owner: Tensor | None = None,
    l2sp: L2SP | None = None,
    distillation: Distillation | None = None,
    record: Sequence[Recorder] = (),
    progress: Progress = silent,
) -> Result:
    """Train M networks by Adam, in place, with ``fit``.

    ``x`` (S, n, 144) and ``y`` (S, n) are the examples of S seeds, ``owner`` (M,) says whose a model sees (without
    it S = M). ``order`` (T, S, B) from :func:`batches` are the examples of each step; None: all of them.

    ``rates`` (M, L), or (T, M, L) for a schedule, are the learning rates by layer, 0 for frozen. Models stand in
    the order of the number of first layers that are frozen at all steps (``ValueError`` otherwise).
    """
    import torch

    rates = np.asarray(rates, dtype=float)
    schedule = rates if rates.ndim == 3 else rates[None]
    if owner is None:
        owner = torch.arange(len(networks), device=x.device)

    def alive() -> None:
        progress(0.0)

    model = PartlyFrozen(networks, x, owner, active(schedule), alive)
    if l2sp is not None:
        model.hold(l2sp)
    if distillation is not None:
        model.distil(distillation, alive)
    return fit(model, Examples(y, owner, order, steps), adam(schedule), record=record, progress=progress)


def active(schedule: np.ndarray) -> list[int]:
    """For each layer, how many models train it or one below it at some step; they must be the first ones.

    ``schedule`` (T, M, L) are the rates.
    """
    trained = np.maximum.accumulate((schedule != 0).any(axis=0), axis=1)  # (M, L)
    if (np.diff(trained.astype(int), axis=0) > 0).any():
        raise ValueError("networks must stand in the order of how many of their first layers are frozen")
    return trained.sum(axis=0).tolist()
