"""Where does a neuron stop learning? Activation functions, their slopes, and what these do to a network."""

from __future__ import annotations

from typing import Any

from dlviz.engine.runtime.device import with_fallback
from dlviz.progress import Progress, silent, split

from . import costs, depth, dying, learned, softmax, zigzag
from .measure import Result
from .neuron import neuron
from .presets import PRESETS
from .script import code
from .sentences import facts, notice, readouts
from .settings import BY_DEPTH, Settings

__all__ = ["PRESETS", "Result", "Settings", "code", "facts", "notice", "readouts", "run"]

COSTS = {
    "deep": 1.0,
    "theory": 0.5,
    "agreement": 0.3,
    "paths": 0.1,
    "grid": 8.0,
    "dying": 6.0,
    "learned": 5.0,
    "softmax": 0.5,
    "costs": 2.0,
}
"""About how long each part takes, in one unit; others take a tenth of it."""


@with_fallback
def run(settings: Settings, progress: Progress = silent) -> Result:
    """The function above, and what the chosen panels need of it. Equal settings give equal numbers.

    The one exception is the measured cost in the table: it is timed once while the program runs.
    """
    progress(0.0)
    s, name = settings, settings.function
    parts: dict[str, Any] = {}
    if set(BY_DEPTH) & set(s.panels):
        functions = tuple((other, s.parameter(other)) for other in s.deep())
        epsilon = s.epsilon if "Saturation by depth" in s.panels else None
        shape = (s.depth, s.width, s.weight_scale, epsilon, s.seed)
        parts["deep"] = lambda report: depth.measured(functions, *shape, progress=report)
        if name in s.deep():
            parts["theory"] = lambda report: depth.predicted(name, s.parameter(name), *shape, progress=report)
    if "Zigzag" in s.panels:
        inputs = [*zigzag.INPUT_FUNCTIONS]
        inputs += [name] if name not in inputs and name in s.options("compared") else []
        parts["agreement"] = lambda report: tuple(
            zigzag.agreement(other, s.parameter(other), s.seed, progress=report) for other in inputs
        )
        parts["paths"] = lambda report: tuple(
            zigzag.path(other, s.parameter(other), s.seed, progress=report) for other in inputs
        )
    if "Dying ReLU" in s.panels:
        parts["grid"] = lambda report: dying.grid(s.seed, progress=report)
        parts["dying"] = lambda report: dying.lines(
            s.dying_rate, s.dying_bias, s.leaky_slope, s.elu_alpha, s.maxout_pieces, s.seed, progress=report
        )
    if "Learned slope" in s.panels:
        parts["learned"] = lambda report: learned.slopes(s.prelu_slope, s.learned_rate, s.seed, progress=report)
    if "Softmax" in s.panels:
        parts["softmax"] = lambda report: softmax.softmax(s.temperature, progress=report)
    if "Table" in s.panels:
        rows = costs.listed(s)
        parts["table"] = lambda report: tuple(
            costs.properties(other, value, s.maxout_pieces, s.seed) for other, value in rows
        )
        parts["costs"] = lambda report: costs.costs(rows, s.maxout_pieces, s.seed, progress=report)
    watches = split(progress, [COSTS.get(part, 0.1) for part in parts])
    found = {part: compute(watch) for (part, compute), watch in zip(parts.items(), watches, strict=True)}
    one = neuron(name, s.parameter(name), s.maxout_pieces, s.mean, s.std, s.epsilon, s.seed)
    progress(1.0)
    return Result(settings, one, **found)
