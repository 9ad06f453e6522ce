"""A concept's computing half, put together from the studies of its panels."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any

from dlviz.contract import Note, Panel, Preset, Readout, Settings, Study
from dlviz.contract.panels import to_compute
from dlviz.engine.runtime.device import with_fallback
from dlviz.language import words
from dlviz.progress import Progress, silent, split


class Studies:
    """The studies of a concept, each found by the stem of its row: ``STUDY`` in the module of that name.

    ``package`` is the concept's, ``model`` its Settings with the table of panels, ``result`` its Result: a dataclass
    with the settings first and a field for whatever a row fills.
    """

    def __init__(self, package: str, model: type[Settings], result: type[Any]) -> None:
        self._package, self._model, self._result = package, model, result
        stems = dict.fromkeys(panel.stem for panel in model.PANELS)
        self._studies: dict[str, Study] = {stem: import_module(f"{package}.{stem}").STUDY for stem in stems}
        for panel in model.PANELS:
            if (panel.fills is None) is not (self._studies[panel.stem].compute is None):
                raise ValueError(f"{package}: the row {panel.name!r} and its study differ in whether it computes")
        self.run = with_fallback(self._run)

    @cached_property
    def presets(self) -> tuple[Preset, ...]:
        """All presets, in teaching order: that of their words."""
        found = {preset.name: preset for study in self._studies.values() for preset in study.presets}
        listed = words(self._package.rpartition(".")[2], "en").presets
        if set(found) != set(listed):
            raise ValueError(f"{self._package}: only one of the studies and en.md has {set(found) ^ set(listed)}")
        return tuple(found[name] for name in listed)

    def _run(self, settings: Any, progress: Progress = silent) -> Any:
        """What is always shown, and what the chosen panels need.

        ``progress`` is called with the share done and may raise to stop. Equal settings give equal numbers, but for
        what a clock measures.
        """
        progress(0.0)
        rows = [row for row in to_compute(self._model.PANELS, settings) if row.fills]
        found: dict[str, Any] = {}
        for row, watch in zip(rows, split(progress, [row.takes(settings) for row in rows]), strict=True):
            compute = self._studies[row.stem].compute
            if compute is not None and row.fills is not None:
                found[row.fills] = compute(settings, watch)
        progress(1.0)
        return self._result(settings, **found)

    def readouts(self, result: Any) -> list[Readout]:
        """The page's numbers, panel by panel: measured beside theory."""
        return [readout for row in self._computed(result) for readout in self._studies[row.stem].readouts(result)]

    def notice(self, result: Any) -> list[Note]:
        """What to notice, panel by panel: sentences that are true of this very run."""
        return [note for row in self._computed(result) for note in self._studies[row.stem].notice(result)]

    def _computed(self, result: Any) -> tuple[Panel, ...]:
        return tuple(
            row for row in to_compute(self._model.PANELS, result.settings) if row.filled(result) or not row.name
        )
