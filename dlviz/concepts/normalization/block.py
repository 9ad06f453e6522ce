"""The tensor of the page under every norm: which cells share a mean and a deviation. Always shown.

Every tensor is seen as (N, C, P): examples, channels, positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Note, Readout, Study
from dlviz.engine.signals import norms
from dlviz.numbers import signed
from dlviz.progress import Progress

from .axes import Residual, residual
from .settings import Settings
from .tensors import tensor

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Block:
    """A real tensor, and what each norm makes of it."""

    kind: str
    token: bool  # whether a layer is the features of one position (sequences)
    groups: int  # G as used
    x: np.ndarray  # (N, C, P)
    real: np.ndarray  # (N, P) bool; False where a sequence is padded
    cell: tuple[int, int, int]  # n, c, p that is looked at
    mean: dict[str, np.ndarray]  # of every norm: μ of each cell's set, (N, C, P)
    var: dict[str, np.ndarray]  # σ² of each cell's set, (N, C, P)
    x_hat: dict[str, np.ndarray]  # (N, C, P)
    residual: Residual  # of x̂

    def ids(self) -> dict[str, np.ndarray]:
        """Which set each cell belongs to, (N, C, P) integers, for the sets of which all norms are made."""
        n, c, p = np.indices(self.x.shape)
        _examples, channels, positions = self.x.shape
        return {
            "batch": c,
            "layer": n * positions + p if self.token else n,
            "instance": n * channels + c,
            "group": n * self.groups + c // (channels // self.groups),
            "cell": (n * channels + c) * positions + p,
        }

    def shared(self, norm: str) -> np.ndarray:
        """Which cells (N, C, P) share the statistics of the chosen cell."""
        ids, cell = self.ids(), self.cell
        return np.any([ids[name] == ids[name][cell] for name in SETS[norm]], axis=0)


SETS = {
    "None": ("cell",),
    "BatchNorm": ("batch",),
    "LayerNorm": ("layer",),
    "InstanceNorm": ("instance",),
    "GroupNorm": ("group",),
    "RMSNorm": ("layer",),
    "Switchable": ("batch", "layer"),
}
"""The cells that a norm looks at for one cell: a union of sets."""


def compute(settings: Settings, _progress: Progress) -> Block:
    """The tensor that the settings ask for, and what each norm makes of it."""
    x, real = tensor(settings)
    token, groups = settings.kind == "Sequence", settings.divisor()
    mean, var, x_hat = {}, {}, {}
    for norm in norms.NORMS:
        done = norms.normalise(x, norm, groups=groups, token=token)
        mean[norm], var[norm], x_hat[norm] = (
            part.expand(x.shape).numpy().copy() for part in (done.mean, done.var, done.x_hat)
        )
    left = residual(x_hat, real, groups=groups, token=token)
    return Block(settings.kind, token, groups, x.numpy(), real, settings.cell(), mean, var, x_hat, left)


def readouts(result: Result) -> list[Readout]:
    """The chosen cell, and how many cells it is averaged with."""
    block = result.block
    sets = (("Cells in BatchNorm's set", "BatchNorm"), ("Cells in LayerNorm's set", "LayerNorm"))
    counts = [Readout(label, str(int(block.shared(norm).sum()))) for label, norm in sets]
    return [Readout("Value of the cell x", signed(float(block.x[block.cell]))), *counts]


def notice(result: Result) -> list[Note]:
    """How many cells each set has, what follows where they are few, and what is padded."""
    return [*_cells(result), *_padding(result.block)]


def _cells(result: Result) -> list[Note]:
    block, settings = result.block, result.settings
    examples, channels, positions = block.x.shape
    counts = {norm: int(block.shared(norm).sum()) for norm in settings.norms if norm != "None"}
    n, c, p = block.cell
    notes = []
    if counts:
        listed = ", ".join(f"{norm} {count}" for norm, count in counts.items())
        notes.append(Note("counts", {"n": n, "c": c, "p": p, "counts": listed}))
    alone = [norm for norm, count in counts.items() if count == 1 and norm != "RMSNorm"]
    if alone:
        notes.append(Note("alone", {"norms": ", ".join(alone)}))
    if "BatchNorm" in alone:
        notes.append(Note("refused"))
    if examples == 1 and positions > 1 and {"BatchNorm", "InstanceNorm"} <= set(counts):
        notes.append(Note("one_example"))
    if "GroupNorm" in counts and block.groups == 1 and not block.token:
        notes.append(Note("one_group"))
    elif "GroupNorm" in counts and block.groups == channels:
        notes.append(Note("all_groups", {"groups": block.groups}))
    if settings.groups != block.groups and "GroupNorm" in counts:
        notes.append(Note("divisor", {"asked": settings.groups, "groups": block.groups, "channels": channels}))
    if "RMSNorm" in counts:
        notes.append(Note("rms"))
    if "Switchable" in counts:
        notes.append(Note("thirds"))
    return notes


def _padding(block: Block) -> list[Note]:
    notes = []
    share = 1 - float(block.real.mean())
    if share > 0:
        notes.append(Note("padding", {"share": share}))
    n, _, p = block.cell
    if not block.real[n, p]:
        notes.append(Note("padded_cell", {"n": n, "p": p}))
    return notes


STUDY = Study(compute, readouts=readouts, notice=notice)
