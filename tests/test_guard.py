"""The guard around the app: headers, caps, and visitors who speak raw websocket, on a real server."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress

import pytest
from conftest import ROOT
from serving import free_port, serving
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime import caching
from visitors import Visitor, run
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dlviz import catalog
from dlviz.ui import compute, guard
from dlviz.ui.headers import headers, sites
from dlviz.ui.refusal import full_page, full_text

PAGE = "loss_surfaces"
ROOM = 12
LARGEST_SENT = 1_000_000
"""Bytes; a quarter of server.maxMessageSize in .streamlit/config.toml."""
SECRETS = (b"Traceback", b"site-packages", b'.py", line', str(ROOT).encode(), b"a secret")


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


class Heard(Visitor):
    """A visitor who keeps the bytes of every message but the first of a run, which names the app's own file."""

    def __init__(self, *given: str) -> None:
        super().__init__(*given)
        self.heard = b""

    def _take(self, raw: bytes) -> None:
        if ForwardMsg.FromString(raw).WhichOneof("type") != "new_session":
            self.heard += raw
        super()._take(raw)

    @property
    def told(self) -> list[bytes]:
        """What of the server's secrets the visitor has been told."""
        return [secret for secret in SECRETS if secret in self.heard]


def rerun(**given: object) -> bytes:
    message = BackMsg()
    message.rerun_script.page_name = PAGE
    for name, value in given.items():
        setattr(message.rerun_script, name, value)
    return message.SerializeToString()


def command(name: str) -> bytes:
    """A message of another kind."""
    message = BackMsg()
    part = getattr(message, name)
    if isinstance(part, bool):
        setattr(message, name, True)
    else:
        part.SetInParent()
    return message.SerializeToString()


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


@pytest.mark.parametrize("given", ["'none'", "'self'", "'self' https://a.example:8443 http://*.b.example https://c.d:*"])
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
     "/dlviz/ui/guard.py"],
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


