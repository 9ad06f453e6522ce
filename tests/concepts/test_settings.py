"""Settings from anywhere: whatever comes in, what goes on is within its bounds and finds its way back."""

from __future__ import annotations

import json

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import NASTY, settings_of
from streamlit.testing.v1 import AppTest

from dlviz import catalog, contract, links, provenance
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look

STEMS = list(catalog.concepts())
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize("stem", STEMS)
def test_any_settings_run_draw_and_say_something(stem):
    concept = catalog.concepts()[stem]

    @given(settings_of(stem))
    @settings(max_examples=40, suppress_health_check=SLOW)
    def check(chosen):
        try:
            result = concept.experiment.run(chosen)
        except ValueError as error:
            assert "finite" in str(error)
            return
        for name in concept.figures.shown(chosen):
            figure = concept.figures.FIGURES[name]
            assert figure.draw([Run(result)], Look()).to_dict()["layer"]
            assert figure.alt(result, Look(language="zh"))
        for readout in concept.experiment.readouts(result):
            assert "nan" not in readout.measured
        concept.experiment.notice(result), concept.experiment.facts(result), concept.experiment.code(result)

    check()


@pytest.mark.parametrize("stem", STEMS)
def test_settings_find_their_way_back_from_link_and_file(stem):
    model = catalog.concepts()[stem].experiment.Settings

    @given(settings_of(stem))
    @settings(max_examples=100, suppress_health_check=SLOW)
    def check(chosen):
        chosen = provenance.effective(chosen)
        back, rejected = model.lenient(provenance.parameters(chosen))
        assert not rejected
        assert provenance.effective(back) == chosen
        pinned, rejected = model.lenient(links.unpack(links.pack(chosen)))
        assert not rejected
        assert provenance.effective(pinned) == chosen
        _stem, stored, _pin = provenance.read_settings(provenance.settings_json(stem, chosen))
        assert model(**stored) == chosen

    check()


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_from_outside_breaks_the_settings_or_leaves_its_bounds(stem):
    model = catalog.concepts()[stem].experiment.Settings
    fields = list(model.model_fields)

    @given(st.dictionaries(st.one_of(st.sampled_from(fields), st.text(max_size=20)), NASTY, max_size=8))
    @settings(max_examples=200)
    def check(given_values):
        taken, rejected = model.lenient(given_values)
        refused = {item.name for item in rejected}
        assert refused <= {name[:40] for name in given_values}
        for name in fields:
            value, (low, high) = getattr(taken, name), model.bounds(name)
            if isinstance(value, int | float) and low is not None:
                assert low <= value <= high
        assert set(given_values) - set(fields) <= {name for name in given_values if name[:40] in refused}

    check()


class Points(contract.Settings):
    """Settings of a kind that may come: several numbers in one."""

    at: tuple[float, ...] = contract.knob((1.0,), "At")


@pytest.mark.parametrize("model", [*(catalog.concepts()[stem].experiment.Settings for stem in STEMS), Points])
def test_minus_zero_is_zero_in_the_link_too(model):
    """The two are equal, so what is kept for one visitor is shown to the other."""
    taken = 0
    for name in (name for name, field in model.model_fields.items() if field.annotation is not str):
        for given_ in ("-0.0", -0.0, "-0"):
            chosen, rejected = model.lenient({name: given_})
            if not rejected:
                taken += 1
                assert "-0" not in str(getattr(chosen, name)), name
                assert "-0" not in links.pack(provenance.effective(chosen))
    numbers = [name for name, field in model.model_fields.items() if field.annotation in (int, float)]
    assert taken or all(model.lenient({name: 0})[1] for name in numbers), "no setting of this concept may be zero"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_settings_file_or_a_value_error(data):
    try:
        stem, values, _pin = provenance.read_settings(data)
    except ValueError:
        return
    assert isinstance(stem, str)
    assert isinstance(values, dict)
    json.dumps(values)


@pytest.mark.parametrize("stem", STEMS)
def test_the_page_opens_on_any_link_with_every_group_of_controls_open(stem):
    """The page itself: widgets take the values, figures are sent, nothing but a formula's own error is said."""
    model = catalog.concepts()[stem].experiment.Settings

    @given(settings_of(stem))
    @settings(max_examples=12, suppress_health_check=SLOW)
    def check(chosen):
        chosen = provenance.effective(chosen)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        for knob in model.knobs().values():
            app.session_state[f"group_{knob.group}"] = True
        app.switch_page(f"pages/{stem}.py")
        for name, value in (provenance.parameters(chosen) | {"lang": "zh"}).items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, [item.message for item in app.exception]
        assert not app.warning, [item.value for item in app.warning]
        if app.error:
            assert getattr(chosen, "surface", "") == "Custom", [item.value for item in app.error]
        else:
            concept = catalog.concepts()[stem]
            assert len(app.get("vega_lite_chart")) == len(concept.figures.shown(chosen))

    check()


def test_the_line_says_what_was_run_and_nothing_in_code():
    """Also what stands at its default; switches by what they change, choices as the page words them."""
    model = catalog.concepts()["loss_surfaces"].experiment.Settings
    line = provenance.line(model(optimizers=("GD", "Momentum")), None, "en", ())
    assert line == "Ravine, GD, Momentum, η = 0.06, 100 steps, β = 0.9"
    tuned = model(optimizers=("Adam",), tuned=True, adam_bias_correction=False, start_x=-1.5)
    assert provenance.line(tuned, None, "en", ()) == (
        "Ravine, Adam, each learning rate tuned, Start, first coordinate −1.5, 100 steps, Adam bias correction: off"
    )
    assert provenance.line(model(optimizers=()), None, "zh", ()) == "峡谷，–，η = 0.06，100 步"
    both = provenance.line(model(optimizers=("GD",)), model(optimizers=("GD",), learning_rate=0.01), "en", ())
    assert both == "Ravine, GD, η = 0.06, 100 steps; pinned: η = 0.01"
    plain = model(optimizers=("Adam",))
    ends = [provenance.line(run, pin, "en", ())[-50:] for run, pin in ((tuned, plain), (plain, tuned))]
    assert ends[0].endswith("off; pinned: η = 0.06, Start, first coordinate −3.5, Adam bias correction"[-50:])
    assert "pinned: each learning rate tuned, Start, first coordinate −1.5, Adam" in provenance.line(
        plain, tuned, "en", ()
    )


def test_the_line_of_a_panel_begins_with_its_own_settings():
    settings = catalog.concepts()["bptt"].experiment.Settings(panels=("Weight gradient", "Remembering"))
    line = provenance.line(settings, None, "en", ("Weight gradient",))
    assert line.startswith("k = 10, RNN tanh, RNN ReLU, LSTM, GRU, 64 hidden units")
    assert "lags" not in line and "lags" in provenance.line(settings, None, "en", ("Remembering",))
