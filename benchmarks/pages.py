"""Slider to last paint, in the browser: a page of dlviz against a trivial one-slider app, in one run.

    python benchmarks/pages.py [--rounds 30]

Both apps run side by side in servers of their own, and one browser moves a slider of each in turn, so
that both meet the same load. Every move asks for new settings, so nothing comes from the cache. Time
runs from the key press in the browser to the last change of what is painted: the last DOM mutation or
canvas drawing before the page has been quiet for a while.
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
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

TRIVIAL = """
import streamlit as st
value = st.slider("value", 0, 1000, 500, key="value")
st.write(value)
"""

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


def opened(browser, url: str, key: str):
    """A page with its paints watched."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(url)
    page.wait_for_selector(f".st-key-{key} input[type=range]", state="attached")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_timeout(1500)
    page.evaluate(WATCH)
    return page


def main() -> None:
    """Print the medians and their ratio."""
    from browser.conftest import browser_path
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--page", default="loss_surfaces")
    parser.add_argument("--setting", default="learning_rate", help="A visible slider that needs new computation.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        trivial = Path(folder) / "trivial.py"
        trivial.write_text(TRIVIAL)
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"])
        with serving(trivial, Path(folder)) as plain, serving(ROOT / "app.py", ROOT) as full:
            pages = {
                "one slider": (opened(browser, plain, "value"), "value"),
                given.page: (opened(browser, f"{full}/{given.page}", given.setting), given.setting),
            }
            times: dict[str, list[float]] = {name: [] for name in pages}
            for round_ in range(given.rounds + 3):
                for name, (page, key) in pages.items():
                    page.bring_to_front()
                    slider = page.locator(f".st-key-{key} input[type=range]")
                    slider.focus()
                    page.keyboard.press("ArrowLeft")
                    took = page.evaluate(SETTLED)
                    if round_ >= 3:  # the first are warm-up
                        times[name].append(took)
    for name, values in times.items():
        low, middle, high = (
            statistics.quantiles(values, n=20)[0],
            statistics.median(values),
            statistics.quantiles(values, n=20)[-1],
        )
        print(f"{name:>16}: median {middle:6.0f} ms   (5 % {low:.0f}, 95 % {high:.0f})")
    plain_, full_ = (statistics.median(values) for values in times.values())
    print(f"{'ratio':>16}: {full_ / plain_:.2f}   (to be at most 3)")


if __name__ == "__main__":
    main()
