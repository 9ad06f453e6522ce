"""What only who runs a server can know, set by environment variables.

- ``DLVIZ_CONNECTIONS``: open pages in all, 400 unless told.
- ``DLVIZ_CONNECTIONS_PER_ADDRESS``: open pages from one address, 300 unless told. A whole class often has one
  address, that of the school's router.
- ``DLVIZ_FRAME_ANCESTORS``: the sites that may show the app within their own pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlviz.ui.server.headers import HOSTS, sites


@dataclass(frozen=True)
class Limits:
    """Connections in all and from one address, and the sites that may frame the app."""

    connections: int = 400
    per_address: int = 300
    frame_ancestors: str = HOSTS

    @classmethod
    def told(cls, environment: Mapping[str, str]) -> Limits:
        """The limits that the environment sets. Raises ``ValueError`` with what is wrong and what is allowed."""
        return cls(
            _count(environment, "DLVIZ_CONNECTIONS", cls.connections),
            _count(environment, "DLVIZ_CONNECTIONS_PER_ADDRESS", cls.per_address),
            sites(environment.get("DLVIZ_FRAME_ANCESTORS", "").strip() or HOSTS),
        )


def _count(environment: Mapping[str, str], name: str, usual: int) -> int:
    given = environment.get(name, "").strip()
    if not given:
        return usual
    if not (given.isascii() and given.isdigit() and len(given) <= 6 and 1 <= int(given) <= 100_000):
        raise ValueError(f"{name} is {given[:40]!r}. Allowed: a whole number from 1 to 100000.")
    return int(given)
