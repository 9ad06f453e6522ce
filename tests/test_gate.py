"""The gate: one run at a time, a long one lets others go first, and what several want is computed once."""

import threading
import time

import pytest

from dlviz.engine import gate as gates
from dlviz.engine.gate import gate, give_way, undivided
from dlviz.engine.line import Lines


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(gates, "LONG", 0.1)
    monkeypatch.setattr(gates, "TURN", 0.02)


def started(*works):
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    return threads


def ended(threads):
    for thread in threads:
        thread.join(5)
    assert not any(thread.is_alive() for thread in threads)


def computing(seconds, way=give_way):
    """Compute for so long of one's own time, and report now and then."""
    left = seconds
    while left > 0:
        begun = time.perf_counter()
        while time.perf_counter() - begun < 0.005:
            pass
        left -= time.perf_counter() - begun
        way()


def test_a_long_run_lets_others_go_first_and_comes_back():
    order, now = [], []

    def work(name, seconds):
        def way():
            now.remove(name)
            give_way()
            now.append(name)
            assert len(now) == 1, "one at a time"

        with gate():
            now.append(name)
            computing(seconds, way)
            now.remove(name)
        order.append(name)

    runs = [("long", 0.4), *((f"short {i}", 0.03) for i in range(6))]
    ended(started(*(lambda run=run: work(*run) for run in runs)))
    assert order == [*(f"short {i}" for i in range(6)), "long"]


def test_a_short_run_ends_before_others_begin():
    order = []

    def work(name):
        with gate():
            computing(0.05)
        order.append(name)

    ended(started(*(lambda name=name: work(name) for name in "abc")))
    assert order == ["a", "b", "c"]


def test_so_many_are_begun_and_no_more():
    begun, most, free = [], [], threading.Event()

    def work():
        with gate():
            begun.append(1)
            while not free.is_set():
                computing(0.01)
                most.append(len(begun))
            begun.pop()

    threads = started(*[work] * (gates.BEGUN + 3))
    time.sleep(1.5)
    free.set()
    ended(threads)
    assert max(most) == gates.BEGUN


def test_who_leaves_while_others_go_first_is_out():
    def leave(_share):
        raise InterruptedError

    def work():
        with pytest.raises(InterruptedError), gate():
            computing(5, lambda: give_way(leave))
        left.set()

    def other():
        with gate():
            assert left.wait(5)

    left = threading.Event()
    ended(started(work, other))
    with gate():
        pass


def test_what_other_threads_do_is_not_divided():
    order = []

    def work():
        with gate(), undivided():
            computing(0.3)
            order.append("long")

    def other():
        with gate():
            order.append("short")

    ended(started(work, other))
    assert order == ["long", "short"]


def test_one_at_a_time_for_each_key():
    lines, now = Lines(), {"a": [], "b": []}
    seen = []

    def work(key):
        with lines.alone(key):
            now[key].append(1)
            time.sleep(0.05)
            seen.append((len(now["a"]), len(now["b"])))
            now[key].pop()

    ended(started(*(lambda key=key: work(key) for key in "abab")))
    assert set(seen) <= {(1, 0), (0, 1), (1, 1)}
    assert (1, 1) in seen
    assert not lines._lines and not lines._users

    def leave(_share):
        raise InterruptedError

    with lines.alone("a"), pytest.raises(InterruptedError), lines.alone("a", leave):
        pytest.fail("two with one key")
    assert not lines._lines
