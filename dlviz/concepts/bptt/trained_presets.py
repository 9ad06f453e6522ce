"""Phenomena of the panels that train, each with a claim that is computed from the run shown."""

from __future__ import annotations

import numpy as np

from dlviz.contract import Check, Preset
from dlviz.numbers import percent, small

from .measure import Result
from .settings import Settings
from .texts import tensor


def clipping_saves(result: Result) -> Check:
    """The plain run leaves the range of numbers; clipped by norm or by value it learns."""
    found = result.exploding
    first, end = float(found.loss[0, 0]), found.end("Plain")
    norm, value = found.last("Clipped by norm"), found.last("Clipped by value")
    values = {
        "step": end.step if end else found.steps,
        "tensor": tensor(end) if end else "–",
        "first": first,
        "norm": norm,
        "value": value,
        "angle": float(np.median(found.angles("Clipped by value"))),
    }
    return Check(end is not None and max(norm, value) < 0.75 * first, values)


def over_the_cliff(result: Result) -> Check:
    """Nothing overflows, and yet the plain run is thrown back again and again, while the clipped ones learn."""
    found = result.exploding
    plain, norm, value = (found.last(cure) for cure in ("Plain", "Clipped by norm", "Clipped by value"))
    holds = found.end("Plain") is None and max(norm, value) < 0.1 * found.loss[0, 0] and plain > 5 * max(norm, value)
    return Check(
        bool(holds),
        {
            "first": float(found.loss[0, 0]),
            "plain": plain,
            "norm": norm,
            "value": value,
            "share": percent(found.share("Clipped by norm")),
            "largest": small(float(np.nanmax(found.norm[:, 0]))),
        },
    )


def gates_remember(result: Result) -> Check:
    """With open gates LSTM and GRU still answer at the longest lag; vanilla RNNs hardly do."""
    found = result.remembering
    lag = int(found.lags[-1])
    at = {cell: found.median(cell, lag) for cell in found.cells}
    return Check(
        min(at["LSTM"], at["GRU"]) > 0.6 and max(at["RNN tanh"], at["RNN ReLU"]) < 0.35,
        {
            "lag": lag,
            "lstm": percent(at["LSTM"]),
            "gru": percent(at["GRU"]),
            "tanh": percent(at["RNN tanh"]),
            "relu": percent(at["RNN ReLU"]),
            "chance": percent(found.chance),
        },
    )


def truncation_blinds(result: Result) -> Check:
    """Below k the symbol is learned; at twice k the answers are guesses."""
    found = result.remembering
    k, cell = found.truncation, found.cells[0]
    near, far = (int(lag) for lag in (found.lags[found.lags < k][-1], found.lags[found.lags >= 2 * k][0]))
    return Check(
        found.median(cell, near) > 0.9 and found.median(cell, far) < found.guessing,
        {
            "k": k,
            "near": near,
            "far": far,
            "seen": percent(found.median(cell, near)),
            "blind": percent(found.median(cell, far)),
            "chance": percent(found.chance),
        },
    )


def through_the_bottleneck(result: Result) -> Check:
    """The encoder has no loss of its own: all its gradient comes through the state it hands over, and fades on."""
    shape = result.tasks.shapes["Encoder–decoder"]
    boundary = int(np.flatnonzero(shape.inputs)[-1])  # the encoder's last step, counted from 0
    last = shape.gradient[-1]
    return Check(
        bool(shape.losses[0] > boundary + 1 and 0 < last[0] < last[boundary]),
        {"first": float(last[0]), "boundary": float(last[boundary]), "step": boundary + 1},
    )


_TRUNCATED = {
    "panels": ("Remembering",),
    "cells": ("GRU",),
    "adam_rate": 0.01,
    "training_steps": 300,
}

PRESETS = (
    Preset(
        "clipping",
        Settings(
            panels=("Exploding",), cells=("RNN ReLU",), cell="RNN ReLU", matrix="Orthogonal", radius=1.3, rate=0.5,
            weight_decay=0.005, lower_rate=0.02, seed=5,
        ),
        clipping_saves,
    ),
    Preset(
        "cliff",
        Settings(
            panels=("Exploding",), cells=("RNN tanh",), radius=1.5, data="Copy", length=20, clip_value=0.1,
            weight_decay=0.01, lower_rate=0.01, seed=3,
        ),
        over_the_cliff,
    ),
    Preset(
        "open_gates",
        Settings(panels=("Remembering",), forget_bias=4.0, update_bias=3.0),
        gates_remember,
    ),
    Preset(
        "blind",
        Settings(truncated=True, truncation=10, **_TRUNCATED),
        truncation_blinds,
        pin=Settings(truncated=False, truncation=10, **_TRUNCATED),
    ),
    Preset("shapes", Settings(panels=("Sequence tasks",), cells=("LSTM",), cell="LSTM"), through_the_bottleneck),
)  # fmt: skip
