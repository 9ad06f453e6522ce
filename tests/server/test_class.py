"""A class on one server: all are served, the newest wins, what is set comes back, and the shelves are bounded.

The full figures, with 200 sessions, are those of benchmarks/class_load.py and benchmarks/memory.py.
"""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest
from server_process import free_port, start, stop
from visitors import Visitor, run
from watching import Watched, watched

from dlviz.engine.runtime import cache as keeping
from dlviz.engine.runtime.cache import Budget, Cache, cached, size_of

PAGE = "loss_surfaces"
RATES = ["0.01", "0.02", "0.03", "0.04"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with watched(tmp_path_factory.mktemp("watched")) as made:
        yield made


def test_a_class_is_served_at_once_and_while_it_works(server: Watched):
    async def visit(i):
        async with Visitor(server.url, PAGE, "surface=Beale") as visitor:
            await visitor.open()
            for turn in range(2):
                rate = RATES[(i + turn) % len(RATES)]
                await visitor.set("learning_rate", rate)
                assert f"learning_rate={rate}" in visitor.query
            assert len(visitor.charts) == 2
            assert not visitor.exceptions and not visitor.alerts
            return visitor.runs[0].done

    async def everybody():
        return await asyncio.gather(*map(visit, range(16))), await server.most()

    ended, most = run(everybody())
    assert all(ended)
    assert most == 1


def test_a_drag_storm_ends_with_the_newest_picture_and_computes_one_at_a_time(server: Watched):
    async def drag():
        async with Visitor(server.url, "initialization") as visitor:
            await visitor.open()
            stops = [stop for stop in visitor.widgets["std"].options if [stop] != visitor.values["std"]][:20]
            for stop_ in stops:
                await visitor.put("std", stop_)
                await asyncio.sleep(1 / 30)
            await visitor.until(lambda: f"std={stops[-1]}" in visitor.query and visitor.runs[-1].done)
            assert visitor.charts and not visitor.exceptions
            shown = [v for v in visitor.runs if v.done]
            return len(stops), len(shown), await server.most()

    asked, ended, most = run(drag())
    assert ended < asked, "every change was drawn to its end, though a newer one was there"
    assert most <= 2


def test_settings_come_back_when_lines_are_cut_and_when_the_server_is_killed():
    port = free_port()
    process, url = start(port=port)

    async def come_back(visitor):
        await visitor.connect()
        await visitor.open()

    def settings(visitor):
        return visitor.query, visitor.values["learning_rate"], len(visitor.charts), visitor.alerts

    async def story():
        nonlocal process
        visitors = [Visitor(url, PAGE, f"steps={100 + 50 * (i % 3)}") for i in range(12)]
        await asyncio.gather(*map(come_back, visitors))
        await asyncio.gather(*(v.set("learning_rate", RATES[i % 4]) for i, v in enumerate(visitors)))
        before = [settings(v) for v in visitors]
        assert len({query for query, *_ in before}) == 12

        for visitor in visitors:
            visitor.cut()
        await asyncio.sleep(0.3)
        await asyncio.gather(*map(come_back, visitors))
        assert [settings(v) for v in visitors] == before

        process.kill()
        process.wait()
        process, _url = start(port=port)
        for visitor in visitors:  # as one who loads the address anew: nothing is left but the link
            visitor.session = ""
            visitor.values.clear()
        await asyncio.gather(*map(come_back, visitors))
        assert [settings(v) for v in visitors] == before
        for visitor in visitors:
            await visitor.close()

    try:
        run(story())
    finally:
        stop(process)


def test_the_work_for_a_visitor_who_has_left_ends(server: Watched):
    async def leave():
        visitor = Visitor(server.url, "initialization", "panels=Training&depth=100&width=1024&samples=500&repeats=30")
        await visitor.connect()
        await visitor.ask()
        await server.works()
        visitor.cut()
        return await server.rests(), visitor.runs[-1].done

    looks, done = run(leave())
    assert looks < 200 and not done, "whole, it takes much longer"


@dataclass(frozen=True)
class Picture:
    pixels: np.ndarray
    title: str = ""


def test_shelves_are_bounded_in_number_and_in_bytes_together():
    room = Budget(10_000)
    one, other = Cache(4, room), Cache(100, room)
    for i in range(8):
        one.put(i, Picture(np.zeros(100, np.uint8)))
    assert len(one) == 4 and one.get(3) is None and one.get(4) is not None
    for i in range(40):
        other.put(i, Picture(np.zeros(1_000, np.uint8)))
        assert room.bytes <= 10_000
    assert len(one) == 0, "what was unused for longest goes first, on whichever shelf it stands"
    assert other.get(39) is not None and other.get(0) is None
    other.put("large", np.zeros(9_000, np.uint8))
    assert other.get("large") is None and other.get(39) is not None, "one value must not cost all others their place"
    other.clear()
    assert room.bytes == 0


def test_a_shelf_that_is_gone_takes_no_room():
    room = Budget(10_000)
    shelf = Cache(4, room)
    shelf.put("a", np.zeros(1_000))
    shelf.put("a", np.zeros(100))
    assert 800 <= room.bytes < 1_000
    del shelf
    assert room.bytes == 0


def test_the_weight_is_that_of_the_arrays_and_counts_each_once():
    base = np.zeros(10_000)
    assert 80_000 <= size_of(Picture(base[:1])) < 81_000, "a view keeps all of its array alive"
    assert 80_000 <= size_of({"a": [base, base], "b": (base[5:],)}) < 82_000


def test_kept_results_share_the_room(monkeypatch):
    room = Budget(100_000)
    monkeypatch.setattr(keeping.Cache.__init__, "__defaults__", (room,))

    @cached(50)
    def curve(n, *, progress):
        return np.zeros(1_000) + n

    for n in range(50):
        curve(n)
    assert 80_000 <= room.bytes <= 100_000
