"""The guard around the app: headers, paths, and caps on connections. What messages it takes: test_guard_rate.py."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from server_process import free_port, serving
from visitors import Visitor, run
from websocket_messages import PAGE, ROOM
from websockets.exceptions import InvalidStatus

from dlviz.ui.server import guard
from dlviz.ui.server.headers import headers, sites
from dlviz.ui.server.refusal import full_page, full_text


@pytest.fixture(scope="module")
def server():
    """The app with room for a dozen open pages."""
    with serving(env={"DLVIZ_CONNECTIONS": str(ROOM), "DLVIZ_FRAME_ANCESTORS": "'self' https://a.example"}) as (_, url):
        yield url


def ask(url: str, path: str, method: str = "GET", **sent: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """An HTTP request just as it is written: nothing in the path is tidied up."""
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    line.request(method, path, headers=sent)
    answer = line.getresponse()
    return answer.status, answer.headers, answer.read()


# --- HTTP ---


def test_every_answer_has_the_headers(server):
    wanted = headers("'self' https://a.example")
    for path in ("/", f"/{PAGE}", "/_stcore/health", "/_stcore/host-config", "/static/none.js", "/media/none.png",
                 "/..%2fapp.py", "/_stcore/metrics"):  # fmt: skip
        _, given, _ = ask(server, path)
        for name, value in wanted.items():
            assert given.get_all(name) == [value], (path, name)
    policy = wanted["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'self' https://a.example" in policy
    assert policy.count("sha256-") == 1  # the script within Streamlit's page


@pytest.mark.parametrize(
    "given",
    ["*", "https://", "javascript:alert(1)", "https://a.example;script-src", "https://a.example\r\nX: 1",
     "'none' 'self'", "https://a.example, https://b.example", "self", "https://*", "https://a.example/path"],
)  # fmt: skip
def test_a_wrong_site_is_refused_by_name(given):
    with pytest.raises(ValueError, match="Allowed: 'none' alone"):
        sites(given)


@pytest.mark.parametrize(
    "given", ["'none'", "'self'", "'self' https://a.example:8443 http://*.b.example https://c.d:*"]
)
def test_sites_are_taken_as_they_are(given):
    assert sites(f"  {given} ") == given


@pytest.mark.parametrize("name", ["DLVIZ_CONNECTIONS", "DLVIZ_CONNECTIONS_PER_ADDRESS"])
@pytest.mark.parametrize("given", ["0", "-1", "1e3", "many", "9" * 5000, "１２"])
def test_a_wrong_number_is_refused_by_name(name, given):
    with pytest.raises(ValueError, match=f"{name} is .* Allowed: a whole number"):
        guard.Limits.told({name: given})


def test_the_environment_sets_the_limits():
    assert guard.Limits.told({}) == guard.Limits(400, 300)
    told = {"DLVIZ_CONNECTIONS": "7", "DLVIZ_CONNECTIONS_PER_ADDRESS": "5", "DLVIZ_FRAME_ANCESTORS": "'none'"}
    assert guard.Limits.told(told) == guard.Limits(7, 5, "'none'")


def test_a_server_with_a_wrong_limit_does_not_start_and_says_why():
    run = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(free_port())]
    done = subprocess.run(
        run, env=os.environ | {"DLVIZ_FRAME_ANCESTORS": "*"}, capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode != 0
    assert "dlviz does not start: DLVIZ_FRAME_ANCESTORS has '*'. Allowed:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "path",
    ["/media/../../app.py", "/media/..%2f..%2fapp.py", "/static/..%2f..%2f..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py",
     "/component/x/..%2f..%2fapp.py", "/component/streamlit.x/app.py", "/_stcore/bidi-components/x/..%2f..%2fapp.py",
     "/app/static/app.py", "//etc/passwd", "/%5c%5chost/share", "/app.py", "/.streamlit/config.toml",
     "/dlviz/ui/server/guard.py"],
)  # fmt: skip
def test_no_path_leads_to_a_file_of_the_app(server, path):
    status, _, body = ask(server, path)
    # Streamlit answers an address that it does not know with its page, as every page of the app has one.
    assert status in (400, 404) or b'<div id="root"></div>' in body
    assert b"import" not in body.replace(b"important", b"")
    assert str(ROOT).encode() not in body


@pytest.mark.parametrize("path", ["/_stcore/upload_file/session/file", "/_stcore/agent/interact", "/"])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_nothing_is_taken_in(server, method, path):
    status, given, _ = ask(server, path, method)
    assert status == 405
    assert given["Allow"] == "GET, HEAD, OPTIONS"


def test_what_the_server_measures_of_itself_is_not_told(server):
    assert ask(server, "/_stcore/metrics")[0] == 404


# --- caps ---


class Open:
    """A connection to a guarded app that does nothing but stand: what was sent, and how to end it."""

    def __init__(self, guarded: guard.Guard, host: str) -> None:
        self.sent: list[dict] = []
        self._ended = asyncio.Event()
        scope = {"type": "websocket", "path": "/_stcore/stream", "client": (host, 1), "subprotocols": ["streamlit"]}

        async def receive():
            if self._ended.is_set():
                return {"type": "websocket.disconnect", "code": 1001}
            return {"type": "websocket.connect"}

        async def send(message):
            self.sent.append(message)

        self._task = asyncio.create_task(guarded(scope, receive, send))

    async def end(self) -> None:
        self._ended.set()
        await self._task

    @property
    def refused(self) -> bool:
        return [message.get("status") for message in self.sent if "status" in message] == [503]


async def standing(_scope, receive, _send):
    while (await receive())["type"] != "websocket.disconnect":
        await asyncio.sleep(0.001)


def counted(limits: guard.Limits, hosts: list[str]) -> list[bool]:
    """Which of these connections, opened one after another, are refused."""

    async def opening() -> list[bool]:
        guarded = guard.Guard(standing, limits)
        lines = [Open(guarded, host) for host in hosts]
        await asyncio.sleep(0.02)
        refused = [line.refused for line in lines]
        for line in lines:
            await line.end()
        again = Open(guarded, hosts[0])
        await asyncio.sleep(0.02)
        assert not again.refused  # whoever leaves makes room
        await again.end()
        return refused

    return run(opening())


def test_connections_are_capped_in_all_and_per_address():
    assert counted(guard.Limits(3, 2), ["1.1.1.1", "1.1.1.1", "1.1.1.1", "2.2.2.2", "3.3.3.3"]) == [0, 0, 1, 0, 1]


def test_an_address_is_what_one_customer_has():
    # 64 bits of IPv6 are one customer's; an IPv4 address may be written as IPv6.
    assert counted(guard.Limits(9, 1), ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]) == [0, 1, 0]
    assert counted(guard.Limits(9, 1), ["::ffff:1.1.1.1", "1.1.1.1", "::ffff:1.1.1.2"]) == [0, 1, 0]


def test_a_class_behind_one_address_has_room():
    assert counted(guard.Limits(), ["10.0.0.1"] * 200) == [False] * 200


def test_who_finds_no_room_is_told_so(server):
    async def crowd() -> None:
        visitors = [Visitor(server, PAGE) for _ in range(ROOM)]
        for visitor in visitors:
            await visitor.connect()
        with pytest.raises(InvalidStatus) as refused:
            await Visitor(server, PAGE).connect()
        assert refused.value.response.status_code == 503
        assert refused.value.response.body.decode() == full_text()
        status, given, page = ask(server, f"/{PAGE}", accept="text/html")
        assert (status, given["Retry-After"]) == (503, "10")
        assert page.decode() == full_page()
        status, _, told = ask(server, "/_stcore/host-config")
        assert (status, json.loads(told)) == (503, full_text())
        assert ask(server, "/_stcore/health")[0] == 200
        await visitors[0].close()
        async with Visitor(server, PAGE) as visitor:
            await visitor.open()
        assert ask(server, "/_stcore/host-config")[0] == 200
        for visitor in visitors[1:]:
            await visitor.close()

    run(crowd())


def test_reasons_fit_into_the_frame_that_ends_a_connection():
    assert all(len(reason.encode()) <= 123 for reason in (guard._FAST, guard._LARGE, guard._STRANGE))
