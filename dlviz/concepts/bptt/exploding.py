"""One run that may explode, and the same run under each cure. Training steps count from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import fixed, percent, small
from dlviz.progress import Progress, silent

from .networks import keys
from .settings import Settings
from .starts import Start, networks, start

if TYPE_CHECKING:
    from torch import Tensor

    from .result import Result

CURES = ("Plain", "Clipped by norm", "Clipped by value", "Weight decay", "Lower rate")
NAMES = dict(zip(CURES, ("plain", "norm", "value", "decay", "rate"), strict=True))
"""The placeholders of the cures."""
SYMBOLS = {
    "loss": "L", "output": "y", "gradient norm": r"\lVert \partial L/\partial\theta\rVert",
    "weight_ih": "U", "weight_hh": "W", "bias": "b", "weight_out": r"W_{\mathrm{out}}", "bias_out": r"b_{\mathrm{out}}",
}  # fmt: skip
"""Of tensors, as on the page; ``engine.networks.rnn.NAMES`` are those of the parameters."""
BATCH = 32
LONGEST = 100
"""Longer sequences are not trained on."""


@dataclass(frozen=True)
class End:
    """The first number of a run that is not finite: at training step ``step``, in ``tensor``.

    ``time`` is the step of the sequence where that is a hidden state, else 0.
    """

    step: int
    tensor: str
    time: int

    @property
    def symbol(self) -> str:
        """The tensor as a formula, which is the same in every language."""
        if self.tensor == "hidden state":
            return f"$h_{{{self.time}}}$"
        if self.tensor.startswith("gradient of "):
            return rf"$\partial L/\partial {SYMBOLS[self.tensor.removeprefix('gradient of ')]}$"
        return f"${SYMBOLS[self.tensor]}$"

    def __str__(self) -> str:
        return f"{self.symbol} ({self.step})"


@dataclass(frozen=True)
class Exploding:
    """One network trained in five ways (in the order of ``CURES``) from one start on the same mini-batches."""

    cell: str
    hidden: int
    data: str
    length: int
    batch: int
    loss: np.ndarray  # (N, 5) on each step's mini-batch before its update; NaN after a run has ended
    norm: np.ndarray  # (N, 5) of the gradient by all parameters, before clipping
    turned: np.ndarray  # (N, 5) angle between the gradient and what clipping left of it, degrees
    clipped: np.ndarray  # (N, 5) share of the gradient's entries that clipping changed
    ends: tuple[End | None, ...]  # of each run, if it left the range of float32

    @property
    def steps(self) -> int:
        return len(self.loss)

    def last(self, cure: str, count: int = 20) -> float:
        """Mean loss over the last ``count`` steps; NaN if the run has ended."""
        return float(self.loss[-count:, CURES.index(cure)].mean())

    def end(self, cure: str) -> End | None:
        return self.ends[CURES.index(cure)]

    def outcome(self, cure: str) -> str:
        """The final loss of a run, or where it ended."""
        end = self.end(cure)
        return small(self.last(cure)) if end is None else str(end)

    def share(self, cure: str) -> float:
        """Share of the steps (before the run's end) in which clipping changed the gradient; 0 if there are none."""
        values = self.clipped[:, CURES.index(cure)]
        values = values[np.isfinite(values)]
        return float((values > 0).mean()) if len(values) else 0.0

    def angles(self, cure: str) -> np.ndarray:
        """The finite angles of a run, degrees."""
        values = self.turned[:, CURES.index(cure)]
        return values[np.isfinite(values)]


def compute(settings: Settings, progress: Progress = silent) -> Exploding:
    """The five runs of the cell looked at. Noise has no answer to learn, so it is not to be asked for."""
    s = settings
    rates = (s.rate, s.clip_norm, s.clip_value, s.weight_decay, s.lower_rate)
    return _runs(start(s, s.cell), s.data, min(s.steps_read, LONGEST), rates, s.steps, s.seed, progress=progress)


@cached(16)
def _runs(
    of: Start,
    data: str,
    length: int,
    rates: tuple[float, float, float, float, float],
    steps: int,
    seed: int,
    *,
    progress: Progress = silent,
) -> Exploding:
    """``rates`` as in the settings, in the order of the knobs."""
    import torch

    from dlviz.engine.data import sequences
    from dlviz.engine.networks import losses
    from dlviz.engine.networks.batches import Generated
    from dlviz.engine.networks.clipping import Clip
    from dlviz.engine.networks.failures import Failures
    from dlviz.engine.networks.fit import fit
    from dlviz.engine.networks.recording import Record
    from dlviz.engine.networks.rnn import Unrolled
    from dlviz.engine.networks.updates import sgd
    from dlviz.engine.signals.recurrent_init import generator

    rate, norm, value, decay, lower = rates
    off = float("inf")
    # In the order of CURES.
    each_rate = np.array([rate, rate, rate, rate, lower])
    limits = Clip(np.array([off, norm, off, off, off]), np.array([off, off, value, off, off]))
    decays = np.array([0.0, 0.0, 0.0, decay, 0.0])
    kind = sequences.KINDS[data]
    (key,) = keys(seed, 1)
    random = generator(key, 8)
    progress(0.0)

    def batch(_step: int) -> tuple[Tensor, Tensor]:
        x, y = sequences.draw(data, length, BATCH, random)
        y = y.float() if kind.loss == "squared" else y
        return x.float().transpose(0, 1)[None].to(nets.bias.device), y[None].to(nets.bias.device)

    with torch.no_grad():
        nets = networks(of, kind, [key], len(CURES))
        failures = Failures()
        # Failures looks at unrolled networks alone, which these are.
        record: list[Any] = [Record("loss"), Record("grad_norm"), Record("clip_angle"), Record("clip_share"), failures]
        run = fit(
            Unrolled(nets, [length] * len(CURES)), Generated(batch, steps),
            sgd(each_rate, weight_decay=decays),
            loss=losses.squared if kind.loss == "squared" else losses.cross_entropy, clip=limits,
            record=record, progress=progress,
        )  # fmt: skip
    return Exploding(
        of.cell, of.hidden, data, length, BATCH,
        loss=failures.until(run["loss"]),
        norm=failures.until(run["grad_norm"]),
        turned=failures.until(run["clip_angle"]),
        clipped=failures.until(run["clip_share"]),
        ends=tuple(None if f is None else End(f.step + 1, f.tensor, f.time) for f in failures.found_by_model),
    )  # fmt: skip


# ---- presets


def clipping_saves(result: Result) -> Check:
    """The plain run leaves the range of numbers; clipped by norm or by value it learns."""
    found = result.exploding
    first, end = float(found.loss[0, 0]), found.end("Plain")
    norm, value = found.last("Clipped by norm"), found.last("Clipped by value")
    values = {
        "step": end.step if end else found.steps,
        "tensor": end.symbol if end else "–",
        "first": first,
        "norm": norm,
        "value": value,
        "angle": float(np.median(found.angles("Clipped by value"))),
    }
    return Check(end is not None and max(norm, value) < 0.75 * first, values)


def over_the_cliff(result: Result) -> Check:
    """Nothing overflows, and yet the plain run is thrown back again and again, while the clipped ones learn."""
    found = result.exploding
    plain, norm, value = (found.last(cure) for cure in ("Plain", "Clipped by norm", "Clipped by value"))
    holds = found.end("Plain") is None and max(norm, value) < 0.1 * found.loss[0, 0] and plain > 5 * max(norm, value)
    return Check(
        bool(holds),
        {
            "first": float(found.loss[0, 0]),
            "plain": plain,
            "norm": norm,
            "value": value,
            "share": percent(found.share("Clipped by norm")),
            "largest": small(float(np.nanmax(found.norm[:, 0]))),
        },
    )


PRESETS = (
    Preset(
        "clipping",
        Settings(
            panels=("Exploding",), cells=("RNN ReLU",), cell="RNN ReLU", matrix="Orthogonal", radius=1.3, rate=0.5,
            weight_decay=0.005, lower_rate=0.02, seed=5,
        ),
        clipping_saves,
    ),
    Preset(
        "cliff",
        Settings(
            panels=("Exploding",), cells=("RNN tanh",), radius=1.5, data="Copy", length=20, clip_value=0.1,
            weight_decay=0.01, lower_rate=0.01, seed=3,
        ),
        over_the_cliff,
    ),
)  # fmt: skip


# ---- readouts and notices


def readouts(result: Result) -> list[Readout]:
    """What the plain run and the one clipped by norm came to."""
    found = result.exploding
    return [
        Readout("Plain: final loss, or first overflow (step)", found.outcome("Plain")),
        Readout("Final loss, clipped by norm", small(found.last("Clipped by norm"))),
        Readout("Steps clipped by norm", percent(found.share("Clipped by norm"))),
    ]


def notice(result: Result) -> list[Note]:
    """Which runs ended, what the others came to, and what clipping did to the gradient."""
    found = result.exploding
    ends = {name: found.end(cure) for cure, name in NAMES.items()}
    if any(ends.values()):
        notes = [Note("ended", {name: "–" if end is None else str(end) for name, end in ends.items()})]
    else:
        notes = [Note("all_finite", {"steps": found.steps})]
    last = {name: small(found.last(cure)) for cure, name in NAMES.items()}
    notes.append(Note("final_losses", last | {"first": small(float(found.loss[0, 0]))}))
    angles = found.angles("Clipped by norm")
    if found.share("Clipped by norm") > 0 and len(angles) and angles.max() < 0.01:
        notes.append(Note("norm_keeps", {"share": percent(found.share("Clipped by norm"))}))
    angles = found.angles("Clipped by value")
    if found.share("Clipped by value") > 0 and len(angles):
        cut = found.clipped[:, CURES.index("Clipped by value")]
        values = {"entries": percent(float(np.nanmean(cut)))}
        values |= {"angle": fixed(float(np.median(angles)), 1), "most": fixed(float(angles.max()), 1)}
        notes.append(Note("value_turns", values))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
