"""What the common tests must know of the concept "Fine-tuning"."""

from cases import SINGLE, Cases, Dearest
from hypothesis import strategies as st

_SHORT = {"labels": "5", "seeds": 2, "steps": 10, "source_steps": 10}

CASES = Cases(
    short={
        # What is trained is kept by these, so few of each.
        "layers": lambda _: st.sampled_from([4, 8]),
        "noise": lambda _: st.just(0.3),
        "steps": lambda _: st.just(10),
        "source_steps": lambda _: st.just(10),
        "rate": lambda _: st.just(0.1),
        "seeds": lambda _: st.just(1),
        "seed": lambda _: st.just(999),
        "decay": lambda _: st.just(0.45),
        "l2sp": lambda _: st.sampled_from([0.0, 100.0]),
        "distillation": lambda _: st.sampled_from([0.0, 1.0]),
    },
    dear={"layers", "steps", "source_steps", "seeds"},
    small={
        "mlp": _SHORT | {"panels": ("Curves", "Holding on", "What moved", "Gradual unfreezing")},
        "cnn": _SHORT | {"network": "CNN", "panels": ("Curves",)},
    },
    clock=("default.network.seconds",),
    by_device={"cnn.curves.loss": SINGLE},  # convolutions are compiled on the CPU alone
    by_gpu=1e-2,
    dearest=Dearest(at_most=("layers",), less={"seeds": 1, "steps": 20}, long=True),
)
