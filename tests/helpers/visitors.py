"""Visitors without a browser: real sessions over the websocket, in Streamlit's own messages.

    async with Visitor(server, "loss_surfaces", "surface=Beale") as visitor:
        await visitor.open()                        # the whole page has come
        run = await visitor.set("learning_rate", "0.01")
        visitor.address, visitor.charts, visitor.exceptions, run.seconds, run.bytes

A visitor does what Streamlit's front end does: it keeps the state of every widget and sends all of them with each
rerun, tells which large messages it still has, runs a fragment again when that asks for it every few seconds, and
after a break of the line comes back with its session's id, the page's link and its widgets. It paints nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

KEPT_RUNS = 2
"""For how many runs the front end keeps a large message that was not shown again (global.maxCachedMessageAge)."""
_FIELDS = {
    "slider": "double_array_value", "select_slider": "string_array_value", "selectbox": "string_value",
    "button_group": "string_array_value", "multiselect": "string_array_value", "checkbox": "bool_value",
    "expandable": "bool_value", "text_input": "string_value", "vega_lite_chart": "string_value",
    "button": "trigger_value", "download_button": "trigger_value",
}  # fmt: skip
Place = tuple[int, ...]


def run(story: Coroutine[Any, Any, Any]) -> Any:
    """``asyncio.run`` in a thread of its own: in that of the tests Playwright may keep a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, story).result()


@dataclass
class Run:
    """A run of the page's script: whether it came to its end, in how many seconds, and what it sent."""

    done: bool = False
    seconds: float = 0.0
    messages: int = 0
    bytes: int = 0


@dataclass
class Widget:
    """A widget on the page: kind, id, the fragment in which it stands ("" for none), and its choices."""

    kind: str
    id: str
    fragment: str = ""
    options: list[str] = field(default_factory=list)

    def state(self, value: Any) -> WidgetState:
        """A value in the form in which it is sent: labels of choices as text, numbers as numbers."""
        state, name = WidgetState(id=self.id), _FIELDS[self.kind]
        if name.endswith("_array_value"):
            getattr(state, name).SetInParent()  # no choice is a choice, too
            getattr(state, name).data.extend(map(float if name.startswith("double") else str, value))
        else:
            setattr(state, name, value)
        return state


