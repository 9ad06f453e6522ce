"""Inside one rule: the gradient that it is given, the moments that it keeps, and the step that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlviz.contract import Check, Preset, Study
from dlviz.engine.optimizers import RULES
from dlviz.progress import Progress

from . import convergence
from .descents import record
from .settings import Settings

if TYPE_CHECKING:
    from .result import Result


@dataclass(frozen=True)
class Inside:
    """An optimizer's own quantities, each (T, 2): per step and coordinate, for the first repeat."""

    optimizer: str
    gradient: np.ndarray  # the gradient that the rule was given
    first_moment: np.ndarray | None
    root_second_moment: np.ndarray | None  # the rule's √V, before ε and bias correction
    step: np.ndarray  # |Δw|
    rate: float


def compute(settings: Settings, progress: Progress) -> Inside:
    """Of the very descent that the race shows."""
    seen = record(settings, progress)
    rule = RULES[seen.optimizer]

    def accumulator(which: str | None) -> np.ndarray | None:
        # State is recorded after each step; row 0 is the state before the first.
        return None if which is None else seen.state[1:, rule.state.index(which)]

    second = accumulator(rule.second_moment)
    return Inside(
        seen.optimizer,
        seen.gradient,
        accumulator(rule.first_moment),
        None if second is None else np.sqrt(second),
        np.abs(np.diff(seen.w, axis=0)),
        seen.rate,
    )


def no_bias_correction(result: Result) -> Check:
    """Adam's first step without bias correction is (1 − β₁)/√(1 − β₂) learning rates long."""
    inside, settings = result.inside, result.settings
    first = float(inside.step[0].max() / inside.rate)
    theory = (1 - settings.adam_beta1) / np.sqrt(1 - settings.adam_beta2)
    return Check(bool(abs(first / theory - 1) < 0.01), {"first": first, "theory": float(theory)})


def shrinking_step(result: Result) -> Check:
    """AdaGrad's rate η/√Σg² has shrunk by the end; RMSprop, which forgets, is nearer to the minimum."""
    race, inside = result.race, result.inside
    steps = {descent.optimizer: convergence.steps_to_tolerance(race, descent) for descent in race.descents}
    adagrad, rmsprop = steps["AdaGrad"], steps["RMSprop"]
    if inside.root_second_moment is None:
        raise ValueError("a rule without a second moment has no effective rate")
    effective = inside.rate / inside.root_second_moment[[0, -1], 0]
    return Check(
        bool(effective[1] < effective[0] / 2 and rmsprop is not None and (adagrad is None or rmsprop < adagrad)),
        {"ratio": float(effective[0] / effective[1]), "rmsprop": rmsprop, "steps": len(inside.step)},
    )


PRESETS = (
    Preset(
        "bias_correction",
        Settings(
            surface="Himmelblau",
            optimizers=("Adam",),
            learning_rate=0.3,
            adam_bias_correction=False,
            panels=("Inside the rule",),
        ),
        no_bias_correction,
        pin=Settings(surface="Himmelblau", optimizers=("Adam",), learning_rate=0.3, panels=("Inside the rule",)),
    ),
    Preset(
        "adagrad",
        Settings(
            surface="Ravine",
            optimizers=("AdaGrad", "RMSprop"),
            learning_rate=0.02,
            steps=500,
            panels=("Inside the rule",),
            inside_optimizer="AdaGrad",
        ),
        shrinking_step,
    ),
)


STUDY = Study(compute, PRESETS)
