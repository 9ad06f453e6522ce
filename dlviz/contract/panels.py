"""The table of panels: all that a page can show, a row each, before anything is computed or drawn.

A concept lists its panels in ``panels.py``. From that table follow the choice "Also show", what a run computes, which
figures are shown, and what is said where there is none. What a row needs is found by its stem: ``<stem>.py`` computes
and says (:class:`dlviz.contract.Study`), ``draw/<stem>.py`` draws (:class:`dlviz.contract.Drawing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SWITCHED_OFF = "Switch this panel on in the settings."


def _always(_settings: Any) -> bool:
    return True


@dataclass(frozen=True)
class Figure:
    """One picture of a panel; ``label`` is a gettext id.

    ``click`` says which settings a click on it sets (setting -> field of the row that was clicked), where the chart
    offers the point selection ``drawing.grammar.interaction.START`` with these fields. A ``wide`` figure has a row of
    the page for itself. ``when(settings)`` is false where the page leaves the figure out of its panel.
    """

    label: str
    click: Mapping[str, str] = field(default_factory=dict)
    wide: bool = False
    when: Callable[[Any], bool] = _always


@dataclass(frozen=True)
class Empty:
    """Where a panel has nothing to draw though it is on: ``when(settings)``, and the ``reason``, a gettext id."""

    reason: str
    when: Callable[[Any], bool]


@dataclass(frozen=True)
class Panel:
    """One row: what is switched on together.

    ``name`` is its word in "Also show" (a gettext id), "" for what is always shown: the hero, first in the table.
    ``fills`` is the field of the concept's Result that its study computes, None where it draws what others computed;
    ``cost`` is about how long that takes, in a unit that the rows of a table share. ``figures`` are its pictures by
    name. Where it is ``empty`` it is not computed; ``nothing`` is said where its study finds nothing (None), or nothing
    that can be drawn. Rows with one stem share its study, which is computed once for all of them.
    """

    name: str
    stem: str
    figures: Mapping[str, Figure]
    fills: str | None = None
    cost: float | Callable[[Any], float] = 0.1
    empty: Empty | None = None
    nothing: str = "nothing to draw: no finite values"

    def on(self, settings: Any) -> bool:
        """Whether the page shows it."""
        return not self.name or self.name in settings.panels

    @property
    def chosen(self) -> tuple[str, ...]:
        """The value of the setting ``panels`` with which this row alone is on."""
        return (self.name,) if self.name else ()

    def computed(self, settings: Any) -> bool:
        """Whether a run with these settings computes it. What is always shown always is."""
        return not self.name or (self.on(settings) and not self._is_empty(settings))

    def missing(self, result: Any) -> str | None:
        """Why there is nothing to draw of a result (a gettext id), or None."""
        if not self.on(result.settings):
            return SWITCHED_OFF
        if self.empty is not None and self.empty.when(result.settings):
            return self.empty.reason
        return None if self.filled(result) else self.nothing

    def filled(self, result: Any) -> bool:
        """Whether a result has what is drawn: where the hero computes it, also if the panel is off."""
        return not self._is_empty(result.settings) and (self.fills is None or getattr(result, self.fills) is not None)

    def _is_empty(self, settings: Any) -> bool:
        return self.empty is not None and self.empty.when(settings)

    def takes(self, settings: Any) -> float:
        """About how long it takes with these settings."""
        return self.cost(settings) if callable(self.cost) else self.cost


def shown(panels: Iterable[Panel], settings: Any) -> tuple[str, ...]:
    """The names of the figures that the page draws for these settings, in the order of the table."""
    return tuple(
        name
        for panel in panels
        if panel.on(settings)
        for name, figure in panel.figures.items()
        if figure.when(settings)
    )


def to_compute(panels: Iterable[Panel], settings: Any) -> tuple[Panel, ...]:
    """The rows that a run with these settings computes, one a stem."""
    rows: dict[str, Panel] = {}
    for panel in panels:
        if panel.computed(settings):
            rows.setdefault(panel.stem, panel)
    return tuple(rows.values())
