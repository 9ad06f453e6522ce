"""The pictures of the page "How far back does a gradient reach?": Result -> Altair chart."""

from __future__ import annotations

from dlviz.contract import Figure

from . import gate_figures, hero, pair_figures, step_figures, task_figures, training_figures
from .alternatives import alt
from .settings import Settings

FIGURES: dict[str, Figure] = {
    "hero": Figure("How far the gradient reaches", hero.hero, alt("hero")),
    "pairs": Figure("From every step to every other", pair_figures.pairs, alt("pairs")),
    "jacobian": Figure("Singular values of one step", step_figures.jacobian, alt("jacobian")),
    "powers": Figure("Norm against radius: powers of W", step_figures.powers, alt("powers")),
    "contributions": Figure("Where the weight gradient comes from", step_figures.contributions, alt("contributions")),
    "truncation": Figure("What truncation leaves out", step_figures.truncation, alt("truncation")),
    "angle": Figure("How truncation turns the gradient", step_figures.angle, alt("angle")),
    "gates": Figure("Gates over a sequence", gate_figures.gates, alt("gates")),
    "highway": Figure("The highway through the gates", gate_figures.highway, alt("highway")),
    "losses": Figure("One run, five treatments", training_figures.losses, alt("losses")),
    "norms": Figure("Norm of the gradient by step", training_figures.norms, alt("norms")),
    "turned": Figure("How clipping turns the gradient", training_figures.turned, alt("turned")),
    "remembering": Figure("Does it remember?", training_figures.remembering, alt("remembering")),
    "tasks": Figure("Shapes of sequence tasks", task_figures.task_shapes, alt("tasks")),
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
