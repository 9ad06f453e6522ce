"""Readouts and sentences of the panels that train."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Note, Readout

from .measure import Result
from .texts import tensor, written
from .trained import CURES, Exploding, Remembering

ENDED = dict(zip(CURES, ("ended_plain", "ended_norm", "ended_value", "ended_decay", "ended_rate"), strict=True))
READOUTS = {
    "RNN tanh": "Right at the longest lag: RNN tanh",
    "RNN ReLU": "Right at the longest lag: RNN ReLU",
    "LSTM": "Right at the longest lag: LSTM",
    "GRU": "Right at the longest lag: GRU",
}


def percent(share: float) -> str:
    """Without decimals; neither 0% nor 100% unless it is."""
    if 0 < share < 0.005:
        return "< 1%"
    return "> 99%" if 0.995 <= share < 1 else f"{100 * share:.0f}%"


def readouts(result: Result) -> list[Readout]:
    """What the trained runs came to."""
    found = []
    if (runs := result.exploding) is not None:
        end = runs.end("Plain")
        said = written(runs.last("Plain")) if end is None else f"{tensor(end)} ({end.step})"
        found.append(Readout("Plain: final loss, or first overflow (step)", said))
        found.append(Readout("Final loss, clipped by norm", written(runs.last("Clipped by norm"))))
        found.append(Readout("Steps clipped by norm", percent(runs.share("Clipped by norm"))))
    if (trained := result.remembering) is not None:
        chance = f"{100 * trained.chance:g}%"
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
    notes = []
    for cure in CURES:
        if (end := found.end(cure)) is not None:
            notes.append(Note(ENDED[cure], {"step": end.step, "tensor": tensor(end)}))
    if not notes:
        notes.append(Note("all_finite", {"steps": found.steps}))
    last = {cure: written(found.last(cure)) for cure in CURES}
    names = ("plain", "norm", "value", "decay", "rate")
    values = dict(zip(names, last.values(), strict=True)) | {"first": written(float(found.loss[0, 0]))}
    notes.append(Note("final_losses", values))
    angles = found.angles("Clipped by norm")
    if found.share("Clipped by norm") > 0 and len(angles) and angles.max() < 0.01:
        notes.append(Note("norm_keeps", {"share": percent(found.share("Clipped by norm"))}))
    angles = found.angles("Clipped by value")
    if found.share("Clipped by value") > 0 and len(angles):
        cut = found.clipped[:, CURES.index("Clipped by value")]
        values = {"entries": percent(float(np.nanmean(cut))), "angle": float(np.median(angles)), "most": angles.max()}
        notes.append(Note("value_turns", values))
    return notes


def _remembering(found: Remembering | None) -> list[Note]:
    if found is None:
        return []
    lag = int(found.lags[-1])
    at = {cell: found.median(cell, lag) for cell in found.cells}
    listed = ", ".join(f"{cell} {percent(value)}" for cell, value in at.items())
    key = "remembered" if found.task == "Copy" else "added"
    notes = [Note(key, {"lag": lag, "listed": listed, "chance": f"{100 * found.chance:g}%"})]
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
    values = {"cell": result.tasks.cell, "first": written(float(gradient[0])), "steps": len(gradient) - 1}
    return [Note("shape_reach", values)]


def described(figure: str, result: Result) -> dict[str, object]:
    """Numbers for the text alternative of a figure whose panel is on."""
    if figure in ("losses", "norms", "turned"):
        found = result.exploding
        losses = dict(zip(("plain", "norm", "value", "decay", "rate"), map(_last(found), CURES), strict=True))
        angles, known = found.angles("Clipped by value"), found.norm[np.isfinite(found.norm)]
        return losses | {
            "trained": found.cell,
            "count": found.steps,
            "first": written(float(found.loss[0, 0])),
            "largest": written(float(known.max()), 2) if known.size else "–",
            "threshold": written(result.settings.clip_norm),
            "share": percent(found.share("Clipped by norm")),
            "median": written(float(np.median(angles))) if len(angles) else "–",
        }
    if figure == "remembering":
        found = result.remembering
        lag = int(found.lags[-1])
        listed = ", ".join(f"{cell} {percent(found.median(cell, lag))}" for cell in found.cells)
        return {"first": int(found.lags[0]), "lag": lag, "listed": listed, "chance": f"{100 * found.chance:g}%"}
    shapes = result.tasks.shapes
    ends = {f"size{i}": written(float(shape.gradient[-1, 0]), 2) for i, shape in enumerate(shapes.values())}
    return {"trained": result.tasks.cell} | ends


def _last(found: Exploding):
    def text(cure: str) -> str:
        end = found.end(cure)
        return written(found.last(cure)) if end is None else f"{tensor(end)} ({end.step})"

    return text
