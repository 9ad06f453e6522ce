"""Loss surfaces and optimizers: every racing optimizer on one surface, as one batched run."""

from __future__ import annotations

from dlviz.studies import Studies

from .result import Result
from .scene import facts
from .script import code
from .settings import Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

_studies = Studies(__package__, Settings, Result)
PRESETS, run, readouts, notice = _studies.presets, _studies.run, _studies.readouts, _studies.notice
