"""The gates of a network over its sequence, and the highway that they open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import small
from dlviz.progress import Progress, silent

from .magnitudes import power
from .networks import Network, keys, network, read
from .settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from .result import Result


@dataclass(frozen=True)
class Gates:
    """The gates of the first network, and the gradient that they let through."""

    names: tuple[str, ...]  # the gates shown: i, f, o or r, z
    mean: np.ndarray  # (G, T) over units
    low: np.ndarray  # (G, T) 10 % quantile over units
    high: np.ndarray  # (G, T) 90 %
    inputs: np.ndarray  # (T, m) what was read
    total: np.ndarray  # (T,) ‖∂m_T/∂m_t‖_F/√n by lag 0 ... T-1: m = c of an LSTM, h of a GRU; all paths
    direct: np.ndarray  # (T,) the same of the product of the gates f (or z) alone

    @property
    def keep(self) -> str:
        """The gate that keeps the memory."""
        return "f" if "f" in self.names else "z"

    def opened(self) -> float:
        """The mean of that gate over units and steps."""
        return float(self.mean[self.names.index(self.keep)].mean())


def compute(settings: Settings, progress: Progress = silent) -> Gates:
    """Of the cell looked at."""
    return of_network(network(settings, settings.cell), settings.seed, progress=progress)


@cached(16)
def of_network(of: Network, seed: int, *, progress: Progress = silent) -> Gates:
    """The gates of the first network step by step, and ∂c_T/∂c_t (∂h_T/∂h_t of a GRU) beside the gates' product."""
    import torch

    from dlviz.engine.signals import cells

    n = of.hidden
    with torch.no_grad():
        run = read(of, keys(seed, 1))
        trace = run.trace
        of_step = cast("Tensor", trace.gates)[:, 0]  # (T, G, n); none of a vanilla RNN, which is never asked for
        lstm = of.cell == "LSTM"
        names = ("i", "f", "o") if lstm else ("r", "z")
        chosen = of_step[:, [cells.GATES[of.cell].index(name) for name in names]].cpu().numpy()
        low, high = np.quantile(chosen, [0.1, 0.9], axis=2)
        keep = of_step[:, 1]  # f, or z
        # Rows: every unit's memory after the last step.
        rows = torch.zeros(1, n, trace.cells.state, dtype=torch.float64, device=keep.device)
        rows[0, :, -n:] = torch.eye(n, dtype=torch.float64, device=keep.device)
        total, direct = np.empty(trace.steps), np.empty(trace.steps)
        path = torch.ones(n, dtype=torch.float64, device=keep.device)
        for lag, t in enumerate(range(trace.steps, 0, -1)):
            memory = rows[0, :, -n:]
            if lstm and lag:
                # c_t also acts through h_t = o_t tanh(c_t), which is another coordinate of the state.
                memory = memory + rows[0, :, :n] * trace.local[0][t - 1, 0]
            total[lag] = float(cells.norm(memory.reshape(-1))) / n**0.5
            direct[lag] = float(cells.norm(path)) / n**0.5
            rows, _ = cells.pull(trace, t, rows)
            path = path * keep[t - 1]
            progress((lag + 1) / trace.steps)
    return Gates(names, chosen.mean(axis=2).T, low.T, high.T, run.inputs[0].cpu().numpy(), total, direct)


def forget_gate_keeps(result: Result) -> Check:
    """With a forget bias of 1 the gradient shrinks by less per step than with 0."""
    rate, forget = result.reach["LSTM"].rate(), result.gates.opened()
    return Check(
        rate is not None and rate > 0.75 and forget > 0.65,
        {"rate": rate, "forget": forget, "left": power(result.reach["LSTM"].band()[1][-1])},
    )


def forget_gate_half_open(result: Result) -> Check:
    """With a forget bias of 0 the gates stand half open and the gradient is gone soon."""
    rate, forget = result.reach["LSTM"].rate(), result.gates.opened()
    return Check(
        rate is not None and rate < 0.75 and 0.4 < forget < 0.6,
        {"rate": rate, "forget": forget, "left": power(result.reach["LSTM"].band()[1][-1])},
    )


def update_gate_is_a_shortcut(result: Result) -> Check:
    """With z near 1 most of the state is copied, and the copy carries the gradient."""
    found, rate = result.gates, result.reach["GRU"].rate()
    update = found.opened()
    return Check(
        update > 0.9 and rate is not None and rate > 0.93 and bool(found.direct[-1] > 1e-3),
        {
            "update": update,
            "rate": rate,
            "direct": float(found.direct[-1]),
            "total": float(found.total[-1]),
            "lag": len(found.direct) - 1,
        },
    )


_FORGET: dict[str, Any] = {"panels": ("Gates",), "cells": ("LSTM",), "cell": "LSTM"}
_UPDATE: dict[str, Any] = {"panels": ("Gates",), "cells": ("GRU",), "cell": "GRU"}

PRESETS = (
    Preset("forget_zero", Settings(forget_bias=0.0, **_FORGET), forget_gate_half_open),
    Preset("forget_one", Settings(**_FORGET), forget_gate_keeps, pin=Settings(forget_bias=0.0, **_FORGET)),
    Preset("update", Settings(update_bias=3.0, **_UPDATE), update_gate_is_a_shortcut, pin=Settings(**_UPDATE)),
)


def readouts(result: Result) -> list[Readout]:
    """What of the last memory depends on the first."""
    found = result.gates
    if not np.isfinite(found.total).all():
        return []
    label = (
        r"Size of $\partial c_T/\partial c_1$"
        if result.settings.cell == "LSTM"
        else r"Size of $\partial h_T/\partial h_1$"
    )
    return [Readout(label, power(found.total[-1]))]


def notice(result: Result) -> list[Note]:
    """What the kept memory alone carries, and what all paths do."""
    found = result.gates
    if not (np.isfinite(found.mean).all() and np.isfinite(found.total).all()):
        return []
    values = {
        "gate": found.keep,
        "mean": small(found.opened()),
        "lag": len(found.total) - 1,
        "direct": power(found.direct[-1]),
        "total": power(found.total[-1]),
    }
    return [Note("highway_lstm" if found.keep == "f" else "highway_gru", values)]


STUDY = Study(compute, PRESETS, readouts, notice)
