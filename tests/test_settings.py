"""Settings from anywhere: whatever comes in, what goes on is within its bounds and finds its way back."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlviz import record
from dlviz.concepts.loss_surfaces import experiment, figures
from dlviz.concepts.loss_surfaces.settings import Settings
from dlviz.drawing.theme import Look

FIELDS = list(Settings.model_fields)
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


@st.composite
def valid(draw):
    """Settings made of values that the page's own controls offer."""
    values: dict = {}
    so_far = SimpleNamespace(**dict(Settings()))
    for name, knob in Settings.knobs().items():
        options, (low, high) = Settings.options(name), Settings.bounds(name)
        annotation = Settings.model_fields[name].annotation
        if name == "optimizers":
            value = tuple(draw(st.sets(st.sampled_from(options), max_size=4)))
        elif name in ("surface",):
            value = draw(st.sampled_from([option for option in options if option != "Digits network"]))
        elif name == "steps":
            value = draw(st.sampled_from([1, 10, 50]))
        elif name == "basins":
            value = False
        elif options:
            value = draw(st.sampled_from(options))
        elif annotation is bool:
            value = draw(st.booleans())
        elif annotation is str:
            value = draw(st.sampled_from(["x^2 + y^2", "sin(x)*y", "abs(x) - y", "3", "log(x) + y^2"]))
        elif knob.span is not None:
            low, high, _usual = knob.span(so_far)
            whole = int in getattr(annotation, "__args__", ())
            number = st.integers(int(low), int(high)) if whole else st.floats(low, high)
            value = draw(st.one_of(st.none(), number))
        elif knob.ticks is not None:
            value = draw(st.sampled_from(knob.ticks))
        else:
            value = draw(st.integers(int(low), int(high)))
        values[name] = value
        setattr(so_far, name, value)
    return Settings(**values)


@given(valid())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_settings_run_draw_and_say_something(chosen):
    try:
        result = experiment.run(chosen)
    except ValueError as error:
        assert "finite" in str(error)
        return
    for run in result.runs:
        ends = np.where(run.diverged < 0, chosen.steps, run.diverged)
        for repeat, end in enumerate(ends):
            assert np.isfinite(run.w[: end if run.diverged[repeat] >= 0 else end + 1, repeat]).all()
    for name in figures.shown(chosen):
        assert figures.FIGURES[name].draw(result, Look()).to_dict()["layer"]
        assert figures.FIGURES[name].alt(result, Look(language="zh"))
    for readout in experiment.readouts(result):
        assert "nan" not in readout.measured
    experiment.notice(result), experiment.facts(result), experiment.code(result)


@given(valid())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_settings_find_their_way_back_from_link_and_file(chosen):
    chosen = record.effective(chosen)
    back, rejected = Settings.lenient(record.parameters(chosen))
    assert not rejected
    assert record.effective(back) == chosen
    pinned, rejected = Settings.lenient(record.unpack(record.pack(chosen)))
    assert not rejected
    assert record.effective(pinned) == chosen
    _stem, stored, _pin = record.read_settings(record.settings_json("loss_surfaces", chosen))
    assert Settings(**stored) == chosen


@given(st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=20)), NASTY, max_size=8))
@settings(max_examples=300, deadline=None)
def test_nothing_from_outside_breaks_the_settings_or_leaves_its_bounds(given_values):
    taken, rejected = Settings.lenient(given_values)
    assert {item.name for item in rejected} <= {name[:40] for name in given_values}
    for name in FIELDS:
        value, (low, high) = getattr(taken, name), Settings.bounds(name)
        if isinstance(value, int | float) and low is not None:
            assert low <= value <= high
    assert set(given_values) - set(FIELDS) <= {name for name in given_values if name[:40] in {r.name for r in rejected}}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_settings_file_or_a_value_error(data):
    try:
        stem, values, _pin = record.read_settings(data)
    except ValueError:
        return
    assert isinstance(stem, str)
    assert isinstance(values, dict)
    json.dumps(values)
