"""Frames that never reach the guard: one connection's pings and parts of messages cost the others nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress
from types import ModuleType

import pytest
from conftest import ROOT
from server_process import serving
from visitors import Visitor, run
from websocket_messages import PAGE, rerun
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Side
from websockets.uri import parse_uri

from dlviz.ui.server import guard, wire


def frames(kind: Opcode, data: bytes = b"", fin: bool = True, times: int = 1) -> bytes:
    return Frame(kind, data, fin).serialize(mask=True) * times


PART, MORE, PING, PONG = Opcode.BINARY, Opcode.CONT, Opcode.PING, Opcode.PONG
FLOODS = {
    "pings": frames(PING, times=20_000),
    "pongs": frames(PONG, times=20_000),
    "large pings": frames(PING, b"x" * 125, times=20_000),
    "empty parts": frames(PART, b"", False) + frames(MORE, b"", False, 20_000),
    "small parts": frames(PART, b"x", False) + frames(MORE, b"xx", False, 20_000),
    "empty messages": frames(PART, times=20_000),
}


def bounded() -> wire.Bounded:
    """A connection that stands."""
    return wire.Bounded(state=OPEN, max_size=4_000_000)


def taken(connection: wire.Bounded, data: bytes) -> int:
    """How many of these frames it takes."""
    connection.receive_data(data)
    return len(connection.events_received())


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_frames_fails_at_the_first_too_many(name):
    connection = bounded()
    assert taken(connection, FLOODS[name]) <= 2 * guard.BURST + wire.EXTRA_AT_ONCE
    assert connection.close_sent.code == 1002


def test_a_message_is_bounded_before_it_is_whole():
    connection = bounded()
    half = guard.LARGEST // 2
    assert taken(connection, frames(PART, b"x" * half, False) + frames(MORE, b"x" * half, False)) == 2
    assert connection.parser_exc is None
    taken(connection, frames(MORE, b"x", False))
    assert connection.close_sent.code == 1009
    alone = bounded()
    alone.receive_data(frames(PART, b"x" * (guard.LARGEST + 1))[:20])  # told by its head alone
    assert alone.close_sent.code == 1009


def test_a_proxy_may_ping_and_a_message_may_come_in_parts(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(guard, "monotonic", lambda: now[0])
    connection, whole = bounded(), rerun()
    for second in range(3600):
        now[0] = second
        assert taken(connection, frames(PING, b"here")) == 1
        if second % 60 == 0:
            parts = [frames(PART, whole[:5], False), *[frames(MORE, b"", False)] * 10, frames(MORE, whole[5:])]
            assert taken(connection, b"".join(parts)) == 12
    assert connection.parser_exc is None


def test_an_unknown_uvicorn_is_left_alone_and_the_log_tells(caplog):
    with pytest.raises(AttributeError):
        wire._bound(ModuleType("another"))
    other = ModuleType("another")
    other.ServerProtocol = dict
    with pytest.raises(TypeError):
        wire._bound(other)
    real = sys.modules.get("uvicorn.protocols.websockets")
    try:
        sys.modules["uvicorn.protocols.websockets"] = None
        assert not wire.bound()
    finally:
        if real is None:
            del sys.modules["uvicorn.protocols.websockets"]
        else:
            sys.modules["uvicorn.protocols.websockets"] = real
    assert "not bounded" in caplog.text


def test_as_many_files_are_open_as_may_be():
    resource = pytest.importorskip("resource")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < 200:
        pytest.skip("this process may not open 200 files")
    code = ("import resource as r; from dlviz.ui.server import wire; r.setrlimit(r.RLIMIT_NOFILE, (100, 200)); "
            "wire.more_files(); print(r.getrlimit(r.RLIMIT_NOFILE)[0])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.stdout.strip() == "200", done.stderr


# --- a real server ---


def line(url: str) -> socket.socket:
    """A websocket of which nothing is known but its socket."""
    host, port = url.removeprefix("http://").split(":")
    raw = socket.create_connection((host, int(port)), timeout=10)
    client = ClientProtocol(parse_uri(url.replace("http", "ws", 1) + "/_stcore/stream"), subprotocols=["streamlit"])
    assert client.side is Side.CLIENT
    client.send_request(client.connect())
    raw.sendall(b"".join(client.data_to_send()))
    assert raw.recv(12) == b"HTTP/1.1 101"
    return raw


def ended(raw: socket.socket) -> bool:
    """Whether the other side hangs up."""
    with suppress(ConnectionError):
        while raw.recv(65536):
            pass
    return True


def test_a_flood_of_frames_ends_its_connection_and_nobody_waits():
    with serving() as (process, url):

        async def check() -> None:
            async with Visitor(url, PAGE) as visitor:
                await visitor.open()
                rates = visitor.widgets["learning_rate"].options
                for (name, flood), rate in zip(FLOODS.items(), rates[20:], strict=False):
                    raw = line(url)
                    with suppress(ConnectionError, TimeoutError):
                        raw.sendall(flood)
                    assert (await visitor.set("learning_rate", rate, timeout=20)).seconds < 2, name
                    raw.settimeout(5)
                    assert ended(raw), name
                    raw.close()
                assert not visitor.exceptions + visitor.alerts

        run(check())
        assert process.poll() is None


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone has the option")
def test_who_reads_nothing_is_forgotten():
    """The kernel ends a connection whose peer leaves unread what it was sent."""
    mine, other = socket.create_server(("127.0.0.1", 0)), socket.socket()
    other.connect(mine.getsockname())
    connection, _ = mine.accept()

    class Transport:
        def get_extra_info(self, _name: str) -> socket.socket:
            return connection

    wire._forget_the_deaf(Transport())
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == wire.UNREAD * 1000
    for each in (mine, other, connection):
        each.close()
