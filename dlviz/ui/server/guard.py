"""What stands between the network and the app: security headers, caps, and a friendly refusal.

One ASGI middleware, around everything that Streamlit serves. It knows nothing of the pages. What lies
below ASGI is bounded in :mod:`dlviz.ui.server.wire`.

Behind a proxy the visitor's address is in ``X-Forwarded-For``, which anybody can write. uvicorn puts it in place
of the proxy's for the proxies named in its own variable ``FORWARDED_ALLOW_IPS`` (unless told 127.0.0.1), and the
guard sees the outcome.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections import Counter
from time import monotonic

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from dlviz.ui.server.headers import headers
from dlviz.ui.server.limits import Limits
from dlviz.ui.server.refusal import RETRY, full_page, full_text

PER_SECOND = 5.0
"""Messages that one connection may send in a second, in the long run."""
BURST = 160.0
"""Messages that it may send at once: those of 30 changes a second, for six seconds."""
STORM, PAUSE = 30.0, 0.25
"""Messages at once after which one goes on every so many seconds, the newest in place of those before it. Each that
goes on ends a run of the page and begins another."""
TOGETHER_PER_SECOND, TOGETHER_AT_ONCE = 0.4, 10.0
"""What may go on from all connections of an address together, for each page that it may have open. A full class that
acts every five seconds sends 0.2 a page. When half is used, each page waits so long that they stay below."""
FILES_PER_SECOND, FILES_AT_ONCE = 0.5, 10.0
"""The same for downloads, which one process draws for everybody."""
LARGEST = 64_000
"""Bytes of one message; those of an open page have some kilobytes."""
NEEDED = frozenset({"rerun_script", "stop_script", "app_heartbeat", "deferred_file"})
"""What a page asks of the server; a deferred file is a download. The rest of Streamlit's messages is for developers,
and some of it costs everybody: one empties the caches of all sessions, one asks git about the sources meanwhile."""
QUIET = 8.0
"""Seconds after a visitor's action in which a page's own timer (``ui.session.visitor.follow_theme``) is not heard.
What it asks, the action has told already. And when the timer's message meets the last moment of a run, Streamlit 1.67
loses the tail of what that run drew, and the page stays half drawn."""

_AGAIN = {"Retry-After": str(RETRY), "Cache-Control": "no-store"}
_FAST = "More messages than this server takes. 消息过于频繁。"
_LARGE = "A message was too large. 消息过大。"
_STRANGE = "Not a message of this app. 无法识别的消息。"
_POLICY, _TOO_BIG, _PROTOCOL = 1008, 1009, 1002  # RFC 6455, section 7.4, and its registry at IANA


def middleware() -> list[Middleware]:
    """The guard with the limits of the environment. Ends the start of the server where they make no sense."""
    try:
        return [Middleware(Guard, limits=Limits.told(os.environ))]
    except ValueError as error:
        raise SystemExit(f"dlviz does not start: {error}") from None


def uncaught(_error: Exception) -> bool:
    """What a page shows for an error that nothing else caught, once Streamlit has written it to the server's log."""
    from dlviz.ui.session.visitor import tr

    st.error(
        tr("Something went wrong on this page, and the server has noted what. Change a setting, or load it again."),
        icon=":material/error:",
    )
    return True


class Guard:
    """The middleware. It runs on the server's event loop alone, so its counts need no lock."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._headers = headers(limits.frame_ancestors)
        self._open: Counter[str] = Counter()
        self._asked: dict[str, Bucket] = {}  # by address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, self._sealed(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, self._sealed(send))
        else:
            await self._app(scope, receive, send)

    def _sealed(self, send: Send) -> Send:
        """``send``, with the security headers on every answer."""

        async def sealed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        return sealed

    def _full(self, address: str) -> bool:
        if self._open.total() >= self._limits.connections or self._open[address] >= self._limits.per_address:
            return True
        return address in self._asked and self._asked[address].left < 1

    def _together(self, address: str) -> Bucket:
        """What all connections of an address may send. It outlives them, so that a new one brings nothing new."""
        self._asked = {other: bucket for other, bucket in self._asked.items() if self._open[other] or bucket.used}
        pages = self._limits.per_address
        return self._asked.setdefault(address, Bucket(TOGETHER_PER_SECOND * pages, TOGETHER_AT_ONCE * pages))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._refusal(scope)
        await (self._app if answer is None else answer)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through; None for one that is."""
        path = scope["path"]
        # Streamlit's uploads stay in memory for as long as their session, and no page takes a file.
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            return PlainTextResponse("This app takes no files and no forms.", 405, {"Allow": "GET, HEAD, OPTIONS"})
        if "/_stcore/metrics" in path:
            return PlainTextResponse("Not found", 404)
        if not self._full(_address(scope)):
            return None
        # Streamlit's front end asks for this before it connects, and shows what it is told, if that is JSON.
        if path.endswith("/_stcore/host-config"):
            return JSONResponse(full_text(), 503, _AGAIN)
        if "text/html" in HTTPConnection(scope).headers.get("accept", ""):
            return HTMLResponse(full_page(), 503, _AGAIN)
        return None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = _address(scope)
        if self._full(address):
            await receive()  # the request to connect
            # Before the connection stands, so that a proxy can offer it to another replica.
            await PlainTextResponse(full_text(), 503, _AGAIN)(scope, receive, send)
            return
        together = self._together(address)
        self._open[address] += 1
        try:
            await self._app(scope, _measured(receive, send, together), send)
        finally:
            self._open[address] -= 1
            self._open += Counter()  # forgets addresses without connections


