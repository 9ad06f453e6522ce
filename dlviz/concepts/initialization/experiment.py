"""Initialization: how activations and gradients fare in a deep network before its first step of training."""

from __future__ import annotations

from dlviz.studies import Studies

from .facts import facts
from .result import Result
from .script import code
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

_studies = Studies(__package__, Settings, Result)
PRESETS, run, readouts, notice = _studies.presets, _studies.run, _studies.readouts, _studies.notice
