"""The process that exports stay in: used again, replaced when it is gone, and never waited for without end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import ROOT
from waiting import until

from dlviz.drawing.export import files, process, worker
from dlviz.drawing.export.process import Busy, Slow, Worker
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.theme import Look

ECHO = """
import sys, time
from pathlib import Path

begun, free = (Path(__file__).with_name(name) for name in ("begun", "free"))
for line in sys.stdin.buffer:
    if line == b"wait\\n" and not free.exists():
        begun.touch()
        while not free.exists():
            time.sleep(0.01)
    print("done", len(line), flush=True)
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
"""
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.fixture
def echo(tmp_path):
    """A worker that answers with what it was sent; to "wait", once there is a file ``free`` beside it.

    It makes a file ``begun`` when it waits.
    """
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    made = Worker(script)
    yield made
    made.end()


def drawn(fmt="svg"):
    return files.render(message("x", Look()), fmt)


def alive(pid: int) -> bool:
    """Whether a process is there that has not ended: one that has is a zombie until its parent looks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_second_export_is_from_the_same_process():
    drawn()
    first = files.WORKER.pid
    assert drawn("png").startswith(b"\x89PNG")
    assert files.WORKER.pid == first != os.getpid()


def test_a_refused_chart_does_not_cost_the_process():
    drawn()
    first = files.WORKER.pid
    with pytest.raises(files.ExportError, match="could not be drawn"):
        files._work({"format": "svg", "spec": {"mark": 1}, "version": "6.4", "needs_chinese": False, "font": ""}, 60)
    assert drawn().startswith(b"<svg")
    assert files.WORKER.pid == first


def test_a_killed_process_is_replaced_unseen():
    drawn()
    first = files.WORKER.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: not alive(first))
    assert drawn().startswith(b"<svg")
    assert files.WORKER.pid != first


@pytest.mark.parametrize("used", [False, True])
def test_a_process_killed_at_work_is_replaced(echo, tmp_path, used):
    """What it was sent is sent once again if it had answered before; a new one's end is told."""
    outcomes = []

    def asking():
        try:
            outcomes.append(echo.request(b"wait", 30))
        except process.Ended as error:
            outcomes.append(error.code)

    if used:
        echo.request(b"x", 30)
    thread = threading.Thread(target=asking)
    thread.start()
    until((tmp_path / "begun").exists)
    first = echo.pid
    os.kill(first, signal.SIGKILL)
    (tmp_path / "free").touch()
    thread.join(30)
    assert outcomes == [(b"done", b"wait\n") if used else -signal.SIGKILL]
    assert echo.request(b"y", 30) == (b"done", b"y\n")
    assert echo.pid != first


def test_a_hanging_process_is_ended_at_the_limit_and_the_next_export_works(echo):
    echo.request(b"x", 30)
    first, begun = echo.pid, time.monotonic()
    with pytest.raises(Slow):
        echo.request(b"wait", 0.5)
    assert 0.5 <= time.monotonic() - begun < 60
    assert not alive(first)
    assert echo.request(b"y", 30) == (b"done", b"y\n")


def test_a_hanging_export_says_so():
    files.WORKER.end()  # one that is there already may well draw this in time
    with pytest.raises(files.ExportError, match=r"within 0.01 s"):
        files.render(message("x", Look()), "png", timeout=0.01)
    assert drawn().startswith(b"<svg")


def test_who_waits_too_long_is_told_that_others_are_under_way(monkeypatch, echo, tmp_path):
    thread = threading.Thread(target=echo.request, args=(b"wait", 60))
    thread.start()
    until((tmp_path / "begun").exists)
    with pytest.raises(Busy):
        echo.request(b"y", 0.1)
    monkeypatch.setattr(files, "WORKER", echo)
    with pytest.raises(files.ExportError, match="other exports are under way"):
        files.render(message("x", Look()), "svg", timeout=0.1)
    threading.Timer(0.2, (tmp_path / "free").touch).start()
    assert echo.request(b"z", 60) == (b"done", b"z\n"), "who was patient has its turn"
    thread.join()


