"""Which tests stay together on one process of ``pytest -n``, and which come first.

A concept's tests share its presets' results (``runs.py``), so they stay together, whichever file they stand in.
All others stay with their file, for they share its servers and other fixtures of the module.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from budget import concept_of

FIRST = ("browser", "server")
"""Folders whose tests mostly wait: begun first, so that no process is left alone with them at the end."""


def group_of(item: pytest.Item, tests: Path) -> str:
    """The name of the group: a stem, or a file's path below the tests."""
    # What stands on a server stays with those that share it, concept or not.
    stem = None if "server" in getattr(item, "fixturenames", ()) else concept_of(item)
    return stem or item.path.relative_to(tests).as_posix()


def arrange(items: list[pytest.Item], tests: Path) -> None:
    """Mark every test with its group for xdist, and put the groups that take longest before the others.

    Xdist hands groups out in the order of their first tests; ``--no-loadscope-reorder`` keeps it from sorting them by
    their number of tests, which says little.
    """
    found: dict[str, list[pytest.Item]] = {}
    for item in items:
        group = group_of(item, tests)
        item.add_marker(pytest.mark.xdist_group(group))
        found.setdefault(group, []).append(item)

    def turn(group: str) -> int:
        if group.split("/")[0] in FIRST:
            return FIRST.index(group.split("/")[0])
        return len(FIRST) if "/" not in group and not group.endswith(".py") else len(FIRST) + 1

    items[:] = [item for group in sorted(found, key=turn) for item in found[group]]
