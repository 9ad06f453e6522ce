"""What stands below the guard: websocket frames and open files, which never reach an ASGI middleware.

uvicorn answers pings and puts messages together out of their parts by itself, without a bound on how many there
are. Tens of thousands fit into what it reads at once, so they are counted where they are taken apart: in the class
of ``websockets`` that uvicorn makes for each connection.
"""

from __future__ import annotations

import logging
import socket
from types import ModuleType
from typing import Any

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from dlviz.ui.server.guard import BURST, LARGEST, PER_SECOND, Bucket

EXTRA_PER_SECOND, EXTRA_AT_ONCE = 2.0, 60.0
"""Frames of a connection that are no whole message: pings, pongs, and parts. A browser pings never and answers the
server's ping twice a minute; it parts only what is far larger than :data:`LARGEST`. A proxy pings every few seconds."""
UNREAD = 60
"""Seconds for which a peer may leave unread what it was sent; as long as uvicorn waits for the answer to a ping."""

_log = logging.getLogger(__name__)


class Bounded(ServerProtocol):
    """A connection that fails at frames too many, and at a message larger than the guard takes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.max_message_size = LARGEST
        # Messages are the guard's to count. Twice its numbers here, for it sees them later.
        self._frames = Bucket(2 * PER_SECOND + EXTRA_PER_SECOND, 2 * BURST + EXTRA_AT_ONCE)
        self._extra = Bucket(EXTRA_PER_SECOND, EXTRA_AT_ONCE)

    def recv_frame(self, frame: Frame) -> None:
        whole = frame.fin and frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CLOSE)
        if not self._frames.take() or not (whole or self._extra.take()):
            raise ProtocolError("more frames than this server takes")
        super().recv_frame(frame)


def bound() -> bool:
    """Have uvicorn bound its websockets. Says whether it could; the log tells if not."""
    try:
        from uvicorn.protocols.websockets import websockets_sansio_impl as served

        _bound(served)
    except (ImportError, AttributeError, TypeError) as error:
        _log.warning("Frames of websockets are not bounded: this uvicorn is not known here (%s).", error)
        return False
    return True


def _bound(served: ModuleType) -> None:
    if not issubclass(served.ServerProtocol, ServerProtocol) or not callable(ServerProtocol.recv_frame):
        raise TypeError("other classes")
    if served.ServerProtocol is Bounded:
        return
    line = served.WebSocketsSansIOProtocol
    made = line.connection_made

    def connection_made(self: Any, transport: Any) -> None:
        made(self, transport)
        _forget_the_deaf(transport)

    line.connection_made = connection_made
    vars(served)["ServerProtocol"] = Bounded


def _forget_the_deaf(transport: Any) -> None:
    """End a connection whose peer reads nothing. uvicorn's own end of one waits until all that was sent is read."""
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD * 1000)


def more_files() -> None:
    """Let this process open as many files as it may. Each connection is one, and many systems begin with 1,024."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS names no bound and allows fewer
        _log.info("This process stays with %d open files at once.", soft)
