"""Settings as the page's own controls could give them, and what outsiders send instead, for hypothesis."""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args, get_origin

from hypothesis import find
from hypothesis import strategies as st

from dlviz import catalog

NASTY = st.one_of(
    st.text(max_size=50),
    st.sampled_from(
        [
            "nan",
            "inf",
            "-inf",
            "1e309",
            "",
            " ",
            "<script>alert(1)</script>",
            "x" * 100_000,
            "9" * 5000,
            "\x00",
            "None",
            "[]",
        ]
    ),
    st.floats(),
    st.integers(),
    st.none(),
    st.booleans(),
    st.lists(st.text(max_size=5), max_size=4),
)

EXPRESSIONS = [
    "x^2 + y^2", "sin(x)*y", "abs(x) - y", "3", "log(x) + y^2",
    "1/sin(70x)/sin(70y)", "tan(99x)*tan(99y)", "exp(exp(x^2)) - y", "1e300x^12", "x/1e300", "abs(x)^0.1*y^-3",
]  # fmt: skip

# What keeps a run short: fewer of what it does, never another kind of it.
SHORT = {
    "loss_surfaces": {
        "optimizers": lambda options: st.sets(st.sampled_from(options), max_size=4).map(tuple),
        "surface": lambda options: st.sampled_from([option for option in options if option != "Digits network"]),
        "expression": lambda _: st.sampled_from(EXPRESSIONS),
        "steps": lambda _: st.sampled_from([1, 10, 50]),
        "basins": lambda _: st.just(False),
    },
    "initialization": {
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
    "activations": {
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
    "fine_tuning": {
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
    "normalization": {
        "batches": lambda _: st.just(100),
        "depth": lambda _: st.sampled_from([2, 20]),
        "trained": lambda _: st.sampled_from([(), ("BatchNorm", "Switchable")]),
        "last_side": lambda _: st.just("1"),
        "epochs": lambda _: st.just(1),
        "training_seeds": lambda _: st.just(1),
        "rate": lambda _: st.sampled_from([0.05, 1.0]),
        "seed": lambda _: st.just(999),
    },
    "bptt": {
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
}


# What takes seconds at its upper end, where all else is short: more steps and more seeds of a training.
DEAR = {
    "activations": {"maxout_pieces", "dying_rate", "dying_bias", "leaky_slope", "elu_alpha"},
    "initialization": {"train_steps"},
    "fine_tuning": {"layers", "steps", "source_steps", "seeds"},
    "normalization": {"epochs", "training_seeds", "rate"},
    "bptt": {"steps", "training_steps"},
}


def wide(stem: str) -> list[str]:
    """The numbers that are kept short, and cost little at an end of their bounds if they alone are there."""
    model = catalog.concepts()[stem].experiment.Settings
    return [
        name
        for name in SHORT.get(stem, {})
        if model.model_fields[name].annotation in (int, float) and name not in DEAR.get(stem, ())
    ]


@st.composite
def settings_of(draw, stem: str):
    """Any settings of a concept within their bounds, hidden ones too. Of what is kept short, one may be at an end."""
    model = catalog.concepts()[stem].experiment.Settings
    short = SHORT.get(stem, {})
    values: dict = {}
    so_far = SimpleNamespace(**dict(model()))
    at_an_end = draw(st.one_of(st.none(), st.sampled_from(wide(stem))))
    for name, knob in model.knobs().items():
        options, (low, high) = model.options(name), model.bounds(name)
        annotation = model.model_fields[name].annotation
        whole = annotation is int or int in get_args(annotation)
        if name == at_an_end:
            value = draw(st.sampled_from((low, high)))
        elif name in short:
            value = draw(short[name](options))
        elif options and get_origin(annotation) is tuple:
            value = tuple(draw(st.lists(st.sampled_from(options), max_size=3, unique=True)))
        elif options:
            value = draw(st.sampled_from(options))
        elif annotation is bool:
            value = draw(st.booleans())
        elif knob.span is not None:
            low, high, _usual = knob.span(so_far)
            number = st.integers(int(low), int(high)) if whole else st.floats(low, high)
            value = draw(st.one_of(st.none(), number))
        elif knob.ticks is not None:
            value = draw(st.sampled_from(model.ticks(name)))
        elif whole:
            value = draw(st.integers(int(low), int(high)))
        else:
            value = draw(st.floats(low, high))
        values[name] = value
        setattr(so_far, name, value)
    return model(**values)


def quick(chosen):
    """The settings with every panel and every switch on, and what costs time as small as these tests have it."""
    model = type(chosen)
    stem = next(stem for stem, concept in catalog.concepts().items() if concept.experiment.Settings is model)
    values = dict(chosen) | {name: True for name, field in model.model_fields.items() if field.annotation is bool}
    for name, strategy in SHORT.get(stem, {}).items():
        if model.model_fields[name].annotation in (int, float):
            values[name] = find(strategy(()), lambda _: True)
    if "panels" in values:
        values["panels"] = model.options("panels")
    return model(**values)