def test_many_threads_each_get_their_own_answer(echo):
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        for turn in range(5):
            said = b"%d %d" % (number, turn)
            answers[number, turn] = echo.request(said, 60) == (b"done", said + b"\n")

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 100 and all(answers.values())


def test_who_asks_again_and_again_lets_others_between(echo):
    """As an animation does, frame after frame."""
    asked, enough = [], threading.Event()

    def again_and_again() -> None:
        while not enough.is_set():
            echo.request(b"frame", 60)
            asked.append(1)

    thread = threading.Thread(target=again_and_again)
    thread.start()
    until(lambda: asked)
    before = len(asked)
    for _ in range(5):
        echo.request(b"other", 60)
    between = len(asked) - before
    enough.set()
    thread.join()
    assert between <= 10, "about one for each"


def test_after_so_many_questions_comes_a_new_process(monkeypatch, echo):
    monkeypatch.setattr(process, "REQUESTS", 3)
    pids = []
    for _ in range(7):
        echo.request(b"x", 30)
        pids.append(echo.pid)
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    assert not alive(pids[0])


PROBE = b'{"format": "probe", "font": "serif", "seconds": 1}'
HANG = PROBE.replace(b"probe", b"hang")


def impatient(folder: Path, **changed: int) -> Path:
    """The export's own program with other times, and a job that holds the interpreter's lock for ever."""
    text = Path(worker.__file__).read_text()
    for name, value in changed.items():
        text = text.replace(f"{name} = {getattr(worker, name)}\n", f"{name} = {value}\n")
    begins = "def work(job: dict) -> bytes:\n"
    assert begins in text
    hanging = '    if job["format"] == "hang":\n        import itertools\n\n        sum(itertools.repeat(1))\n'
    script = folder / "impatient.py"
    script.write_text(text.replace(begins, begins + hanging))
    return script


@on_linux
def test_an_idle_process_ends(tmp_path):
    made = Worker(impatient(tmp_path, IDLE=2))
    assert made.request(PROBE, 60)[0] == b"done"
    first = made.pid
    until(lambda: not alive(first))
    assert made.request(PROBE, 60)[0] == b"done"
    assert made.pid != first
    made.end()


@on_linux
@pytest.mark.parametrize("job", [PROBE, HANG])
def test_a_server_that_is_killed_leaves_no_process(tmp_path, job):
    """Not even one at work that hangs: its deadline needs no server."""
    code = f"""
import threading, time
from pathlib import Path
from dlviz.drawing.export.process import Worker
worker = Worker(Path({str(impatient(tmp_path, GRACE=1))!r}))
worker.request({PROBE!r}, 60)
threading.Thread(target=worker.request, args=({job!r}, 60), daemon=True).start()
time.sleep(0.5)
print(worker.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as server:
        pid = int(server.stdout.readline())
        assert alive(pid)
        server.kill()
    until(lambda: not alive(pid))


@on_linux
def test_the_process_holds_neither_the_app_nor_its_libraries():
    drawn("png")
    maps = Path(f"/proc/{files.WORKER.pid}/maps").read_text()
    assert "vl_convert" in maps
    assert not [name for name in ("torch", "numba", "llvmlite", "numpy", "pyarrow") if f"/{name}/" in maps]


@on_linux
def test_the_memory_of_the_process_stays_bounded():
    def held() -> float:
        """In MB, without the pages of its libraries: how many others share these changes meanwhile."""
        text = Path(f"/proc/{files.WORKER.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Anonymous:\s+(\d+)", text, re.MULTILINE)[1]) / 1e3

    files.WORKER.end()
    for fmt in ("svg", "pdf", "png") * 3:
        drawn(fmt)
    early = held()
    for _ in range(40):
        drawn("png")
    assert held() < min(early + 40, 400)


def test_the_program_ends_at_once_with_a_process_standing():
    code = """
from dlviz.drawing.export import files
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.theme import Look
files.render(message("x", Look()), "svg")
print(files.WORKER.pid, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr
    until(lambda: not alive(int(done.stdout)))
