"""Transfer: many small networks trained on a source task, and then, partly frozen, on a target task.

M networks of one shape stand in stacked weights (:mod:`dlviz.engine.networks.layered`). They differ in their start, in
how many of their first layers are frozen, in their learning rates, in the examples that they see, and in what holds
them to their start.

*Frozen layers cost nothing.* Networks stand in the order of their frozen depth, so that those that train layer l
are the first few. The activations below a network's first trained layer are computed once for all its
examples, and no gradient is computed there.

Float sums are taken in another order than in a plain loop over ``torch.nn`` modules, and in another one for
another number of networks; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Progress, silent
from dlviz.engine.networks.batches import for_seeds
from dlviz.engine.networks.fit import Alive, Result, fit, nothing, watched
from dlviz.engine.networks.layered import Networks
from dlviz.engine.networks.recording import Recorder
from dlviz.engine.networks.updates import adam

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
        self._below: list[Tensor | None] = [None]
        for layer in range(1, len(active)):
            some = slice(active[layer - 1], active[layer])
            beat = lambda _: alive()  # noqa: E731
            self._below.append(networks.outputs(layer, x, owner, some, beat) if some.stop > some.start else None)
        self._pull: Tensor | None = None
        self._taught: Tensor | None = None
        self._lesson: Tensor | None = None

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
        import torch

        h, last = None, len(self.active) - 1
        for layer, count in enumerate(self.active):
            before = self.active[layer - 1] if layer else 0
            if count > before:
                fresh = self._examples(layer, slice(before, count), x).transpose(0, 1)
                h = fresh if h is None else torch.cat([h, fresh], 1)
            if h is None:
                continue
            if layer == last and self._taught is not None:
                self._lesson = self._distilled(h, x)
            weight, bias = self._trained[f"weights.{layer}"], self._trained[f"biases.{layer}"]
            h = watched(self.networks.layers[layer](h, weight, bias), alive)
            h = h if layer == last else h.relu()
        return h.transpose(0, 1)

    def penalty(self) -> Tensor | None:
        """What L2-SP and distillation add to the losses of the last forward pass, (M,); None without them."""
        if self._pull is None and self._lesson is None:
            return None
        total = self.x.new_zeros(len(self.networks))
        if self._lesson is not None:
            total = total.index_add(0, self._taught, self._lesson)
            self._lesson = None
        if self._pull is not None:
            for name, start in self._start.items():
                # Those of them that train this layer.
                moved = self._trained[name][self._held]
                part = (moved - start).square().flatten(1).sum(1) * (0.5 * self._pull[: len(moved)])
                first = self._held.start
                total[first : first + len(moved)] += part
        return total

    def _examples(self, layer: int, models: slice, chosen: Tensor | None) -> Tensor:
        """The inputs (m, B, d) of some models' first trained layer, for the examples of this step."""
        import torch

        if layer == 0:
            return self.x[self.owner[models]] if chosen is None else self.x[self.owner[models, None], chosen[models]]
        below = self._below[layer]
        if chosen is None:
            return below
        return below[torch.arange(len(below), device=below.device)[:, None], chosen[models]]

    def _distilled(self, features: Tensor, chosen: Tensor | None) -> Tensor:
        """The cross-entropy (m,) between what the old head said of some models' features (B, M, d) and says now."""
        weight, bias = self._old_head
        own = features[:, self._taught].permute(1, 0, 2)
        now = bias.unsqueeze(1).baddbmm(own, weight.transpose(1, 2)) / TEMPERATURE
        kept = self._kept
        if chosen is not None:
            kept = kept.gather(1, chosen[self._taught][..., None].expand(-1, -1, kept.shape[2]))
        return -(kept * now.log_softmax(-1)).sum(-1).mean(-1) * self._strength


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
