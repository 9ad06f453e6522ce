"""A full class: real sessions over the websocket, all at once, against one server on this machine.

    python benchmarks/class_load.py class     200 open one link at once, then everybody moves a slider every 5 s
    python benchmarks/class_load.py uncached  50 who all ask for something else, which nobody has computed
    python benchmarks/class_load.py cores     the class on a machine of one core and of two
    python benchmarks/class_load.py drag      a slider dragged through 30 values in a second
    python benchmarks/class_load.py cut       200 connections cut, then the server killed and started again

    --sessions N --page STEM --link QUERY --vary SETTING --ramp S --think S --duration S
    --beside 'STEM?QUERY' of `uncached`: a long run that somebody else has asked for

Each prints what was measured beside what was to be reached. benchmarks/memory.py has the figures of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from load import Crowd, Meter, affinity, beside, crowd, median, memory, own_links, percentile, stops, table
from server_process import ROOT, free_port, serving, start, stop
from visitors import Visitor

VARY = {
    "loss_surfaces": "learning_rate", "activations": "std", "initialization": "std", "normalization": "examples",
    "bptt": "radius", "fine_tuning": "noise",
}  # fmt: skip
"""A slider that every page shows as it opens."""
OWN = {"loss_surfaces": "steps"}
"""The setting, for all others the seed, in which the links differ of those who ask for different things."""
WATCHED = ROOT / "benchmarks" / "watched.py"


@contextmanager
def watched() -> Iterator[tuple[int, str, Callable[[], dict[str, dict[str, int]]]]]:
    """A server that is looked at from within: its process, its address, and a call that gives the looks so far."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "seen.json"
        with serving(runner=WATCHED, env={"DLVIZ_WATCH": str(seen)}) as (process, url):
            yield process.pid, url, lambda: json.loads(seen.read_text())


async def places(url: str, asked: Namespace) -> list[object]:
    """The values among which everybody moves the slider."""
    one = await crowd(url, asked.page, [asked.link])
    values = stops(one.visitors[0], asked.vary, 12)
    await one.leave()
    return values


async def warm(url: str, asked: Namespace, values: list[object]) -> list[float]:
    """Have everything computed that the class will ask for; seconds of a single session that opens the page then."""
    one = await crowd(url, asked.page, [asked.link])
    for value in values:
        await one.visitors[0].set(asked.vary, value)
    await one.leave()
    first = []
    for _ in range(9):
        one = await crowd(url, asked.page, [asked.link])
        first += one.first
        await one.leave()
    return first


async def lesson(url: str, pid: int, asked: Namespace) -> tuple[list[float], Crowd, Meter, Meter]:
    """The class: seconds of a single session, the crowd, and the server while it came and while it worked."""
    values = await places(url, asked)
    single = await warm(url, asked, values)
    with Meter(pid, url) as opening:
        people = await crowd(url, asked.page, [asked.link] * asked.sessions, asked.ramp)
    with Meter(pid, url) as working:
        await people.act(asked.vary, [values], asked.think, asked.duration)
    return single, people, opening, working


def class_(asked: Namespace) -> None:
    with serving() as (process, url):
        single, people, opening, working = asyncio.run(lesson(url, process.pid, asked))
        first = percentile(people.first, 0.95)
        health = percentile(opening.health + working.health, 0.95)
        table(f"{asked.sessions} sessions on {asked.page}, a change every {asked.think:g} s", [
            ("served", f"{people.served} of {asked.sessions}", f"{asked.sessions}"),
            ("errors", f"{len(people.wrong)} {people.wrong[:1]}", "none"),
            ("first page of one session, warm", f"{median(single):.3f} s", ""),
            ("first page, median", f"{median(people.first):.2f} s", ""),
            ("first page, 95 %", f"{first:.2f} s", "at most 5 s"),
            ("that by one session's", f"{first / median(single):.0f}", "at most 15"),
            ("reruns", f"{len(people.reruns)}, {len(people.reruns) / asked.duration:.1f} a second", ""),
            ("rerun, median", f"{median(people.reruns):.3f} s", ""),
            ("rerun, 95 %", f"{percentile(people.reruns, 0.95):.3f} s", "at most 0.6 s"),
            ("health, 95 %", f"{health:.3f} s", "at most 0.3 s"),
            ("health, longest", f"{max(opening.health + working.health):.3f} s", ""),
            ("memory, most", f"{max(opening.memory + working.memory):.0f} MB", "at most 700 MB"),
            ("server, cores used while opening", f"{opening.server_cpu:.2f}", ""),
            ("server, CPU a first page", f"{1e3 * opening.server_seconds / asked.sessions:.1f} ms", ""),
            ("server, CPU a rerun", f"{1e3 * working.server_seconds / max(len(people.reruns), 1):.1f} ms", ""),
            ("this client, cores used", f"{max(opening.client_cpu, working.client_cpu):.2f}", ""),
        ])  # fmt: skip


