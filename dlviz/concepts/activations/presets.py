"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset
from dlviz.numbers import fixed, percent, small

from . import zigzag
from .measure import NEAR, Result
from .settings import Settings

SWISH_GAP = 0.2784645427610738
"""max over x > 0 of x (1 − σ(x)): β times the largest distance between Swish and ReLU (Lambert's W(1/e))."""


def factor_per_layer(result: Result, name: str) -> float:
    """Factor of the gradient per layer, from the last to the first: the geometric mean over layers and seeds."""
    back = result.deep[name].passed_back
    return float(np.exp(np.log(back[:, 0]).mean() / (back.shape[1] - 1)))


def vanishing(result: Result) -> Check:
    """Behind sigmoids the gradient shrinks by the mean-field factor √χ a layer, which is below 1/4."""
    measured = factor_per_layer(result, "Sigmoid")
    theory = float(result.theory.gradient[0] ** (1 / (len(result.theory.gradient) - 1)))
    left = float(np.median(result.deep["Sigmoid"].passed_back[:, 0]))
    holds = abs(measured / theory - 1) < 0.05 and measured < result.theory.steepest and left < 1e-10
    values = {"measured": measured, "theory": theory, "left": left, "layers": len(result.theory.gradient)}
    return Check(bool(holds), {**values, "steepest": result.theory.steepest})


def centred(result: Result) -> Check:
    """Behind sigmoids all gradients of a neuron on one sample have one sign and its weights zigzag; behind tanh not."""
    signs = {a.name: a for a in result.agreement}
    ways = {p.name: p for p in result.paths}
    sigmoid, tanh = signs["Sigmoid"], signs["Tanh"]
    steps = {name: way.steps_within(NEAR) for name, way in ways.items()}
    error = 4 * result.neuron.spread / np.sqrt(result.neuron.samples)
    holds = (
        result.neuron.name == "Tanh" and abs(result.neuron.mean) < error + abs(result.settings.mean)
        and sigmoid.mean[0] == 1 and tanh.mean[0] < 0.65
        and ways["Sigmoid"].one_sign == 1 and None not in steps.values() and steps["Tanh"] < steps["Sigmoid"] / 3
    )  # fmt: skip
    return Check(
        bool(holds),
        {
            "mean": fixed(result.neuron.mean, 3), "inputs": sigmoid.inputs,
            "sigmoid": percent(float(sigmoid.mean[0])), "tanh": percent(float(tanh.mean[0])),
            "chance": percent(zigzag.chance(sigmoid.inputs)),
            "near": NEAR, "slow": steps["Sigmoid"], "quick": steps["Tanh"],
        },
    )  # fmt: skip


def _end(result: Result, name: str) -> tuple[float, float]:
    """Dead share and accuracy at the end of training, medians over seeds; NaN where a run has overflowed."""
    found = result.dying[name]
    return float(np.median(found.dead[:, -1])), float(np.median(found.accuracy[:, -1]))


def dying(result: Result) -> Check:
    """A large rate kills ReLUs that were alive; leaky ReLU and ELU keep all units at the same rate."""
    before = float(np.median(result.dying["ReLU"].dead[:, 0]))
    dead, _ = _end(result, "ReLU")
    leaky, elu = (_end(result, name)[0] for name in ("Leaky ReLU", "ELU"))
    holds = before < 0.02 and dead > 0.15 and leaky == 0 and elu == 0
    return Check(holds, {"before": percent(before), "dead": percent(dead), "rate": result.settings.dying_rate})


def never_woken(result: Result) -> Check:
    """A bias far below zero: ReLUs dead from the start, a network that does not learn, and one of ELUs that does."""
    before = float(np.median(result.dying["ReLU"].dead[:, 0]))
    dead, relu = _end(result, "ReLU")
    elu, maxout = (_end(result, name)[1] for name in ("ELU", "Maxout"))
    holds = before > 0.3 and dead > 0.3 and relu < 0.3 and elu > 0.9 and maxout > 0.9
    shares = {"before": before, "dead": dead, "relu": relu, "elu": elu, "maxout": maxout}
    said = {name: percent(share) for name, share in shares.items()}
    return Check(holds, {"bias": small(result.settings.dying_bias), **said})


