"""Downloads are made outside of their session's script, and end all the same when the visitor has left."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import BackendOperationResponse, ForwardMsg
from visitors import Visitor, run
from watching import Watched, watched

from dlviz import catalog
from dlviz.drawing.export import files
from dlviz.drawing.grammar.theme import Look
from dlviz.progress import silent
from dlviz.slides import Export
from dlviz.ui.page import save
from dlviz.ui.session import compute

LONG = "network=CNN&steps=400&seeds=16&seed=77"


class Downloader(Visitor):
    """A visitor who opens a figure's window and clicks on "Download"."""

    def __init__(self, *given: str) -> None:
        super().__init__(*given)
        self.answers: list[BackendOperationResponse] = []

    def _take(self, raw: bytes) -> None:
        message = ForwardMsg.FromString(raw)
        if message.HasField("backend_operation_response"):
            self.answers.append(message.backend_operation_response)
        super()._take(raw)

    async def unfold(self) -> None:
        await self.put("save_hero")
        await self.until(lambda: "save_download" in self.widgets, 60)

    async def click(self) -> None:
        buttons = (e.download_button for e in self.elements.values() if e.HasField("download_button"))
        message = BackMsg()
        asked = message.backend_operation_request
        asked.request_id, asked.session_id = "download", self.session
        asked.deferred_file.file_id = next(buttons).deferred_file_id
        await self.send(message.SerializeToString())


def test_a_file_comes_to_who_stays_and_its_run_ends_for_who_leaves(tmp_path):
    async def stay(url: str) -> None:
        async with Downloader(url, "loss_surfaces", "steps=37") as visitor:
            await visitor.open()
            await visitor.unfold()
            await visitor.click()
            await visitor.until(lambda: bool(visitor.answers), 60)
            assert visitor.answers[0].deferred_file.url.endswith(".png"), visitor.answers

    async def leave(server: Watched) -> int:
        visitor = Downloader(server.url, "fine_tuning", LONG)
        await visitor.connect()
        await visitor.ask()
        await visitor.until(lambda: "stop_run" in visitor.widgets, 60)
        await visitor.put("stop_run")
        await visitor.until(lambda: any("Stopped" in said for said in visitor.alerts), 60)
        await visitor.end(60)
        await visitor.put("save_hero")
        await server.works()
        visitor.cut()
        return await server.rests()

    with watched(tmp_path) as server:
        run(stay(server.url))
        assert run(leave(server)) < 200, "whole, it takes most of a minute"


def test_a_file_is_not_drawn_for_who_left_while_it_was_computed(monkeypatch):
    settings = catalog.concepts()["loss_surfaces"].experiment.Settings(steps=38)
    monkeypatch.setattr(files, "render", lambda *_, **__: pytest.fail("the one process for all was asked"))

    asked = []

    def left(share: float) -> None:
        asked.append(share)
        if len(asked) > 1:  # at first the download has just begun
            raise save.LeftError

    export = Export("loss_surfaces", settings, None, ("hero",), "svg", Look())
    compute.result("loss_surfaces", settings, silent)
    with pytest.raises(save.LeftError):
        save.make_file(export, left)
