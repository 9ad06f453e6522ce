"""Two replicas behind nginx, with the configuration of deploy/: one is killed under load, and no setting is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from conftest import ROOT
from server_process import free_port, serving
from visitors import Visitor, run
from websockets.exceptions import InvalidStatus, WebSocketException

from dlviz.ui.server.refusal import full_page, full_text

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SESSIONS = 20
PAGE = "loss_surfaces"
KEY = "learning_rate"


def configuration(folder: Path, replicas: list[str], listen: str) -> Path:
    """The template of deploy/ filled in as the nginx image does it, in the frame that the image has around it."""
    template = (ROOT / "deploy" / "nginx.conf.template").read_text(encoding="utf-8")
    servers = " ".join(f"server {replica} max_fails=0;" for replica in replicas)
    inner = template.replace("${REPLICAS}", servers).replace("${LISTEN}", listen)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    # A worker as another user could not write below pytest's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    path = folder / "nginx.conf"
    path.write_text(
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}} http {{ access_log off; {paths}\n{inner}}}\n",
        encoding="utf-8",
    )
    return path


def answers(url: str) -> bool:
    with suppress(OSError):
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
        return True
    return False


@pytest.fixture
def nginx(tmp_path):
    """A function that starts nginx in front of two replicas: gives its address, and the replicas' processes."""
    if NGINX is None and os.environ.get("CI") != "true":
        pytest.skip("NO NGINX: install nginx (Debian: nginx-light); two replicas are not tested without it")
    assert NGINX is not None, "nginx was not found, and CI=true asks for it"
    return lambda env=None: behind_nginx(tmp_path, env)


@contextmanager
def behind_nginx(folder: Path, env: dict[str, str] | None):
    with ExitStack() as stack:
        replicas = [stack.enter_context(serving(env=env)) for _ in range(2)]
        listen = f"127.0.0.1:{free_port()}"
        path = configuration(folder, [url.removeprefix("http://") for _, url in replicas], listen)
        command = [NGINX, "-e", str(folder / "error.log"), "-c", str(path)]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=20)
        assert tested.returncode == 0, tested.stderr
        process = subprocess.Popen(command)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        url = f"http://{listen}"
        while not answers(url):
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield url, [process for process, _ in replicas]


def test_a_full_replica_offers_the_other(nginx):
    """All with one cookie, which names one replica; each has room for two pages."""
    with nginx({"DLVIZ_CONNECTIONS": "2"}) as (url, _):

        def ask(path: str, kind: str) -> tuple[int, str]:
            asked = urllib.request.Request(f"{url}{path}", headers={"Cookie": "dlviz_visitor=1", "Accept": kind})
            try:
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        async def crowd() -> None:
            visitors = [Student(url, 1) for _ in range(5)]
            for visitor in visitors[:4]:
                await visitor.connect()
            for _ in range(3):
                with pytest.raises(InvalidStatus) as refused:
                    await visitors[4].connect()
                assert refused.value.response.body.decode() == full_text()
                # Replicas that are full are not dead: who has a page still gets its pictures, who has none is told.
                assert ask("/", "text/html") == (503, full_page())
                assert ask("/_stcore/health", "*/*")[0] == 200
            await visitors[0].close()
            for _ in range(100):  # until the replica has heard of it
                with suppress(InvalidStatus):
                    await visitors[4].connect()
                    break
                await asyncio.sleep(0.1)
            else:
                pytest.fail("who has left still takes a place")
            for visitor in visitors[1:]:
                await visitor.close()

        run(crowd())


def test_the_proxy_of_the_readme_is_believed_about_addresses():
    told = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    command = next(line for line in told.splitlines() if line.startswith("FORWARDED_ALLOW_IPS="))
    assert "--server.address 127.0.0.1" in command  # as `serving` has it; on "::" the proxy has another address
    proxy = {"FORWARDED_ALLOW_IPS": "127.0.0.1", "DLVIZ_CONNECTIONS_PER_ADDRESS": "1"}

    async def three(url: str) -> None:
        visitors = [Visitor(url, PAGE) for _ in range(3)]
        for visitor, last in zip(visitors, "122", strict=True):
            visitor.headers = {"X-Forwarded-For": f"203.0.113.{last}"}
        await visitors[0].connect()
        await visitors[1].connect()
        with pytest.raises(InvalidStatus):
            await visitors[2].connect()
        for visitor in visitors[:2]:
            await visitor.close()

    with serving(env=proxy) as (_, url):
        run(three(url))


class Student(Visitor):
    """A visitor who keeps moving one control, and comes back by the link alone when the line breaks."""

    def __init__(self, server: str, number: int) -> None:
        super().__init__(server, PAGE)
        self.headers = {"Cookie": f"dlviz_visitor={number}"}
        self.number = number
        self.broken = 0

    @property
    def linked(self) -> float:
        """The learning rate in the link."""
        return float(parse_qs(self.query)[KEY][0])

    @property
    def shown(self) -> float:
        """The learning rate on the page."""
        value = self.values[KEY]
        return float(value if isinstance(value, str) else value[0])

    async def move(self, step: int) -> None:
        """Set the control to another of the rates at which nothing diverges."""
        options = [label for label in self.widgets[KEY].options if 1e-4 < float(label) < 0.05]
        await self.set(KEY, options[(self.number + step) % len(options)], timeout=60)

    async def work(self, ended: asyncio.Event) -> None:
        """Move the control until the end; each break of the line is followed by a return."""
        step = 0
        while not ended.is_set():
            step += 1
            try:
                await self.move(step)
                assert self.shown == pytest.approx(self.linked)
            except (ConnectionError, WebSocketException):
                self.broken += 1
                await self.come_back()
            await asyncio.sleep(0.2)

    async def come_back(self) -> None:
        """A new session, of which nothing is known but the link. The page must show what the link says."""
        before, link = self.linked, self.query
        again = Student(self.server, self.number)
        again.query = link
        while True:
            try:
                await again.connect()
                await again.open(timeout=60)
                break
            except (OSError, WebSocketException):
                await asyncio.sleep(0.2)
        assert again.query == link
        assert again.shown == pytest.approx(before)
        again.broken = self.broken
        self.__dict__ = again.__dict__


def test_a_killed_replica_costs_nobody_a_setting(nginx):
    with nginx() as (url, (first, _second)):
        broken = killed_under_load(url, first)
    assert set(broken) == {0, 1}, broken  # those of the killed replica once, the others never


def killed_under_load(url: str, first: subprocess.Popen[bytes]) -> list[int]:
    """How often the line of each student broke."""

    async def lecture() -> list[Student]:
        students = [Student(url, number) for number in range(SESSIONS)]
        for student in students:
            await student.connect()
        await asyncio.gather(*(student.open(timeout=60) for student in students))
        for student in students:
            await student.move(0)
        ended = asyncio.Event()
        working = asyncio.gather(*(student.work(ended) for student in students))
        await asyncio.sleep(2)
        first.kill()
        await asyncio.sleep(4)
        ended.set()
        await working
        for student in students:
            assert not student.exceptions
            assert not student.alerts
            await student.close()
        return students

    return [student.broken for student in run(lecture())]
