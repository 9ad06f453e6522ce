"""How a setting is shown and bounded: the widget, the link, the command line and the caption read the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import Field


@dataclass(frozen=True)
class Knob:
    """How one setting is shown: ``label`` and ``help`` are gettext message ids (English).

    ``ticks`` are the stops of a slider over round values (a logarithmic scale); ``group`` is the section of the
    sidebar, "" for none, above all sections; ``when(values)`` is false while the setting has no effect;
    ``span(values)`` gives ``(least, greatest, usual)`` of a number whose bounds depend on other settings (its default
    is then None, meaning "the usual one"); ``words`` says that the options are words to be translated where they are
    shown (links and files always carry the English ones). A text is plain unless its ``widget`` is "formula": one in
    x and y, at whose mistakes the page points. ``values`` is any object with the settings as attributes. ``cpu_le`` is
    the greatest value where no GPU is, of a number whose ``le`` needs one. ``said`` is how the line under a figure says
    it (a gettext id): ``"η = {}"`` with its value, or, of a switch, what it changes; "" where others say it. What has
    none is named by its label, and only where it differs from its default.
    """

    label: str
    group: str = ""
    help: str | None = None
    step: float | None = None
    ticks: tuple[float, ...] | None = None
    when: Callable[[Any], bool] | None = None
    span: Callable[[Any], tuple[float, float, float]] | None = None
    words: bool = False
    widget: Literal["auto", "pills", "select", "formula", "hidden"] = "auto"
    cpu_le: float | None = None
    said: str | None = None


def knob(
    default: Any, label: str, *, ge: Any = None, le: Any = None, gpu_le: Any = None, max_length: int | None = None,
    **look: Any,
) -> Any:  # fmt: skip
    """A pydantic field with its bounds and its :class:`Knob`. ``gpu_le`` is the upper bound where a GPU is."""
    shown = Knob(label, **look, cpu_le=None if gpu_le is None else le)
    bounds = {"ge": ge, "le": le if gpu_le is None else gpu_le, "max_length": max_length}
    return Field(default, **bounds, json_schema_extra=cast(Any, {"knob": shown}))


def also_shown(usual: tuple[str, ...]) -> Any:
    """The field ``panels``, a concept's first: which panels are switched on beside the hero."""
    return knob(usual, "Also show", words=True)


@dataclass(frozen=True)
class OnPanel:
    """``when`` of a knob that has an effect only while one of these panels is switched on."""

    names: tuple[str, ...]

    def __call__(self, values: Any) -> bool:
        return bool(set(self.names) & set(values.panels))


def on_panel(*names: str) -> OnPanel:
    """``when=on_panel("Training", "Depth")``: the knob shows while one of these panels is switched on."""
    return OnPanel(names)


def log_ticks(low: int, high: int, mantissas: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7)) -> tuple[float, ...]:
    """Round numbers from ``10**low`` to ``10**high``: the stops of a logarithmic slider."""
    values = [float(f"{m}e{e}") for e in range(low, high) for m in mantissas]
    return (*values, float(f"1e{high}"))