def one_hot(result: Result) -> Check:
    """At a low temperature softmax is nearly one-hot, and its Jacobian nearly zero."""
    found = result.softmax
    largest, _, jacobian = found.here
    flat = float(np.sqrt(found.classes - 1) / found.classes)
    holds = largest > 0.999 and jacobian < 1e-3 * flat
    return Check(holds, {"temperature": found.temperature, "largest": largest, "jacobian": jacobian, "flat": flat})


def swish_gap(result: Result) -> tuple[float, float]:
    """Largest distance between Swish and ReLU on the screen, and 0.2785/β."""
    n = result.neuron
    return float(np.abs(n.f - np.maximum(n.x, 0)).max()), SWISH_GAP / n.parameter


def swish(result: Result) -> Check:
    """At a large β Swish is ReLU up to 0.2785/β."""
    measured, theory = swish_gap(result)
    values = {"beta": result.neuron.parameter, "gap": measured, "theory": theory}
    return Check(abs(measured / theory - 1) < 0.02, values)


def self_normalising(result: Result) -> Check:
    """SELU keeps mean 0 and standard deviation 1, of one neuron's outputs and through all layers."""
    n = result.neuron
    stds = np.median(result.deep["SELU"].std, axis=0)
    holds = abs(n.mean) < 0.05 and abs(n.spread - 1) < 0.05 and np.abs(stds - 1).max() < 0.25
    values = {"mean": fixed(n.mean, 3), "std": n.spread, "last": float(stds[-1]), "layers": len(stds)}
    return Check(bool(holds), values)


def learned(result: Result) -> Check:
    """Training moves every slope, and the first layer's most."""
    ends = np.median(result.learned.slopes[:, :, -1], axis=1)
    accuracy = float(np.median(result.learned.accuracy))
    start = result.learned.start
    holds = bool((np.abs(ends - start) > 0.1).all() and ends[0] > ends[-1] and accuracy > 0.95)
    values = {"start": start, "first": ends[0], "last": ends[-1], "layers": len(ends), "accuracy": percent(accuracy)}
    return Check(holds, values)


def table(result: Result) -> Check:
    """No slope of the sigmoid exceeds 1/4; of all functions few have mean zero under N(0, 1)."""
    rows = {row.name: row for row in result.table}
    centred_ = [row.name for row in result.table if abs(row.mean) < 1e-3]
    both = [row.name for row in result.table if row.saturates_left and row.saturates_right]
    holds = abs(rows["Sigmoid"].steepest - 0.25) < 1e-9 and {"Tanh", "SELU"} <= set(centred_)
    holds = holds and both == ["Sigmoid", "Tanh"]
    values = {"centred": ", ".join(centred_), "both": ", ".join(both), "count": len(rows)}
    return Check(holds, {**values, "steepest": rows["Sigmoid"].steepest})


PRESETS: tuple[Preset, ...] = (
    Preset("vanishing", Settings(depth=30), vanishing),
    Preset(
        "centred", Settings(panels=("Zigzag",), function="Tanh"), centred,
        pin=Settings(panels=("Zigzag",), function="Sigmoid"),
    ),
    Preset(
        "dying", Settings(panels=("Dying ReLU",), function="ReLU", dying_rate=0.7, dying_bias=1.0), dying
    ),
    Preset(
        "never_woken", Settings(panels=("Dying ReLU",), function="ReLU", mean=-2.0, dying_rate=0.1, dying_bias=-2.0),
        never_woken,
    ),
    Preset("one_hot", Settings(panels=("Softmax",), temperature=0.5), one_hot),
    Preset(
        "swish", Settings(panels=(), function="Swish", swish_beta=10.0), swish,
        pin=Settings(panels=(), function="Swish", swish_beta=0.0),
    ),
    Preset(
        "self_normalising",
        Settings(
            panels=("Saturation by depth",), function="SELU", std=1.0, compared=("Tanh", "ReLU", "SELU"), depth=50
        ),
        self_normalising,
    ),
    Preset("learned", Settings(panels=("Learned slope",), function="PReLU"), learned),
    Preset("table", Settings(panels=("Table",)), table),
)  # fmt: skip
