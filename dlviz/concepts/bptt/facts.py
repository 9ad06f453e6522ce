"""What heads the explanation: the networks and the sequences on the screen."""

from __future__ import annotations

from dlviz.contract import Note
from dlviz.numbers import small

from .result import Result

DATA = {
    "Digit by pixels": "pixels",
    "Digit by rows": "rows",
    "Adding": "adding",
    "Copy": "copy",
    "Noise": "noise",
}


def facts(result: Result) -> list[Note]:
    """What is on the screen."""
    s = result.settings
    screen = {"hidden": s.hidden, "steps": s.steps_read, "seeds": s.seeds, "seed": s.seed}
    matrix = {"rho": small(s.radius), "gain": small(s.input_gain)}
    return [Note("screen", screen), Note(DATA[s.data]), Note(s.matrix.lower(), matrix)]
