"""What the common tests must know of the concept "Loss surfaces and optimizers"."""

from cases import ROUNDING, Cases, Dearest
from hypothesis import strategies as st

from dlviz.concepts.loss_surfaces.settings import BASIN_SIDES

EXPRESSIONS = [
    "x^2 + y^2", "sin(x)*y", "abs(x) - y", "3", "log(x) + y^2",
    "1/sin(70x)/sin(70y)", "tan(99x)*tan(99y)", "exp(exp(x^2)) - y", "1e300x^12", "x/1e300", "abs(x)^0.1*y^-3",
]  # fmt: skip


def shorten() -> None:
    from dlviz.concepts.loss_surfaces import scene

    scene.SIDE_ON_GPU = 21


CASES = Cases(
    short={
        "optimizers": lambda options: st.sets(st.sampled_from(options), max_size=4).map(tuple),
        "surface": lambda options: st.sampled_from([option for option in options if option != "Digits network"]),
        "expression": lambda _: st.sampled_from(EXPRESSIONS),
        "steps": lambda _: st.sampled_from([1, 10, 50]),
        "panels": lambda options: st.sets(st.sampled_from(sorted({*options} - {"Basins of attraction"}))).map(tuple),
    },
    small={
        "digits": {"surface": "Digits network", "optimizers": ("SGD", "Adam"), "steps": 10},
        "logistic": {"surface": "Breast cancer", "optimizers": ("SGD", "Lion"), "steps": 10, "basin_resolution": 16,
                     "basin_steps": 20, "panels": ("Basins of attraction",)},
        "regression": {"surface": "Diabetes standardised", "optimizers": ("SGD",), "steps": 10},
    },
    shorten=shorten,
    by_limit=("digits.race.scene.z", "digits.race.scene.sampled"),  # a GPU computes all of a network's landscape
    by_threads={
        "digits.race.scene.*": ROUNDING,  # the network was trained with sums over 500 examples
        "digits.*": 1e-9,  # and the paths go on its surface
    },
    by_gpu=1e-6,
    in_float64=True,
    dearest=Dearest(
        {"surface": "Rastrigin", "noise": 1.0, "basin_resolution": BASIN_SIDES["formula"][3], "basin_steps": 10},
        at_most=("steps", "repeats"),
    ),
)  # fmt: skip
