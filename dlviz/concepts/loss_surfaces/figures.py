"""The pictures of the page "Loss surfaces and optimizers": Result -> Altair chart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dlviz.contract import FigureSpec
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve_labels import Beside, drawn_curves
from dlviz.drawing.grammar import interaction
from dlviz.drawing.grammar.axes import Axis, Plane, frame, span
from dlviz.drawing.grammar.finish import finish, footnote, message
from dlviz.drawing.grammar.piece import Piece
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces import cube, heat, isolines, paths, surface
from dlviz.language import words

from . import measure
from .measure import Result, Run
from .settings import Settings

HERO, SUPPORT = 440, 320
"""Heights of the figures in px."""

BAND = (10, 90)
"""Percentiles over repeats between which the bands lie."""


def hero(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """The surface with isolines and paths; turned by sliders where the settings ask for 3-D."""
    scene = result.scene
    plane = Plane(scene.domain, scene.axes)
    drawn = [_path(run) for run in result.runs]
    comparable = ghost is not None and (ghost.scene.formula, ghost.scene.domain) == (scene.formula, scene.domain)
    pinned = [_path(run) for run in ghost.runs] if comparable else []
    ground = {"minima": scene.minima, "floor": scene.lowest}
    slider = interaction.step_slider(result.settings.steps, look)
    if result.settings.surface_3d:
        piece = cube.cube(scene.z, plane, look, runs=drawn, ghosts=pinned, scrub=True, **ground)
        return finish(piece + slider, look, height=HERO)
    around = [path.w for path in (*drawn, *pinned)]
    relief = surface.background(scene.z, plane, look, around=around, **ground)
    piece = frame(plane.x, plane.y, look) + relief + interaction.click_grid(plane)
    if pinned:
        piece += paths.ghosts(pinned, plane, look)
    if drawn:
        piece += paths.paths(drawn, plane, look)
    note = isolines.note(scene.z, plane, look, floor=scene.lowest)
    if pinned:
        note += " " + tr(look, "Thin lines: the pinned run.")
    return finish(piece + slider, look, height=HERO, title=footnote(note, look))


def loss(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Loss against step or gradient evaluations: medians, with bands over the repeats."""
    settings = result.settings
    logarithmic, offset, title = _loss_scale(result, look)
    drawn = [_loss_line(run, settings, offset) for run in result.runs]
    pinned = [_loss_line(run, settings, _loss_scale(ghost, look)[1]) for run in ghost.runs] if ghost is not None else []
    heights = _heights([line for line in (*drawn, *pinned) if line.diverged < 0], result.start_loss - offset)
    if logarithmic and all(line.diverged >= 0 for line in drawn):
        everything = [*heights, *_heights(drawn, result.start_loss - offset)]
    elif logarithmic:
        # A run that diverges climbs for many powers of ten and would press all others to the floor: the
        # axis follows those that stay, with room above, and it leaves through the top.
        top = 100 * max((float(values[np.isfinite(values)].max(initial=0)) for values in heights), default=1.0)
        gone = _heights([line for line in (*drawn, *pinned) if line.diverged >= 0], 0.0)
        everything = [*heights, *(np.where(values <= top, values, np.nan) for values in gone)]
    else:
        everything = [_near(values, result) for values in (*heights, *_heights(drawn, result.start_loss))]
    x_title = "Gradient evaluations" if settings.per_evaluation else "Step"
    longest = max((float(line.x[-1]) for line in (*drawn, *pinned)), default=1.0)
    x = Axis(tr(look, x_title), 0, longest)
    y = Axis(title, *span(*everything, log=logarithmic), log=logarithmic)
    under, over = lines.ghost_lines(pinned, x, y, look), Piece()
    plain = result.run_of("GD")
    slowest = plain and measure.slowest_excess(result, plain)
    if slowest is not None and logarithmic:
        steps = np.arange(len(slowest)) * (plain.evaluations if settings.per_evaluation else 1)
        under += lines.theory(steps, slowest, x, y, look, None)
        curves = [*drawn_curves([*drawn, *pinned]), (steps, slowest)]
        beside = Beside(curves, x, y, look, height=HERO)
        over = beside.words(steps, slowest, "½λc² (1 − ηλ)^(2t)", name="theory", at=0.55)
    return _curves(drawn, x, y, look, HERO, under, over, pinned=pinned)


def _near(values: np.ndarray, result: Result) -> np.ndarray:
    """Losses no further from those of the drawn surface than its own height: of a surface unbounded
    below, what lies beyond would flatten all that is on it.
    """
    low, high = float(np.nanmin(result.scene.z)), float(np.nanmax(result.scene.z))
    return np.clip(values, 2 * low - high, 2 * high - low)


