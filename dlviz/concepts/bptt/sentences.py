"""Readouts and sentences that are true of the very run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import small

from . import trained_sentences
from .magnitudes import GONE, power, power_of_ten
from .measure import Result

FACTORS = {
    "RNN tanh": "Factor per step back: RNN tanh",
    "RNN ReLU": "Factor per step back: RNN ReLU",
    "LSTM": "Factor per step back: LSTM",
    "GRU": "Factor per step back: GRU",
}


def readouts(result: Result) -> list[Readout]:
    """A few numbers of the chosen panels, measured beside theory."""
    found = trained_sentences.readouts(result)
    k = min(result.settings.truncation, result.settings.steps_read)
    if result.weight is not None and (after := result.weight.after(k)) is not None:
        found.append(Readout("Error of the truncated gradient", small(after[0])))
    if (steps := result.steps) is not None:
        at = int(np.argmax(steps.powers))
        found.append(Readout("Largest norm of W^k", small(float(steps.powers[at])), small(steps.radius**at)))
    if (gates := result.gates) is not None and np.isfinite(gates.total).all():
        label = "Size of ∂c_T/∂c_1" if result.settings.cell == "LSTM" else "Size of ∂h_T/∂h_1"
        found.append(Readout(label, power(gates.total[-1])))
    for cell, reach in result.reach.items():
        rate = reach.rate()
        theory = f"{result.settings.radius:.3f}" if cell.startswith("RNN") else None
        if rate is not None:
            found.append(Readout(FACTORS[cell], f"{rate:.3f}", theory))
    return found[:4]


def notice(result: Result) -> list[Note]:
    """What to notice, by key, with the numbers."""
    own = [*_reach(result), *_pairs(result), *_steps(result), *_weight(result), *_gates(result)]
    return [*own, *trained_sentences.notice(result)]


def _reach(result: Result) -> list[Note]:
    notes = []
    rates = {cell: reach.rate() for cell, reach in result.reach.items()}
    known = {cell: rate for cell, rate in rates.items() if rate is not None}
    if known:
        notes.append(Note("rates", {"listed": ", ".join(f"{cell} {rate:.3f}" for cell, rate in known.items())}))
    last = {cell: result.reach[cell].band()[1][-1] for cell in known}
    if len(last) > 1 and min(last.values()) > GONE:
        best, worst = max(last, key=last.get), min(last, key=last.get)
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


def _pairs(result: Result) -> list[Note]:
    found = result.pairs
    if found is None or not np.isfinite(found.logs[-1, 0]):
        return []
    shown = found.logs[np.isfinite(found.logs)]
    values = {
        "cell": result.settings.cell,
        "last": int(found.targets[-1]),
        "value": power_of_ten(found.logs[-1, 0]),
        "high": power_of_ten(shown.max()),
    }
    notes = [Note("first_to_last", values)]
    if found.probes:
        notes.append(Note("probes", {"count": found.probes}))
    return notes


def _steps(result: Result) -> list[Note]:
    found = result.steps
    if found is None:
        return []
    notes = []
    good = np.isfinite(found.rho)
    if good.any():
        over = int(((found.singular[:, 0] > 1) & (found.rho < 1))[good].sum())
        if over:
            notes.append(Note("stretches", {"count": over, "total": int(good.sum()), "cell": result.settings.cell}))
    at = int(np.argmax(found.powers))
    if found.radius <= 1 and found.powers[at] > 1.05:
        values = {"peak": small(float(found.powers[at])), "at": at, "rho": small(found.radius)}
        notes.append(Note("transient", values))
    return notes


def _weight(result: Result) -> list[Note]:
    found, settings = result.weight, result.settings
    if found is None or (after := found.after(min(settings.truncation, settings.steps_read))) is None:
        return []
    if settings.truncation >= settings.steps_read:
        return [Note("nothing_truncated", {"k": settings.truncation, "steps": settings.steps_read})]
    error, angle = (small(value) for value in after)
    values = {"k": settings.truncation, "cell": settings.cell, "error": error, "angle": angle}
    notes = [Note("truncated", values)]
    if np.isfinite(found.share).all():
        half = int(np.argmax(found.share.cumsum() >= 0.5)) + 1
        notes.append(Note("half", {"count": half, "steps": settings.steps_read}))
    return notes


def _gates(result: Result) -> list[Note]:
    found = result.gates
    if found is None:
        return [Note("no_gates", {"cell": result.settings.cell})] if "Gates" in result.settings.panels else []
    if not (np.isfinite(found.mean).all() and np.isfinite(found.total).all()):
        return []
    gate = "f" if result.settings.cell == "LSTM" else "z"
    values = {
        "gate": gate,
        "mean": small(float(found.mean[found.names.index(gate)].mean())),
        "lag": len(found.total) - 1,
        "direct": power(found.direct[-1]),
        "total": power(found.total[-1]),
    }
    return [Note("highway_lstm" if gate == "f" else "highway_gru", values)]


DATA = {
    "Digit by pixels": "pixels",
    "Digit by rows": "rows",
    "Adding": "adding",
    "Copy": "copy",
    "Noise": "noise",
}


def facts(result: Result) -> list[Note]:
    """What is on the screen."""
    s = result.settings
    screen = {"hidden": s.hidden, "steps": s.steps_read, "seeds": s.seeds, "seed": s.seed}
    matrix = {"rho": small(s.radius), "gain": small(s.input_gain)}
    return [Note("screen", screen), Note(DATA[s.data]), Note(s.matrix.lower(), matrix)]
