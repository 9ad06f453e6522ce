"""Many visitors at once: what class_load.py, uncached.py and memory.py are made of.

The visitors are sessions over the websocket (tests/helpers/visitors.py), all in this process, which does no more with
a message than to parse it and to remember what stands where; its own share of the machine is printed with every figure.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from visitors import Visitor  # noqa: E402

from dlviz import catalog  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so great a share lies; nan for no values."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def memory(pid: int) -> float:
    """What a process holds of the machine's memory, in MB: its resident pages, with the libraries that others share."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Rss:\s+(\d+)", text, re.MULTILINE)[1]) * 1024 / 1e6


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Meter:
    """Looks at a server meanwhile, from a process of its own: memory, CPU and the latency of its health address.

    Use as a context manager; afterwards ``memory`` (MB), ``health`` (s) and ``at`` (s) hold the samples, and
    ``server_cpu`` and ``client_cpu`` the cores that server and this client used on average
    (``server_seconds`` of CPU in all).
    """

    def __init__(self, pid: int, url: str, every: float = 0.25) -> None:
        self._pid, self._url, self._every = pid, url, every
        self.memory: list[float] = []
        self.health: list[float] = []
        self.at: list[float] = []

    def __enter__(self) -> Meter:
        self._file = tempfile.NamedTemporaryFile("r", suffix=".jsonl")
        command = [sys.executable, __file__, str(self._pid), self._url, str(self._every), self._file.name]
        self._process = subprocess.Popen(command)
        while not Path(self._file.name).stat().st_size:
            time.sleep(0.01)
        self._begun, self._cpu, self._own = time.perf_counter(), cpu(self._pid), _own_cpu()
        return self

    def __exit__(self, *_: object) -> None:
        took = time.perf_counter() - self._begun
        with suppress(FileNotFoundError):  # a server that was killed
            self.server_seconds = cpu(self._pid) - self._cpu
            self.server_cpu = self.server_seconds / took
        self.client_cpu = (_own_cpu() - self._own) / took
        self._process.terminate()
        self._process.wait()
        for line in self._file:
            at, held, health = json.loads(line)
            self.at.append(at)
            self.memory.append(held)
            self.health.append(health)


def _own_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def crowd(url: str, page: str, links: Sequence[str], ramp: float = 0, timeout: float = 120) -> Crowd:
    """Open a page with each link's query, evenly within ``ramp`` seconds."""
    visitors = [Visitor(url, page, query) for query in links]
    gathered = Crowd(visitors)

    async def arrive(visitor: Visitor, after: float) -> None:
        await asyncio.sleep(after)
        begun = time.perf_counter()
        await visitor.connect(timeout)
        await visitor.open(timeout)
        gathered.first.append(time.perf_counter() - begun)

    gathered.note(
        await asyncio.gather(
            *(arrive(visitor, ramp * i / len(visitors)) for i, visitor in enumerate(visitors)), return_exceptions=True
        )
    )
    return gathered


@asynccontextmanager
async def beside(url: str, link: str) -> AsyncIterator[None]:
    """Somebody else has a page open meanwhile, ``"stem?query"``, whatever it computes; nobody if that is empty."""
    page, _, query = link.partition("?")
    async with AsyncExitStack() as stack:
        if link:
            visitor = await stack.enter_async_context(Visitor(url, page, query))
            await visitor.ask()
            await asyncio.sleep(4)  # the run is a long one by now
        yield


class Crowd:
    """Visitors, how long they waited for their first page and for reruns (s), and what went wrong."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self.visitors = visitors
        self.first: list[float] = []
        self.reruns: list[float] = []
        self.wrong: list[str] = []
        self.served = 0

    def note(self, outcomes: Sequence[Any]) -> None:
        self.wrong += [repr(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]

    def count(self) -> None:
        """Count in ``served`` who has the page, whole and without an error."""
        self.served = sum(
            bool(v.connected and v.runs and v.runs[-1].done and v.elements and not v.exceptions) for v in self.visitors
        )

    async def act(
        self, key: str, values: Sequence[Sequence[Any]], think: float, duration: float, timeout: float = 120
    ) -> None:
        """Everybody moves a widget to one of their values every ``think`` seconds, out of step, for a while."""
        stop = time.perf_counter() + duration

        async def acting(visitor: Visitor, own: Sequence[Any], chance: random.Random) -> None:
            await asyncio.sleep(chance.random() * think)
            turn = chance.randrange(len(own))
            while time.perf_counter() < stop:
                begun, turn = time.perf_counter(), turn + 1
                run = await visitor.set(key, own[turn % len(own)], timeout)
                self.reruns.append(run.seconds)
                await asyncio.sleep(max(0.0, begun + think - time.perf_counter()))

        self.note(
            await asyncio.gather(
                *(acting(v, values[i % len(values)], random.Random(i)) for i, v in enumerate(self.visitors)),
                return_exceptions=True,
            )
        )
        self.count()

    async def leave(self) -> None:
        await asyncio.gather(*(visitor.close() for visitor in self.visitors), return_exceptions=True)


def stops(visitor: Visitor, key: str, count: int) -> list[Any]:
    """So many places of a slider, evenly spaced; its value there as the browser sends it."""
    widget = visitor.widgets[key]
    if widget.options:
        places = widget.options
    else:
        [slider] = [e.slider for e in visitor.elements.values() if e.HasField("slider") and e.slider.id == widget.id]
        steps = round((slider.max - slider.min) / slider.step)
        places = [round(slider.min + i * slider.step, 9) for i in range(steps + 1)]
    count = min(count, len(places))
    return [places[i * (len(places) - 1) // max(count - 1, 1)] for i in range(count)]


def own_links(page: str, key: str, count: int) -> list[str]:
    """So many links of a page, each with a value of its own of a whole-number setting."""
    low, high = catalog.concepts()[page].experiment.Settings.bounds(key)
    return [f"{key}={low + i * (high - low) // max(count - 1, 1)}" for i in range(count)]


def affinity(pid: int, cores: Sequence[int]) -> None:
    """Keep a process, with all its threads, to some of the cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def table(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print what was measured beside what was to be reached."""
    print(f"\n{title}")
    width = max(len(name) for name, _, _ in rows)
    for name, reached, goal in rows:
        print(f"  {name:{width}}  {reached:>22}  {goal}")


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")


def _sample(pid: int, url: str, every: float, file: str) -> None:
    """The body of the meter's process: a line a look until it is ended."""
    begun = time.monotonic()
    with Path(file).open("a") as out:
        while True:
            asked = time.perf_counter()
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=60).close()
                health = time.perf_counter() - asked
                held = memory(pid)
            except OSError:  # the server is being started anew
                time.sleep(every)
                continue
            out.write(json.dumps([time.monotonic() - begun, held, health]) + "\n")
            out.flush()
            time.sleep(every)


if __name__ == "__main__":
    _sample(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4])
