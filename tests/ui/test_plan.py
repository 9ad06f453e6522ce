"""What a page computes, in which order, and what it shows where that cannot be had."""

import pytest

from dlviz.contract import Settings, knob
from dlviz.ui.page.plan import Picture, Run, Way, plan

SOON = 0.1


class Sized(Settings):
    """A concept without panels."""

    size: int = knob(100, "Size", ge=1, le=1000)


class Paneled(Sized):
    """One with panels."""

    panels: tuple[str, ...] = knob((), "Panels")


FULL, COARSE, PINNED = Sized(size=100), Sized(size=10), Sized(size=3)
BAR = Run(FULL, Way.BAR)
STOPPED = Run(FULL, Way.STOPPED)
FIRST = Picture(Run(COARSE, Way.BAR, "first"), None, BAR)
BESIDE, BELOW = Run(PINNED, Way.AT_ONCE, "pin"), Run(PINNED, Way.BAR, "pin")
CACHED = Picture(Run(COARSE, Way.CACHED, "first"))


def planned(settings=FULL, coarse=COARSE, pin=None, *, ready=False, stopped=(), took=None):
    return plan(settings, coarse, pin, ready=ready, stopped=frozenset(stopped), took=took, soon=SOON)


@pytest.mark.parametrize("took", [None, 0.0, 9.0])
def test_what_is_on_the_shelf_is_taken_at_once(took):
    assert planned(ready=True, took=took) == (Picture(BAR), CACHED)


@pytest.mark.parametrize("took", [None, 0.0, 9.0])
def test_without_a_coarse_form_the_run_is_waited_for(took):
    assert planned(coarse=FULL, took=took) == (Picture(BAR),)


@pytest.mark.parametrize("took", [0.0, SOON])
def test_what_was_short_is_not_preceded_by_a_first_look(took):
    assert planned(took=took) == (Picture(BAR), CACHED)


def test_what_took_long_follows_a_first_look():
    assert planned(took=1.01 * SOON) == (FIRST, CACHED)


def test_what_may_be_short_is_tried_before_the_first_look():
    assert planned() == (Picture(Run(FULL, Way.SOON)), FIRST, CACHED)


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("took", [None, 0.0, 9.0])
def test_a_stopped_run_is_not_begun_and_nothing_of_it_follows(ready, took):
    # In this way it is taken from the cache if another visitor's run has put it there.
    assert planned(stopped=[FULL], took=took, ready=ready) == (Picture(STOPPED), CACHED)
    assert planned(coarse=FULL, stopped=[FULL], took=took) == (Picture(STOPPED),)


@pytest.mark.parametrize("took", [None, 9.0])
def test_a_first_look_is_not_stopped_with_its_own_settings(took):
    assert planned(stopped=[COARSE], took=took) == planned(took=took)


def test_the_pinned_run_stands_beside_if_it_is_soon_there_and_follows_below_if_not():
    for given in ({"ready": True}, {"took": 0.0}, {"coarse": FULL}):
        assert planned(pin=PINNED, **given)[0] == Picture(BAR, BESIDE, BELOW)
    assert planned(pin=PINNED)[0] == Picture(Run(FULL, Way.SOON), BESIDE, BELOW)
    assert planned(pin=PINNED, stopped=[FULL])[0] == Picture(STOPPED, BESIDE, BELOW)


@pytest.mark.parametrize("pin", [PINNED, COARSE])
def test_a_first_look_does_not_wait_for_the_pinned_run(pin):
    shown = Picture(FIRST.run, Run(pin, Way.CACHED, "pin"), BAR)
    assert planned(pin=pin, took=9.0)[0] == shown
    assert planned(pin=pin)[1] == shown


@pytest.mark.parametrize("known", [{}, {"ready": True}, {"took": 0.0}, {"took": 9.0}])
def test_a_pinned_run_that_is_the_current_one_is_not_drawn(known):
    assert planned(pin=FULL, **known) == planned(**known)
    assert planned(pin=FULL, stopped=[FULL], **known) == planned(stopped=[FULL], **known)


@pytest.mark.parametrize("known", [{}, {"ready": True}, {"took": 0.0}, {"took": 9.0}])
def test_a_stopped_pinned_run_is_said_to_be_and_does_not_follow(known):
    for picture in planned(pin=PINNED, stopped=[PINNED], **known):
        assert picture.pin == Run(PINNED, Way.STOPPED, "pin")
        assert picture.later in (None, BAR)


def test_in_place_of_what_cannot_be_had_stand_the_first_look_and_both_without_panels():
    full, coarse = Paneled(panels=("a", "b")), Paneled(size=10, panels=("a",))
    instead = [Run(coarse, Way.CACHED, "first")]
    instead += [Run(Paneled(size=size), Way.AT_ONCE, "first") for size in (100, 10)]
    for given in ({"stopped": [full]}, {"took": 9.0}, {"ready": True}):
        assert [picture.run for picture in planned(full, coarse, **given)[1:]] == instead
    # They stand for the whole page: nothing of what failed is tried again, and the pinned run is waited for.
    for picture in planned(full, coarse, PINNED, took=9.0)[1:]:
        assert (picture.pin, picture.later) == (BESIDE, BELOW)


def test_nothing_stands_in_its_own_place():
    bare = Paneled(size=10)
    assert [picture.run for picture in planned(bare, bare)] == [Run(bare, Way.BAR)]
    full = Paneled(panels=("a",))
    runs = [picture.run for picture in planned(full, full, stopped=[full])]
    assert runs == [Run(full, Way.STOPPED), Run(Paneled(), Way.AT_ONCE, "first")], "and the same not twice"
