"""What the common tests must know of the concept "Activation functions"."""

from cases import ROUNDING, Cases, Dearest
from hypothesis import strategies as st


def shorten() -> None:
    from dlviz.concepts.activations import dying, learned

    dying.STEPS, dying.EVERY, learned.STEPS = 20, 10, 20


CASES = Cases(
    short={
        "depth": lambda _: st.sampled_from([2, 5, 50]),
        "width": lambda _: st.sampled_from([10, 20]),
        # What is trained is kept by these, so few of each.
        "dying_rate": lambda _: st.sampled_from([0.7, 100.0]),
        "dying_bias": lambda _: st.just(-5.0),
        "learned_rate": lambda _: st.sampled_from([0.1, 10.0]),
        "leaky_slope": lambda _: st.just(0.0),
        "prelu_slope": lambda _: st.sampled_from([-1.0, 0.25]),
        "elu_alpha": lambda _: st.just(1.0),
        "maxout_pieces": lambda _: st.sampled_from([1, 8]),
        "seed": lambda _: st.just(999),
    },
    dear={"maxout_pieces", "dying_rate", "dying_bias", "leaky_slope", "elu_alpha"},
    small={
        "trained": {"panels": ("Gradient by depth", "Saturation by depth", "Zigzag", "Dying ReLU", "Learned slope",
                               "Softmax"), "depth": 5, "width": 20},
    },
    shorten=shorten,
    clock=("default.table.costs",),
    by_threads={
        "*.theory.bound": ROUNDING,  # spectral norms
        "trained.zigzag.agreement.*": ROUNDING,  # a mean over 100,000 activations
    },
    by_device={"*.theory.bound": ROUNDING},
    dearest=Dearest(at_most=("depth",), less={"width": 64}, long=True),
    first_looks={"learned": {"panels": ()}},
)  # fmt: skip
