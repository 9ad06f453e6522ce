"""Slider to last paint, in the browser: every page of dlviz against two trivial apps, in one run.

    python benchmarks/pages.py [--rounds 30] [stem:setting ...]

The trivial apps have one slider and a line of text, or one slider and one chart. All run side by side in
servers of their own, and one browser moves a slider of each in turn, so that all meet the same load.
Every move asks for new settings, so nothing comes from the cache. Time runs from the key press in the
browser to the last change of what is painted: the last DOM mutation or canvas drawing before the page has
been quiet for a while.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

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
PAGES = (
    "loss_surfaces:learning_rate", "activations:mean", "initialization:seed", "normalization:seed", "bptt:seed",
    "fine_tuning:seed",
)  # fmt: skip
"""A slider of each page that needs new computation, with more stops to its right than there are rounds."""

# Counts as paint: a change of the document's text or structure, and any drawing on a canvas.
WATCH = """
() => {
  window.painted = 0;
  const mark = () => { requestAnimationFrame(() => { window.painted = performance.now(); }); };
  new MutationObserver(mark).observe(document.body, {subtree: true, childList: true, characterData: true,
                                                     attributes: true, attributeFilter: ["d", "x", "y", "transform"]});
  document.addEventListener("keydown", (event) => { window.pressed = event.timeStamp; }, true);
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...a) { mark(); return clear.apply(this, a); };
}
"""
SETTLED = """
async () => {
  const app = document.querySelector("[data-testid=stApp]");
  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  while (performance.now() - window.pressed < 10000) {
    await sleep(5);
    const quiet = window.painted > window.pressed && performance.now() - window.painted > 400;
    if (quiet && app.dataset.testScriptState == "notRunning") break;
  }
  return window.painted - window.pressed;
}
"""


@contextmanager
def serving(script: Path, cwd: Path):
    """A Streamlit server for a script; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            "--server.headless",
            "true",
            "--server.port",
            str(port),
        ],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    url = f"http://localhost:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.25)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def opened(browser, url: str, key: str, group: str = ""):
    """A page with its paints watched, and the group of the setting opened."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url)
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_selector(".st-key-value, [data-testid=stVegaLiteChart]")
    if group and not page.locator(f".st-key-{key}").count():
        page.locator(f".st-key-group_{group} summary").click()
    page.wait_for_selector(f".st-key-{key} input[type=range]", state="attached")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    return page


def main() -> None:
    """Print the medians and their ratio."""
    from browser.conftest import browser_path
    from playwright.sync_api import sync_playwright

    from dlviz import catalog

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("pages", nargs="*", default=PAGES, metavar="stem:setting")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, ExitStack() as servers:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        pages = {}
        for name, script in (("one slider", SLIDER), ("one slider, one chart", CHART)):
            path = Path(folder) / f"{name[-5:]}.py"
            path.write_text(script)
            url = servers.enter_context(serving(path, Path(folder)))
            pages[name] = (opened(browser, url, "value"), "value")
        app = servers.enter_context(serving(ROOT / "app.py", ROOT))
        for page in given.pages:
            stem, _, setting = page.partition(":")
            group = catalog.concepts()[stem].experiment.Settings.knobs()[setting].group.replace(" ", "-")
            pages[stem] = (opened(browser, f"{app}/{stem}", setting, group), setting)
        times = measured(pages, given.rounds)
    slider, chart = (statistics.median(times[name]) for name in ("one slider", "one slider, one chart"))
    print(f"{'':>22}  median     5 %    95 %   × one slider   × one slider, one chart")
    for name, values in times.items():
        ends = statistics.quantiles(values, n=20)
        middle = statistics.median(values)
        print(
            f"{name:>22}: {middle:4.0f} ms {ends[0]:4.0f} ms {ends[-1]:4.0f} ms"
            f" {middle / slider:14.1f} {middle / chart:25.1f}"
        )


def measured(pages: dict[str, tuple], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of every move of each page's slider, the pages in turn."""
    times: dict[str, list[float]] = {name: [] for name in pages}
    for round_ in range(rounds + 3):
        for name, (page, key) in pages.items():
            page.bring_to_front()
            slider = page.locator(f".st-key-{key} input[type=range]")
            slider.focus()
            page.keyboard.press("ArrowRight")
            took = page.evaluate(SETTLED)
            if round_ >= 3:  # the first are warm-up
                times[name].append(took)
    return times


if __name__ == "__main__":
    main()
