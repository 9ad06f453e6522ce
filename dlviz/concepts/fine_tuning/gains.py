"""The panel "Gain by labels": what a source gives over training from scratch, for every number of labels."""

from __future__ import annotations

from typing import get_args

import numpy as np

from dlviz.contract import Check, Note, Preset, Study
from dlviz.progress import Progress

from .differences import clear, signed_points
from .result import Result
from .settings import Labels, Settings
from .sweep import Sweep, sweep


def compute(settings: Settings, progress: Progress) -> Sweep:
    """The sweep of the hero for all numbers of labels."""
    return sweep(settings, get_args(Labels), progress)


def fades(result: Result) -> Check:
    """There is a gain over scratch at few labels, and less than two thirds of it is left at many."""
    gains = result.gains
    few, many = (np.mean([gains.gain(label, 0) for label in some], axis=0) for some in (("1", "2", "5"), ("50", "all")))
    holds = clear(few) > 2 and float(many.mean()) < float(few.mean()) / 1.5
    return Check(holds, {"few": signed_points(few), "many": signed_points(many), "all": result.labels("all")})


PRESETS = (
    Preset(
        "fades", Settings(panels=("Gain by labels",), source="Clean", target="Inverted", frozen=1, steps=200), fades
    ),
)


def notice(result: Result) -> list[Note]:
    """The gain at the fewest labels and at the most."""
    gains = result.gains
    values = {
        "few": signed_points(gains.gain("1", 0)),
        "many": signed_points(gains.gain("all", 0)),
        "all": result.labels("all"),
    }
    return [Note("gains", values)]


STUDY = Study(compute, PRESETS, notice=notice)
