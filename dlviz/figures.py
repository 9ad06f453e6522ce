"""A concept's pictures, put together from the drawings of its panels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

from dlviz.contract import Drawing, FigureSpec, Panel, Run, Settings
from dlviz.contract.panels import shown
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.formulas import plain
from dlviz.language import words


class Pictures:
    """The figures of a concept by name, in the order of its table; ``DRAWINGS`` in ``draw/<stem>.py`` draws them."""

    def __init__(self, stem: str, model: type[Settings]) -> None:
        self._panels = model.PANELS
        self.FIGURES: dict[str, FigureSpec] = {}
        for panel in self._panels:
            drawings: dict[str, Drawing] = import_module(f"dlviz.concepts.{stem}.draw.{panel.stem}").DRAWINGS
            for name, figure in panel.figures.items():
                draw, alt = partial(_draw, panel, drawings[name]), partial(_alt, stem, name, panel, drawings[name])
                self.FIGURES[name] = FigureSpec(figure.label, draw, alt, figure.click, figure.wide)

    def shown(self, settings: Any) -> tuple[str, ...]:
        """The names of the figures that the page draws for these settings, the hero first."""
        return shown(self._panels, settings)


def _draw(panel: Panel, drawing: Drawing, runs: Sequence[Run], look: Look) -> Any:
    own, *others = runs
    reason = panel.missing(own.result)
    if reason is None:
        chart = drawing.draw([own, *(run for run in others if panel.filled(run.result))], look)
        if chart is not None:
            return chart
    return message(tr(look, reason or panel.nothing), look, height=drawing.height)


def _alt(stem: str, name: str, panel: Panel, drawing: Drawing, result: Any, look: Look) -> str:
    if (reason := panel.missing(result)) is not None:
        return tr(look, reason)
    return plain(words(stem, look.language).alt[name].format(**drawing.numbers(result, look)))
