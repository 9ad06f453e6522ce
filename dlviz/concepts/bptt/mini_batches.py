"""Mini-batches of one task for networks that read sequences of several lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

CHUNK = 10
"""Training steps whose mini-batches are drawn at once."""


def _nothing() -> None:
    pass


class Drawn:
    """Mini-batches for every length (longest first) and seed, several steps at a time.

    ``alive`` is called every few milliseconds while numbers are drawn, ``step`` being the training step.
    """

    def __init__(
        self, task: str, lengths: list[int], generators: list[torch.Generator], noise: float, count: int,
        where: torch.device | str,
    ) -> None:  # fmt: skip
        self.task, self.lengths, self.generators, self.noise = task, lengths, generators, noise
        self.count, self.where = count, where
        self.step, self.alive = 0, _nothing

    def chunk(self, steps: int) -> tuple[Tensor, Tensor]:
        """Inputs (steps, M, T, B, d) and targets (steps, M, B); shorter sequences stand at the end."""
        import torch

        from dlviz.engine.data import sequences

        kind, count = sequences.KINDS[self.task], self.count
        models = len(self.lengths) * len(self.generators)
        x = torch.zeros(steps, models, self.lengths[0], count, kind.inputs)
        y = torch.zeros(steps, models, count, dtype=torch.float32 if kind.loss == "squared" else torch.long)
        m = 0
        for length in self.lengths:
            for random in self.generators:
                read, target = sequences.draw(self.task, length, steps * count, random)
                if self.noise:
                    # On the blanks alone: the symbol itself is clean.
                    read[:, 1:] += self.noise * torch.randn(read[:, 1:].shape, generator=random)
                x[:, m, -length:] = read.view(steps, count, length, -1).transpose(1, 2)
                y[:, m] = target.view(steps, count)
                self.alive()
                m += 1
        return x.to(self.where), y.to(self.where)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        self.step = step
        if step % CHUNK == 0:
            self.x, self.y = self.chunk(CHUNK)
        return self.x[step % CHUNK], self.y[step % CHUNK]