def judged(monkeypatch, times: list[float], data: bytes) -> Counter:
    """How many of these messages at these times go on, are dropped, or end the connection."""
    now = [0.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    line = guard.Line()
    counts: Counter = Counter()
    for time in times:
        now[0] = time
        refused = line.take(data)
        counts[refused[0] if refused else "heard" if line.heard else "dropped"] += 1
    return counts


def test_a_drag_storm_passes_and_a_flood_does_not(monkeypatch):
    assert judged(monkeypatch, [k / 30 for k in range(3000)], rerun()) == {"heard": 3000}
    assert judged(monkeypatch, [k / 60 for k in range(6000)], rerun()) == {"heard": 6000}
    flood = judged(monkeypatch, [k / 600 for k in range(600)], rerun())
    assert flood["heard"] < 200
    assert flood[1008] > 400


def test_a_timer_is_not_heard_soon_after_an_action(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    line = guard.Line()
    timer, action = rerun(is_auto_rerun=True, fragment_id="f"), rerun()
    for seconds, data, heard in ((100, timer, True), (101, action, True), (105, timer, False), (110, timer, True)):
        now[0] = seconds
        assert line.take(data) is None
        assert line.heard == heard


def test_reasons_fit_into_the_frame_that_ends_a_connection():
    assert all(len(reason.encode()) <= 123 for reason in (guard._FAST, guard._LARGE, guard._STRANGE))


# --- raw websocket ---

ENDING = {
    "garbage": (b"\xff" * 100, 1002),
    "text": ("hello", 1002),
    "truncated": (rerun()[:-3], 1002),
    "large garbage": (os.urandom(200_000), 1002),
    "too large": (b"\0" * 300_000, 1009),
    "far too large": (b"\0" * 64_000_000, 1009),
}
STANDING = {
    "empty": b"",
    **{name: command(name) for name in (
        "clear_cache", "load_git_info", "stop_script", "set_run_on_save", "debug_disconnect_websocket",
        "debug_shutdown_runtime", "file_urls_request", "app_heartbeat", "backend_operation_request")},
    "unknown page hash": rerun(page_script_hash="nonsense", page_name=""),
    "a path as page": rerun(page_name="../../etc/passwd"),
    "unknown fragment": rerun(fragment_id="nonsense"),
    "a broken query": rerun(query_string="%" * 1000 + "&" * 1000 + "=\0"),
}  # fmt: skip


async def neighbours(server: str, sent: bytes | str) -> tuple[Heard, list[float]]:
    """A raw message beside a visitor who works on: the one who sent it, and the seconds of the other's runs."""
    seconds = []
    async with Heard(server, PAGE) as other:
        await other.open()
        session, rates = other.session, other.widgets["learning_rate"].options
        raw = Heard(server, PAGE)
        await raw.connect()
        with suppress(ConnectionClosed):
            await raw.send(sent)
        for rate in rates[20:23]:
            seconds.append((await other.set("learning_rate", rate, timeout=20)).seconds)
        assert other.session == session
        assert not other.exceptions + other.alerts + other.told
        assert f"learning_rate={rates[22]}" in other.query
    return raw, seconds


@pytest.mark.parametrize("name", ENDING)
def test_what_no_page_sends_ends_the_connection_of_its_sender(server, name):
    sent, code = ENDING[name]

    async def check() -> None:
        raw, _ = await neighbours(server, sent)
        async with asyncio.timeout(10):
            await raw._line.wait_closed()
        assert raw._line.close_code == code
        assert not raw.told

    run(check())


@pytest.mark.parametrize("name", STANDING)
def test_a_strange_message_harms_nobody(server, name):
    async def check() -> None:
        raw, _ = await neighbours(server, STANDING[name])
        assert raw.connected
        await raw.ask()
        await raw.end(timeout=20)
        assert not raw.exceptions + raw.told
        await raw.close()

    run(check())


def test_a_flood_ends_the_connection_of_its_sender(server):
    async def check() -> None:
        async with Visitor(server, PAGE) as flooding:
            with pytest.raises(ConnectionClosed) as ended:
                for _ in range(30_000):
                    await flooding.send(rerun())
                    await asyncio.sleep(0.001)
            assert ended.value.rcvd.code == 1008
            assert ended.value.rcvd.reason == guard._FAST
        async with Visitor(server, PAGE) as visitor:
            await visitor.open(timeout=20)
            assert visitor.charts

    run(check())


def test_clearing_streamlits_caches_leaves_the_results():
    settings = catalog.concepts()[PAGE].experiment.Settings()
    compute.result(PAGE, settings, lambda _share: None)
    caching.cache_data.clear()
    caching.cache_resource.clear()
    assert compute.ready(PAGE, settings)


# --- widgets ---

NUMBERS = ([], [float("nan")], [float("inf")], [-1e300], [1e308, 1e-308], [0.5] * 1000, [2.0, 1.0])
TEXTS = ("", "x" * 50_000, "../../etc/passwd", "<script>alert(1)</script>", "\0", "9" * 5000, "1e309", "nan", "{",
         '{"selection": {"start": [{}]}}', '{"selection": {"start": [{"x": 1e999, "y": "a"}]}}', '{"selection": 5}',
         "null", "[]")  # fmt: skip


def states(name: str) -> list[tuple[str, WidgetState]]:
    """What a widget can be sent: every kind of value, and for each the odd ones."""
    given: list[tuple[str, object]] = [(field, value) for field, values in (
        ("double_value", [item for numbers in NUMBERS for item in numbers[:2]]), ("int_value", [2**62, -(2**62)]),
        ("bool_value", [True]), ("trigger_value", [True]), ("string_value", TEXTS), ("json_value", TEXTS),
        ("bytes_value", [b"\xff"])) for value in values]  # fmt: skip
    made = []
    for field, value in given:
        state = WidgetState(id=name)
        setattr(state, field, value)
        made.append((field, state))
    lists = [("double_array_value", NUMBERS), ("int_array_value", ([], [2**40], [-1])),
             ("string_array_value", ([], ["nonsense"], ["Adam", "Adam"], ["x"] * 1000, [""]))]  # fmt: skip
    for field, values in lists:
        for value in values:
            state = WidgetState(id=name)
            getattr(state, field).SetInParent()
            getattr(state, field).data.extend(value)
            made.append((field, state))
    for field in ("arrow_value", "file_uploader_state_value", "chat_input_value", "string_trigger_value"):
        state = WidgetState(id=name)
        getattr(state, field).SetInParent()
        made.append((field, state))
    return [*made, ("nothing", WidgetState(id=name)), ("bool_value", WidgetState(id="nonsense", bool_value=True))]


async def sent_everything(server: str, page: str, every: int) -> Counter:
    """Send each widget of a page each ``every``-th of the odd values; count how the page took them."""
    counts: Counter = Counter()
    number = 0
    visitor = Heard(server, page)
    await visitor.connect()
    await visitor.open()
    for key, widget in list(visitor.widgets.items()):
        for _field, state in states(widget.id):
            number += 1
            if number % every:
                continue
            usual = visitor.values.pop(key, None)
            await visitor.ask(widget.fragment, (state,))
            await visitor.end(timeout=60)
            failed = any("Something went wrong" in alert for alert in visitor.alerts)
            assert not visitor.exceptions, (key, state)
            assert not visitor.told, (key, state)
            counts["failed" if failed else "taken"] += 1
            if failed or key not in visitor.widgets:
                await visitor.close()
                visitor = Heard(server, page)
                await visitor.connect()
                await visitor.open()
                assert not visitor.alerts  # what was sent concerns that session alone
            elif usual is not None:
                visitor.values.setdefault(key, usual)
    await visitor.close()
    return counts


def test_any_value_for_any_widget_ends_at_most_one_session(server):
    counts = run(sent_everything(server, PAGE, every=29))
    assert counts["taken"] > 5, counts


@pytest.mark.long
@pytest.mark.parametrize("page", catalog.concepts())
def test_every_value_for_every_widget_of_every_page(server, page):
    counts = run(sent_everything(server, page, every=1))
    assert counts["taken"] > 50, counts


@pytest.mark.long
@pytest.mark.parametrize("page", catalog.concepts())
def test_every_message_of_every_preset_is_far_below_the_servers_limit(server, page):
    sizes = []

    class Weighing(Visitor):
        def _take(self, raw: bytes) -> None:
            sizes.append(len(raw))
            super()._take(raw)

    async def check() -> None:
        async with Weighing(server, page) as visitor:
            await visitor.open()
            for preset in visitor.widgets["preset"].options:
                await visitor.set("preset", preset, timeout=240)

    run(check())
    assert max(sizes) < LARGEST_SENT


# --- errors of a script ---

FAULTY = """
import streamlit as st

if __name__ == "__main__":
    def fail():
        raise RuntimeError("a secret")

    @st.fragment
    def part():
        if st.button("part", key="part"):
            fail()

    st.button("callback", key="callback", on_click=fail)
    part()
    if st.checkbox("script", key="script"):
        fail()
else:
    from dlviz.ui import guard

    app = st.App(__file__, middleware=guard.middleware(), on_script_error=guard.uncaught)
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A page that fails in its script, in a callback, or in a fragment, with Streamlit's default settings."""
    script = tmp_path_factory.mktemp("faulty") / "faulty.py"
    script.write_text(FAULTY)
    with serving(script, env={"PYTHONPATH": str(ROOT)}) as (_, url):
        yield url


@pytest.mark.parametrize("key", ["script", "callback", "part"])
@pytest.mark.parametrize(("locale", "words"), [("en", "Something went wrong"), ("zh-CN", "此页面出错了")])
def test_an_error_of_a_script_is_told_without_its_text_or_place(faulty, key, locale, words):
    async def check() -> None:
        visitor = Heard(faulty, "", "", "light", locale)
        await visitor.connect()
        await visitor.open()
        assert not visitor.alerts
        await visitor.set(key, True, timeout=20)
        assert [alert for alert in visitor.alerts if words in alert]
        assert not visitor.exceptions + visitor.told
        await visitor.close()

    run(check())
