"""Mini-batches of stacked models: which examples each step sees, drawn on the CPU from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Batches(Protocol):
    """What :func:`dlviz.engine.networks.fit.fit` trains on: one pair (inputs, targets) for each of ``len`` steps."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Tensor | None, Tensor]]: ...


@dataclass(frozen=True)
class MiniBatches:
    """The examples of each step, by their indices.

    ``x`` (n, ...) and ``y`` (n,) are shared by all models. ``order`` (T, B), from :func:`mini_batches`, gives every
    model the same examples: pairs (B, ...), (B,). ``order`` (T, S, B) holds orders of S seeds, and ``owner`` (M,) says
    whose a model sees: pairs (M, B, ...), (M, B).
    """

    x: Tensor
    y: Tensor
    order: Tensor
    owner: Tensor | None = None

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in self.order.to(self.x.device):
            chosen = rows if self.owner is None else rows[self.owner]
            yield self.x[chosen], self.y[chosen]


@dataclass(frozen=True)
class Repeated:
    """The same examples at each of ``steps`` steps: full-batch descent."""

    x: Tensor
    y: Tensor
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(self.steps):
            yield self.x, self.y


@dataclass(frozen=True)
class Generated:
    """Mini-batches that are made when they are needed: ``draw(step)`` gives inputs and targets."""

    draw: Callable[[int], tuple[Tensor, Tensor]]
    steps: int

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return map(self.draw, range(self.steps))


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


def for_seeds(n: int, batch: int, steps: int, seeds: Sequence[int]) -> Tensor | None:
    """:func:`mini_batches` of every seed, (steps, S, batch), or None: every step sees all ``n``, for there are few."""
    import torch

    if n <= batch:
        return None
    return torch.stack([mini_batches(n, batch, steps, seed) for seed in seeds], dim=1)


def epochs(n: int, batch: int, count: int, runs: int, seed: int) -> Tensor:
    """Indices (T, runs, batch) of ``count`` epochs over ``n`` examples; each run has permutations of its own.

    All come from one generator. What is left over at the end of an epoch is dropped.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    steps = n // batch
    found = []
    for _ in range(count):
        order = torch.stack([torch.randperm(n, generator=generator) for _ in range(runs)])
        found.append(order[:, : steps * batch].view(runs, steps, batch).transpose(0, 1))
    return torch.cat(found)
