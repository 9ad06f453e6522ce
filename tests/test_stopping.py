"""What is left of a page when its run fails, takes too long or is stopped."""

import time

import pytest
from conftest import ROOT
from streamlit.testing.v1 import AppTest

from dlviz import catalog
from dlviz.ui import compute
from dlviz.ui.frame import STOPPED

STEM = "normalization"
CONCEPT = catalog.concepts()[STEM]
MODEL = CONCEPT.experiment.Settings


@pytest.fixture
def shelf(monkeypatch):
    """Nothing computed before counts, and nothing computed here stays."""
    monkeypatch.setattr(compute, "_results", compute.Shelf(8))


def page(**state):
    """The page on a link with the panel "Training"."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in state.items():
        at.session_state[name] = value
    at.switch_page(f"pages/{STEM}.py")
    at.query_params["panels"] = "Training"
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


@pytest.mark.usefixtures("shelf")
def test_no_bar_stays_when_all_is_there(monkeypatch):
    monkeypatch.setattr(compute, "PATIENCE", -1.0)
    monkeypatch.setattr(compute, "_FRAME", -1.0)
    shown = []
    bar = compute.Watch._open
    monkeypatch.setattr(compute.Watch, "_open", lambda self: shown.append(self) or bar(self))
    run = CONCEPT.experiment.run

    def watched(settings, progress):
        if not settings.panels:  # the first picture takes long, the rest does not
            progress(0.5)
        return run(settings.model_copy(update={"panels": ()}))

    monkeypatch.setattr(CONCEPT.experiment, "run", watched)
    at = page()
    assert len(shown) == 1
    assert not at.get("progress")
