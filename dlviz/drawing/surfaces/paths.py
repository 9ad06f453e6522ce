"""Paths over a surface: how each run went, where it began, where it ended, and where it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dlviz.drawing.grammar.axes import Plane
from dlviz.drawing.grammar.beside import Beside, callouts
from dlviz.drawing.grammar.clipping import clip
from dlviz.drawing.grammar.interaction import AT_STEP, END, UP_TO_STEP
from dlviz.drawing.grammar.legends import identity_scales
from dlviz.drawing.grammar.message import say
from dlviz.drawing.grammar.palette import colour, ghost_colour
from dlviz.drawing.grammar.piece import CROSS, Piece, Rows, Spec, listed, literal, mark, number, where, word
from dlviz.drawing.grammar.theme import Look, tr

MANY = 8_000  # rows; beyond this, steps too short to see are left out


@dataclass(frozen=True, eq=False)
class Path:
    """One run: its ``name``, places ``w`` (T+1, 2) and, if wanted in hints and CSV, ``loss`` (T+1,).

    ``diverged``: the step at which it left for good, -1 if it did not; later places are not read. ``run`` is the
    label of the run that it is of, where that is not the picture's own.
    """

    name: str
    w: np.ndarray
    loss: np.ndarray | None = None
    diverged: int = -1
    run: str = ""


def paths(runs: Sequence[Path], plane: Plane, look: Look, *, scrub: bool = True, legend: bool = True) -> Piece:
    """Haloed paths in their identity's colour and dash, with start ring, end dots and divergence marks.

    With ``scrub`` they are drawn up to the step of :func:`interaction.step_slider`, which must be layered too.
    """
    names = [run.name for run in runs]
    data = {"paths": _rows(runs, plane, look), "starts": _starts(runs, plane), "_exits": _exits(runs, plane, look)}
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    track = {**place, "order": number("step")}
    style: Spec = {"strokeWidth": look.line, "strokeCap": "butt", "strokeJoin": "round", "clip": True, "tooltip": None}
    halo: Spec = {**style, "strokeWidth": look.line + 2.6 * look.unit, "stroke": look.inks.halo, "opacity": 0.85}
    steps = [where(UP_TO_STEP)] if scrub else []
    now = [where(AT_STEP if scrub else f"datum.until == {END}")]
    hue, dashes = identity_scales(names, look, legend=legend)
    hints = [word("name", title=tr(look, "optimizer")), number("step", title=tr(look, "step"))]
    hints += [number(axis, title=name, format=".4~g") for axis, name in zip("xy", plane.names, strict=True)]
    if any(run.loss is not None for run in runs):
        hints.append(number("loss", title=tr(look, "loss"), format=".4~g"))
    dot: Spec = {
        "size": 70 * look.unit**2,
        "stroke": look.inks.halo,
        "strokeWidth": 1.6 * look.unit,
        "opacity": 1,
        "clip": True,
    }
    ring: Spec = {
        "size": 90 * look.unit**2,
        "fill": look.inks.paper,
        "stroke": look.inks.ink,
        "strokeWidth": 2 * look.unit,
    }
    layers = (
        mark("line", "paths", {**track, "detail": word("name")}, transform=steps, **halo),
        mark("line", "paths", {**track, "color": hue, "strokeDash": dashes}, transform=steps, **style),
        mark(
            "point",
            "paths",
            {**place, "fill": literal("_colour"), "tooltip": hints},
            transform=now,
            shape="circle",
            **dot,
        ),
        mark("point", "starts", place, shape="circle", opacity=1, tooltip=None, **ring),
        *_exit_layers(plane, look, scrub),
    )
    piece = Piece(layers, data, tables={"paths": partial(table, runs, plane)})
    if not any(record["x"] is not None for record in data["paths"]) and not data["_exits"]:
        piece += say(tr(look, "no path to draw: no finite values"), look)
    return piece


def ghosts(runs: Sequence[Path], plane: Plane, look: Look, *, name: str = "pinned paths") -> Piece:
    """Other runs: thin, faded towards grey, in lighter dashes, without legend. To be layered under the paths."""
    records: Rows = []
    for number_, label in enumerate(dict.fromkeys(run.run for run in runs)):
        for record in _rows([run for run in runs if run.run == label], plane, look):
            # Rows of one name are one line: those of a second run have another name.
            other = {"name": f"{record['name']} ({label})"} if number_ else {}
            records.append(record | {"_colour": ghost_colour(record["name"], look)} | other)
    track = {
        "x": plane.x.along("x"),
        "y": plane.y.along("y"),
        "order": number("step"),
        "detail": word("name"),
        "stroke": literal("_colour"),
    }
    thin: Spec = {"strokeWidth": 0.6 * look.line, "clip": True, "tooltip": None}
    under: Spec = {**thin, "strokeWidth": 0.6 * look.line + 1.6 * look.unit, "opacity": 0.6}
    layers = [mark("line", name, {**track, "stroke": {"value": look.inks.halo}}, **under)]
    layers.append(mark("line", name, track, strokeDash=[5 * look.unit, 3 * look.unit], **thin))
    return Piece(tuple(layers), {name: records}, tables={name: partial(table, runs, plane)})


def table(runs: Sequence[Path], plane: Plane) -> Rows:
    """Every step of the runs, as it was computed, to the one at which a run left; ``run`` where it is another's."""
    found: Rows = []
    for run in runs:
        w = np.asarray(run.w[: None if run.diverged < 0 else run.diverged + 1])
        columns: dict[str, Any] = {"name": run.name} | ({"run": run.run} if run.run else {})
        columns |= {"step": np.arange(len(w)), plane.x.header("x"): w[:, 0], plane.y.header("y"): w[:, 1]}
        found += listed(columns | ({} if run.loss is None else {"loss": run.loss[: len(w)]}))
    return found


