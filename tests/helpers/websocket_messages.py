"""Messages as a page sends them, and a visitor who listens for secrets."""

from __future__ import annotations

from conftest import ROOT
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from visitors import Visitor

PAGE = "loss_surfaces"
ROOM = 12
"""Open pages that the server of a test has room for."""
SECRETS = (b"Traceback", b"site-packages", b'.py", line', str(ROOT).encode(), b"a secret")


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


def asks(frame: bytes | str) -> str:
    """What a frame from the browser asks the server for; nothing if it is a timer's.

    A page asks every ``THEME_CHECK_SECONDS`` on its own, whatever the visitor does, and on a busy machine it may do so
    at any time in a test. It marks such a message, and Streamlit runs nothing but the timer's own fragment for it.
    """
    if isinstance(frame, str):
        return frame
    message = BackMsg.FromString(frame)
    script = message.rerun_script
    return "" if script.is_auto_rerun and script.fragment_id else str(message) or "an empty message"
