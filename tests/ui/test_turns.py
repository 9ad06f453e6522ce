"""A page's messages are sent together, at the end of its turn; who computes sends at once."""

from types import SimpleNamespace

import pytest
from server_process import ROOT

from dlviz.ui.session import turns


@pytest.fixture
def sent(monkeypatch):
    """What a script's context has sent; ``say`` is what Streamlit calls for every message."""
    out = []
    context = SimpleNamespace(_enqueue=out.append)
    monkeypatch.setattr(turns, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(turns, "_still_wanted", lambda _share=0.0: None)
    return SimpleNamespace(out=out, say=lambda message: context._enqueue(message), context=context)


def test_messages_leave_at_the_end_in_their_order(sent):
    with turns.turn():
        sent.say("title")
        sent.say("picture")
        assert sent.out == []
    assert sent.out == ["title", "picture"]
    sent.say("script finished")
    assert sent.out[-1] == "script finished"


def test_who_computes_sends_at_once(sent):
    with turns.turn():
        sent.say("controls")
        with turns.aside():
            assert sent.out == ["controls"]
            sent.say("bar")
            assert sent.out == ["controls", "bar"]
        sent.say("picture")
        assert sent.out == ["controls", "bar"]
    assert sent.out == ["controls", "bar", "picture"]


def test_short_work_is_done_within_the_turn_and_long_work_leaves_it(sent, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(turns, "perf_counter", lambda: now[0])

    def drawn_by_others() -> bool:
        return not turns._line.full

    with turns.turn():
        sent.say("controls")
        with turns.at_first_within(0.1) as look:
            now[0] = 0.09
            look()
            assert sent.out == [] and not drawn_by_others()
        with turns.at_first_within(0.1) as look:
            now[0] = 0.3
            for _ in range(3):
                look()
            assert sent.out == ["controls"] and drawn_by_others()
            sent.say("bar")
            assert sent.out == ["controls", "bar"]
        sent.say("picture")
        assert sent.out == ["controls", "bar"] and not drawn_by_others()
        with turns.at_first_within(0):  # known to be long
            assert sent.out == ["controls", "bar", "picture"] and drawn_by_others()
    assert drawn_by_others()


def test_long_work_that_fails_or_is_no_longer_wanted_leaves_the_line_in_order(sent):
    with turns.turn():
        with pytest.raises(ValueError, match="bad"), turns.at_first_within(0):
            raise ValueError("bad")
        assert turns._line.full, "the page goes on in its turn"
    with pytest.raises(KeyboardInterrupt), turns.turn(), turns.at_first_within(0):
        raise KeyboardInterrupt
    assert not turns._line.full


def test_a_script_that_fails_still_sends_what_it_said(sent):
    with pytest.raises(ValueError, match="bad"), turns.turn():
        sent.say("title")
        raise ValueError("bad")
    assert sent.out == ["title"]


def test_a_visitor_who_has_moved_on_gives_the_turn_back(sent):
    class MovedOn(BaseException):
        pass

    def end(_message):
        raise MovedOn

    sent.context._enqueue = end
    with pytest.raises(MovedOn), turns.turn():
        sent.say("title")
    sent.context._enqueue = sent.out.append
    with turns.turn():  # would wait for ever, were the place still taken
        sent.say("next")
    assert sent.out == ["next"]


def test_only_one_place_stops_a_script():
    """``st.stop`` in the middle of a turn would lose the page's messages; the front door's is outside of any."""
    found = {path.name for path in (ROOT / "dlviz").rglob("*.py") if "st.stop()" in path.read_text()}
    assert found == {"turns.py", "visitor.py"}