def uncached(asked: Namespace) -> None:
    """Everybody on a link of their own, and every change is new, so that nothing comes from the cache."""
    own = OWN.get(asked.page, "seed")

    async def alone(url: str) -> list[float]:
        # The same kind of change by a single session: as new, and with nobody else there.
        links = own_links(asked.page, own, 2 * asked.sessions + 1)[1::2][:3]
        took = []
        for link in links:
            one = await crowd(url, asked.page, [link])
            await one.act(asked.vary, [stops(one.visitors[0], asked.vary, 12)], 0, 2)
            took += one.reruns[:11]
            await one.leave()
        return took

    async def all_together(url: str, pid: int) -> tuple[Crowd, Meter]:
        people = await crowd(url, asked.page, own_links(asked.page, own, asked.sessions), timeout=300)
        values = [stops(people.visitors[0], asked.vary, 12)]
        with Meter(pid, url) as meter:
            async with beside(url, asked.beside):
                await people.act(asked.vary, values, asked.think, min(asked.duration, 11 * asked.think), timeout=300)
        return people, meter

    with watched() as (pid, url, seen):
        single = asyncio.run(alone(url))
        people, meter = asyncio.run(all_together(url, pid))
        looks = seen()
    reached = percentile(people.reruns, 0.95)
    table(f"{asked.sessions} sessions on {asked.page}, each asks for something new every {asked.think:g} s", [
        ("served", f"{people.served} of {asked.sessions}", f"{asked.sessions}"),
        ("errors", f"{len(people.wrong)} {people.wrong[:1]}", "none"),
        ("rerun of one session alone, median", f"{median(single):.3f} s", ""),
        ("rerun, median", f"{median(people.reruns):.3f} s", ""),
        ("rerun, 95 %", f"{reached:.3f} s", ""),
        ("that by one session's", f"{reached / median(single):.1f}", "at most 10"),
        ("computations at once, most", _most(looks, "computing"), f"at most {os.cpu_count()}, one a core"),
        ("waiting for them, most", _most(looks, "waiting"), ""),
        ("looks", f"{sum(looks['computing'].values())}", ""),
        ("health, 95 %", f"{percentile(meter.health, 0.95):.3f} s", "at most 0.3 s"),
        ("server, cores used", f"{meter.server_cpu:.2f}", ""),
        ("server, CPU a rerun", f"{1e3 * meter.server_seconds / max(len(people.reruns), 1):.1f} ms", ""),
        ("this client, cores used", f"{meter.client_cpu:.2f}", ""),
    ])  # fmt: skip


def _most(looks: dict[str, dict[str, int]], what: str) -> str:
    return str(max(map(int, looks[what])))


def cores(asked: Namespace) -> None:
    """By turns: the server on a core for itself, all on one core, and all on two. Visitors take a core's share, too."""
    first, last = 0, os.cpu_count() - 1
    ways = {
        "server on one core, visitors on the other": ([first], [last]),
        "server and visitors on one core": ([first], [first]),
        "server and visitors on both": ([first, last], [first, last]),
    }
    rows = []
    for way, (served, visiting) in 3 * [*ways.items()]:
        os.sched_setaffinity(0, visiting)
        with serving() as (process, url):
            affinity(process.pid, served)
            _single, people, _opening, working = asyncio.run(lesson(url, process.pid, asked))
            rows += [
                (f"{way}: first page, 95 %", f"{percentile(people.first, 0.95):.2f} s", ""),
                ("  rerun, median", f"{median(people.reruns):.3f} s", ""),
                ("  rerun, 95 %", f"{percentile(people.reruns, 0.95):.3f} s", ""),
                ("  server, CPU a rerun", f"{1e3 * working.server_seconds / max(len(people.reruns), 1):.1f} ms", ""),
                ("  served", f"{people.served} of {asked.sessions}", f"{asked.sessions}"),
            ]
    table("Two cores are never slower than one", rows)


def drag(asked: Namespace) -> None:
    """A slider dragged through 30 values in a second, none of them computed before."""

    async def change(url: str, link: str, count: int) -> float:
        visitor = Visitor(url, asked.page, link)
        async with visitor:
            await visitor.open()
            values = [value for value in stops(visitor, asked.vary, 40) if [value] != visitor.values[asked.vary]][
                -count:
            ]
            for value in values:
                begun = time.perf_counter()
                await visitor.put(asked.vary, value)
                if value != values[-1]:
                    await asyncio.sleep(1 / 30)
            wanted = f"{asked.vary}={float(values[-1]):g}"
            await visitor.until(lambda: wanted in visitor.query and visitor.runs[-1].done, 120)
            return time.perf_counter() - begun

    own = OWN.get(asked.page, "seed")
    links = own_links(asked.page, own, 21)[1:]
    with watched() as (_pid, url, seen):
        asyncio.run(change(url, links[-1], 1))
        one, storm = [], []
        for a, b in zip(links[0:10:2], links[1:10:2], strict=True):
            one.append(asyncio.run(change(url, f"{asked.link}&{a}", 1)))
            storm.append(asyncio.run(change(url, f"{asked.link}&{b}", 30)))
        time.sleep(0.5)
        looks = seen()
    table(f"30 changes of {asked.vary} within a second on {asked.page}", [
        ("one change, median of five", f"{median(one):.3f} s", ""),
        ("from the last of 30 to its picture", f"{median(storm):.3f} s", ""),
        ("that by one change's", f"{median(storm) / median(one):.2f}", "at most 1.5"),
        ("computations at once, most", _most(looks, "computing"), "at most 2"),
        ("looks", f"{sum(looks['computing'].values())}", ""),
    ])  # fmt: skip


