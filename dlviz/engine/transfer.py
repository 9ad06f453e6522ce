"""Transfer: many small networks trained on a source task, and then, partly frozen, on a target task.

M networks of one shape stand in stacked weights. They differ in their start, in how many of their first layers
are frozen, in their learning rates, in the examples that they see, and in what holds them to their start. One
batched product per layer serves all that train that layer, and the gradients are written out.

*Frozen layers cost nothing.* Networks stand in the order of their frozen depth, so that those that train layer l
are the first few. The activations below a network's first trained layer are computed once for all its
examples, and no gradient is computed there.

The step is :class:`torch.optim.Adam`'s own. A layer whose rate is 0 takes no part in it, as with
``requires_grad_(False)``: it stays as it is bit by bit, and its moments begin when it is thawed.

Float sums are taken in another order than in a plain loop over ``torch.nn`` modules, and in another one for
another number of networks; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Progress, silent
from dlviz.engine.networks.batches import mini_batches
from dlviz.engine.stacked import HEAD_STREAM, WIDTH, Kind, Layer, Networks, draw, new_head, shape

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BATCH", "HEAD_STREAM", "TEMPERATURE", "WIDTH", "Kind", "Layer", "Networks", "batches", "draw", "fit", "new_head",
    "shape",
]  # fmt: skip

BATCH = 32
TEMPERATURE = 2.0  # of the distillation, as in Li and Hoiem (2016)


def batches(n: int, steps: int, seeds: Sequence[int]) -> Tensor | None:
    """Mini-batches (steps, S, 32) of ``n`` examples for every seed, or None: every step sees all, for there are few."""
    import torch

    if n <= BATCH:
        return None
    return torch.stack([mini_batches(n, BATCH, steps, seed) for seed in seeds], dim=1)


def fit(
    networks: Networks,
    x: Tensor,
    y: Tensor,
    rates: np.ndarray,
    steps: int,
    *,
    order: Tensor | None = None,
    owner: Tensor | None = None,
    l2sp: np.ndarray | None = None,
    distillation: np.ndarray | None = None,
    old_head: tuple[Tensor, Tensor] | None = None,
    probe: Callable[[int], None] | None = None,
    every: int = 1,
    progress: Progress = silent,
) -> np.ndarray:
    """Train M networks by Adam, in place; the loss of each on its mini-batch before each step, (T, M).

    ``x`` (S, n, 144) and ``y`` (S, n) are the examples of S seeds, ``owner`` (M,) says whose a model sees (without
    it S = M). ``order`` (T, S, B) from :func:`batches` are the examples of each step; None: all of them.

    ``rates`` (M, L), or (T, M, L) for a schedule, are the learning rates by layer, 0 for frozen. Models stand in
    the order of the number of first layers that are frozen at all steps (``ValueError`` otherwise).

    ``l2sp`` (M,): strength α of the penalty α/2·‖w − w₀‖² on all layers but the head (Li, Grandvalet and Davoine
    2018, section 3, with β = 0). ``distillation`` (M,): weight λ of the cross-entropy between the softened outputs of
    the ``old_head`` (M, classes, features) at the start and now, at temperature 2, the old head itself staying as it
    is (Li and Hoiem 2016, equations 1 to 3, who train it, too).

    ``probe(step)`` is called before the first step, after every ``every`` steps and after the last, to look at
    ``networks``. Numbers that overflow stay as they come.
    """
    import torch

    rates = np.asarray(rates, dtype=float)
    schedule = rates if rates.ndim == 3 else rates[None]
    active = _active(schedule)
    if owner is None:
        owner = torch.arange(len(networks), device=x.device)
    done = 0.0

    def beat() -> None:
        progress(done)

    program = _Program(networks, x, y, owner, active, beat)
    if l2sp is not None:
        program.hold(torch.as_tensor(l2sp, dtype=x.dtype, device=x.device))
    if distillation is not None:
        program.distil(torch.as_tensor(distillation, dtype=x.dtype, device=x.device), old_head)
    parts = _parts(networks, schedule, active)
    same = {part.rates: [other for other in parts if other.rates == part.rates] for part in parts}
    losses = np.empty((steps, len(networks)))
    for step in range(steps):
        if probe is not None and step % every == 0:
            probe(step)
        loss, gradients = program.gradients(None if order is None else order[step].to(x.device))
        losses[step] = loss.cpu().numpy()
        now = min(step, len(schedule) - 1)
        for history, group in same.items():
            if history[now] > 0:
                _step(group, history[now], gradients)
        done = (step + 1) / steps
        progress(done)
    if probe is not None:
        probe(steps)
    return losses


def _active(schedule: np.ndarray) -> list[int]:
    """For each layer, how many models train it or one below it at some step; they must be the first ones."""
    trained = np.maximum.accumulate((schedule != 0).any(axis=0), axis=1)  # (M, L)
    if (np.diff(trained.astype(int), axis=0) > 0).any():
        raise ValueError("networks must stand in the order of how many of their first layers are frozen")
    return trained.sum(axis=0).tolist()


@dataclass
class _Part:
    """Models one after another whose rates of one layer are the same at all steps: one tensor for the optimizer."""

    tensor: Tensor
    layer: int
    bias: int  # 0 weights, 1 biases
    models: slice
    rates: tuple[float, ...]  # at all steps
    moments: tuple[Tensor, Tensor]  # Adam's, as they go
    taken: Tensor  # how many steps it has taken


def _step(parts: list[_Part], rate: float, gradients: list[tuple[Tensor, Tensor] | None]) -> None:
    """A step of Adam (Kingma and Ba 2015) with torch's defaults, at one rate.

    By the function behind the class, which would load torch's compiler, for seconds, when it is first made.
    """
    from torch.optim.adam import adam

    adam(
        [part.tensor for part in parts],
        [gradients[part.layer][part.bias][part.models] for part in parts],
        *([part.moments[at] for part in parts] for at in (0, 1)),
        [],
        [part.taken for part in parts],
        fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=rate, weight_decay=0, eps=1e-8, maximize=False,
    )  # fmt: skip


def _parts(networks: Networks, schedule: np.ndarray, active: list[int]) -> list[_Part]:
    import torch

    found = []
    for layer, count in enumerate(active):
        histories = [tuple(schedule[:, m, layer].tolist()) for m in range(count)]
        first = 0
        for m in range(1, count + 1):
            if m == count or histories[m] != histories[first]:
                if any(histories[first]):
                    for bias, tensors in enumerate((networks.weights, networks.biases)):
                        models = slice(first, m)
                        tensor = tensors[layer][models]
                        moments = torch.zeros_like(tensor), torch.zeros_like(tensor)
                        taken = torch.zeros((), device=tensor.device)
                        found.append(_Part(tensor, layer, bias, models, histories[first], moments, taken))
                first = m
    return found


class _Program:
    """What a step computes: forward from each network's first trained layer, and back to it.

    ``beat`` is called at every layer, for a step of many networks takes long.
    """

    def __init__(
        self,
        networks: Networks,
        x: Tensor,
        y: Tensor,
        owner: Tensor,
        active: list[int],
        beat: Callable[[], None],
    ) -> None:
        self.networks, self.active, self.beat = networks, active, beat
        self.owner, self.y = owner, y
        self.start: list[Tensor] | None = None
        self.pull: Tensor | None = None
        self.kept: Tensor | None = None
        self.x = x
        # Of the models whose first trained layer is l > 0, its inputs for all examples: computed once.
        self.cached: list[Tensor | None] = [None]
        for layer in range(1, len(active)):
            some = slice(active[layer - 1], active[layer])
            some_are = some.stop > some.start
            self.cached.append(networks.outputs(layer, x, owner, some, lambda _: beat()) if some_are else None)

    def hold(self, strengths: Tensor) -> None:
        """L2-SP: remember where the layers started, of the models from the first to the last that are pulled."""
        pulled = strengths.nonzero()[:, 0].tolist()
        if pulled:
            self.held = slice(pulled[0], pulled[-1] + 1)
            self.pull = strengths[self.held]
            self.start = [w[self.held].clone() for w in (*self.networks.weights[:-1], *self.networks.biases[:-1])]

    def distil(self, strengths: Tensor, old_head: tuple[Tensor, Tensor] | None) -> None:
        """Learning without forgetting: remember what the old head says of every example."""
        if old_head is None:
            raise ValueError("distillation needs the head of the source task")
        self.distilled = strengths.nonzero()[:, 0]
        if not len(self.distilled):
            return
        self.weight, self.bias = (part[self.distilled] for part in old_head)
        self.strength = strengths[self.distilled] / TEMPERATURE
        old = self.networks.with_head(*old_head).take(self.distilled.tolist())
        self.kept = (old.logits(self.x, self.owner[self.distilled], lambda _: self.beat()) / TEMPERATURE).softmax(-1)

    def gradients(self, chosen: Tensor | None) -> tuple[Tensor, list[tuple[Tensor, Tensor] | None]]:
        """Losses (M,), and for every layer the gradients of its weights and biases, of the models that are active.

        ``chosen`` (S, B): the examples of this step.
        """
        import torch

        networks, active, owner = self.networks, self.active, self.owner
        last = len(active) - 1
        mine = None if chosen is None else chosen[owner]  # (M, B)
        rows: list[Tensor] = []
        outputs: list[Tensor] = []
        h = None
        for layer, count in enumerate(active):
            before = active[layer - 1] if layer else 0
            if count > before:
                fresh = self._examples(layer, slice(before, count), mine)
                h = fresh if h is None else torch.cat([h, fresh])
            if h is None:
                rows.append(None)  # type: ignore[arg-type]
                outputs.append(None)  # type: ignore[arg-type]
                continue
            self.beat()
            outputs.append(h)
            seen, h = networks.apply(layer, h, slice(count))
            rows.append(seen)
        wanted = self.y[owner[: active[last]]]
        if mine is not None:
            wanted = wanted.gather(1, mine[: active[last]])
        # The softmax by hand: along so short an axis torch's own takes three times as long.
        h -= h.amax(-1, keepdim=True)
        right = h.gather(-1, wanted[..., None])
        delta = h.exp_()
        total = delta.sum(-1, keepdim=True)
        loss = (total.log() - right).mean((1, 2))
        delta /= total
        delta.scatter_add_(2, wanted[..., None], delta.new_full((*wanted.shape, 1), -1.0))
        delta /= wanted.shape[1]
        found: list[tuple[Tensor, Tensor] | None] = [None] * len(active)
        for layer in range(last, -1, -1):
            if rows[layer] is None:
                break
            self.beat()
            flat = delta.reshape(len(delta), -1, networks.layers[layer].units)
            found[layer] = flat.transpose(1, 2).bmm(rows[layer]), flat.sum(1)
            below = active[layer - 1] if layer else 0
            if not below:
                break
            delta = networks.layers[layer].fold(flat[:below].bmm(networks.weights[layer][:below]))
            if layer == last and self.kept is not None:
                self._add_distillation(delta, outputs[last], mine)
            # The slope of ReLU as a number: a product with truth values converts them first, for most of its time.
            delta = delta * outputs[layer][:below].sign()
        if self.start is not None:
            self._add_pull(found)
        return loss, found

    def _examples(self, layer: int, models: slice, mine: Tensor | None) -> Tensor:
        """The inputs of some models' first trained layer, for the examples of this step."""
        import torch

        if layer == 0:
            return self.x[self.owner[models]] if mine is None else self.x[self.owner[models, None], mine[models]]
        cached = self.cached[layer]
        if mine is None:
            return cached
        return cached[torch.arange(len(cached), device=cached.device)[:, None], mine[models]]

    def _add_distillation(self, delta: Tensor, features: Tensor, mine: Tensor | None) -> None:
        chosen = self.distilled[self.distilled < len(delta)]
        count = len(chosen)
        if not count:
            return
        now = self.bias[:count].unsqueeze(1).baddbmm(features[chosen], self.weight[:count].transpose(1, 2))
        kept = self.kept[:count]
        if mine is not None:
            kept = kept.gather(1, mine[chosen][..., None].expand(-1, -1, kept.shape[2]))
        pull = ((now / TEMPERATURE).softmax(-1) - kept) * (self.strength[:count, None, None] / kept.shape[1])
        delta[chosen] += pull.bmm(self.weight[:count])

    def _add_pull(self, found: list[tuple[Tensor, Tensor] | None]) -> None:
        hidden = len(self.active) - 1
        for layer in range(hidden):
            if found[layer] is None:
                continue
            # Those of them that train this layer.
            some = slice(self.held.start, min(self.held.stop, self.active[layer]))
            count = max(some.stop - some.start, 0)
            strength = self.pull[:count]
            weight, bias = found[layer]
            moved = self.networks.weights[layer][some] - self.start[layer][:count]
            weight[some].add_(moved.mul_(strength[:, None, None]))
            moved = self.networks.biases[layer][some] - self.start[hidden + layer][:count]
            bias[some].add_(moved.mul_(strength[:, None]))
