"""The pictures of the page "Activation functions": Result -> Altair chart."""

from __future__ import annotations

from typing import Any

from dlviz.contract import FigureSpec
from dlviz.language import words

from . import deep_figures, training_figures
from .alternatives import values
from .hero import hero
from .measure import Result
from .settings import Settings


def _alt(figure: str) -> Any:
    def text(result: Result, look: Any) -> str:
        return words("activations", look.language).alt[figure].format(**values(result, look))

    return text


FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec("Function, slope and what goes through", hero, _alt("hero")),
    "gradients": FigureSpec("Gradient by depth", deep_figures.gradients, _alt("gradients")),
    "saturation": FigureSpec("Saturated share by depth", deep_figures.saturation, _alt("saturation")),
    "dead": FigureSpec("Dead units by depth", deep_figures.dead, _alt("dead")),
    "spread": FigureSpec("Size of the activations by depth", deep_figures.spread, _alt("spread")),
    "agreement": FigureSpec("Signs of one neuron's weight gradients", deep_figures.agreement, _alt("agreement")),
    "path": FigureSpec("Path of two weights", deep_figures.path, _alt("path")),
    "dead_lines": FigureSpec("Dead units during training", training_figures.dead_lines, _alt("dead_lines")),
    "dead_grid": FigureSpec(
        "Dead ReLUs after training", training_figures.dead_grid, _alt("dead_grid"),
        click={"dying_rate": "column", "dying_bias": "row"},
    ),
    "dead_accuracy": FigureSpec("Accuracy during training", training_figures.dead_accuracy, _alt("dead_accuracy")),
    "learned": FigureSpec("Slopes that PReLU learns", training_figures.learned, _alt("learned")),
    "probabilities": FigureSpec("Softmax against its scale", training_figures.probabilities, _alt("probabilities")),
    "jacobian": FigureSpec("What softmax lets through", training_figures.jacobian, _alt("jacobian")),
    "cost": FigureSpec("What a function costs", training_figures.cost, _alt("cost")),
    "table": FigureSpec("Properties of the functions", training_figures.table, _alt("table")),
}  # fmt: skip

PANELS = {
    "Gradient by depth": ("gradients",),
    "Saturation by depth": ("saturation", "dead", "spread"),
    "Zigzag": ("path", "agreement"),
    "Dying ReLU": ("dead_lines", "dead_grid", "dead_accuracy"),
    "Learned slope": ("learned",),
    "Softmax": ("probabilities", "jacobian"),
    "Table": ("cost", "table"),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first."""
    return ("hero", *(name for panel in settings.panels for name in PANELS[panel]))
