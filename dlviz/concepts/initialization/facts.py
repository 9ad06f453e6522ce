"""What is on the screen before any sentence about it: the network, its activation and its weights."""

from __future__ import annotations

from dlviz.contract import Note
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import INITIALIZERS

from .result import Result


def facts(result: Result) -> list[Note]:
    """What heads the explanation, with the numbers of this run."""
    settings, fan_in = result.settings, result.signals.fan_in
    first, others = settings.rms(fan_in, settings.width), settings.rms(settings.width, settings.width)
    shape = {"layers": settings.depth, "units": settings.width, "inputs": settings.samples, "fan_in": fan_in}
    network = Note("network", {**shape, "formula": ACTIVATIONS[settings.activation].formula})
    weights = {"formula": INITIALIZERS[settings.scheme].formula, "first": f"{first:.3g}", "others": f"{others:.3g}"}
    key = "weights" if settings.depth > 1 else "weights_one"
    return [network, Note(key, {**weights, "sigma_b": settings.sigma_b})]
