"""The pictures of the page "How far back does a gradient reach?": Result -> Altair chart."""

from __future__ import annotations

from dlviz.contract import FigureSpec

from . import gate_figures, hero, pair_figures, step_figures, task_figures, training_figures
from .alternatives import alt
from .settings import Settings

FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec("How far the gradient reaches", hero.hero, alt("hero")),
    "pairs": FigureSpec("From every step to every other", pair_figures.pairs, alt("pairs")),
    "jacobian": FigureSpec("Singular values of one step", step_figures.jacobian, alt("jacobian")),
    "powers": FigureSpec("Norm against radius: powers of W", step_figures.powers, alt("powers")),
    "contributions": FigureSpec(
        "Where the weight gradient comes from", step_figures.contributions, alt("contributions")
    ),
    "truncation": FigureSpec("What truncation leaves out", step_figures.truncation, alt("truncation")),
    "angle": FigureSpec("How truncation turns the gradient", step_figures.angle, alt("angle")),
    "gates": FigureSpec("Gates over a sequence", gate_figures.gates, alt("gates")),
    "highway": FigureSpec("The highway through the gates", gate_figures.highway, alt("highway")),
    "losses": FigureSpec("One run, five treatments", training_figures.losses, alt("losses")),
    "norms": FigureSpec("Norm of the gradient by step", training_figures.norms, alt("norms")),
    "turned": FigureSpec("How clipping turns the gradient", training_figures.turned, alt("turned")),
    "remembering": FigureSpec("Does it remember?", training_figures.remembering, alt("remembering")),
    "tasks": FigureSpec("Shapes of sequence tasks", task_figures.task_shapes, alt("tasks")),
}

PANELS: dict[str, tuple[str, ...]] = {
    "All pairs": ("pairs",),
    "Step Jacobian": ("jacobian", "powers"),
    "Weight gradient": ("contributions", "truncation", "angle"),
    "Gates": ("gates", "highway"),
    "Exploding": ("losses", "norms", "turned"),
    "Remembering": ("remembering",),
    "Sequence tasks": ("tasks",),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first."""
    names = ["hero"]
    for panel in settings.panels:
        names += PANELS[panel]
    return tuple(names)
