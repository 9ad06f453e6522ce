"""Long runs end when they are stopped and when their visitor leaves, and leave nothing behind."""

import os
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect
from waiting import until

from dlviz.language import translate

# Some minutes of training.
LONG = "/normalization?panels=Training&epochs=10&training_seeds=10&seed={seed}&lang={lang}"


@pytest.fixture(scope="module")
def server(started):
    """An app that computes for these tests alone: what it spends is measured."""
    return started[1]


def begun(visit, seed, lang="en"):
    """A visitor who waits for a long run, with the button that stops it."""
    visitor = visit(LONG.format(seed=seed, lang=lang), begun=True)
    button = visitor.keyed("stop_run").get_by_role("button")
    button.wait_for()
    visitor.page.get_by_role("progressbar").wait_for()
    return visitor, button


def at_rest(hero) -> float:
    """Where a picture stands on the page once it has not moved for a second, as it does while fonts are loaded."""
    found = [hero.bounding_box()["y"]]
    while len(found) < 10 or len(set(found[-10:])) > 1:
        time.sleep(0.1)
        found.append(hero.bounding_box()["y"])
    return found[-1]


def test_a_stopped_run_leaves_the_rest_of_the_page_and_can_be_taken_up_again(visit):
    lang = "zh"
    plain = f"/normalization?lang={lang}"
    top = at_rest(visit(plain).picture("hero"))
    visitor, button = begun(visit, seed=1, lang=lang)
    hero = visitor.picture("hero")
    assert button.inner_text().endswith(translate("Stop", lang))
    # The hero is there meanwhile, and the bar lies over the page and moves nothing.
    visitor.until(lambda: hero.bounding_box()["y"] == top)
    button.click()
    visitor.page.get_by_text(translate("Stopped. Nothing of this run was kept.", lang)).wait_for()
    expect(visitor.page.get_by_test_id("stProgress")).to_have_count(0)
    visitor.settled()
    hero.wait_for()
    expect(visitor.keyed("chart_training")).to_have_count(0)
    expect(visitor.keyed("share")).to_have_count(1)
    assert "panels=Training" in visitor.address
    visitor.keyed("again_run").get_by_role("button").click()
    visitor.keyed("stop_run").get_by_role("button").click()
    visitor.keyed("again_run").get_by_role("button").wait_for()
    # Other settings are not stopped.
    expect(visitor.open(plain).picture("cell")).to_have_count(1)


def test_a_first_picture_that_takes_long_can_be_stopped_too(visit):
    visitor = visit("/fine_tuning?network=CNN&seeds=16&layers=8&lang=en", begun=True)
    visitor.keyed("stop_first").get_by_role("button").click()
    visitor.page.get_by_text("Stopped. Nothing of this run was kept.").wait_for()
    visitor.settled()
    # What can be had at once, if anything, is shown in its place, and is called a first look.
    looked = visitor.page.get_by_text("first look", exact=True)
    visitor.until(lambda: (visitor.picture("hero").count() > 0) == (looked.count() > 0))
    expect(visitor.keyed("again_run")).to_have_count(1)
    expect(visitor.page.get_by_test_id("stException")).to_have_count(0)


def computed(pid: int) -> float:
    """Seconds that a process has spent computing so far, by the kernel's books."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(pid: int, seconds: float) -> float:
    """Share of the time that a process spends computing."""
    before = computed(pid)
    time.sleep(seconds)
    return (computed(pid) - before) / seconds


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the processor time from /proc")
@pytest.mark.parametrize("how", ["stops", "leaves"])
def test_the_work_of_a_visitor_who_is_gone_ends_soon(visit, started, how):
    visitor, button = begun(visit, seed=2)
    pid = started[0].pid
    working = busy(pid, 1.0)
    assert working > 0.05  # on a machine that has other work, too
    before = computed(pid)
    button.click() if how == "stops" else visitor.page.close()
    until(lambda: busy(pid, 1.5) < min(0.15, working / 2))
    assert computed(pid) - before < 10, "whole, it takes minutes"
    # Nothing is kept of it: who asks for the same waits for the whole run.
    begun(visit, seed=2)
