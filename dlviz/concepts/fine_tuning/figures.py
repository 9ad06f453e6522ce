"""The pictures of the page "What should stay frozen?": Result -> Altair chart."""

from __future__ import annotations

from collections.abc import Callable

from dlviz.contract import FigureSpec
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.language import words

from . import gradual_figures, hero, holding_figures, moved_figures, run_figures
from .measure import Result
from .settings import Settings


def _alt(figure: str) -> Callable[[Result, Look], str]:
    def text(result: Result, look: Look) -> str:
        if figure == "hero" and not result.sweep.labels:
            return tr(look, "Choose at least one number of labels.")
        values = {
            **hero.described(result, look), **run_figures.described(result, look),
            **holding_figures.described(result, look), **moved_figures.described(result, look),
            **gradual_figures.described(result, look),
        }  # fmt: skip
        return words("fine_tuning", look.language).alt[figure].format(**values)

    return text


FIGURES: dict[str, FigureSpec] = {
    "hero": FigureSpec("Accuracy against what is frozen", hero.hero, _alt("hero")),
    "network": FigureSpec("What is trained", run_figures.network, _alt("network"), {"frozen": "freeze"}),
    "accuracy": FigureSpec("Accuracy while it learns", run_figures.accuracy, _alt("accuracy")),
    "loss": FigureSpec("Loss while it learns", run_figures.loss, _alt("loss")),
    "gain": FigureSpec("When transfer stops paying", hero.gain, _alt("gain")),
    "holding": FigureSpec("Target learned against source forgotten", holding_figures.holding, _alt("holding")),
    "drift": FigureSpec("How far the weights moved", moved_figures.drift, _alt("drift")),
    "cka": FigureSpec("How alike the features stayed", moved_figures.cka, _alt("cka")),
    "features": FigureSpec("One layer's features before and after", moved_figures.features, _alt("features")),
    "gradual": FigureSpec("Gradual unfreezing", gradual_figures.gradual, _alt("gradual")),
    "pairs": FigureSpec(
        "Every source on every target",
        run_figures.pairs,
        _alt("pairs"),
        {"source": "source", "target": "target"},
        wide=True,
    ),
}

PANELS: dict[str, tuple[str, ...]] = {
    "Network": ("network",),
    "Curves": ("accuracy", "loss"),
    "Gain by labels": ("gain",),
    "Holding on": ("holding",),
    "What moved": ("drift", "cka", "features"),
    "Gradual unfreezing": ("gradual",),
    "Transfer map": ("pairs",),
}


def shown(settings: Settings) -> tuple[str, ...]:
    """The figures that the page draws for these settings, the hero first and the map last."""
    names = ["hero"]
    for panel in PANELS:
        if panel in settings.panels:
            names += PANELS[panel]
    return tuple(names)
