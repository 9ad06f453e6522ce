"""Processor time of the tests of each concept: told at the end of a run, and bounded.

``pytest --concept-seconds 180`` (``make test`` does) fails where the tests of a concept took more. Processor time, of
the test process and of all that it starts, for the time on the wall says more about the machine's other work. What a
concept costs is to be seen before there are so many of them that nobody wants to wait for the tests.
"""

from __future__ import annotations

import os
import resource
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

CONCEPTS = Path("tests", "concepts")
PROPERTY = "processor time"
"""Of a report: the concept, and the seconds. Properties of reports come from xdist's processes to the one that sums."""
TICKS = os.sysconf("SC_CLK_TCK")


def concept_of(item: pytest.Item) -> str | None:
    """The stem of the concept that a test belongs to: its parameter ``stem``, or the folder of its concept."""
    stem = getattr(item, "callspec", None) and item.callspec.params.get("stem")
    if isinstance(stem, str):
        return stem
    folder = item.path.parent
    there = folder.parts[-3:-1] == CONCEPTS.parts
    return folder.name if there else None


def _children(process: int | str) -> list[str]:
    found = []
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            found += (thread / "children").read_text().split()
        except OSError:
            continue  # it has ended
    return found


def _alive(process: int | str) -> float:
    """What the children of a process that have not ended have spent so far; 0 where the kernel does not tell."""
    seconds = 0.0
    for child in _children(process):
        try:
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        seconds += sum(map(int, fields[11:15])) / TICKS + _alive(child)
    return seconds


def spent() -> float:
    """Seconds that this process and all it has started have computed.

    A server that many tests share is counted while it works, not with the test at whose end it is stopped.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + _alive(os.getpid())


class Budget:
    """The plugin: measures where tests run, and sums where reports come together."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.seconds: dict[str, float] = defaultdict(float)
        self._mark = 0.0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Any:
        self._mark = spent()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        report = yield
        now = spent()
        if (stem := concept_of(item)) is not None:
            # Never less than nothing: a process that ends without being waited for takes its time with it.
            report.user_properties.append((PROPERTY, [stem, max(now - self._mark, 0.0)]))
        self._mark = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == PROPERTY:
                self.seconds[value[0]] += value[1]

    @property
    def over(self) -> list[str]:
        """The concepts whose tests take too long."""
        return [stem for stem, seconds in self.seconds.items() if seconds > self.most]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.over and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.seconds:
            terminalreporter.section("processor time of the tests of each concept")
        for stem, seconds in sorted(self.seconds.items(), key=lambda item: -item[1]):
            terminalreporter.line(f"{seconds:7.1f} s  {stem}")
        for stem in self.over:
            terminalreporter.line(
                f"FAILED: the tests of {stem} took {self.seconds[stem]:.1f} s of processor time, "
                f"and a concept may take {self.most:g} s",
                red=True,
            )


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--concept-seconds", type=float, metavar="SECONDS", help="Processor time that a concept's tests may take."
    )


def register(config: pytest.Config) -> None:
    most = config.getoption("--concept-seconds")
    if most is not None:
        config.pluginmanager.register(Budget(most), "budget")
