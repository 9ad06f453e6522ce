"""What a run gives: its result, and what is claimed, measured and said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dlviz.contract.settings import Settings

Fallback = Literal["", "pieces", "cpu"]


@dataclass(frozen=True)
class Computed:
    """Where a run's numbers were computed: the device in words, and what was done where its memory was too small.

    ``fallback``: "pieces" when the work had to be cut smaller than usual, "cpu" when that was not enough, and the
    CPU took its place.
    """

    device: str = "CPU"
    fallback: Fallback = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What every concept's result carries beside its arrays, filled in by ``engine.runtime.device.with_fallback``."""

    computed: Computed = Computed()


def switched_off() -> Any:
    """A field of a result that a panel fills: None where the panel is off, or has nothing to compute.

    It is typed as what it holds: only the panel's own study and drawing read it, and only where it is filled.
    """
    return None


@dataclass(frozen=True)
class Check:
    """Whether a preset's claim holds for a result, with the numbers that its sentence quotes."""

    holds: bool
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preset:
    """A named phenomenon. ``claim`` computes from a result whether what the words say is so.

    The words (label, what to see, the claim's sentence with ``{placeholders}``) stand in the
    concept's ``en.md`` and ``zh.md`` under the preset's ``name``. ``pin`` is the run to compare with,
    drawn as a ghost.
    """

    name: str
    settings: Settings
    claim: Callable[[Any], Check]
    pin: Settings | None = None


@dataclass(frozen=True)
class Readout:
    """A number beside its theory. ``label`` is a gettext id; values are shown as formatted text."""

    label: str
    measured: str
    theory: str | None = None
    help: str | None = None


@dataclass(frozen=True)
class Note:
    """A sentence of "what to notice": the key of its words and the numbers that fill them."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
