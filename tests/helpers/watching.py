"""A server that is looked into while it works: ``benchmarks/watched.py`` looks, every 10 ms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT
from server_process import serving


@dataclass(frozen=True)
class Watched:
    """Its address, and the file of what was seen, which is written four times a second."""

    url: str
    seen: Path

    def _counts(self) -> dict[int, int]:
        """How often so many threads were seen computing."""
        return {int(many): looks for many, looks in json.loads(self.seen.read_text())["computing"].items()}

    @property
    def computing(self) -> int:
        """How many looks have met a computation."""
        return sum(looks for many, looks in self._counts().items() if many)

    @property
    def idle(self) -> int:
        """How many looks have met none."""
        return self._counts().get(0, 0)

    async def works(self) -> None:
        """Wait until twenty more looks have met a computation."""
        before = self.computing
        async with asyncio.timeout(60):
            while self.computing < before + 20:
                await asyncio.sleep(0.1)

    async def rests(self) -> int:
        """Wait until fifty looks in a row have met none. How many have met one meanwhile."""
        before = self.computing
        async with asyncio.timeout(60):
            while True:
                computing, idle = self.computing, self.idle
                while self.idle < idle + 50:
                    await asyncio.sleep(0.1)
                if self.computing == computing:
                    return computing - before

    async def most(self) -> int:
        """The greatest number of computations at once that has been seen, when all has come to rest."""
        await self.rests()
        return max(self._counts())


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """A server of the app under watch; ``folder`` takes the file."""
    seen = folder / "seen.json"
    seen.write_text('{"computing": {}}')
    with serving(runner=ROOT / "benchmarks" / "watched.py", env={"DLVIZ_WATCH": str(seen)}) as (_process, url):
        yield Watched(url, seen)