def _rows(runs: Sequence[Path], plane: Plane, look: Look) -> Rows:
    """A row per step that can be drawn.

    Lines that leave the picture are cut at a frame of three times its width: a dashed line of 1e30 px
    would hang the browser. A row without place (None) breaks the line. ``until`` is the step at which
    the next row takes over, ``_aid`` marks rows that are no place of the run.
    """
    records: Rows = []
    thin = sum(len(run.w) for run in runs) > MANY
    for position, run in enumerate(runs):
        hue = colour(run.name, look, position)
        last = len(run.w) - 1 if run.diverged < 0 else max(run.diverged - 1, 0)
        places = np.asarray(run.w[: last + 1], dtype=float)
        kept = _kept(places, plane) if thin else np.arange(len(places))
        end = run.w[run.diverged] if 0 < run.diverged < len(run.w) else np.full(2, np.nan)
        steps = [*kept.tolist(), int(run.diverged)] if run.diverged > 0 else kept.tolist()
        drawn = places[kept] if run.diverged <= 0 else np.concatenate([places[kept], end[None]])
        cut = clip(np.concatenate([drawn[:1], drawn[:-1]]), drawn, plane, room=1.0)
        own: Rows = []
        for step, a, b, entered, left, seen in zip(steps, *map(np.ndarray.tolist, cut), strict=True):
            if not seen:
                own.append(_row(run, step, None))
                continue
            if entered:
                own += [_row(run, step - 0.5, None), _row(run, step - 0.25, a, aid=True)]
            own.append(_row(run, step, b, aid=left))
        for record, following in zip(own, [*own[1:], None], strict=True):
            record["_colour"] = hue
            record["until"] = following["step"] if following else (END if run.diverged < 0 else int(run.diverged))
        records += own
    return records


def _row(run: Path, step: float, place: list[float] | None, *, aid: bool = False) -> dict[str, Any]:
    """A row of a path. An ``aid`` only cuts the line at the edge: it is no place of the run."""
    x, y = place or (None, None)
    loss = None if run.loss is None or step != int(step) else float(run.loss[int(step)])
    row = {
        "name": run.name,
        "step": step,
        "x": x,
        "y": y,
        "loss": loss if loss is not None and np.isfinite(loss) else None,
    }
    return {**row, "_aid": True} if aid or place is None else row


def _kept(places: np.ndarray, plane: Plane) -> np.ndarray:
    """Indices of the places to draw: a step is left out while it stays within a 1/1,500 of the picture."""
    scaled = np.stack([plane.x.share(places[:, 0]), plane.y.share(places[:, 1])], axis=1)
    kept = [0]
    for i in range(1, len(scaled)):
        if not np.abs(scaled[i] - scaled[kept[-1]]).max() < 1 / 1500:
            kept.append(i)
    if kept[-1] != len(scaled) - 1:
        kept.append(len(scaled) - 1)
    return np.array(kept)


def _starts(runs: Sequence[Path], plane: Plane) -> Rows:
    """Each distinct start once."""
    places = {tuple(float(v) for v in run.w[0]) for run in runs if len(run.w) and np.isfinite(run.w[0]).all()}
    return [{"x": x, "y": y} for x, y in sorted(places) if plane.inside(np.array([x, y]))]


def _exits(runs: Sequence[Path], plane: Plane, look: Look) -> Rows:
    """Where diverged runs crossed the frame for the last time, with their text where it is least in the way."""
    ways = [np.asarray(run.w[: None if run.diverged < 0 else run.diverged + 1], dtype=float) for run in runs]
    if all(run.diverged < 0 for run in runs):
        return []
    cuts = [clip(way[:-1], way[1:], plane) for way in ways]
    seen = [np.stack([cut.start, cut.stop, np.full_like(cut.stop, np.nan)], axis=1)[cut.seen] for cut in cuts]
    beside = Beside([tuple(steps.reshape(-1, 2).T) for steps in seen], plane.x, plane.y, look)
    records: Rows = []
    for run, way in zip(runs, ways, strict=True):
        if run.diverged >= 0:
            at = _last_seen(way[np.isfinite(way).all(axis=1)], plane)
            text = tr(look, "diverged at step {step}", step=int(run.diverged))
            row = beside.callout(float(at[0]), float(at[1]), text, colour(run.name, look), 10 * look.unit)
            records.append({"name": run.name, "step": int(run.diverged), **row})
    return records


def _last_seen(places: np.ndarray, plane: Plane) -> np.ndarray:
    """The last place on the path within the frame.

    If it never was inside, the place on the frame that is nearest to its end.
    """
    cut = clip(places[:-1], places[1:], plane)
    if cut.seen.any():
        return cut.stop[np.flatnonzero(cut.seen)[-1]]
    low, high = np.array([plane.x.low, plane.y.low]), np.array([plane.x.high, plane.y.high])
    return np.clip(places[-1] if len(places) else (low + high) / 2, low, high)


def _exit_layers(plane: Plane, look: Look, scrub: bool) -> list[Spec]:
    place = {"x": plane.x.along("x"), "y": plane.y.along("y")}
    late = [where(UP_TO_STEP)] if scrub else []
    cross = {"shape": CROSS, "size": 60 * look.unit**2, "strokeCap": "round", "opacity": 1, "tooltip": None}
    layers = [
        mark("point", "_exits", place, transform=late, stroke=look.inks.halo, strokeWidth=5.5 * look.unit, **cross),
        mark(
            "point",
            "_exits",
            {**place, "stroke": literal("colour")},
            transform=late,
            strokeWidth=2.6 * look.unit,
            **cross,
        ),
    ]
    return [*layers, *callouts("_exits", place, look, transform=late)]
