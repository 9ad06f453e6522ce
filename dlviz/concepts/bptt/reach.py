"""How far back the gradient of the final loss reaches: the hero's study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Check, Note, Preset, Readout, Study
from dlviz.engine.runtime.cache import cached
from dlviz.numbers import small
from dlviz.progress import Progress, silent, split

from .magnitudes import GONE, power
from .networks import Network, batches, network, read
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result

FACTORS = {
    "RNN tanh": "Factor per step back: RNN tanh",
    "RNN ReLU": "Factor per step back: RNN ReLU",
    "LSTM": "Factor per step back: LSTM",
    "GRU": "Factor per step back: GRU",
}


@dataclass(frozen=True)
class Reach:
    """How far the gradient of the final loss reaches back, of one kind of cell."""

    gradient: np.ndarray  # (S, T) ‖∂L/∂s‖ at lags 0 ... T-1
    loss: np.ndarray  # (S,) L
    sigma: np.ndarray  # (S,) largest singular value of the first recurrent block
    slope: np.ndarray  # (S,) mean of f' over units and steps; NaN of cells with gates

    @property
    def finite(self) -> bool:
        """Whether every gradient is a finite number."""
        return bool(np.isfinite(self.gradient).all())

    def band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """10 % quantile, median and 90 % quantile over the networks, (T,) each; non-finite networks are left out."""
        good = self.gradient[np.isfinite(self.gradient).all(axis=1)]
        if not len(good):
            nothing = np.full(self.gradient.shape[1], np.nan)
            return nothing, nothing, nothing
        low, middle, high = np.quantile(good, [0.1, 0.5, 0.9], axis=0)
        return low, middle, high

    def rate(self) -> float | None:
        """Factor per step back: the geometric mean from lag 0 to the last one whose median is above 1e-300."""
        middle = self.band()[1]
        seen = np.flatnonzero(middle > GONE)
        if len(middle) < 2 or not len(seen) or seen[-1] == 0 or not middle[0] > GONE:
            return None
        return float(np.exp(np.log(middle[seen[-1]] / middle[0]) / seen[-1]))


def compute(settings: Settings, progress: Progress = silent) -> dict[str, Reach]:
    """The reach of every cell that is compared."""
    s = settings
    return {
        cell: of_networks(network(s, cell), s.seeds, s.seed, progress=each)
        for cell, each in zip(s.cells, split(progress, [1.0] * len(s.cells)), strict=True)
    }


@cached(128)
def of_networks(of: Network, seeds: int, seed: int, *, progress: Progress = silent) -> Reach:
    """The gradient of the final loss by every state, for all networks of one kind of cell."""
    import torch

    from dlviz.engine.signals import cells, recurrent_init

    gradients, losses, sigmas, slopes = [], [], [], []
    groups = batches(of, seed, seeds)
    with torch.no_grad():
        for chosen, part in zip(groups, split(progress, map(len, groups)), strict=True):
            forward, backward = split(part, (1, 1))
            run = read(of, chosen, forward)
            by_state, _ = cells.backward(run.trace, run.last, backward)
            gradients.append(cells.norm(by_state[1:].flip(0)).T.cpu().numpy())
            losses.append(run.loss.cpu().numpy())
            sigmas += [recurrent_init.largest_singular_value(of.hidden, of.matrix, of.radius, key) for key in chosen]
            if of.cell in cells.VANILLA:
                slopes.append(run.trace.local[0].mean((0, 2, 3)).cpu().numpy())
    slope = np.concatenate(slopes) if slopes else np.full(seeds, np.nan)
    return Reach(np.concatenate(gradients), np.concatenate(losses), np.array(sigmas), slope)


# ---- presets


def all_vanish(result: Result) -> Check:
    """At radius 1 the gradients of all four cells shrink at every step back, the LSTM's the least."""
    rates = {cell: reach.rate() for cell, reach in result.reach.items()}
    last = {cell: float(reach.band()[1][-1]) for cell, reach in result.reach.items()}
    others = max(value for cell, value in last.items() if cell != "LSTM")
    return Check(
        all(rate is not None and rate < 0.95 for rate in rates.values()) and last["LSTM"] > 100 * others,
        {
            "tanh": rates["RNN tanh"],
            "relu": rates["RNN ReLU"],
            "gru": rates["GRU"],
            "lstm": rates["LSTM"],
            "lag": len(result.reach["LSTM"].gradient[0]) - 1,
            "left": power(last["LSTM"]),
            "others": power(others),
        },
    )


def follows_the_radius(result: Result) -> Check:
    """Near the origin and with a normal W, the factor per step back is ρ."""
    reach, rho = result.reach["RNN tanh"], result.settings.radius
    rate = reach.rate()
    ratio = float(np.median(reach.gradient[:, -1] / reach.gradient[:, 0]))
    holds = rate is not None and abs(rate / rho - 1) < 0.005
    return Check(holds, {"rho": rho, "rate": rate, "ratio": ratio, "lag": reach.gradient.shape[1] - 1})


