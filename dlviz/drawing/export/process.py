"""A process that stays and answers one request after another, for all threads of this one.

The standard library's pools start their processes with what the main program imports, which under Streamlit is
Streamlit; and they end none that hangs. This one runs a file by name, and knows nothing of the requests.
"""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO

REQUESTS = 25
"""Requests after which a process is replaced: what it holds grows with them, to twice as much within forty."""


class Busy(Exception):
    """Other requests took all of the time."""


class Slow(Exception):
    """No answer came in time; the process was ended."""


class Ended(Exception):
    """A new process ended before it had answered. ``code`` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Process(subprocess.Popen[bytes]):
    """Python with a file, and a pipe to it and from it."""

    stdin: IO[bytes]
    stdout: IO[bytes]

    def __init__(self, script: Path) -> None:
        super().__init__(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )


class _Turns:
    """A lock that goes to whoever has waited longest.

    The standard library's goes to whoever is quickest, mostly the thread that has just let it go: with one that asks
    again and again, such as an animation, no other would ever have a turn.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._line: deque[threading.Event] = deque()  # the first has the turn

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False if none came in time."""
        mine = threading.Event()
        with self._guard:
            self._line.append(mine)
            self._line[0].set()
        came = False
        try:
            came = mine.wait(seconds)
        finally:
            if not came:
                self._leave(mine)
        return came

    def give(self) -> None:
        """End one's turn."""
        self._leave(self._line[0])

    def _leave(self, who: threading.Event) -> None:
        with self._guard:
            self._line.remove(who)
            if self._line:
                self._line[0].set()


class Worker:
    """One process, running ``script``: started at the first request, replaced once it has ended.

    Thread-safe. One request at a time; others wait, in the order of arrival. A request during
    which a process ends that has answered others is sent once again, to a new one.
    """

    def __init__(self, script: Path) -> None:
        self._script = script
        self._turns = _Turns()
        self._process: _Process | None = None
        self._requests = 0

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return None if self._process is None else self._process.pid

    def request(self, message: bytes, seconds: float) -> tuple[bytes, bytes]:
        """Send one line, of bytes without a line feed; gives the first word of the answer, and its contents.

        ``seconds`` is how long to wait for a turn, and again for the answer. Raises :class:`Busy`, :class:`Slow`,
        :class:`Ended`, ``ValueError`` for an answer in no form, ``OSError`` and ``RuntimeError`` when no process or no
        thread can be started. After any of them the next request goes to a new process.
        """
        if not self._turns.take(seconds):
            raise Busy
        try:
            return self._with_one_retry(message, seconds)
        except BaseException:
            self.end()
            raise
        finally:
            self._turns.give()

    def _with_one_retry(self, message: bytes, seconds: float) -> tuple[bytes, bytes]:
        try:
            return self._send(message, seconds)
        except Ended:
            if self._requests == 1:
                raise
            # A process that was idle for long, or was killed meanwhile, takes a moment to be seen as ended.
            self.end()
            return self._send(message, seconds)

    def _send(self, message: bytes, seconds: float) -> tuple[bytes, bytes]:
        process = self._ready()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        # A pipe can be waited for with a limit on some systems only; that its other end is gone wakes on all.
        limit = threading.Timer(seconds, give_up)
        limit.daemon = True
        limit.start()
        try:
            answer = _exchange(process, message)
        except (EOFError, BrokenPipeError):
            code = process.wait()
            raise Slow if late.is_set() else Ended(code) from None
        finally:
            limit.cancel()
            limit.join()
        if late.is_set():  # at the same moment
            self.end()
        return answer

    def _ready(self) -> _Process:
        self._requests += 1
        if self._process is None or self._process.poll() is not None or self._requests > REQUESTS:
            self.end()
            self._process = _Process(self._script)
            self._requests = 1
            atexit.register(self.end)
        return self._process

    def end(self) -> None:
        """End the process, whatever it does; the next request starts another."""
        process, self._process = self._process, None
        atexit.unregister(self.end)
        if process is not None:
            process.kill()
            process.wait()
            process.stdout.close()
            with suppress(BrokenPipeError):  # what it was sent and never read
                process.stdin.close()


def _exchange(process: _Process, message: bytes) -> tuple[bytes, bytes]:
    """Send, and wait for the answer: a line with a word and a number of bytes, and then those."""
    process.stdin.write(message + b"\n")
    process.stdin.flush()
    head = process.stdout.readline()
    if not head:
        raise EOFError
    word, size = head.split()
    contents = process.stdout.read(int(size))
    if len(contents) < int(size):
        raise EOFError
    return word, contents
