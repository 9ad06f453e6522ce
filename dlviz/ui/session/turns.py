"""Pages are drawn one at a time, in the order in which they were asked for.

Streamlit runs every session's script in a thread of its own. They share one interpreter, so that 200 at once are no
faster than one after another: all of them come to their end last, and the thread that talks with the browsers
gets its turn so rarely that nothing leaves the server meanwhile. Who computes gives its turn to others meanwhile.

What a page says during its turn is sent together at the turn's end. Streamlit wakes the thread that talks with the
browsers for each of a page's sixty messages, and that thread then takes the interpreter from the page sixty times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from time import perf_counter
from typing import NoReturn

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import ScriptRunContext, get_script_run_ctx

from dlviz.engine.runtime.fair_queue import FairQueue

AT_ONCE = 1
"""A second one would only take the interpreter from the first, and from the thread that sends the pictures."""

_line = FairQueue(AT_ONCE)
_own = threading.local()
"""Of a script's thread: ``turn``, the messages it has ``gathered`` in it, and Streamlit's way to ``send`` one."""


@contextmanager
def turn() -> Iterator[None]:
    """Run a page's script when its turn comes. A visitor who has moved on leaves the line."""
    _enter()
    try:
        yield
    finally:
        _leave()


@contextmanager
def aside() -> Iterator[None]:
    """Let other sessions draw their pages meanwhile; a session that comes back goes before those that wait."""
    had = getattr(_own, "turn", False)
    _leave()
    try:
        yield
    except Exception:  # the page goes on with a message; what ends a script is no Exception
        if had:
            _enter(first=True)
        raise
    if had:
        _enter(first=True)


@contextmanager
def at_first_within(seconds: float) -> Iterator[Callable[[], None]]:
    """Work within the turn for so long, and then :func:`aside`: from a call on that comes later, for calling often."""
    end = perf_counter() + seconds
    with ExitStack() as stack:

        def look() -> None:
            nonlocal end
            if perf_counter() >= end:
                end = inf
                stack.enter_context(aside())

        look()
        yield look


def context() -> ScriptRunContext:
    """What Streamlit knows of the script that runs in this thread."""
    found = get_script_run_ctx()
    if found is None:
        raise RuntimeError("no visitor's script runs in this thread")
    return found


def stop() -> NoReturn:
    """End the script as ``st.stop`` does, which alone would lose what the page has said in this turn."""
    _leave()
    st.stop()


def _enter(first: bool = False) -> None:
    _line.enter(_still_wanted, first)
    _own.turn = True
    run = context()
    _own.gathered, _own.send = [], run._enqueue
    run._enqueue = _gather


def _leave() -> None:
    if getattr(_own, "turn", False):
        _own.turn = False
        try:
            context()._enqueue = _own.send
            for message in _own.gathered:
                _own.send(message)  # where Streamlit may end the script, if the visitor has moved on
        finally:
            _line.leave()


def _gather(message: ForwardMsg) -> None:
    _still_wanted()
    _own.gathered.append(message)


def _still_wanted(_share: float = 0.0) -> None:
    st.session_state.get("theme")  # a point where Streamlit may end the script
