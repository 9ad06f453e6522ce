"""What a visitor pins, leaves and comes back to."""

import pytest
from first_page import CONCEPT, MODEL, STEM, address, charts, fine, page, said

from dlviz.language import words
from dlviz.ui.page import sections
from dlviz.ui.session import address as link
from dlviz.ui.session import compute, turns


def test_pin_draws_a_ghost_and_names_both_runs():
    at = page()
    at.button("pin_run").click()
    fine(at.run())
    assert address(at) == {"pin": "default", "lang": "en"}
    at.select_slider("steps").set_value(200)
    fine(at.run())
    assert "200 steps" in said(at) and "100 steps" in said(at)
    assert "pinned" in at.metric[0].delta
    assert {data.name: data.data.data for data in charts(at)[1].proto.datasets}["pinned lines"]
    again = page(**{name: value for name, value in address(at).items() if name != "lang"})
    assert [chart.proto.spec for chart in charts(again)] == [chart.proto.spec for chart in charts(at)]
    at.button("unpin").click()
    assert "pin" not in address(fine(at.run()))


@pytest.mark.parametrize(("rate", "fails"), [(0.012345, False), (0.012346, True)])  # runs that no other test made
def test_a_pinned_run_that_takes_long_comes_after_the_page(monkeypatch, rate, fails):
    pinned, done, compute_result, footer = MODEL(learning_rate=rate), [], compute.result, sections.footer

    def result(stem, settings, progress):
        if settings == pinned and not compute.ready(stem, settings):
            done.append("pinned")
            if fails:
                raise ValueError("no such run")
        return compute_result(stem, settings, progress)

    monkeypatch.setattr(compute, "at_once", lambda *_: None)
    monkeypatch.setattr(compute, "result", result)
    monkeypatch.setattr(sections, "footer", lambda drawn: done.append("page") or footer(drawn))
    at = page(pin=f"learning_rate={rate}")
    assert done == (["page", "pinned"] if fails else ["page", "pinned", "page"])
    assert len(charts(at)) == len(CONCEPT.figures.shown(MODEL()))
    assert ("no such run" in said(at)) == fails
    assert any("pinned" in item.delta for item in at.metric) != fails


def test_tampered_pin_falls_back_with_a_note():
    at = page(pin="steps=50&learning_rate=nan&nonsense=1")
    assert address(at)["pin"] == "steps=50"
    assert len(at.warning) == 2


def test_language_switch_keeps_settings_and_page():
    at = page(steps="200")
    at.segmented_control("language_switch").set_value("zh")
    fine(at.run())
    assert at.title[0].value == words(STEM, "zh").title
    assert address(at) == {"steps": "200", "lang": "zh"}
    at.switch_page("pages/home.py")
    fine(at.run())
    assert words(STEM, "zh").title in said(at)


def test_page_comes_back_as_it_was_left():
    at = page(surface="Ackley", learning_rate="0.05")
    at.switch_page("pages/home.py")
    fine(at.run())
    assert address(at) == {"lang": "en"}
    at.switch_page(f"pages/{STEM}.py")
    fine(at.run())
    assert address(at) == {"surface": "Ackley", "learning_rate": "0.05", "lang": "en"}


def test_another_page_s_link_is_told_when_the_browser_had_time_to_go_there(monkeypatch):
    """Else it would stand behind the address of the page that was left, and "back" would lead there."""
    waited = []
    monkeypatch.setattr(link, "sleep", lambda seconds: waited.append((seconds, turns._own.turn)))
    at = page(steps="40")
    assert waited == []
    at.switch_page("pages/home.py")
    fine(at.run())
    assert waited == [(link.ARRIVAL, False)]  # with all sent that was said until then
    at.switch_page(f"pages/{STEM}.py")
    fine(at.run())
    at.select_slider("learning_rate").set_value(0.1)
    fine(at.run())
    assert len(waited) == 2


def test_back_at_the_bare_link_a_page_returned_by_brings_its_settings_once(monkeypatch):
    at = page(surface="Ackley")
    for there in ("home", STEM):
        at.switch_page(f"pages/{there}.py")
        fine(at.run())
    monkeypatch.setattr(link, "_went_back", lambda: True)
    for expected in ({"surface": "Ackley", "lang": "en"}, {"lang": "en"}):
        at.query_params.clear()
        at.query_params["lang"] = "en"
        assert address(fine(at.run())) == expected
