"""A server of the app, or of another script, in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(
    script: Path = ROOT / "app.py",
    port: int = 0,
    options: Sequence[str] = (),
    env: dict[str, str] | None = None,
    runner: Path | None = None,
) -> tuple[subprocess.Popen[bytes], str]:
    """Start a server and wait until it answers; gives its process and its address.

    ``options`` go to ``streamlit run``; ``env`` is added to the environment; ``runner`` is a script that takes the
    place of Streamlit's own command. Raises ``RuntimeError`` if the server
    ends or does not answer within 30 s.
    """
    port = port or free_port()
    streamlit = ["-m", "streamlit"] if runner is None else [str(runner)]
    command = [sys.executable, *streamlit, "run", str(script), "--server.headless", "true",
               "--server.address", "127.0.0.1", "--server.port", str(port), *options]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=script.parent, env=os.environ | (env or {}), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once, with {process.returncode}")
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            return process, url
        except OSError:
            time.sleep(0.1)
    stop(process)
    raise RuntimeError(f"the server on port {port} did not answer within 30 s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that was started here, if it has not ended yet."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def serving(script: Path = ROOT / "app.py", **given: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server as :func:`start` makes it, ended afterwards."""
    process, url = start(script, **given)
    try:
        yield process, url
    finally:
        stop(process)
