"""Phenomena worth a minute of lecture, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset
from dlviz.numbers import percent

from .magnitudes import power
from .measure import Result
from .settings import Settings
from .trained_presets import PRESETS as TRAINED


def all_vanish(result: Result) -> Check:
    """At radius 1 the gradients of all four cells shrink at every step back, the LSTM's the least."""
    rates = {cell: reach.rate() for cell, reach in result.reach.items()}
    last = {cell: float(reach.band()[1][-1]) for cell, reach in result.reach.items()}
    others = max(value for cell, value in last.items() if cell != "LSTM")
    return Check(
        all(rate is not None and rate < 0.95 for rate in rates.values()) and last["LSTM"] > 100 * others,
        {
            "tanh": rates["RNN tanh"],
            "relu": rates["RNN ReLU"],
            "gru": rates["GRU"],
            "lstm": rates["LSTM"],
            "lag": len(result.reach["LSTM"].gradient[0]) - 1,
            "left": power(last["LSTM"]),
            "others": power(others),
        },
    )


def follows_the_radius(result: Result) -> Check:
    """Near the origin and with a normal W, the factor per step back is ρ."""
    reach, rho = result.reach["RNN tanh"], result.settings.radius
    rate = reach.rate()
    ratio = float(np.median(reach.gradient[:, -1] / reach.gradient[:, 0]))
    holds = rate is not None and abs(rate / rho - 1) < 0.005
    return Check(holds, {"rho": rho, "rate": rate, "ratio": ratio, "lag": reach.gradient.shape[1] - 1})


def explodes_until_it_bends(result: Result) -> Check:
    """At radius 1.1 the gradient grows, by less than ρ per step, since h grows too and tanh bends."""
    reach, rho = result.reach["RNN tanh"], result.settings.radius
    rate = reach.rate()
    ratio = float(np.median(reach.gradient[:, -1] / reach.gradient[:, 0]))
    holds = rate is not None and 1.04 < rate < rho and ratio > 50
    return Check(holds, {"rho": rho, "rate": rate, "ratio": ratio, "lag": reach.gradient.shape[1] - 1})


def relu_explodes(result: Result) -> Check:
    """With one and the same W the gradient grows through ReLU and shrinks through tanh."""
    relu, tanh = (result.reach[cell].rate() for cell in ("RNN ReLU", "RNN tanh"))
    last = {cell: float(reach.band()[1][-1]) for cell, reach in result.reach.items()}
    return Check(
        relu > 1.1 and tanh < 0.97,
        {
            "relu": relu,
            "tanh": tanh,
            "many": power(last["RNN ReLU"]),
            "few": power(last["RNN tanh"]),
            "rho": result.settings.radius,
            "lag": result.settings.steps_read - 1,
        },
    )


def norm_says_more(result: Result) -> Check:
    """The powers of a Gaussian W grow before they shrink, though its spectral radius is below one."""
    found = result.steps
    peak = int(np.argmax(found.powers))
    grows = found.radius < 1 < found.norm and found.powers[peak] > 1.5
    return Check(
        bool(grows and found.powers[-1] < found.powers[peak]),
        {
            "rho": found.radius,
            "sigma": found.norm,
            "peak": float(found.powers[peak]),
            "at": peak,
            "theory": found.radius**peak,
        },
    )


def forget_gate_keeps(result: Result) -> Check:
    """With a forget bias of 1 the gradient shrinks by less per step than with 0."""
    rate, forget = result.reach["LSTM"].rate(), float(result.gates.mean[result.gates.names.index("f")].mean())
    return Check(
        rate is not None and rate > 0.75 and forget > 0.65,
        {"rate": rate, "forget": forget, "left": power(result.reach["LSTM"].band()[1][-1])},
    )


def forget_gate_half_open(result: Result) -> Check:
    """With a forget bias of 0 the gates stand half open and the gradient is gone soon."""
    rate, forget = result.reach["LSTM"].rate(), float(result.gates.mean[result.gates.names.index("f")].mean())
    return Check(
        rate is not None and rate < 0.75 and 0.4 < forget < 0.6,
        {"rate": rate, "forget": forget, "left": power(result.reach["LSTM"].band()[1][-1])},
    )


def update_gate_is_a_shortcut(result: Result) -> Check:
    """With z near 1 most of the state is copied, and the copy carries the gradient."""
    found, rate = result.gates, result.reach["GRU"].rate()
    update = float(found.mean[found.names.index("z")].mean())
    return Check(
        update > 0.9 and rate is not None and rate > 0.93 and bool(found.direct[-1] > 1e-3),
        {
            "update": update,
            "rate": rate,
            "direct": float(found.direct[-1]),
            "total": float(found.total[-1]),
            "lag": len(found.direct) - 1,
        },
    )


def truncation_turns(result: Result) -> Check:
    """Where the gradient reaches far, the last k steps are a good part of it but not the whole."""
    found, k = result.weight, min(result.settings.truncation, result.settings.steps_read)
    error, angle = float(np.median(found.error[:, k - 1])), float(np.median(found.angle[:, k - 1]))
    return Check(error > 0.1 and angle > 5, {"k": k, "error": percent(error), "angle": angle})


_LINEAR = {"cells": ("RNN tanh",), "matrix": "Orthogonal", "input_gain": 0.001}
_ONE = Settings(**_LINEAR)
_GATED = {"panels": ("Gates",), "cells": ("LSTM",), "cell": "LSTM"}
_UPDATED = {"panels": ("Gates",), "cells": ("GRU",), "cell": "GRU"}

PRESETS = (
    Preset("four_cells", Settings(), all_vanish),
    Preset("below_one", Settings(radius=0.9, **_LINEAR), follows_the_radius, pin=_ONE),
    Preset("one", _ONE, follows_the_radius),
    Preset("above_one", Settings(radius=1.1, **_LINEAR), explodes_until_it_bends, pin=_ONE),
    Preset(
        "relu",
        Settings(panels=("All pairs", "Step Jacobian"), cells=("RNN tanh", "RNN ReLU"), cell="RNN ReLU", radius=1.8),
        relu_explodes,
    ),
    Preset(
        "norm",
        Settings(panels=("Step Jacobian",), cells=("RNN tanh",), radius=0.95, input_gain=0.001),
        norm_says_more,
    ),
    Preset("forget_zero", Settings(forget_bias=0.0, **_GATED), forget_gate_half_open),
    Preset("forget_one", Settings(**_GATED), forget_gate_keeps, pin=Settings(forget_bias=0.0, **_GATED)),
    Preset(
        "update",
        Settings(update_bias=3.0, **_UPDATED),
        update_gate_is_a_shortcut,
        pin=Settings(**_UPDATED),
    ),
    Preset(
        "truncation",
        Settings(panels=("Weight gradient",), cells=("LSTM",), cell="LSTM", forget_bias=3.0),
        truncation_turns,
    ),
    *TRAINED,
)
