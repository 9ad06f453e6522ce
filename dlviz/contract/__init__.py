"""What every concept is made of: settings with knobs, a table of panels, presets with claims, and the words' slots.

A concept has ``settings.py`` (a subclass of :class:`Settings`), ``panels.py`` (its :class:`Panel` rows), ``<stem>.py``
and ``draw/<stem>.py`` for each row, ``result.py``, ``script.py`` and ``experiment.py``, which puts them together.
Everything that shows or stores settings (widgets, links, command line, caption, cache key) reads the same model, so no
bound stands in two places.

This package imports neither torch nor altair nor streamlit.
"""

from dlviz.contract.knobs import Knob, also_shown, knob, log_ticks, on_panel
from dlviz.contract.modules import Drawing, Experiment, Figures, FigureSpec, Study
from dlviz.contract.panels import SWITCHED_OFF, Empty, Figure, Panel
from dlviz.contract.results import Check, Computed, Fallback, Note, Preset, Readout, Result, switched_off
from dlviz.contract.runs import Run
from dlviz.contract.settings import PANELS, Rejected, Settings

__all__ = [
    "PANELS", "SWITCHED_OFF", "Check", "Computed", "Drawing", "Empty", "Experiment", "Fallback", "Figure", "FigureSpec",
    "Figures", "Knob", "Note", "Panel", "Preset", "Readout", "Rejected", "Result", "Run", "Settings", "Study",
    "also_shown", "knob", "log_ticks", "on_panel", "switched_off",
]  # fmt: skip
