"""Fine-tuning: which layers of a trained network should stay as they are, and when does any of it pay?"""

from __future__ import annotations

from dlviz.studies import Studies

from .result import Result
from .script import code
from .settings import Settings
from .sweep import facts

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

_studies = Studies(__package__, Settings, Result)
PRESETS, run, readouts, notice = _studies.presets, _studies.run, _studies.readouts, _studies.notice