def _heights(drawn: list[lines.Line], start: float) -> list[np.ndarray]:
    """Everything that lines and bands reach, and the start's loss."""
    found = [values for line in drawn for values in (line.y, line.low, line.high) if values is not None]
    return [*found, np.array([start])]


def _loss_scale(result: Result, look: Look) -> tuple[bool, float, str]:
    """Whether the axis is logarithmic, what is subtracted from the loss, and the axis title."""
    lowest = result.scene.lowest
    least = min((float(np.nanmin(run.loss, initial=np.inf)) for run in result.runs), default=np.inf)
    if lowest is not None and least >= lowest - 1e-9 * (1 + abs(lowest)):
        return True, lowest, tr(look, "Loss above the minimum") if lowest else tr(look, "Loss")
    if least > 0:
        return True, 0.0, tr(look, "Loss")
    return False, 0.0, tr(look, "Loss")


def _curves(
    drawn: list[lines.Line], x: Axis, y: Axis, look: Look, height: int, under: Piece, over: Piece | None = None,
    *, pinned: list[lines.Line] = (), labels: bool = True,
) -> Any:  # fmt: skip
    piece = frame(x, y, look) + under + lines.measured(drawn, x, y, look, height=height, labels=labels)
    note = lines.ghost_note(pinned, look).strip()
    return finish(piece + (over or Piece()), look, height=height, **({"title": footnote(note, look)} if note else {}))


def _path(run: Run) -> paths.Path:
    return paths.Path(run.optimizer, run.w[:, 0], run.loss[:, 0], int(run.diverged[0]))


def _loss_line(run: Run, settings: Settings, offset: float) -> lines.Line:
    steps = np.arange(len(run.loss)) * (run.evaluations if settings.per_evaluation else 1)
    above = run.loss - offset
    if above.shape[1] == 1:
        return lines.Line(run.optimizer, steps, above[:, 0], diverged=int(run.diverged[0]))
    above = measure.infinite_where_diverged(above)
    # "lower" takes a repeat's own value: between a finite and an infinite one nothing can be interpolated.
    low, middle, high = np.percentile(above, (BAND[0], 50, BAND[1]), axis=1, method="lower")
    lost = np.flatnonzero(~np.isfinite(middle))
    return lines.Line(run.optimizer, steps, middle, low, high, diverged=int(lost[0]) if lost.size else -1)


def _missing(result: Result, look: Look) -> Any:
    """What a figure says for which the settings gave no data."""
    reason = "Switch this figure on in the settings." if result.runs else "Choose at least one optimizer."
    return message(tr(look, reason), look)


QUANTITIES = ("gradient", "first moment", "second moment", "step")


def _quantities(inside: measure.Inside, coordinate: int, name: str) -> list[lines.Line]:
    """What the rule saw and did along one coordinate, in absolute value, against the step."""
    series = (
        (f"|∂f/∂{name}|", inside.gradient),
        ("|m|", inside.first_moment),
        ("√V", inside.root_second_moment),
        (f"|Δ{name}|", inside.step),
    )
    steps = np.arange(1, len(inside.step) + 1)
    return [
        lines.Line(kind, steps, np.abs(values[:, coordinate]), label=label)
        for kind, (label, values) in zip(QUANTITIES, series, strict=True)
        if values is not None
    ]


def _inside(coordinate: int) -> Callable[..., Any]:
    def draw(result: Result, look: Look, ghost: Result | None = None) -> Any:
        inside = result.inside
        if inside is None:
            return _missing(result, look)
        name = result.scene.axes[coordinate]
        drawn = _quantities(inside, coordinate, name)
        pinned = _quantities(ghost.inside, coordinate, name) if ghost is not None and ghost.inside is not None else []
        title = tr(look, "{optimizer}, coordinate {name}", optimizer=inside.optimizer, name=name)
        x = Axis(tr(look, "Step"), 0, max(len(line.x) for line in (*drawn, *pinned)))
        y = Axis(title, *span(*(line.y for line in (*drawn, *pinned)), log=True), log=True)
        return _curves(drawn, x, y, look, SUPPORT, lines.ghost_lines(pinned, x, y, look), pinned=pinned)

    return draw


