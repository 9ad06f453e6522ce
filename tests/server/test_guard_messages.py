"""Visitors who speak raw websocket: what they send harms nobody else, and no error tells of the server."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress

import pytest
from conftest import ROOT
from server_process import serving
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime import caching
from visitors import Visitor, run
from websocket_messages import PAGE, ROOM, Heard, rerun
from websockets.exceptions import ConnectionClosed

from dlviz import catalog
from dlviz.ui.server import guard
from dlviz.ui.session import compute

LARGEST_SENT = 1_000_000
"""Bytes; a quarter of server.maxMessageSize in .streamlit/config.toml."""


@pytest.fixture(scope="module")
def server():
    """The app with room for a dozen open pages."""
    with serving(env={"DLVIZ_CONNECTIONS": str(ROOM)}) as (_, url):
        yield url


def command(name: str) -> bytes:
    """A message of another kind."""
    message = BackMsg()
    part = getattr(message, name)
    if isinstance(part, bool):
        setattr(message, name, True)
    else:
        part.SetInParent()
    return message.SerializeToString()


# --- raw websocket ---

ENDING = {
    "garbage": (b"\xff" * 100, 1002),
    "text": ("hello", 1002),
    "truncated": (rerun()[:-3], 1002),
    "large garbage": (os.urandom(50_000), 1002),
    "too large": (b"\0" * 70_000, 1009),
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
    from dlviz.ui.server import guard

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