def cut(asked: Namespace) -> None:
    """Everybody sets something of their own; the lines break, and then the server does; who has it still?"""

    async def return_(people: Crowd, url: str, session: bool) -> float:
        async def back(visitor: Visitor) -> None:
            visitor.server = url
            if not session:
                visitor.session = ""
            for attempt in range(50):
                try:
                    await visitor.connect()
                    await visitor.open()
                    return
                except OSError:  # the server's backlog is full, or it is not there yet
                    await asyncio.sleep(0.1 * (attempt + 1))
            raise ConnectionError("no way back")

        begun = time.perf_counter()
        people.note(await asyncio.gather(*map(back, people.visitors), return_exceptions=True))
        return time.perf_counter() - begun

    def keep(people: Crowd, before: list[str]) -> str:
        pairs = zip(people.visitors, before, strict=True)
        return f"{sum(v.query == query and bool(v.charts) and not v.alerts for v, query in pairs)} of {len(before)}"

    async def story(url: str, process: object, port: int) -> tuple[list[tuple[str, str, str]], object]:
        values = await places(url, asked)
        # Of 5 links and 12 places of the slider: that the settings come back is asked, not what they cost.
        links = own_links(asked.page, OWN.get(asked.page, "seed"), 5)
        people = await crowd(url, asked.page, [links[i % 5] for i in range(asked.sessions)], timeout=300)
        people.note(await asyncio.gather(
            *(v.set(asked.vary, values[i % 12], 300) for i, v in enumerate(people.visitors)), return_exceptions=True
        ))  # fmt: skip
        before, sessions = [v.query for v in people.visitors], [v.session for v in people.visitors]
        for visitor in people.visitors:
            visitor.cut()
        await asyncio.sleep(1)
        took = await return_(people, url, session=True)
        same = sum(v.session == session for v, session in zip(people.visitors, sessions, strict=True))
        rows = [
            ("different links", f"{len(set(before))}", ""),
            ("lines cut: settings there again", keep(people, before), f"{asked.sessions}"),
            ("of these in their old session", f"{same}", "Streamlit keeps 128"),
            ("until the last had its page", f"{took:.1f} s", ""),
        ]
        process.kill()
        process.wait()
        process, url = start(port=port)
        # A browser that finds the server gone keeps its page, link and widgets, and tries again.
        took = await return_(people, url, session=True)
        rows += [
            ("server killed: settings there again", keep(people, before), f"{asked.sessions}"),
            ("until the last had its page", f"{took:.1f} s", ""),
        ]
        for visitor in people.visitors:  # as loading the address anew does: nothing is left but the link
            visitor.cut()
            visitor.values.clear()
        took = await return_(people, url, session=False)
        rows += [
            ("loaded anew from the link alone", keep(people, before), f"{asked.sessions}"),
            ("until the last had its page", f"{took:.1f} s", ""),
            ("errors", f"{len(people.wrong)} {people.wrong[:1]}", "none"),
            ("memory", f"{memory(process.pid):.0f} MB", ""),
        ]
        await people.leave()
        return rows, process

    port = free_port()
    process, url = start(port=port)
    try:
        rows, process = asyncio.run(story(url, process, port))
    finally:
        stop(process)
    table(f"{asked.sessions} connections on {asked.page} cut, and the server killed under them", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scenarios = {"class": class_, "uncached": uncached, "cores": cores, "drag": drag, "cut": cut}
    parser.add_argument("scenario", choices=scenarios)
    parser.add_argument("--sessions", type=int, help="200, or 50 of `uncached`")
    parser.add_argument("--page", choices=VARY, default="loss_surfaces")
    parser.add_argument("--link", default="", help="the query of the link")
    parser.add_argument("--beside", default="", help="of `uncached`: a page and query that somebody else has open")
    parser.add_argument("--vary", help="key of the slider that is moved")
    parser.add_argument("--ramp", type=float, default=0, help="seconds within which they arrive (0)")
    parser.add_argument("--think", type=float, default=5, help="seconds from one change to the next (5)")
    parser.add_argument("--duration", type=float, default=30, help="seconds for which they act (30)")
    asked = parser.parse_args()
    asked.sessions = asked.sessions or (50 if asked.scenario == "uncached" else 200)
    asked.vary = asked.vary or VARY[asked.page]
    scenarios[asked.scenario](asked)


if __name__ == "__main__":
    main()
