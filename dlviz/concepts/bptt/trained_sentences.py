"""Readouts and sentences of the panels that train."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout
from dlviz.numbers import fixed, percent, small

from .measure import Result
from .texts import ended
from .trained import CURES, Exploding, Remembering

NAMES = dict(zip(CURES, ("plain", "norm", "value", "decay", "rate"), strict=True))
"""The placeholders of the cures."""
READOUTS = {
    "RNN tanh": "Right at the longest lag: RNN tanh",
    "RNN ReLU": "Right at the longest lag: RNN ReLU",
    "LSTM": "Right at the longest lag: LSTM",
    "GRU": "Right at the longest lag: GRU",
}


def readouts(result: Result) -> list[Readout]:
    """What the trained runs came to."""
    found = []
    if (runs := result.exploding) is not None:
        found.append(Readout("Plain: final loss, or first overflow (step)", _last(runs, "Plain")))
        found.append(Readout("Final loss, clipped by norm", small(runs.last("Clipped by norm"))))
        found.append(Readout("Steps clipped by norm", percent(runs.share("Clipped by norm"))))
    if (trained := result.remembering) is not None:
        chance = percent(trained.chance)
        for cell in trained.cells:
            value = trained.median(cell, int(trained.lags[-1]))
            found.append(Readout(READOUTS[cell], percent(value), chance, help="Theory: chance."))
    return found


def notice(result: Result) -> list[Note]:
    """What to notice in the trained runs."""
    return [*_exploding(result.exploding), *_remembering(result.remembering), *_tasks(result)]


def _exploding(found: Exploding | None) -> list[Note]:
    if found is None:
        return []
    ends = {name: found.end(cure) for cure, name in NAMES.items()}
    if any(ends.values()):
        notes = [Note("ended", {name: "–" if end is None else ended(end) for name, end in ends.items()})]
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


def _remembering(found: Remembering | None) -> list[Note]:
    if found is None:
        return []
    lag = int(found.lags[-1])
    at = {cell: found.median(cell, lag) for cell in found.cells}
    listed = ", ".join(f"{cell} {percent(value)}" for cell, value in at.items())
    key = "remembered" if found.task == "Copy" else "added"
    notes = [Note(key, {"lag": lag, "listed": listed, "chance": percent(found.chance)})]
    guess = [cell for cell, value in at.items() if value <= found.guessing]
    if guess:
        notes.append(Note("guesses", {"cells": ", ".join(guess), "lag": lag}))
    if found.blind.any():
        notes.append(Note("blind", {"k": found.truncation}))
        first = int(found.lags[found.blind][0])
        echo = [cell for cell in found.cells if found.accuracy[found.cells.index(cell), found.blind][0].min()
                > found.guessing]  # fmt: skip
        if echo:
            notes.append(Note("echo", {"cells": ", ".join(echo), "lag": first, "k": found.truncation}))
    elif found.truncation is not None and found.task == "Copy":
        notes.append(Note("sees", {"k": found.truncation, "lag": lag}))
    return notes


def _tasks(result: Result) -> list[Note]:
    if result.tasks is None:
        return []
    gradient = result.tasks.shapes["Many to one"].gradient[0]
    if not np.isfinite(gradient).all():
        return []
    values = {"cell": result.tasks.cell, "first": small(float(gradient[0])), "steps": len(gradient) - 1}
    return [Note("shape_reach", values)]


def described(figure: str, result: Result) -> dict[str, object]:
    """Numbers for the text alternative of a figure whose panel is on."""
    if figure in ("losses", "norms", "turned"):
        found = result.exploding
        losses = {name: _last(found, cure) for cure, name in NAMES.items()}
        angles, known = found.angles("Clipped by value"), found.norm[np.isfinite(found.norm)]
        by_norm = found.angles("Clipped by norm")
        return losses | {
            "trained": found.cell,
            "count": found.steps,
            "first": small(float(found.loss[0, 0])),
            "largest": small(float(known.max())) if known.size else "–",
            "threshold": small(result.settings.clip_norm),
            "share": percent(found.share("Clipped by norm")),
            "most": fixed(float(by_norm.max()), 2) if len(by_norm) else "–",
            "median": fixed(float(np.median(angles)), 1) if len(angles) else "–",
        }
    if figure == "remembering":
        found = result.remembering
        lag = int(found.lags[-1])
        listed = ", ".join(f"{cell} {percent(found.median(cell, lag))}" for cell in found.cells)
        return {"first": int(found.lags[0]), "lag": lag, "listed": listed, "chance": percent(found.chance)}
    shapes = result.tasks.shapes
    ends = {f"size{i}": small(float(shape.gradient[-1, 0])) for i, shape in enumerate(shapes.values())}
    return {"trained": result.tasks.cell} | ends


def _last(found: Exploding, cure: str) -> str:
    """The final loss of a run, or where it ended."""
    end = found.end(cure)
    return small(found.last(cure)) if end is None else ended(end)
