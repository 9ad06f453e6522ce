"""What the common tests must know of the concept "Initialization"."""

from cases import ROUNDING, SINGLE, Cases, Dearest
from hypothesis import strategies as st

CASES = Cases(
    short={
        "depth": lambda _: st.sampled_from([1, 2, 20, 100]),
        "width": lambda _: st.sampled_from([8, 16]),
        "samples": lambda _: st.sampled_from([10, 20]),
        "repeats": lambda _: st.sampled_from([1, 2]),
        # What is trained is kept by these, so few of each.
        "train_depth": lambda _: st.sampled_from([1, 4]),
        "train_steps": lambda _: st.just(10),
        "symmetry_steps": lambda _: st.just(10),
        "seed": lambda _: st.sampled_from([0, 999]),
    },
    dear={"train_steps"},
    small={
        "trained": {"panels": ("Grid", "Order and chaos", "Singular values", "Symmetry", "Training"), "depth": 4,
                    "width": 16, "scheme": "Orthogonal", "sigma_b": 0.1, "repeats": 1, "symmetry_steps": 20,
                    "train_depth": 2, "train_steps": 20},
    },
    by_threads={
        "*.signals.std": ROUNDING,  # moments over all units and inputs
        "*.signals.rms": ROUNDING,
        "*.signals.gradient": ROUNDING,
        "trained.spectra.*": 1e-7,  # singular values far below the largest
        "trained.chaos.*": ROUNDING,  # on some processors
        "trained.symmetry.accuracy": 0.03,  # one of 360 images, of a network whose classes are all but level
        "trained.symmetry.*": 1e-9,
        "trained.training.*": SINGLE,
    },
    by_device={"trained.spectra.*": 1e-7, "trained.grid.*": ROUNDING},
    dearest=Dearest(
        at_most=("depth", "repeats", "samples", "train_steps", "symmetry_steps"), less={"width": 64}, long=True
    ),
    first_looks={"xavier_relu": {"repeats": 2}},
)  # fmt: skip
