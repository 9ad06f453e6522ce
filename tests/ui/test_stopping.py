"""What is left of a page when its run fails, takes too long or is stopped."""

import time

import pytest
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from dlviz import catalog
from dlviz.ui.page import frame
from dlviz.ui.page.frame import STOPPED
from dlviz.ui.session import compute

STEM = "normalization"
CONCEPT = catalog.concepts()[STEM]
MODEL = CONCEPT.experiment.Settings


@pytest.fixture
def shelf(monkeypatch):
    """Nothing computed before counts, and nothing computed here stays."""
    monkeypatch.setattr(compute, "_results", compute.Cache(8))


def page(seed=0, **state):
    """The page on a link with the panel "Training"."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in state.items():
        at.session_state[name] = value
    at.switch_page(f"pages/{STEM}.py")
    at.query_params["panels"] = "Training"
    at.query_params["seed"] = str(seed)
    at.query_params["lang"] = "en"
    return at.run()


def drawn(at):
    return len(at.get("vega_lite_chart"))


@pytest.mark.usefixtures("shelf")
def test_a_panel_that_fails_leaves_the_hero(monkeypatch):
    run = CONCEPT.experiment.run

    def fail(settings, progress):
        if "Training" in settings.panels:
            raise MemoryError
        return run(settings, progress)

    monkeypatch.setattr(CONCEPT.experiment, "run", fail)
    at = page()
    assert "not enough memory" in at.error[0].value
    assert drawn(at) == 1
    assert not at.exception


@pytest.mark.usefixtures("shelf")
def test_a_stopped_run_is_not_begun_again_until_asked_for(monkeypatch):
    asked = []
    run = CONCEPT.experiment.run

    def note(settings, progress):
        asked.append(settings.panels)
        return run(settings.model_copy(update={"panels": ()}), progress)

    monkeypatch.setattr(CONCEPT.experiment, "run", note)
    settings = MODEL(panels=("Training",))
    at = page(**{STOPPED: frozenset({settings})})
    assert "Stopped" in at.info[0].value
    assert asked == [()]
    assert drawn(at) == 1
    at.button("again_run").click().run()
    assert not at.info
    assert asked == [(), ("Training",)]
    # What has been stopped but is there all the same is shown.
    at.session_state[STOPPED] = frozenset({settings})
    at.run()
    assert not at.info


@pytest.mark.usefixtures("shelf")
def test_at_once_gives_nothing_rather_than_wait(monkeypatch):
    def slow(settings, progress):
        for share in range(1000):
            time.sleep(0.005)
            progress(share / 1000)

    monkeypatch.setattr(CONCEPT.experiment, "run", slow)
    assert compute.at_once(STEM, MODEL()) is None
    assert not compute.ready(STEM, MODEL())


@pytest.fixture
def impatient(monkeypatch):
    """Every run takes too long, and every bar appears at once; gives the panels of the runs that ended."""
    monkeypatch.setattr(compute, "PATIENCE", -1.0)
    monkeypatch.setattr(compute, "_FRAME", -1.0)
    monkeypatch.setattr(frame, "SOON", -1.0)
    run, ended = CONCEPT.experiment.run, []

    def watched(settings, progress):
        progress(0.5)
        ended.append(settings.panels)
        return run(settings.model_copy(update={"panels": ()}))

    monkeypatch.setattr(CONCEPT.experiment, "run", watched)
    return ended


@pytest.mark.usefixtures("shelf")
def test_a_first_look_comes_before_the_full_run(impatient):
    at = page()
    assert impatient == [(), ("Training",)], "the coarse settings leave the panel out"
    assert not at.get("progress"), "no bar stays when all is there"
    assert drawn(at) == len(CONCEPT.figures.shown(MODEL(panels=("Training",))))


@pytest.mark.usefixtures("shelf")
def test_a_full_run_that_fails_leaves_the_first_look(impatient, monkeypatch):
    run = CONCEPT.experiment.run

    def fail(settings, progress):
        result = run(settings, progress)
        if settings.panels:
            raise MemoryError
        return result

    monkeypatch.setattr(CONCEPT.experiment, "run", fail)
    at = page()
    assert [error for error in at.error if "not enough memory" in error.value]
    assert drawn(at) == 1
    assert impatient == [(), ("Training",)], "and is not begun again and again"


@pytest.mark.usefixtures("shelf")
def test_what_is_less_in_a_first_look_is_said():
    model = catalog.concepts()["fine_tuning"].experiment.Settings
    page_ = frame.Frame.__new__(frame.Frame)
    page_.settings = page_._drawn = model()
    assert page_._first_look() == ""
    page_._drawn = model().coarse()
    assert page_._first_look() == "Labels a class 5; Steps on the target 50; Steps on the source 200; Seeds 1"


@pytest.mark.usefixtures("shelf")
def test_what_took_long_is_not_tried_before_the_first_look(impatient, monkeypatch):
    monkeypatch.setattr(compute, "_took", compute.Cache(8))
    tried = []
    at_once = compute.at_once
    monkeypatch.setattr(compute, "at_once", lambda *a: tried.append(a) or at_once(*a))
    monkeypatch.setattr(frame, "SOON", 0.0)
    page()
    assert len(tried) == 1
    page(seed=3)
    assert impatient == 2 * [(), ("Training",)]
    assert len(tried) == 1
    assert compute.took(STEM, MODEL(panels=("Training",), seed=9)) > 0
    assert compute.took(STEM, MODEL(panels=("Batch size", "Training"))) is None
    monkeypatch.setattr(frame, "SOON", 9.0)
    page(seed=4)
    assert impatient[4:] == [("Training",)], "what was short is not preceded by a first look, however long the line"