def explodes_until_it_bends(result: Result) -> Check:
    """At radius 1.1 the gradient grows, by less than ρ per step, since h grows too and tanh bends."""
    reach, rho = result.reach["RNN tanh"], result.settings.radius
    rate = reach.rate()
    ratio = float(np.median(reach.gradient[:, -1] / reach.gradient[:, 0]))
    holds = rate is not None and 1.04 < rate < rho and ratio > 50
    return Check(holds, {"rho": rho, "rate": rate, "ratio": ratio, "lag": reach.gradient.shape[1] - 1})


def relu_explodes(result: Result) -> Check:
    """With one and the same W the gradient grows through ReLU and shrinks through tanh."""
    relu, tanh = (result.reach[cell].rate() for cell in ("RNN ReLU", "RNN tanh"))
    last = {cell: float(reach.band()[1][-1]) for cell, reach in result.reach.items()}
    return Check(
        relu is not None and relu > 1.1 and tanh is not None and tanh < 0.97,
        {
            "relu": relu,
            "tanh": tanh,
            "many": power(last["RNN ReLU"]),
            "few": power(last["RNN tanh"]),
            "rho": result.settings.radius,
            "lag": result.settings.steps_read - 1,
        },
    )


_LINEAR: dict[str, Any] = {"cells": ("RNN tanh",), "matrix": "Orthogonal", "input_gain": 0.001}
_ONE = Settings(**_LINEAR)

PRESETS = (
    Preset("four_cells", Settings(), all_vanish),
    Preset("below_one", Settings(radius=0.9, **_LINEAR), follows_the_radius, pin=_ONE),
    Preset("one", _ONE, follows_the_radius),
    Preset("above_one", Settings(radius=1.1, **_LINEAR), explodes_until_it_bends, pin=_ONE),
    Preset(
        "relu",
        Settings(panels=("All pairs", "Step Jacobian"), cells=("RNN tanh", "RNN ReLU"), cell="RNN ReLU", radius=1.8),
        relu_explodes,
    ),
)


# ---- readouts and notices


def readouts(result: Result) -> list[Readout]:
    """The factor per step back of every cell, beside ρ where that is its theory."""
    found = []
    for cell, reach in result.reach.items():
        rate = reach.rate()
        theory = f"{result.settings.radius:.3f}" if cell.startswith("RNN") else None
        if rate is not None:
            found.append(Readout(FACTORS[cell], f"{rate:.3f}", theory))
    return found


def notice(result: Result) -> list[Note]:
    """Which cell reaches farthest, and what left the range of numbers."""
    notes = []
    rates = {cell: reach.rate() for cell, reach in result.reach.items()}
    known = {cell: rate for cell, rate in rates.items() if rate is not None}
    if known:
        notes.append(Note("rates", {"listed": ", ".join(f"{cell} {rate:.3f}" for cell, rate in known.items())}))
    last = {cell: float(result.reach[cell].band()[1][-1]) for cell in known}
    if len(last) > 1 and min(last.values()) > GONE:
        best, worst = max(last, key=last.__getitem__), min(last, key=last.__getitem__)
        ratio = last[best] / last[worst]
        if ratio > 2 and np.isfinite(ratio):
            lag = result.settings.steps_read - 1
            values = {"best": best, "worst": worst, "lag": lag, "high": power(last[best]), "low": power(last[worst])}
            notes.append(Note("farthest", values | {"ratio": power(ratio)}))
    for cell, reach in result.reach.items():
        lost = int((~np.isfinite(reach.gradient).all(axis=1)).sum())
        if lost:
            notes.append(Note("overflow", {"cell": cell, "count": lost, "total": len(reach.gradient)}))
        middle = reach.band()[1]
        gone = np.flatnonzero(middle < GONE)
        if gone.size:
            notes.append(Note("gone", {"cell": cell, "lag": int(gone[0])}))
    return [*notes, *_theory(result)]


def _theory(result: Result) -> list[Note]:
    """What the radius and the bound say, and what they do not."""
    vanilla = [reach for cell, reach in result.reach.items() if cell.startswith("RNN")]
    if not vanilla:
        return []
    rho, sigma = result.settings.radius, float(vanilla[0].sigma.max())
    notes = []
    if result.settings.matrix != "Gaussian":
        notes.append(Note("normal", {"rho": small(rho)}))
    elif sigma > 1 >= rho:
        notes.append(Note("bound_allows", {"rho": small(rho), "sigma": small(sigma)}))
    elif sigma > rho:
        notes.append(Note("bound_above", {"rho": small(rho), "sigma": small(sigma)}))
    if (tanh := result.reach.get("RNN tanh")) is not None:
        rate, slope = tanh.rate(), float(np.median(tanh.slope))
        if rate is not None and rate < 0.99 * rho and slope < 0.99:
            notes.append(Note("bends", {"rate": f"{rate:.3f}", "rho": small(rho), "slope": f"{slope:.3f}"}))
    return notes


STUDY = Study(compute, PRESETS, readouts, notice)
