"""What the common tests must know of the concept "Backpropagation through time"."""

from cases import ROUNDING, SINGLE, Cases, Dearest
from hypothesis import strategies as st

CASES = Cases(
    short={
        "hidden": lambda _: st.sampled_from([2, 4, 16]),
        "length": lambda _: st.sampled_from([5, 40, 500]),
        "seeds": lambda _: st.sampled_from([1, 3]),
        "seed": lambda _: st.just(999),
        # What is trained is kept by these, so few of each.
        "rate": lambda _: st.sampled_from([0.1, 10.0]),
        "steps": lambda _: st.just(20),
        "training_steps": lambda _: st.just(20),
        "trained_seeds": lambda _: st.just(1),
        "trained_hidden": lambda _: st.just(8),
        "longest": lambda _: st.just(16),
    },
    dear={"steps", "training_steps"},
    small={
        "trained": {"panels": ("All pairs", "Step Jacobian", "Weight gradient", "Gates", "Exploding", "Remembering",
                               "Sequence tasks"), "cells": ("LSTM",), "cell": "GRU", "hidden": 8,
                    "length": 10, "seeds": 2, "data": "Adding", "steps": 20, "trained_hidden": 8, "longest": 16,
                    "training_steps": 20, "trained_seeds": 1},
    },
    by_threads={
        "*.reach.*.sigma": ROUNDING,  # singular values
        "*.steps.*": ROUNDING,
        "trained.exploding.*": SINGLE,
    },
    by_device={"*.reach.*.sigma": ROUNDING, "*.steps.*": ROUNDING},
    by_gpu=1e-2,
    dearest=Dearest(
        {"data": "Adding", "cell": "LSTM"},
        at_most=("length", "seeds", "steps", "longest", "trained_seeds"),
        less={"hidden": 8},
        long=True,
    ),
    first_looks={"open_gates": {"training_steps": 20, "trained_seeds": 1, "longest": 16}},
    anywhere="pairs",
)  # fmt: skip
