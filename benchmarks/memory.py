"""Memory of the server: with a full class on every page, with the dearest links, and over half an hour.

    python benchmarks/memory.py pages [--sessions 200] [--page STEM]   200 sessions on each page
    python benchmarks/memory.py links [--page STEM] [--seconds 40]     the dearest links of each page
    python benchmarks/memory.py soak [--minutes 30]                    the slope while visitors come and go
    python benchmarks/memory.py exports                                 the process that draws files

Memory is the server's resident set, libraries that other processes share included, sampled four times a second. A link
is dear that switches on all panels and puts every number to its upper end, or to its lower one where that is what makes
it large; how dear it is, is measured. Only one at a time is computed, so the sum over all of a page's links is what its
runs leave behind.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from argparse import Namespace
from urllib.parse import urlencode

import numpy as np
from class_load import VARY
from load import Meter, crowd, memory, percentile, stops, table
from server_process import serving
from visitors import Visitor

from dlviz import catalog, provenance
from dlviz.contract import Run, Settings
from dlviz.drawing.export import files
from dlviz.drawing.export.process import REQUESTS
from dlviz.drawing.grammar.theme import Look
from dlviz.language import LANGUAGES


def dearest(model: type[Settings]) -> list[Settings]:
    """Settings of which one is likely to need the most memory, from the bounds of every setting.

    With all panels, and with every panel alone, since some options have an effect with some panels only: all
    numbers at their upper end, and the options that are listed last, or first.
    """
    panels = model.options("panels") if "panels" in model.model_fields else ()
    found = []
    for several in dict.fromkeys([panels, *((panel,) for panel in panels)]):
        for end in (0, -1):
            values = {}
            for name, knob in model.knobs().items():
                options = model.options(name)
                high = model.bounds(name)[1]
                if name == "panels":
                    values[name] = several
                elif options and isinstance(model().model_dump()[name], tuple):
                    values[name] = options
                elif options:
                    values[name] = options[end]
                elif high is not None and knob.span is None and name != "seed":
                    values[name] = high
            settings, _rejected = model.lenient(values)
            found.append(provenance.effective(settings))
    return list(dict.fromkeys(found))


def pages(asked: Namespace) -> None:
    rows = []
    for page in [asked.page] if asked.page else ["", *catalog.concepts()]:
        with serving() as (process, url):
            rows += [asyncio.run(_page(url, process.pid, page, asked.sessions))]
    table(f"{asked.sessions} sessions on a page, each of which moves a slider once", rows)


async def _page(url: str, pid: int, page: str, sessions: int) -> tuple[str, str, str]:
    with Meter(pid, url) as meter:
        people = await crowd(url, page, [""] * sessions, ramp=sessions / 20, timeout=300)
        if page:
            await people.act(VARY[page], [stops(people.visitors[0], VARY[page], 12)], 10, 10, 300)
        people.count()
    await people.leave()
    reached = f"{max(meter.memory):.0f} MB, {people.served} served"
    return page or "home", reached, "at most 700 MB"


def links(asked: Namespace) -> None:
    rows = []
    for page in [asked.page] if asked.page else catalog.concepts():
        with serving() as (process, url):
            model = catalog.concepts()[page].experiment.Settings
            rows += asyncio.run(_links(url, process.pid, page, dearest(model), asked.seconds))
    table("The dearest links, one after another on one server a page", rows)


async def _links(
    url: str, pid: int, page: str, candidates: list[Settings], longest: float
) -> list[tuple[str, str, str]]:
    most: tuple[float, str] = (0.0, "")
    slow = 0
    for settings in candidates:
        query = urlencode(provenance.parameters(settings), doseq=True)
        with Meter(pid, url, every=0.1) as meter:
            async with Visitor(url, page, query) as visitor:
                try:
                    await visitor.open(longest)
                except TimeoutError:
                    slow += 1
        most = max(most, (max(meter.memory), query))
    reached = f"{most[0]:.0f} MB"
    return [
        (page, reached, "at most 1,500 MB"),
        (f"  {len(candidates)} links, {slow} longer than {longest:.0f} s; most at ?{most[1]}", "", ""),
        ("  left at the end", f"{memory(pid):.0f} MB", ""),
    ]


def soak(asked: Namespace) -> None:
    with serving() as (process, url):
        at, held, count, wrong = asyncio.run(_soak(url, process.pid, asked))
    # The first quarter fills the shelves, and is the wait for the first of everything.
    late = at > at[-1] / 4
    slope, error = slope_of(at[late] / 3600, held[late])
    table(f"{asked.sessions} visitors who come and go on all pages, {asked.minutes:g} minutes", [
        ("visits", f"{count}", ""),
        ("errors", f"{len(wrong)} {wrong[:1]}", "none"),
        ("memory after a quarter, at the end", f"{held[late][0]:.0f}, {held[-1]:.0f} MB", ""),
        ("memory, 95 %", f"{percentile(list(held), 0.95):.0f} MB", "at most 700 MB"),
        ("slope after the first quarter", f"{slope:+.1f} ± {error:.1f} MB an hour", "nil within two errors"),
    ])  # fmt: skip


def slope_of(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope of a straight line through points in time, and its standard error.

    Neighbours are alike, so points count for less than their number: the error is that of ordinary least squares times
    √((1 + r) / (1 − r)), r being the correlation of neighbouring residuals.
    """
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    alike = float(np.clip(rest[1:] @ rest[:-1] / (rest @ rest), 0, 0.999))
    plain = np.sqrt(rest @ rest / (len(x) - 2) / (x @ x))
    return slope, float(plain * np.sqrt((1 + alike) / (1 - alike)))


