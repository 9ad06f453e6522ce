"""How many messages the guard takes, and how soon after one another, by clocks that stand still meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websocket_messages import rerun

from dlviz.ui.server import guard


def judged(monkeypatch, times: list[float], data: bytes) -> Counter:
    """How many of these messages at these times go on, are dropped, or end the connection."""
    now = [0.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    line = guard.Line()
    counts: Counter = Counter()
    for time in times:
        now[0] = time
        refused = line.take(data)
        counts[refused[0] if refused else "heard" if line.heard else "dropped"] += 1
    return counts


def test_a_drag_storm_passes_and_a_flood_does_not(monkeypatch):
    assert judged(monkeypatch, [k / 30 for k in range(180)], rerun()) == {"heard": 180}
    assert judged(monkeypatch, [k / 5 for k in range(3000)], rerun()) == {"heard": 3000}
    # Nobody drags for a minute, and twenty connections at this rate kept a server to themselves.
    assert judged(monkeypatch, [k / 55 for k in range(3300)], rerun())["heard"] < 500
    flood = judged(monkeypatch, [k / 600 for k in range(600)], rerun())
    assert flood["heard"] < 200
    assert flood[1008] > 400


class Hurried(asyncio.SelectorEventLoop):
    """An event loop that waits for nothing: its clock goes on to what comes next."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if self._scheduled and not self._ready:
            self.now = max(self.now, self._scheduled[0].when())
        super()._run_once()


@pytest.fixture
def loop(monkeypatch):
    """A clock of its own for the guard too: on a busy machine no allowance is filled up meanwhile."""
    made = Hurried()
    monkeypatch.setattr(guard, "monotonic", made.time)
    yield made
    made.close()


def passed_on(loop: Hurried, sent: list[bytes], together: guard.Bucket, every: float = 0.0) -> list[bytes | None]:
    """What of these messages goes on to Streamlit, None for the end of the connection, which comes when all is sent."""

    async def check() -> list[bytes | None]:
        queue: asyncio.Queue[dict] = asyncio.Queue()

        async def sending() -> None:
            for data in sent:
                queue.put_nowait({"type": "websocket.receive", "bytes": data})
                await asyncio.sleep(every)
            await asyncio.sleep(2 * guard.PAUSE)
            queue.put_nowait({"type": "websocket.disconnect"})

        async def closing(_message) -> None:
            pass

        task = asyncio.create_task(sending())
        receive = guard._measured(queue.get, closing, together)
        passed: list[bytes | None] = []
        while not passed or passed[-1] is not None:
            passed.append((await receive()).get("bytes"))
        task.cancel()
        return passed

    with ThreadPoolExecutor(1) as thread:  # as in visitors.run
        return thread.submit(loop.run_until_complete, check()).result()


def a_class() -> guard.Bucket:
    pages = guard.Limits.per_address
    return guard.Bucket(guard.TOGETHER_PER_SECOND * pages, guard.TOGETHER_AT_ONCE * pages)


def test_of_many_messages_the_newest_takes_the_place_of_the_others(loop):
    sent = [rerun(query_string=f"n={k}") for k in range(100)]
    passed = passed_on(loop, sent, a_class(), every=0.002)
    assert passed[:30] == sent[:30]
    assert len(passed) < 40
    assert passed[-2:] == [sent[-1], None]


def test_a_press_of_a_button_is_never_left_out_and_nothing_changes_its_place(loop):
    pressed = BackMsg.FromString(rerun())
    pressed.rerun_script.widget_states.widgets.add(id="button", trigger_value=True)
    button, part = pressed.SerializeToString(), rerun(fragment_id="part")
    sent = [rerun()] * 60 + [button, part, rerun()]
    assert passed_on(loop, sent, a_class())[-4:] == [button, part, rerun(), None]
    assert passed_on(loop, [button] * 60, a_class()) == [button] * 60 + [None]


def test_the_connections_of_an_address_have_one_allowance(loop):
    together = guard.Bucket(0.0, 20)
    button = BackMsg.FromString(rerun())
    button.rerun_script.widget_states.widgets.add(id="button", trigger_value=True)
    counts = [len(passed_on(loop, [button.SerializeToString()] * 8, together)) - 1 for _ in range(4)]
    assert counts == [8, 8, 4, 0]


async def app(_scope, _receive, _send):
    """What is guarded; nobody asks it here."""


def test_a_new_connection_brings_no_new_allowance(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    guarded = guard.Guard(app, guard.Limits(9, 1))
    bucket = guarded._together("1.1.1.1")
    while bucket.take():
        pass
    assert guarded._together("1.1.1.1") is bucket
    assert guarded._full("1.1.1.1")
    assert not guarded._full("2.2.2.2")
    now[0] = 60.0
    assert not guarded._full("1.1.1.1")
    guarded._together("2.2.2.2")
    assert "1.1.1.1" not in guarded._asked  # it has all of its allowance again


def test_a_class_behind_one_address_never_meets_its_bounds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    together, pages = a_class(), guard.Limits.per_address
    for _ in range(5 * pages):  # the page and four changes, at once
        assert together.take()
    for step in range(120 * pages):  # then each acts every five seconds, for ten minutes
        now[0] = step * 5 / pages
        assert together.take()
    assert together.used < together.size / 2


def test_a_timer_is_not_heard_soon_after_an_action(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    line = guard.Line()
    timer, action = rerun(is_auto_rerun=True, fragment_id="f"), rerun()
    for seconds, data, heard in ((100, timer, True), (101, action, True), (105, timer, False), (110, timer, True)):
        now[0] = seconds
        assert line.take(data) is None
        assert line.heard == heard
