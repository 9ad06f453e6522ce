"""The app without a browser: pages, controls, links, presets, trouble."""

import json

import pytest
from conftest import ROOT
from first_page import CONCEPT, MODEL, PRESETS, STEM, address, charts, fine, page, said
from streamlit.testing.v1 import AppTest

from dlviz import catalog, links, provenance
from dlviz.drawing.grammar.theme import Look
from dlviz.language import words
from dlviz.slides import Export
from dlviz.ui.page import save
from dlviz.ui.session import compute


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_home_shows_every_concept(lang):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["lang"] = lang
    fine(at.run())
    assert words(STEM, lang).title in said(at)
    assert len(at.get("page_link")) == len(catalog.concepts())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_has_all_its_parts(lang):
    at = page(lang)
    prose = words(STEM, lang)
    assert at.title[0].value == prose.title
    assert prose.answer in said(at)
    assert len(charts(at)) == len(CONCEPT.figures.shown(MODEL()))
    assert len(at.metric) >= 1
    reading = at.segmented_control(f"reading_{lang}")
    assert len(reading.options) == 3
    assert prose.explain in said(at)
    reading.set_value("code")
    assert "import torch" in fine(at.run()).code[0].value
    at.segmented_control(f"reading_{lang}").set_value("sources")
    assert prose.sources in said(fine(at.run()))
    assert address(at) == {"lang": lang}
    assert not at.warning
    assert not at.error


def test_every_chart_has_a_text_alternative():
    at = page()
    texts = [html.proto.body for html in at.get("html") if 'class="dlviz-alt"' in html.proto.body]
    assert len(texts) == len(charts(at))
    for chart, text in zip(charts(at), texts, strict=True):
        assert chart.proto.alt
        assert len(text) > 60


def test_link_restores_settings():
    settings = MODEL(surface="Rosenbrock", learning_rate=0.00123, optimizers=("GD", "Averaged momentum"), start_x=0.125)
    at = page(**provenance.parameters(settings))
    assert address(at) == provenance.parameters(settings) | {"lang": "en"}
    assert at.selectbox("surface").value == "Rosenbrock"
    assert at.select_slider("learning_rate").value == 0.00123
    assert at.slider("start_x").value == 0.125
    assert not at.warning


def test_controls_write_the_link():
    at = page()
    at.select_slider("steps").set_value(200)
    at.toggle("tuned").set_value(True)
    fine(at.run())
    assert address(at) == {"steps": "200", "tuned": "true", "lang": "en"}
    at.select_slider("steps").set_value(MODEL().steps)
    fine(at.run())
    assert address(at) == {"tuned": "true", "lang": "en"}


def test_value_between_the_ticks_becomes_a_stop():
    at = page(learning_rate="0.0123")
    assert at.select_slider("learning_rate").value == 0.0123
    at.select_slider("steps").set_value(200)
    fine(at.run())
    assert address(at)["learning_rate"] == "0.0123"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "abc"), ("learning_rate", "nan"), ("learning_rate", "inf"), ("learning_rate", "1e309"),
        ("learning_rate", "-1"), ("steps", "99999999999999999999999"), ("steps", "1.5"),
        ("surface", "<script>alert(1)</script>"),
        ("surface", "x" * 100_000), ("optimizers", "Adam,Nobody"), ("tuned", "perhaps"), ("start_x", "1e6"),
        ("expression", "__import__('os')"), ("seed", "$\\LaTeX$ `code` **bold**"),
    ],
)  # fmt: skip
def test_tampered_value_falls_back_with_a_note(name, value):
    at = page(**{name: value, "rotation": "30.0"})
    assert len(at.warning) == 1
    assert f"`{name}`" in at.warning[0].value
    assert len(at.warning[0].value) < 2_000
    assert address(at) == {"lang": "en"}
    assert charts(at)


def test_unknown_parameter_is_named_and_left_out():
    at = page(utm_source="mail", steps="50")
    assert len(at.warning) == 1
    assert "`utm_source`" in at.warning[0].value
    assert address(at) == {"steps": "50", "lang": "en"}
    at.select_slider("steps").set_value(200)
    assert not fine(at.run()).warning


def test_equal_values_in_other_spellings_are_taken_silently():
    at = page(learning_rate="5e-2", tuned="0", optimizers="Adam,GD", surface="Himmelblau", condition="50")
    assert not at.warning
    assert address(at) == {"learning_rate": "0.05", "optimizers": ["GD", "Adam"], "surface": "Himmelblau", "lang": "en"}


def test_settings_in_closed_groups_count():
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page(f"pages/{STEM}.py")
    at.query_params["start_x"] = "0.5"
    fine(at.run())
    assert address(at) == {"start_x": "0.5"}
    assert "start_x" not in [slider.key for slider in at.slider]
    at.selectbox("surface").set_value("Himmelblau")
    fine(at.run())
    assert address(at) == {"surface": "Himmelblau"}
    at.session_state["group_Start and steps"] = True
    fine(at.run())
    assert at.slider("start_x").value == MODEL(surface="Himmelblau").start()[0]
    at.slider("start_x").set_value(2.5)
    fine(at.run())
    at.session_state["group_Start and steps"] = False
    fine(at.run())
    assert address(at) == {"surface": "Himmelblau", "start_x": "2.5"}


