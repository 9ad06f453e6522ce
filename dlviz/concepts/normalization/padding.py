"""What padding does to the cells that are not padded: the panel "Padding"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.signals import norms
from dlviz.progress import Progress

from .settings import Settings
from .tensors import tensor

if TYPE_CHECKING:
    from torch import Tensor

    from .result import Result

PADDED = ("BatchNorm", "InstanceNorm", "GroupNorm", "LayerNorm", "RMSNorm")
APPENDED = 8  # most padded positions appended


@dataclass(frozen=True)
class Padding:
    """How far padding moves x̂ at the cells that are not padded."""

    appended: np.ndarray  # (k,) padded positions appended to the block
    share: np.ndarray  # (k,) share of the cells that are padded then
    shift: dict[str, np.ndarray]  # norm -> (k,) root mean square change against statistics without padding


def compute(settings: Settings, _progress: Progress) -> Padding:
    """x̂ of the real cells of a sequence as padded positions are appended, against statistics over real cells only."""
    import torch

    x, positions = tensor(settings)
    real, groups = torch.from_numpy(positions), settings.divisor()
    inside = real[:, None].expand(x.shape)
    shift: dict[str, list[float]] = {norm: [] for norm in PADDED}
    for norm in PADDED:
        (cells,) = norms.PARTS[norm]

        def mean_over(values: Tensor, cells: str = cells) -> Tensor:
            """Over the real cells of a set; a set without any gives 0/0."""
            parts = (values * inside, inside.to(values.dtype))
            total, count = (norms.mean_over(part, cells, groups, token=True) for part in parts)
            return total / count

        mean: Tensor | float = mean_over(x) if norm != "RMSNorm" else 0.0
        alone = (x - mean) * (mean_over((x - mean) ** 2) + norms.EPS).rsqrt()
        for k in range(APPENDED + 1):
            longer = torch.nn.functional.pad(x, (0, k))
            x_hat = norms.normalise(longer, norm, groups=groups, token=True).x_hat[..., : x.shape[2]]
            shift[norm].append(float((x_hat - alone)[inside].square().mean().sqrt()))
    appended = np.arange(APPENDED + 1)
    share = 1 - float(real.sum()) / (len(real) * (real.shape[1] + appended))
    return Padding(appended, share, {norm: np.array(values) for norm, values in shift.items()})


def padding_disturbs(result: Result) -> Check:
    """Padding moves BatchNorm's output at the real cells, and LayerNorm's not at all."""
    found = result.padding
    batch, layer = found.shift["BatchNorm"], found.shift["LayerNorm"]
    return Check(
        bool(layer.max() < 1e-12 and batch[0] > 1e-3 and batch[-1] > batch[0]),
        {
            "share": found.share[0],
            "batch": batch[0],
            "more": int(found.appended[-1]),
            "later": batch[-1],
            "layer": layer.max(),
        },
    )


PRESETS = (
    Preset(
        "padded",
        Settings(
            panels=("One cell", "Padding"), kind="Sequence", norms=("BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm")
        ),
        padding_disturbs,
    ),
)


def readouts(result: Result) -> list[Readout]:
    """How far the tensor's own padding moves BatchNorm's output, and LayerNorm's."""
    shift = result.padding.shift
    return [
        Readout("Padding moves BatchNorm's x̂ by", f"{shift['BatchNorm'][0]:.3f}"),
        Readout("Padding moves LayerNorm's x̂ by", f"{shift['LayerNorm'][0]:.3f}"),
    ]


def notice(result: Result) -> list[Note]:
    """Which norms' output is moved, where anything is padded."""
    if result.padding.share[0] == 0:
        return []
    shift = {norm: values[0] for norm, values in result.padding.shift.items()}
    moved = ", ".join(f"{norm} {value:.3f}" for norm, value in shift.items() if value >= 5e-4)
    still = ", ".join(norm for norm, value in shift.items() if value < 1e-12)
    return [Note("moved", {"moved": moved, "still": still})] if moved and still else []


STUDY = Study(compute, PRESETS, readouts, notice)
