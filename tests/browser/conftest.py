"""A server and a browser for the tests that need real ones."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from PIL import Image
from playwright.sync_api import Error, expect, sync_playwright
from server_process import serving
from websocket_messages import asks

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PATIENCE = 30_000
"""Milliseconds that something may take to come, on however busy a machine."""
SIZE = {"width": 1280, "height": 800}
PAINTED = "() => [...document.querySelectorAll('[data-testid=stVegaLiteChart]')].every(c => c.querySelector('.marks'))"
"""Whether no chart is left that is still to be painted: it comes with the script's last message, or after it."""


def browser_path() -> str | None:
    """Chromium or Chrome: the one named by DLVIZ_BROWSER, or one that is installed."""
    found = [os.environ.get("DLVIZ_BROWSER"), *map(shutil.which, NAMES), *PLACES]
    return next((path for path in found if path and Path(path).exists()), None)


def pytest_collection_modifyitems(items):
    here = [item for item in items if Path(item.path).is_relative_to(Path(__file__).parent)]
    for item in here:
        item.add_marker("browser")
    if here and browser_path() is None and os.environ.get("CI") != "true":
        reason = "NO BROWSER: install Chromium or Chrome, or set DLVIZ_BROWSER; the browser tests do not run"
        for item in here:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def server():
    """The address of an app that all tests of this process share, for starting one takes seconds."""
    with serving() as (_process, url):
        yield url


@pytest.fixture(scope="module")
def started():
    """The process and the address of an app that was freshly started for this file alone.

    Where that matters, ``server`` gives its address in place of the shared one.
    """
    with serving() as (process, url):
        yield process, url


@pytest.fixture(scope="session")
def chromium():
    expect.set_options(timeout=PATIENCE)
    path = browser_path()
    if path is None:
        pytest.fail("no Chromium or Chrome was found, and CI=true asks for one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Visitor:
    """A browser window on the app, with the few things the tests do in it."""

    def __init__(self, context, server: str) -> None:
        self.page = context.new_page()
        self.server = server
        self._sent: list[str] = []
        self.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: self._sent.append(asks(frame))))

    @property
    def sent(self) -> list[str]:
        """All that the page has asked the server for so far, but for what a timer asks on its own."""
        return [*filter(None, self._sent)]

    @property
    def runs(self) -> list[str]:
        """What of it makes the page run as a whole, and not a figure alone."""
        return [asked for asked in self.sent if "fragment_id" not in asked]

    def listen(self, heard: list[str]) -> None:
        """Collect the errors of the console."""

        def console(said) -> None:
            # On a deep link Streamlit first asks for its own addresses below the page's, where they are not.
            if said.type == "error" and "/_stcore/" not in said.location["url"]:
                heard.append(f"{said.text} {said.location['url']}")

        self.page.on("console", console)
        self.page.on("pageerror", lambda error: heard.append(str(error)))

    def open(self, link: str) -> Visitor:
        """Go to an address within the app and wait for the page."""
        self.page.goto(self.server + link)
        if link.split("?")[0].strip("/"):
            # The end of a concept's page: all is computed. Before its script begins it looks settled, too.
            self.keyed("share").wait_for(timeout=60_000)
        return self.settled()

    def settled(self) -> Visitor:
        """Wait until the script has run and charts are painted.

        On a busy machine a script that was asked for may not have begun yet: what it leads to is waited for.
        """
        self.page.wait_for_timeout(100)  # a click reaches the server first
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)
        self.page.wait_for_function(PAINTED, timeout=60_000)
        self.page.wait_for_timeout(200)
        return self

    def until(self, holds: Callable[[], bool], seconds: float = PATIENCE / 1000) -> None:
        """Wait until something holds, on however busy a machine. Fails if it does not within so long."""
        end = monotonic() + seconds
        while not holds():
            if monotonic() > end:
                pytest.fail(f"waited for {seconds:g} s at {self.address}")
            self.page.wait_for_timeout(100)

    def led(self, act: Callable[[], object]) -> str:
        """Do what leads to another address, and wait for it. Gives the address."""
        before = self.address
        act()
        self.until(lambda: self.address != before)
        return self.settled().address

    @property
    def address(self) -> str:
        return self.page.url.removeprefix(self.server)

    def keyed(self, key: str):
        """The element of a Streamlit key."""
        return self.page.locator(f".st-key-{key}")

    def picture(self, name: str):
        """What a chart is painted on."""
        return self.keyed(f"chart_{name}").locator(".marks")

    def shot(self, name: str) -> Image.Image:
        """A chart as it is painted."""
        taken: list[bytes] = []

        def painted() -> bool:
            try:
                taken.append(self.picture(name).screenshot())
            except Error as error:
                if "not attached" not in str(error):
                    raise
                # It is being drawn anew.
            return bool(taken)

        self.until(painted)
        return Image.open(io.BytesIO(taken[0])).convert("RGB")

    def close(self) -> None:
        self.page.context.close()


@pytest.fixture
def visit(chromium, server):
    """Opens an address of the app in a new browser session; ``heard`` collects the errors of its console.

    With ``begun`` the page is not waited for: it may compute for long.
    """
    opened = []

    def visit_(link: str, size=SIZE, heard: list[str] | None = None, begun: bool = False, **options) -> Visitor:
        context = chromium.new_context(viewport=size, **({"locale": "en-US"} | options))
        context.set_default_timeout(PATIENCE)
        opened.append(Visitor(context, server))
        if heard is not None:
            opened[-1].listen(heard)
        if begun:
            opened[-1].page.goto(server + link)
            return opened[-1]
        return opened[-1].open(link)

    yield visit_
    for visitor in opened:
        visitor.close()