class Visitor:
    """One open page: ``widgets`` and ``values`` by key, ``elements`` by place, ``query`` as in the address bar."""

    def __init__(self, server: str, page: str = "", query: str = "", theme: str = "light", locale: str = "en") -> None:
        self.server, self.page, self.query, self.theme, self.locale = server, page, query, theme, locale
        self.widgets: dict[str, Widget] = {}
        self.values: dict[str, Any] = {}
        self.elements: dict[Place, Element] = {}
        self.runs: list[Run] = []
        self.session = ""
        self.headers: dict[str, str] = {}  # of the handshake, beside the usual ones
        self._hash = ""  # Streamlit's name for the page
        self._large: dict[str, tuple[int, ForwardMsg]] = {}  # hash -> age in runs, message
        self._shown: dict[Place, tuple[str, str, str]] = {}  # run, fragment, key
        self._run, self._fragments = "", list[str]()  # the run that is under way
        self._asked, self._asked_for, self._begun = 0.0, "", False  # the run that was asked for
        self._changed = asyncio.Event()
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._line: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Visitor:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def charts(self) -> list[Element]:
        return [element for element in self.elements.values() if element.HasField("vega_lite_chart")]

    @property
    def exceptions(self) -> list[str]:
        """What Streamlit itself shows as an error: an exception of the script."""
        return [element.exception.message for element in self.elements.values() if element.HasField("exception")]

    @property
    def alerts(self) -> list[str]:
        return [element.alert.body for element in self.elements.values() if element.HasField("alert")]

    @property
    def connected(self) -> bool:
        return self._line is not None and self._line.close_code is None and not self._reader.done()

    async def connect(self, timeout: float = 60) -> None:
        """Open the line; after a break with the id of the session there was. Raises what ``websockets`` raises."""
        await self.close()
        names = ["streamlit", "-", self.session] if self.session else ["streamlit"]
        stream = self.server.replace("http", "ws", 1) + "/_stcore/stream"
        self._line = await connect(
            stream,
            subprotocols=names,
            origin=self.server,
            max_size=None,
            open_timeout=timeout,
            proxy=None,
            additional_headers=self.headers,
        )
        self._reader = asyncio.create_task(self._read(self._line))

    async def close(self) -> None:
        """Hang up politely."""
        if self._line is not None:
            await self._line.close()
            await self._reader

    def cut(self) -> None:
        """Break the line without a word."""
        self._line.transport.abort()

    async def send(self, raw: bytes | str) -> None:
        """Send a frame as it is."""
        await self._line.send(raw)

    async def open(self, timeout: float = 120) -> Run:
        """Ask for the page, with the link and the widget states that there are; wait for its end."""
        await self.ask()
        return await self.end(timeout)

    async def set(self, key: str, value: Any = True, timeout: float = 120) -> Run:
        """Move a widget and wait for the end of the run. See :meth:`put`."""
        await self.put(key, value)
        return await self.end(timeout)

    async def put(self, key: str, value: Any = True) -> None:
        """Move a widget and wait for nothing. A choice is given by its label, several by a list; a button is True."""
        widget = self.widgets[key]
        pressed = _FIELDS[widget.kind] == "trigger_value"
        if not pressed:
            many = _FIELDS[widget.kind].endswith("_array_value") and not isinstance(value, list)
            self.values[key] = [value] if many else value
        await self.ask(widget.fragment, (widget.state(value),) if pressed else ())

    async def ask(self, fragment: str = "", pressed: tuple[WidgetState, ...] = (), auto: bool = False) -> None:
        """Ask for a run of the page, or of one of its fragments."""
        message = BackMsg()
        script = message.rerun_script
        script.query_string, script.fragment_id, script.is_auto_rerun = self.query, fragment, auto
        script.page_script_hash, script.page_name = self._hash, "" if self._hash else self.page
        script.cached_message_hashes.extend(self._large)
        script.context_info.url = f"{self.server}/{self.page}" + (f"?{self.query}" if self.query else "")
        script.context_info.locale, script.context_info.color_scheme = self.locale, self.theme
        script.widget_states.widgets.extend(self.widgets[key].state(value) for key, value in self.values.items())
        script.widget_states.widgets.extend(pressed)
        if not auto:
            self._asked, self._asked_for, self._begun = perf_counter(), fragment, False
            self.runs.append(Run())
        await self._line.send(message.SerializeToString())

    async def end(self, timeout: float = 120) -> Run:
        """Wait for the end of the run that was asked for last. Raises ``TimeoutError`` or ``ConnectionError``."""
        run = self.runs[-1]
        await self.until(lambda: run.done, timeout)
        return run

    async def until(self, holds: Callable[[], bool], timeout: float = 120) -> None:
        """Wait until something holds that a message can change. Raises ``TimeoutError`` or ``ConnectionError``."""
        async with asyncio.timeout(timeout):
            while not holds():
                if not self.connected:
                    raise ConnectionError(f"the line was closed: {self._line.close_code} {self._line.close_reason}")
                self._changed.clear()
                await self._changed.wait()

    async def _read(self, line: ClientConnection) -> None:
        try:
            with suppress(ConnectionClosed):  # who waits is told by `until`
                async for raw in line:
                    self._take(raw)
                    self._changed.set()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._changed.set()

    def _take(self, raw: bytes) -> None:
        message = ForwardMsg.FromString(raw)
        if self.runs and not self.runs[-1].done:
            self.runs[-1].messages += 1
            self.runs[-1].bytes += len(raw)
        if message.HasField("ref_hash"):
            _age, kept = self._large[message.ref_hash]
            kept.metadata.delta_path[:] = message.metadata.delta_path
            kept.metadata.run.CopyFrom(message.metadata.run)
            message = kept
        if message.metadata.cacheable:
            self._large[message.hash] = (0, message)
        match message.WhichOneof("type"):
            case "new_session":
                self.session = message.new_session.initialize.session_id
                self._run, self._fragments = message.metadata.run.script_run_id, [*message.metadata.run.fragment_ids]
                self._begun = self._begun or not self._fragments or self._asked_for in self._fragments
            case "navigation":
                self._hash = message.navigation.page_script_hash
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "auto_rerun":
                asked = message.auto_rerun
                if asked.fragment_id not in self._timers:
                    again = self._again(asked.fragment_id, asked.interval)
                    self._timers[asked.fragment_id] = asyncio.create_task(again)
            case "delta":
                self._show(message)
            case "script_finished":
                self._finish(message.script_finished)

    def _show(self, message: ForwardMsg) -> None:
        place, delta = tuple(message.metadata.delta_path), message.delta
        shown = delta.new_element if delta.HasField("new_element") else delta.add_block
        kind = shown.WhichOneof("type") or ""
        part = getattr(shown, kind, None)
        key = ""
        if kind in _FIELDS and part.id:
            key = part.id.split("-", 2)[2]
            if kind == "slider" and part.type == part.SELECT_SLIDER:
                kind = "select_slider"
            options = [getattr(option, "content", option) for option in getattr(part, "options", ())]
            self.widgets[key] = Widget(kind, part.id, delta.fragment_id, options)
            if getattr(part, "set_value", False) or key not in self.values:
                self._value(key, kind, part)
        if delta.HasField("new_element"):
            if place in self._shown and place not in self.elements:  # it takes the place of a whole block
                self._drop([other for other in self._shown if other[: len(place)] == place])
            self.elements[place] = delta.new_element
        else:
            self.elements.pop(place, None)
        self._shown[place] = (self._run, delta.fragment_id, key)

    def _value(self, key: str, kind: str, part: Any) -> None:
        """What a widget shows that has no state yet, or that the script has set."""
        options, given = self.widgets[key].options, part.set_value if hasattr(part, "set_value") else False
        match kind:
            case "slider":
                self.values[key] = [*(part.value if given else part.default)]
            case "select_slider":
                self.values[key] = [*part.raw_value] if given else [options[int(i)] for i in part.default]
            case "button_group" | "multiselect":
                self.values[key] = [*part.raw_values] if given else [options[i] for i in part.default]
            case "selectbox":
                self.values[key] = part.raw_value if given else options[part.default]
            case "checkbox" | "text_input":
                self.values[key] = part.value if given else part.default
            case "expandable":
                self.values[key] = part.expanded

    def _finish(self, status: int) -> None:
        page, part = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
        if status not in (page, part):
            return  # it was ended for another run, whose messages follow
        self._drop(
            [
                place
                for place, (run, fragment, _key) in self._shown.items()
                if run != self._run and (status == page or fragment in self._fragments)
            ]
        )
        if status == page:
            aged = {name: (age + 1, message) for name, (age, message) in self._large.items()}
            self._large = {name: kept for name, kept in aged.items() if kept[0] <= KEPT_RUNS}
        if self._begun and self.runs and not self.runs[-1].done and (status == page or self._asked_for):
            self.runs[-1].done, self.runs[-1].seconds = True, perf_counter() - self._asked

    def _drop(self, places: list[Place]) -> None:
        """Forget what is gone from the page, and the states of widgets with it."""
        gone = {self._shown.pop(place)[2] for place in places} - {key for _, _, key in self._shown.values()} - {""}
        for place in places:
            self.elements.pop(place, None)
        for key in gone:
            self.values.pop(key, None)
            del self.widgets[key]

    async def _again(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.ask(fragment, auto=True)
