"""The compute lock: one run at a time, a long one lets others go first, and what several want is computed once."""

import threading

import pytest
from waiting import until

from dlviz.engine.runtime import compute_lock as gates
from dlviz.engine.runtime.compute_lock import compute_lock, let_others_go_first, uninterrupted
from dlviz.engine.runtime.fair_queue import FairQueue, KeyedQueues


class Clock:
    """A clock that goes on only while somebody computes, so that a busy machine changes no order."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(gates, "perf_counter", made)
    monkeypatch.setattr(gates, "LONG", 0.1)
    monkeypatch.setattr(gates, "TURN", 0.02)
    return made


@pytest.fixture
def computing(clock):
    """A function that computes for so many seconds, and reports now and then."""

    def compute(seconds, way=let_others_go_first):
        for _ in range(round(seconds / 0.005)):
            clock.now += 0.005
            way()

    return compute


def arrived():
    """How many threads are inside the lock or wait for it."""
    return len(gates._begun._waiting) + len(gates._line._waiting) + 1 - gates._line._free


def started(*works):
    """Threads that come to the lock one after another. The first is to stay inside until all are there."""
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        count = arrived() + 1
        thread.start()
        until(lambda count=count: arrived() == count)
    return threads


def ended(threads):
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def free():
    """Set when those who are inside may go on."""
    return threading.Event()


def test_the_gate_is_passed_in_the_order_of_arrival_and_by_nobody_who_has_left(free):
    order, inside, others = [], [], gates.BEGUN + 2  # the last ones cannot even begin

    def first():
        with compute_lock(), compute_lock():
            free.wait(60)

    def wait(i):
        with compute_lock():
            inside.append(i)
            until(lambda: arrived() == others - len(order))  # who could begin only now is there, too
            assert len(inside) == 1
            order.append(i)
            inside.remove(i)

    def leave(_share):
        raise InterruptedError

    threads = started(first)
    for i in range(others):
        threads += started(lambda i=i: wait(i))
        with pytest.raises(InterruptedError), compute_lock(leave):
            pytest.fail("a second one is inside")
    free.set()
    ended(threads)
    assert order == [*range(others)]


def test_a_long_run_lets_others_go_first_and_comes_back(computing, free):
    order, now = [], []

    def work(name, seconds):
        def way():
            now.remove(name)
            let_others_go_first()
            now.append(name)
            assert len(now) == 1, "one at a time"

        with compute_lock():
            now.append(name)
            free.wait(60)
            until(lambda: arrived() == len(runs) - len(order))  # as above
            computing(seconds, way)
            now.remove(name)
            order.append(name)

    runs = [("long", 0.4), *((f"short {i}", 0.03) for i in range(6))]
    threads = started(*(lambda run=run: work(*run) for run in runs))
    free.set()
    ended(threads)
    assert order == [*(f"short {i}" for i in range(6)), "long"]


def test_a_short_run_ends_before_others_begin(computing, free):
    order = []

    def work(name):
        with compute_lock():
            free.wait(60)
            computing(0.05)
            order.append(name)

    threads = started(*(lambda name=name: work(name) for name in "abc"))
    free.set()
    ended(threads)
    assert order == ["a", "b", "c"]


def test_so_many_are_begun_and_no_more(computing, free):
    begun, most = [], []

    def work():
        with compute_lock():
            begun.append(1)
            while not free.is_set():
                computing(0.01)
                most.append(len(begun))
            begun.pop()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(gates.BEGUN + 3)]
    for thread in threads:
        thread.start()
    until(lambda: arrived() == len(threads) and len(begun) == gates.BEGUN)
    turns = len(most)
    until(lambda: len(most) > turns + 100)
    free.set()
    ended(threads)
    assert max(most) == gates.BEGUN


def test_who_leaves_while_others_go_first_is_out(computing, free):
    def leave(_share):
        raise InterruptedError

    def work():
        with pytest.raises(InterruptedError), compute_lock():
            free.wait(60)
            computing(5, lambda: let_others_go_first(leave))
        left.set()

    def other():
        with compute_lock():
            assert left.wait(60)

    left = threading.Event()
    threads = started(work, other)
    free.set()
    ended(threads)
    assert left.is_set()
    with compute_lock():
        pass


def test_what_other_threads_do_is_not_divided(computing, free):
    order = []

    def work():
        with compute_lock(), uninterrupted():
            free.wait(60)
            computing(0.3)
            order.append("long")

    def other():
        with compute_lock():
            order.append("short")

    threads = started(work, other)
    free.set()
    ended(threads)
    assert order == ["long", "short"]


def test_a_line_lets_in_as_many_as_it_has_places():
    line, now, most = FairQueue(2), [], []
    together = threading.Barrier(2, timeout=60)

    def work():
        line.enter()
        now.append(1)
        together.wait()
        most.append(len(now))
        together.wait()
        now.pop()
        line.leave()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(12)]
    for thread in threads:
        thread.start()
    ended(threads)
    assert most == [2] * 12


def test_one_at_a_time_for_each_key():
    lines, now, seen = KeyedQueues(), {"a": [], "b": []}, []
    together = threading.Barrier(2, timeout=60)

    def work(key):
        with lines.alone(key):
            now[key].append(1)
            together.wait()
            seen.append((len(now["a"]), len(now["b"])))
            together.wait()
            now[key].pop()

    threads = [threading.Thread(target=work, args=(key,), daemon=True) for key in "abab"]
    for thread in threads:
        thread.start()
    ended(threads)
    assert seen == [(1, 1)] * 4
    assert not lines._lines and not lines._users

    def leave(_share):
        raise InterruptedError

    with lines.alone("a"), pytest.raises(InterruptedError), lines.alone("a", leave):
        pytest.fail("two with one key")
    assert not lines._lines