async def _soak(url: str, pid: int, asked: Namespace) -> tuple[np.ndarray, np.ndarray, int, list[str]]:
    stop = time.perf_counter() + 60 * asked.minutes
    wrong: list[str] = []
    visits = 0

    async def come_and_go(chance: random.Random) -> None:
        nonlocal visits
        while time.perf_counter() < stop:
            page = chance.choice([*VARY])
            async with Visitor(url, page) as visitor:
                await visitor.open(300)
                places = stops(visitor, VARY[page], 40)
                for _ in range(chance.randrange(1, 12)):
                    await visitor.set(VARY[page], chance.choice(places), 300)
                    await asyncio.sleep(chance.uniform(1, 4))
                wrong.extend(visitor.exceptions)
                visits += 1

    with Meter(pid, url, every=1) as meter:
        people = (come_and_go(random.Random(i)) for i in range(asked.sessions))
        wrong += [repr(e) for e in await asyncio.gather(*people, return_exceptions=True) if e is not None]
    return np.array(meter.at), np.array(meter.memory), visits, wrong


def exports(_asked: Namespace) -> None:
    """The heroes of all pages as files of all kinds, in both languages and themes, by one process."""
    heroes = []
    for concept in catalog.concepts().values():
        result = concept.experiment.run(concept.experiment.Settings())
        looks = [Look(language, theme) for theme in ("light", "dark") for language in LANGUAGES]
        heroes += [(concept.figures.FIGURES["hero"].draw([Run(result)], look), look) for look in looks]
    held = []
    for i in range(REQUESTS):
        figure, look = heroes[i * 7 % len(heroes)]
        files.render(figure, ("svg", "png", "pdf")[i % 3], look=look)
        held.append(memory(files.WORKER.pid))
    table(f"{REQUESTS} files, one after another", [
        ("after the first", f"{held[0]:.0f} MB", ""), ("most", f"{max(held):.0f} MB", ""),
    ])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = {"pages": pages, "links": links, "soak": soak, "exports": exports}
    parser.add_argument("what", choices=what)
    parser.add_argument("--sessions", type=int, help="200, or 20 of `soak`")
    parser.add_argument("--page", choices=VARY)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seconds", type=float, default=40, help="of `links`: after which a page is left as it is")
    asked = parser.parse_args()
    asked.sessions = asked.sessions or (20 if asked.what == "soak" else 200)
    what[asked.what](asked)


if __name__ == "__main__":
    main()