def test_hidden_settings_have_no_effect_and_come_back():
    at = page(surface="Quadratic", condition="100")
    at.selectbox("surface").set_value("Himmelblau")
    fine(at.run())
    assert address(at) == {"surface": "Himmelblau", "lang": "en"}
    assert "condition" not in [slider.key for slider in at.select_slider]
    at.selectbox("surface").set_value("Quadratic")
    fine(at.run())
    assert address(at) == {"surface": "Quadratic", "condition": "100", "lang": "en"}


def test_another_surface_puts_the_start_to_its_usual_place():
    at = page(start_x="-1.5")
    at.selectbox("surface").set_value("Himmelblau")
    fine(at.run())
    assert address(at) == {"surface": "Himmelblau", "lang": "en"}
    assert at.slider("start_x").value == MODEL(surface="Himmelblau").start()[0]


@pytest.mark.parametrize("name", PRESETS)
def test_preset_sets_everything_and_its_claim_holds(name):
    preset = PRESETS[name]
    at = page("zh", surface="Ackley", steps="50")
    at.pills("preset").set_value(name)
    fine(at.run())
    wanted = provenance.parameters(provenance.effective(preset.settings))
    if preset.pin is not None:
        wanted["pin"] = links.pack(provenance.effective(preset.pin))
    assert address(at) == wanted | {"lang": "zh"}
    assert at.pills("preset").value == name
    assert words(STEM, "zh").presets[name].text in said(at)
    assert ":material/check_circle:" in said(at)
    assert not at.error


def test_preset_goes_out_when_something_changes():
    at = page()
    first = next(iter(PRESETS))
    at.pills("preset").set_value(first)
    fine(at.run())
    chosen = at.pills("panels").value
    at.pills("panels").set_value([] if chosen else ["Inside the rule"])
    assert fine(at.run()).pills("preset").value is None


def test_reset():
    at = page(surface="Quadratic", condition="100", start_y="1")
    at.button("reset").click()
    assert address(fine(at.run())) == {"lang": "en"}


def test_formula_that_does_not_parse_is_pointed_at():
    at = page(surface="Custom")
    at.text_input("expression").set_value("x^2 + foo(y)")
    fine(at.run())
    assert len(at.error) == 1
    assert at.code[0].value.splitlines() == ["x^2 + foo(y)", "      ^"]
    assert charts(at)


def test_a_text_that_is_no_formula_is_refused_as_any_other_setting():
    def refused():
        from dlviz.contract import Rejected, Settings, knob
        from dlviz.ui.page.errors import explain

        class Named(Settings):
            title: str = knob("", "Title", max_length=3)

        explain(Rejected("title", "foo(y)", "a text of limited length"), Named)

    at = AppTest.from_function(refused).run()
    assert [error.value for error in at.error] == ["**Title** cannot be `foo(y)`. Allowed: a text of limited length"]
    assert not at.code


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (MemoryError(), "memory"), (RuntimeError("CUDA out of memory. Tried"), "memory"),
        (ValueError("the start must lie on the surface"), "the start must lie"),
        (ZeroDivisionError("oh"), "ZeroDivisionError"),
    ],
)  # fmt: skip
def test_run_that_fails_leaves_the_page_alone(monkeypatch, error, part):
    def fail(settings, progress):
        raise error

    monkeypatch.setattr(CONCEPT.experiment, "run", fail)
    monkeypatch.setattr(compute, "_results", compute.Cache(4))
    at = page(steps="50")
    assert part in at.error[0].value
    assert at.title
    assert at.segmented_control("reading_en").options == ["Explain", "Sources"]
    assert at.pills("preset").value is None
    assert not charts(at)


def test_results_are_shared_and_read_only():
    first = compute.result(STEM, MODEL(), lambda share: None)
    assert compute.result(STEM, MODEL(), lambda share: None) is first
    with pytest.raises(ValueError, match="read-only"):
        first.race.descents[0].w[:] = 0


def test_shelf_forgets_what_was_not_used_for_longest():
    shelf = compute.Cache(2)
    for key in "ab":
        shelf.put(key, key)
    shelf.get("a")
    shelf.put("c", "c")
    assert [shelf.get(key) for key in "abc"] == ["a", None, "c"]


def export(settings, suffix, **changes):
    return Export(STEM, settings, None, ("hero",), suffix, Look(), link="http://example.org/?steps=50", **changes)


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("csv", b"\xef\xbb\xbf"), ("json", b"{")],
)
def test_save_makes_files(suffix, start):
    data = save.make_file(export(MODEL(steps=50), suffix))
    assert data.startswith(start)
    if suffix == "svg":
        assert "η = 0.06, 50 steps" in data.decode()
        assert b"http://example.org" in data


def test_settings_file_is_read_back():
    settings = MODEL(surface="Ackley", optimizers=("Adam",), start_x=0.25)
    stem, values, _pin = provenance.read_settings(save.make_file(export(settings, "json")))
    assert stem == STEM
    assert MODEL.lenient(values) == (settings, [])
    assert json.loads(provenance.settings_json(STEM, settings))["versions"]["torch"].startswith("2.13.0")


def test_link_in_the_panel_is_complete():
    at = page("zh", steps="200")
    at.session_state["share"] = True
    fine(at.run())
    assert any(code.value.endswith("?steps=200&lang=zh") for code in at.code)
