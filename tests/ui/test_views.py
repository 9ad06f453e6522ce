"""Where the sliders of charts stand: in the link, on the page that it opens, and in files."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from first_page import MODEL, STEM, address, charts, fine, page, said
from hypothesis import given
from hypothesis import strategies as st

from dlviz import links
from dlviz.drawing.grammar.theme import Look
from dlviz.slides import Export
from dlviz.ui.page import save
from dlviz.ui.page.charts import Seen, _touched
from dlviz.ui.session import address as link
from dlviz.ui.session.address import Visit


def sliders(at, figure=0):
    """The parameters of a chart on the page by name."""
    return {param["name"]: param for param in json.loads(charts(at)[figure].proto.spec)["params"]}


def test_a_link_with_a_view_opens_with_the_slider_there_and_keeps_it():
    at = page(view="hero.step:19")
    assert sliders(at)["step"]["value"] == 19
    assert list(charts(at)[0].proto.selection_mode) == ["start", "step"], "the page hears of it when it is moved"
    assert address(at)["view"] == "hero.step:19"
    at.select_slider("steps").set_value(50)
    assert address(fine(at.run()))["view"] == "hero.step:19"
    assert sliders(at)["step"] | {"value": 19} == sliders(at)["step"] and sliders(at)["step"]["bind"]["max"] == 50
    at.select_slider("steps").set_value(10)
    assert "view" not in address(fine(at.run())), "at its end, where it stands anyway"


@pytest.mark.parametrize(("given", "kept", "noted"), [
    ("hero.step:1e999", None, True), ("step", None, True), ("hero.step:<b>", None, True), ("", None, True),
    ("hero.step:99999", None, False), ("hero.step:-5", "hero.step:0", False), ("hero.none:3", None, False),
    ("none.step:3", None, False), ("basins.step:3,hero.step:7", "hero.step:7", False),
])  # fmt: skip
def test_a_tampered_view_is_noted_or_brought_within_its_ends(given, kept, noted):
    at = page(view=given)
    assert address(at).get("view") == kept
    assert bool(at.warning) == noted and ("view" in said(at)) == noted


def test_a_file_is_drawn_where_the_slider_stands():
    def drawn(*views):
        return save.make_file(Export(STEM, MODEL(), None, ("hero",), "svg", Look(slide=True), views=views))

    last, at_19 = drawn(), drawn((("step", 19),))
    assert last != at_19
    assert b"step 19" in at_19 and b"step 19" not in last
    assert drawn((("step", 100),)).replace(b", step 100", b"") == last


def test_the_front_end_says_nothing_for_zero_and_repeats_what_was_chosen_before(monkeypatch):
    state = {"hero": {"selection": {"step": {}, "azimuth": 30, "start": [{"x": 1.23456, "y": 2}]}}, "start_x": 0.0}
    monkeypatch.setattr("dlviz.ui.page.charts.st.session_state", state)
    moved, seen = [], Seen()
    _touched("hero", {"start_x": "x"}, seen, moved.append)
    assert moved == [(("step", 0), ("azimuth", 30))] and state["start_x"] == 1.235
    state["start_x"] = 0.5
    state["hero"] = {"selection": state["hero"]["selection"] | {"azimuth": 40}}
    _touched("hero", {"start_x": "x"}, seen, moved.append)
    assert moved[1:] == [(("azimuth", 40),)]
    assert state["start_x"] == 0.5, "set by a control since, and not clicked again"


NAMES = st.sampled_from(["hero", "inside_first", "step", "bn_gamma", "x" * 40])
VALUES = st.integers(-999, 9999).map(lambda value: value / 20)
VIEWS = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1))


@given(VIEWS)
def test_views_are_read_back_from_links(found):
    views = tuple((name, tuple(view.items())) for name, view in found.items())
    assert links.unpack_views(links.pack_views(views)) == views


def test_a_long_link_is_shortened_and_opens_the_same_page(monkeypatch):
    settings = MODEL(surface="Custom", expression="sin(x)*cos(y) + 0.1*(x^2 + y^2) + exp(-x^2)", own_rates=True,
                     gd_learning_rate=0.3, adam_learning_rate=0.02, start_x=1.25, start_y=-0.5)  # fmt: skip
    visit = Visit(settings, MODEL(steps=200), views=(("hero", (("step", 7),)),))
    monkeypatch.setattr(link.st, "context", type("Context", (), {"url": "https://dlviz.example.org/loss_surfaces"}))
    monkeypatch.setattr(link, "language", lambda: "zh")
    short = link.link(visit)
    monkeypatch.setattr(link, "LONGEST", 10**6)
    full = link.link(visit)
    assert len(short) < 0.8 * len(full) and "expression" in full and "expression" not in short
    (given,) = parse_qs(urlsplit(short).query)["z"]
    monkeypatch.undo()
    at = page(z=given)
    # The language that the address itself names stands; all else is as it was.
    assert address(at) == {**link.parameters(visit), "lang": "en"} and not at.warning


@pytest.mark.parametrize("given", ["x", "eJw", "=", "0" * 5000, links.shorten("a" * 10**6)])
def test_a_tampered_short_link_is_noted(given):
    at = page(z=given, steps="200")
    assert address(at) == {"steps": "200", "lang": "en"} and at.warning


def test_a_link_that_is_short_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(link.st, "context", type("Context", (), {"url": "https://dlviz.example.org/loss_surfaces"}))
    monkeypatch.setattr(link, "language", lambda: "en")
    assert link.link(Visit(MODEL(steps=200), None)) == "https://dlviz.example.org/loss_surfaces?steps=200&lang=en"
