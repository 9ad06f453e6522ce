"""Pages in the browser: link to first picture, control to repaint, bytes and memory, beside two trivial apps.

    python benchmarks/pages.py [--rounds 30] [--visits 12] [stem:setting ...]

The trivial apps have one slider and a line of text, or one slider and one chart. All run side by side in
servers of their own, and one browser visits each in turn, so that all meet the same load.

*First picture*: a new browser context with an empty cache opens a page's link; time runs from the start of the
navigation to the first drawing on a chart's canvas. The server is warm: it has shown each page once.

*Repaint*: a slider is moved one stop to the right, to settings that nobody has asked for (new computation), and then
back and forth over the same stop (from the cache). Time runs from the key press in the browser to the last change of
what is painted: the last DOM mutation or canvas drawing before the page has been quiet for a while. Where a coarse
picture comes first, the time to it is given, too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "helpers")]

SLIDER = """
import streamlit as st
value = st.slider("value", 0, 1000, 500, key="value")
st.write(value)
"""
CHART = """
import altair as alt
import pandas as pd
import streamlit as st
value = st.slider("value", 0, 1000, 500, key="value")
rows = pd.DataFrame({"x": range(100), "y": [value * x for x in range(100)]})
st.altair_chart(alt.Chart(rows).mark_line().encode(x="x", y="y"))
"""
TRIVIAL = {"one slider": SLIDER, "one slider, one chart": CHART}
PAGES = (
    "loss_surfaces:learning_rate", "activations:mean", "initialization:seed", "normalization:seed", "bptt:seed",
    "bptt:radius", "fine_tuning:seed", "fine_tuning:rate",
)  # fmt: skip
"""A slider of each page that needs new computation, with more stops to its right than there are rounds."""
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'
MIB = 2**20

# Counts as paint: a change of the document's text or structure, and any drawing on a canvas.
WATCH = """
() => {
  window.painted = 0; window.pressed = 0; window.drawn = 0; window.first = 0;
  const mark = () => { requestAnimationFrame(() => {
    window.painted = performance.now();
    // Streamlit's own charts are SVG.
    if (!window.first && document.querySelector("svg.marks path")) window.first = performance.now();
  }); };
  const watch = () => new MutationObserver(mark).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["d", "x", "y", "transform"]});
  if (document.body) watch(); else document.addEventListener("DOMContentLoaded", watch);
  document.addEventListener("keydown", (event) => { window.pressed = event.timeStamp; window.drawn = 0; }, true);
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...a) {
    mark();
    requestAnimationFrame(() => {
      window.drawn = window.drawn || performance.now(); window.first = window.first || performance.now();
    });
    return clear.apply(this, a);
  };
}
"""
SETTLED = """
async () => {
  const app = document.querySelector("[data-testid=stApp]");
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  while (performance.now() - window.pressed < 20000) {
    await sleep(5);
    const quiet = window.painted > window.pressed && performance.now() - window.painted > 400;
    if (quiet && app.dataset.testScriptState == "notRunning") break;
  }
  return [window.painted - window.pressed, window.drawn - window.pressed];
}
"""

# Playwright's own way to wait is forbidden by the pages' security policy.
SEEN = """
async () => {
  while (!window.first) await new Promise((done) => setTimeout(done, 5));
  return window.first;
}
"""


@dataclass
class Seen:
    """A page of the browser, the key of its slider, what its websocket brought, and the times of its moves in ms."""

    page: object
    key: str
    received: int = 0
    new: list[float] = field(default_factory=list)
    cached: list[float] = field(default_factory=list)
    coarse: list[float] = field(default_factory=list)  # to the first drawing on a canvas, of new computations
    bytes: list[int] = field(default_factory=list)  # of every move

    def move(self, to: str) -> tuple[float, float]:
        """Press a key on the slider; milliseconds to the last paint and to the first drawing.

        From its right end it goes on at its left one, for there it has not been.
        """
        self.page.bring_to_front()
        slider = self.page.locator(f".st-key-{self.key} input[type=range]")
        slider.focus()
        if to == "ArrowRight" and slider.evaluate("end => end.value === end.max"):
            self.page.keyboard.press("Home")
            self.page.evaluate(SETTLED)
        before = self.received
        self.page.keyboard.press(to)
        took = self.page.evaluate(SETTLED)
        self.bytes.append(self.received - before)
        return took


def opened(browser, url: str, key: str, group: str = "") -> Seen:
    """A page with its paints and its websocket watched, and the group of the setting opened."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    seen = Seen(page, key)

    def count(frame: str | bytes) -> None:
        seen.received += len(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", count))
    page.add_init_script(f"({WATCH})()")
    page.goto(url)
    page.wait_for_selector(READY)
    page.wait_for_selector(".st-key-value, .st-key-share")
    if group and not page.locator(f".st-key-{key}").count():
        page.locator(f".st-key-group_{group} summary").click()
    page.wait_for_selector(f".st-key-{key} input[type=range]", state="attached")
    page.wait_for_selector(READY)
    page.wait_for_timeout(1500)
    return seen


def repaints(pages: dict[str, Seen], rounds: int) -> None:
    """Move every slider so many times, the pages in turn."""
    for round_ in range(rounds + 3):
        for seen in pages.values():
            last, first = seen.move("ArrowRight")
            again = [seen.move(to)[0] for to in ("ArrowLeft", "ArrowRight")]
            if round_ >= 3:  # the first are warm-up
                seen.new.append(last), seen.coarse.append(first)
                seen.cached += again


def first_pictures(browser, links: dict[str, str], visits: int) -> dict[str, list[float]]:
    """Milliseconds from the start of a navigation to the first drawing, every link in turn."""
    times: dict[str, list[float]] = {name: [] for name in links}
    for visit in range(visits + 1):
        for name, url in links.items():
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.add_init_script(f"({WATCH})()")
            page.goto(url, wait_until="commit")
            first = page.evaluate(SEEN)
            if visit:  # the first makes the server warm
                times[name].append(first)
            context.close()
    return times


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def loaded(pid: int) -> set[str]:
    """Which of the libraries that the home page does without are in a process."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {name for name in ("torch", "sklearn", "numba", "vl_convert") if f"/{name}/" in maps}


def opened_once(browser) -> None:
    """Print the memory of a fresh server before any visitor, after the home page, and after each page."""
    from server_process import serving

    from dlviz import catalog

    with serving() as (process, url):
        print("\nMemory of the server (MiB), every page opened once, in turn")
        print(f"{'before a visitor':>24}: {memory(process.pid) / MIB:5.0f}")
        for link in ("", *catalog.concepts()):
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            began = perf_counter()
            page.goto(f"{url}/{link}")
            page.wait_for_selector(".st-key-share" if link else "img", timeout=90_000)
            page.wait_for_selector(READY)
            took = perf_counter() - began
            names = ", ".join(sorted(loaded(process.pid))) or "none of torch, sklearn, numba"
            print(f"{link or 'home':>24}: {memory(process.pid) / MIB:5.0f}  after {took:4.1f} s, loaded: {names}")
            page.context.close()


def quantiles(values: list[float]) -> tuple[float, float]:
    """p50 and p95."""
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


def table(title: str, times: dict[str, list[float]], goal: float) -> None:
    """Print p50 and p95 in ms, and the ratio of p50 to the trivial app with a chart."""
    chart = statistics.median(times["one slider, one chart"])
    print(f"\n{title} (to reach: {goal:g} × one slider, one chart)")
    for name, values in times.items():
        middle, high = quantiles(values)
        print(f"{name:>28}: p50 {middle:5.0f} ms   p95 {high:5.0f} ms   × {middle / chart:5.2f}")


def main() -> None:
    """Print every figure beside its goal."""
    from browser.conftest import browser_path
    from playwright.sync_api import sync_playwright
    from server_process import serving

    from dlviz import catalog

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="at most 13: the learning rate has 17 places")
    parser.add_argument("--visits", type=int, default=12)
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="stem:setting")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as servers:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        pages, links = {}, {}
        for name, script in TRIVIAL.items():
            path = Path(folder) / f"{name[-5:]}.py"
            path.write_text(script)
            url = servers.enter_context(serving(path))[1]
            pages[name] = opened(browser, url, "value")
            if script is CHART:
                links[name] = url
        app = servers.enter_context(serving())[1]
        for page in given.pages:
            stem, _, setting = page.partition(":")
            group = catalog.concepts()[stem].experiment.Settings.knobs()[setting].group.replace(" ", "-")
            pages[page] = opened(browser, f"{app}/{stem}", setting, group)
            links[stem] = f"{app}/{stem}"
        repaints(pages, given.rounds)
        for seen in pages.values():
            seen.page.context.close()
        table("First picture of a cold link", first_pictures(browser, links, given.visits), 2)
        new = {name: seen.new for name, seen in pages.items()}
        table("Repaint, new computation: to the last paint", new, 3)
        first = {name: new[name] if name in TRIVIAL else seen.coarse for name, seen in pages.items()}
        table("Repaint, new computation: to the first drawing", first, 3)
        table("Repaint from the cache", {name: seen.cached for name, seen in pages.items()}, 1.5)
        print("\nkB over the websocket per repaint (to reach: 150)")
        for name, seen in pages.items():
            print(f"{name:>28}: median {statistics.median(seen.bytes) / 1e3:6.1f}   most {max(seen.bytes) / 1e3:6.1f}")
        opened_once(browser)


if __name__ == "__main__":
    main()
