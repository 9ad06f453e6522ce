"""The race: paths over the surface, and the loss on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dlviz.contract import Drawing, Run
from dlviz.drawing.curves import curve, lines
from dlviz.drawing.curves.curve import Line, drawn_curves
from dlviz.drawing.grammar import interaction
from dlviz.drawing.grammar.axes import Axis, Plane, frame, span
from dlviz.drawing.grammar.beside import Beside
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.runs import run_names
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces import cube, isolines, paths, surface

from ..convergence import slowest_excess
from ..descents import infinite_where_diverged
from .curves import curves, near

if TYPE_CHECKING:
    from ..descents import Descent
    from ..race import Race
    from ..result import Result

HEIGHT = 440

BAND = (10, 90)
"""Percentiles over repeats between which the bands lie."""


def hero(runs: Sequence[Run], look: Look) -> Any:
    """The surface with isolines and paths; turned by sliders where the settings ask for 3-D."""
    own, *others = runs
    result: Result = own.result
    scene = result.race.scene
    plane = Plane(scene.domain, scene.axes)
    drawn = _paths(own)
    comparable = [run for run in others if _ground(run.result) == _ground(result)]
    pinned = [path for run in comparable for path in _paths(run)]
    slider = interaction.step_slider(result.settings.steps, look)
    if result.settings.surface_3d:
        piece = cube.cube(
            scene.z, plane, look, runs=drawn, ghosts=pinned, scrub=True, minima=scene.minima, floor=scene.lowest
        )
        return finish(piece + slider, look, height=HEIGHT)
    around = [path.w for path in (*drawn, *pinned)]
    relief = surface.background(scene.z, plane, look, around=around, minima=scene.minima, floor=scene.lowest)
    piece = frame(plane.x, plane.y, look) + relief + interaction.click_grid(plane)
    if pinned:
        piece += paths.ghosts(pinned, plane, look)
    if drawn:
        piece += paths.paths(drawn, plane, look)
    note = isolines.note(scene.z, plane, look, floor=scene.lowest)
    if pinned:
        note += " " + tr(look, "Thin lines: {runs}.", runs=run_names((path.run for path in pinned), look))
    return finish(piece + slider, look, height=HEIGHT, title=footnote(note, look))


def _paths(run: Run) -> list[paths.Path]:
    """The first repeat of every optimizer."""
    return [
        paths.Path(descent.optimizer, descent.w[:, 0], descent.loss[:, 0], int(descent.diverged[0]), run.label)
        for descent in run.result.race.descents
    ]


def _ground(result: Result) -> tuple[object, ...]:
    """What two runs must share for their paths to lie on one surface."""
    return result.race.scene.formula, result.race.scene.domain


def hero_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """What its text alternative tells."""
    race = result.race
    return {
        **loss_numbers(result, look),
        "surface": tr(look, race.scene.name),
        "x": race.start[0],
        "y": race.start[1],
        "steps": result.settings.steps,
    }


def loss(runs: Sequence[Run], look: Look) -> Any:
    """Loss against step or gradient evaluations: medians, with bands over the repeats."""
    own, *others = runs
    result: Result = own.result
    race, settings = result.race, result.settings
    logarithmic, offset = _loss_scale(race)
    title = "Loss above the minimum" if offset else "Loss"
    drawn = _loss_lines(result)
    pinned = curve.of_others(others, _loss_lines)
    heights = _heights([line for line in (*drawn, *pinned) if line.diverged < 0], race.start_loss - offset)
    if logarithmic and all(line.diverged >= 0 for line in drawn):
        everything = [*heights, *_heights(drawn, race.start_loss - offset)]
    elif logarithmic:
        # A run that diverges climbs for many powers of ten and would press all others to the floor: the
        # axis follows those that stay, with room above, and it leaves through the top.
        top = 100 * max((float(values[np.isfinite(values)].max(initial=0)) for values in heights), default=1.0)
        gone = _heights([line for line in (*drawn, *pinned) if line.diverged >= 0], 0.0)
        everything = [*heights, *(np.where(values <= top, values, np.nan) for values in gone)]
    else:
        everything = [near(values, race.scene) for values in (*heights, *_heights(drawn, race.start_loss))]
    longest = max((float(line.x[-1]) for line in (*drawn, *pinned)), default=1.0)
    x = Axis(tr(look, "Gradient evaluations" if settings.per_evaluation else "Step"), 0, longest)
    y = Axis(tr(look, title), *span(*everything, log=logarithmic), log=logarithmic)
    under, over = lines.ghost_lines(pinned, x, y, look), Piece()
    plain = race.of("GD")
    slowest = None if plain is None else slowest_excess(race, plain)
    if plain is not None and slowest is not None and logarithmic:
        steps = _steps(plain, settings.per_evaluation)
        under += lines.theory(steps, slowest, x, y, look, None)
        measured = [*drawn_curves([*drawn, *pinned]), (steps, slowest)]
        beside = Beside(measured, x, y, look, height=HEIGHT)
        over = beside.words(steps, slowest, r"$\tfrac12\lambda c^2 (1 - \eta\lambda)^{2t}$", name="theory", at=0.55)
    return curves(drawn, x, y, look, HEIGHT, under, over, pinned=pinned)


def _heights(drawn: Sequence[Line], start: float) -> list[np.ndarray]:
    """Everything that lines and bands reach, and the start's loss."""
    found = [values for line in drawn for values in (line.y, line.low, line.high) if values is not None]
    return [*found, np.array([start])]


