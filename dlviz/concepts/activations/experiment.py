"""Where does a neuron stop learning? Activation functions, their slopes, and what these do to a network."""

from __future__ import annotations

from dlviz.studies import Studies

from .neuron import facts
from .result import Result
from .script import code
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

_studies = Studies(__package__, Settings, Result)
PRESETS, run, readouts, notice = _studies.presets, _studies.run, _studies.readouts, _studies.notice
