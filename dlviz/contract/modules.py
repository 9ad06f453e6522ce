"""What the modules of a concept offer to the frame, to the command line and to notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dlviz.contract.results import Note, Preset, Readout
from dlviz.contract.runs import Run
from dlviz.contract.settings import Settings
from dlviz.progress import Progress, silent


def _nothing(_result: Any) -> list[Any]:
    return []


@dataclass(frozen=True)
class Study:
    """``STUDY`` in ``<stem>.py``: what a panel computes, and what is claimed, measured and said of it.

    ``compute(settings, progress)`` gives the value of the result's field that its row names in ``fills``; it is None
    where the study computes nothing. ``readouts(result)`` and ``notice(result)`` are asked only where the panel
    is computed.
    """

    compute: Callable[[Any, Progress], Any] | None = None
    presets: tuple[Preset, ...] = ()
    readouts: Callable[[Any], list[Readout]] = _nothing
    notice: Callable[[Any], list[Note]] = _nothing


@dataclass(frozen=True)
class Drawing:
    """A figure's entry in ``DRAWINGS`` of ``draw/<stem>.py``.

    ``draw(runs, look)`` gives the Altair chart of the first run, with the others beside it where the figure can show
    them, or None where no number of it is finite. It is called only with runs whose panel is computed. ``numbers(
    result, look)`` are the values of its text alternative, the sentence under ``## Alt`` with its name. ``height`` in
    px is that of the sentence that stands in its place where there is nothing to draw.
    """

    draw: Callable[[Sequence[Run], Any], Any]
    numbers: Callable[[Any, Any], Mapping[str, object]]
    height: int


@dataclass(frozen=True)
class FigureSpec:
    """One picture of a concept as the page draws it, whatever the settings.

    ``draw(runs, look)`` gives the Altair chart, the first run being the page's own; ``alt(result, look)`` the text
    alternative in the language of the look. The rest is that of :class:`dlviz.contract.Figure`.
    """

    label: str
    draw: Callable[..., Any]
    alt: Callable[..., str]
    click: Mapping[str, str] = field(default_factory=dict)
    wide: bool = False


class Experiment(Protocol):
    """What ``experiment.py`` of a concept offers: its settings and presets, the run, and what is said of a result."""

    @property
    def Settings(self) -> type[Settings]:
        """The model of its settings, with the table of panels."""

    @property
    def PRESETS(self) -> tuple[Preset, ...]:
        """Its presets, in teaching order."""

    def run(self, settings: Any, progress: Progress = silent) -> Any:
        """The result for these settings. Equal settings give equal numbers, but for what a clock measures.

        ``progress`` is called every few milliseconds and may raise to stop.
        """

    def readouts(self, result: Any) -> list[Readout]:
        """The page's numbers, measured beside theory."""

    def notice(self, result: Any) -> list[Note]:
        """What to notice: sentences that are true of this very run."""

    def facts(self, result: Any) -> list[Note]:
        """What heads the explanation, with the numbers of this run."""

    def code(self, result: Any) -> str:
        """A script in plain PyTorch that computes the page's main numbers."""


class Figures(Protocol):
    """The pictures of a concept."""

    @property
    def FIGURES(self) -> dict[str, FigureSpec]:
        """Every figure by its name, in the order of the table."""

    def shown(self, settings: Any) -> tuple[str, ...]:
        """The names of the figures that the page draws for these settings, the hero first."""