def _loss_scale(race: Race) -> tuple[bool, float]:
    """Whether the axis is logarithmic, and what is subtracted from the loss."""
    lowest = race.scene.lowest
    least = min((float(np.nanmin(descent.loss, initial=np.inf)) for descent in race.descents), default=np.inf)
    if lowest is not None and least >= lowest - 1e-9 * (1 + abs(lowest)):
        return True, lowest
    return least > 0, 0.0


def _steps(descent: Descent, per_evaluation: bool) -> np.ndarray:
    return np.arange(len(descent.loss)) * (descent.evaluations if per_evaluation else 1)


def _loss_lines(result: Result) -> list[Line]:
    _logarithmic, offset = _loss_scale(result.race)
    return [_loss_line(descent, offset, result.settings.per_evaluation) for descent in result.race.descents]


def _loss_line(descent: Descent, offset: float, per_evaluation: bool) -> Line:
    steps = _steps(descent, per_evaluation)
    above = descent.loss - offset
    if above.shape[1] == 1:
        return Line(descent.optimizer, steps, above[:, 0], diverged=int(descent.diverged[0]))
    above = infinite_where_diverged(above)
    # "lower" takes a repeat's own value: between a finite and an infinite one nothing can be interpolated.
    low, middle, high = np.percentile(above, (BAND[0], 50, BAND[1]), axis=1, method="lower")
    lost = np.flatnonzero(~np.isfinite(middle))
    return Line(descent.optimizer, steps, middle, low, high, diverged=int(lost[0]) if lost.size else -1)


def loss_numbers(result: Result, look: Look) -> Mapping[str, object]:
    """What its text alternative tells."""
    descents = result.race.descents
    return {
        "optimizers": ", ".join(descent.optimizer for descent in descents),
        "ends": ", ".join(_end(descent, look) for descent in descents),
    }


def _end(descent: Descent, look: Look) -> str:
    """How a run ended, in words."""
    if np.isfinite(descent.final_loss):
        return f"{descent.optimizer}: " + tr(look, "loss {loss}", loss=f"{descent.final_loss:.3g}")
    left = descent.diverged[descent.diverged >= 0]
    # A formula may have a gradient where it has no value: log(x) left of zero.
    said = tr(look, "diverged at step {step}", step=int(left.min())) if left.size else tr(look, "no finite values")
    return f"{descent.optimizer}: {said}"


DRAWINGS = {"hero": Drawing(hero, hero_numbers, HEIGHT), "loss": Drawing(loss, loss_numbers, HEIGHT)}