def _measured(receive: Receive, send: Send, together: Bucket) -> Receive:
    """``receive``, which passes what a page sends and ends the connection at what it never does."""
    line, passed = Line(), float("-inf")
    waiting: list[tuple[Message, object]] = []  # what was looked at and comes next

    async def hang_up(code: int, reason: str) -> Message:
        await send({"type": "websocket.close", "code": code, "reason": reason})
        return {"type": "websocket.disconnect", "code": code}

    async def following() -> tuple[Message, object]:
        """The next message that is heard, and what it asks for."""
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message, None
            refused = line.take(message.get("bytes"))
            if refused is not None:
                return await hang_up(*refused), None
            if line.heard:
                return message, line.asks

    def pause() -> float:
        return 1 / TOGETHER_PER_SECOND if together.used > together.size / 2 else PAUSE if line.storm else 0

    async def measured() -> Message:
        nonlocal passed
        message, asks = waiting.pop() if waiting else await following()
        while asks is not None and (left := passed + pause() - monotonic()) > 0:
            try:
                async with asyncio.timeout(left):
                    later = await following()
            except TimeoutError:
                break
            if later[0]["type"] == "websocket.receive" and later[1] != asks:
                waiting.append(later)
                break
            message, asks = later
        if message["type"] == "websocket.receive" and not together.take():
            return await hang_up(_POLICY, _FAST)
        passed = monotonic()
        return message

    return measured


class Line:
    """What one connection has sent so far.

    ``heard`` says whether its last message goes on to Streamlit. ``asks`` is what it asks for, if nothing is lost when
    a newer one that asks for the same takes its place: each tells the state of all widgets, but a press of a button is
    told once. ``storm`` says that there were many of late.
    """

    def __init__(self) -> None:
        self.heard = False
        self.asks: tuple[str, ...] | None = None
        self._bucket, self._files = Bucket(PER_SECOND, BURST), Bucket(FILES_PER_SECOND, FILES_AT_ONCE)
        self._acted = float("-inf")  # when the visitor last did something

    def take(self, data: bytes | None) -> tuple[int, str] | None:
        """Look at a message, None for one of text. Gives the code and the reason to hang up, if there is one."""
        self.heard, self.asks = False, None
        if not self._bucket.take():
            return _POLICY, _FAST
        if data is not None and len(data) > LARGEST:
            return _TOO_BIG, _LARGE
        try:
            message = BackMsg.FromString(data or b"")
        except DecodeError:
            message = None
        if message is None or data is None:
            return _PROTOCOL, _STRANGE
        now = monotonic()
        by_timer = message.rerun_script.is_auto_rerun
        kind = message.WhichOneof("type")
        if kind == "backend_operation_request":
            kind = message.backend_operation_request.WhichOneof("payload")
            if not self._files.take():
                return _POLICY, _FAST
        self.heard = kind in NEEDED and not (by_timer and now - self._acted < QUIET)
        if self.heard and not by_timer:
            self._acted = now
            if kind == "rerun_script":
                self.asks = _asks(message)
        return None

    @property
    def storm(self) -> bool:
        return self._bucket.used > STORM


def _asks(message: BackMsg) -> tuple[str, ...] | None:
    script = message.rerun_script
    pressed = any("trigger" in (state.WhichOneof("value") or "") for state in script.widget_states.widgets)
    if pressed or script.is_history_navigation:
        return None
    return script.page_script_hash, script.page_name, script.fragment_id


class Bucket:
    """A bucket of tokens, one a message: refilled at ``rate`` a second, ``size`` when full."""

    def __init__(self, rate: float, size: float) -> None:
        self._rate, self.size = rate, size
        self._tokens, self._last = size, monotonic()

    @property
    def left(self) -> float:
        """How many tokens there are."""
        now = monotonic()
        self._tokens = min(self.size, self._tokens + (now - self._last) * self._rate)
        self._last = now
        return self._tokens

    @property
    def used(self) -> float:
        """How many are missing."""
        return self.size - self.left

    def take(self) -> bool:
        """Whether there was a token to take."""
        if self.left < 1:
            return False
        self._tokens -= 1
        return True


def _address(scope: Scope) -> str:
    """Whom a connection counts for: an IPv4 address, or the 64 bits that one customer has of IPv6."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
