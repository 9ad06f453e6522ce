"""What the common tests must know of the concept "Normalization"."""

from cases import Cases, Dearest
from hypothesis import strategies as st


def shorten() -> None:
    from dlviz.concepts.normalization import training

    training.TRAINED_ON = 16


CASES = Cases(
    short={
        "batches": lambda _: st.just(100),
        "depth": lambda _: st.sampled_from([2, 20]),
        "trained": lambda _: st.sampled_from([(), ("BatchNorm", "Switchable")]),
        "last_side": lambda _: st.just("1"),
        "epochs": lambda _: st.just(1),
        "training_seeds": lambda _: st.just(1),
        "rate": lambda _: st.sampled_from([0.05, 1.0]),
        "seed": lambda _: st.just(999),
    },
    dear={"epochs", "training_seeds", "rate"},
    small={
        "trained": {"panels": ("Training", "Depth", "Style", "Steps", "Batch size"), "batches": 100, "epochs": 1,
                    "training_seeds": 1, "depth": 4, "trained": ("None", "BatchNorm", "GroupNorm", "Switchable")},
    },
    shorten=shorten,
    # The CPU's compiled norms sum in another order than torch's do: one of 897 test images.
    by_device={"trained.training.error": 2e-3},
    dearest=Dearest(at_most=("depth", "batches"), less={"epochs": 1, "training_seeds": 1}, long=True),
    anywhere="cell",
)  # fmt: skip