def sensitivity(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Final loss against learning rate, with the rates in use, GD's limit, and where runs diverge."""
    scan = result.sensitivity
    if scan is None:
        return _missing(result, look)
    logarithmic, offset = _final_scale(result)
    drawn = [lines.Line(name, scan.rates, values - offset) for name, values in scan.loss.items()]
    pinned = []
    if ghost is not None and ghost.sensitivity is not None:
        below = _final_scale(ghost)[1]
        pinned = [lines.Line(name, ghost.sensitivity.rates, v - below) for name, v in ghost.sensitivity.loss.items()]
    words_ = "Loss above the minimum after {steps} steps" if offset else "Loss after {steps} steps"
    heights = [*(line.y for line in (*drawn, *pinned)), np.array([result.start_loss - offset])]
    if not logarithmic:
        heights = [_near(values, result) for values in heights]
    x = Axis(tr(look, "Learning rate"), float(scan.rates[0]), float(scan.rates[-1]), log=True)
    y = Axis(tr(look, words_, steps=result.settings.steps), *span(*heights, log=logarithmic), log=logarithmic)
    piece = lines.ghost_lines(pinned, x, y, look)
    gone = [scan.rates[values >= 0].min() for values in scan.diverged.values() if (values >= 0).any()]
    if gone:
        piece += lines.shade(float(min(gone)), float(scan.rates[-1]), x, look, tr(look, "Some runs diverge"))
    limit = measure.stability_limit(result.scene)
    if limit is not None and x.low < limit < x.high:
        piece += lines.vertical(limit, x, look, "2/λ_max")
    rates = {run.rate for run in result.runs}
    if len(rates) == 1:
        piece += lines.vertical(rates.pop(), x, look, tr(look, "Current rate"), dashed=False, name="current", row=1)
    # The first repeat has the draws of the scan, so its end lies on the line.
    used = {run.optimizer: (run.rate, run.loss[-1, 0] - offset) for run in result.runs}
    piece += lines.marks(used, x, y, look)
    # Curves that end where they diverge would have their names in the middle of the others.
    return _curves(drawn, x, y, look, SUPPORT, piece, pinned=pinned, labels=False)


def _final_scale(result: Result) -> tuple[bool, float]:
    """Whether final losses can stand on a logarithmic axis, and what is subtracted from them then."""
    lowest = result.scene.lowest or 0.0
    finals = np.concatenate([[np.inf], *result.sensitivity.loss.values()])
    above = bool(np.nanmin(finals) >= lowest - 1e-9 * (1 + abs(lowest)))
    return above, lowest if above else 0.0


def basins(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Every start coloured by the minimum it reaches, the brighter the sooner."""
    found, scene = result.basins, result.scene
    if found is None:
        known = len(scene.minima) > 0
        reason = "Switch this figure on in the settings." if known else "No minimum of this surface is known."
        return message(tr(look, reason), look)
    plane = Plane(scene.domain, scene.axes)
    minimum = np.where(found.minimum < 0, -1, found.minimum)
    picture = heat.basins(minimum, found.steps, found.minimum == -2, plane, look, minima=scene.minima)
    return finish(frame(plane.x, plane.y, look) + picture, look, height=HERO)


def _alt(figure: str) -> Callable[[Result, Look], str]:
    def text(result: Result, look: Look) -> str:
        looked = result.basins if figure == "basins" else result.inside
        values = {
            "surface": tr(look, result.scene.name),
            "optimizers": ", ".join(run.optimizer for run in result.runs),
            "x": result.start[0],
            "y": result.start[1],
            "steps": result.settings.steps,
            "ends": ", ".join(_end(run, look) for run in result.runs),
            "optimizer": looked.optimizer if looked is not None else "",
            "share": float(np.mean(result.basins.minimum >= 0)) if result.basins is not None else 0.0,
        }
        return words("loss_surfaces", look.language).alt[figure].format(**values)

    return text


def _end(run: Run, look: Look) -> str:
    """How a run ended, in words."""
    if np.isfinite(run.final_loss):
        return f"{run.optimizer}: " + tr(look, "loss {loss}", loss=f"{run.final_loss:.3g}")
    left = run.diverged[run.diverged >= 0]
    # A formula may have a gradient where it has no value: log(x) left of zero.
    said = tr(look, "diverged at step {step}", step=int(left.min())) if left.size else tr(look, "no finite values")
    return f"{run.optimizer}: {said}"


FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec("Surface and paths", hero, _alt("hero"), click={"start_x": "x", "start_y": "y"}),
    "loss": FigureSpec("Loss", loss, _alt("loss")),
    "inside_first": FigureSpec("Inside the rule, first coordinate", _inside(0), _alt("inside")),
    "inside_second": FigureSpec("Inside the rule, second coordinate", _inside(1), _alt("inside")),
    "sensitivity": FigureSpec("Learning-rate sensitivity", sensitivity, _alt("sensitivity")),
    "basins": FigureSpec("Basins of attraction", basins, _alt("basins")),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first."""
    names = ["hero", "loss"]
    names += ["inside_first", "inside_second"] if settings.inside else []
    names += ["sensitivity"] if settings.sensitivity else []
    names += ["basins"] if settings.basins else []
    return tuple(names)
