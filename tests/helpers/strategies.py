"""Settings as the page's own controls could give them, and what outsiders send instead, for hypothesis."""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args, get_origin

from cases import cases
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


def wide(stem: str) -> list[str]:
    """The numbers that are kept short, and cost little at an end of their bounds if they alone are there."""
    model = catalog.concepts()[stem].experiment.Settings
    return [
        name
        for name in cases(stem).short
        if model.model_fields[name].annotation in (int, float) and name not in cases(stem).dear
    ]


@st.composite
def settings_of(draw, stem: str):
    """Any settings of a concept within their bounds, hidden ones too. Of what is kept short, one may be at an end."""
    model = catalog.concepts()[stem].experiment.Settings
    short = cases(stem).short
    values: dict = {}
    so_far = SimpleNamespace(**dict(model()))
    numbers = wide(stem)
    at_an_end = draw(st.one_of(st.none(), st.sampled_from(numbers))) if numbers else None
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
    for name, strategy in cases(stem).short.items():
        if model.model_fields[name].annotation in (int, float):
            values[name] = find(strategy(()), lambda _: True)
    if "panels" in values:
        values["panels"] = model.options("panels")
    return model(**values)
