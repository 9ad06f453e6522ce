"""What every concept is made of: settings with knobs, presets with claims, and the words' slots.

A concept's ``experiment.py`` subclasses :class:`Settings`, lists :class:`Preset` objects, and has
``run(settings, progress) -> Result``. Everything else that shows or stores settings (widgets, links,
command line, caption, cache key) reads the same model, so no bound stands in two places.

This module imports neither torch nor altair nor streamlit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dlviz import hardware
from dlviz.progress import Progress, silent


@dataclass(frozen=True)
class Knob:
    """How one setting is shown: ``label`` and ``help`` are gettext message ids (English).

    ``ticks`` are the stops of a slider over round values (a logarithmic scale); ``group`` is the section of the
    sidebar, "" for none, above all sections; ``when(values)`` is false while the setting has no effect;
    ``span(values)`` gives ``(least, greatest, usual)`` of a number whose bounds depend on other settings (its default
    is then None, meaning "the usual one"); ``words`` says that the options are words to be translated where they are
    shown (links and files always carry the English ones). A text is plain unless its ``widget`` is "formula": one in
    x and y, at whose mistakes the page points. ``values`` is any object with the settings as attributes. ``cpu_le`` is
    the greatest value where no GPU is, of a number whose ``le`` needs one.
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


def on_panel(*names: str) -> Callable[[Any], bool]:
    """``when`` of a knob that has an effect only while one of these panels is switched on.

    Panels are a concept's first setting, ``panels``: what is not needed for the hero is computed only for
    those that are switched on.
    """
    return lambda values: bool(set(names) & set(values.panels))


def log_ticks(low: int, high: int, mantissas: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7)) -> tuple[float, ...]:
    """Round numbers from ``10**low`` to ``10**high``: the stops of a logarithmic slider."""
    values = [float(f"{m}e{e}") for e in range(low, high) for m in mantissas]
    return (*values, float(f"1e{high}"))


def _english(message: str, **values: object) -> str:
    return message.format(**values)


def _unsigned_zero(value: Any) -> Any:
    return 0.0 if isinstance(value, float) and value == 0 else value


@dataclass(frozen=True)
class Rejected:
    """A value from outside that was not taken: which setting, what was given, what is allowed."""

    name: str
    given: str
    allowed: str


class Settings(BaseModel):
    """Every knob of one concept, frozen and hashable. Equal settings give equal results.

    Unknown names, values out of bounds and non-finite numbers raise ``pydantic.ValidationError``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _in_one_form(cls, value: Any, info: ValidationInfo) -> Any:
        # Equal choices of several give equal settings, colours and links, whatever the order of the clicks.
        if isinstance(value, tuple) and (options := cls.options(str(info.field_name))):
            return tuple(option for option in options if option in value)
        # -0.0 equals 0.0, so what is kept for the one is shown for the other: its link must not differ.
        return tuple(map(_unsigned_zero, value)) if isinstance(value, tuple) else _unsigned_zero(value)

    @model_validator(mode="after")
    def _within_spans(self) -> Settings:
        for name, knob_ in self.knobs().items():
            value = getattr(self, name)
            if knob_.cpu_le is not None and value > knob_.cpu_le and not hardware.accelerated():
                raise PydanticCustomError("allowed", "{allowed}", {"setting": name, "allowed": self.allowed(name)})
            if knob_.span is None or value is None:
                continue
            low, high, _usual = knob_.span(self)
            if not low <= value <= high:
                bounds = {"setting": name, "low": f"{low:g}", "high": f"{high:g}"}
                raise PydanticCustomError("allowed", "a number from {low} to {high}", bounds)
        return self

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The knob of every field, in the order of definition."""
        return {name: cast(Any, info.json_schema_extra)["knob"] for name, info in cls.model_fields.items()}

    @classmethod
    def options(cls, name: str) -> tuple[str, ...]:
        """The allowed words of a choice (``Literal``) or of a choice of several (tuple of them)."""
        annotation = cls.model_fields[name].annotation
        if get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
        return get_args(annotation) if get_origin(annotation) is Literal else ()

    @classmethod
    def bounds(cls, name: str) -> tuple[Any, Any]:
        """``(least, greatest)`` of a number on this computer; ``None`` where there is no bound."""
        low, high = cls._widest(name)
        here = cls.knobs()[name].cpu_le
        return low, high if here is None or hardware.accelerated() else here

    @classmethod
    def _widest(cls, name: str) -> tuple[Any, Any]:
        low = high = None
        for rule in cls.model_fields[name].metadata:
            low = getattr(rule, "ge", low)
            high = getattr(rule, "le", high)
        return low, high

    @classmethod
    def on_a_gpu(cls, name: str) -> Any:
        """The greatest value where a GPU is, of a number that is limited on this computer; else ``None``."""
        high = cls._widest(name)[1]
        return None if high == cls.bounds(name)[1] else high

    @classmethod
    def ticks(cls, name: str) -> tuple[float, ...] | None:
        """The stops of a slider over round values, as far as they are allowed on this computer."""
        stops = cls.knobs()[name].ticks
        if stops is None or cls.knobs()[name].cpu_le is None:
            return stops
        return tuple(stop for stop in stops if stop <= cls.bounds(name)[1])

    @classmethod
    def allowed(cls, name: str, translate: Callable[..., str] = _english) -> str:
        """What may stand in a setting, in words for an error message.

        ``translate(message, **values)`` says them in another language than English.
        """
        if options := cls.options(name):
            return ", ".join(options)
        kind = cls.model_fields[name].annotation
        if kind is bool:
            return "true, false"
        if kind is str:
            return "a text of limited length"
        low, high = cls.bounds(name)
        if low is None or high is None:
            return translate("a number within the bounds of its slider")
        values = {"low": f"{low:g}", "high": f"{high:g}"}
        if kind is int:
            bounds = translate("a whole number from {low} to {high}", **values)
        else:
            bounds = translate("a number from {low} to {high}", **values)
        more = cls.on_a_gpu(name)
        if more is None:
            return bounds
        return translate("{bounds} (up to {high} where a GPU is)", bounds=bounds, high=f"{more:g}")

    def coarse(self) -> Self:
        """Settings of a run that shows nearly the same and takes less than half a second, for a first look.

        The page shows it while the run of these settings takes long, and says what is less in it. These settings
        themselves where nothing takes long. To be overridden with :meth:`less`.
        """
        return self

    def less(self, without: tuple[str, ...] = (), **most: int) -> Self:
        """A copy without some panels, and with some numbers not above ``most``."""
        changed: dict[str, Any] = {name: min(getattr(self, name), high) for name, high in most.items()}
        if without:
            changed["panels"] = tuple(panel for panel in getattr(self, "panels", ()) if panel not in without)
        return self.model_copy(update=changed)

    def differing(self) -> dict[str, Any]:
        """The settings that differ from their default, by name (what a link and a caption carry)."""
        return self.model_dump(exclude_defaults=True)

    @classmethod
    def lenient(cls, given: Mapping[str, Any]) -> tuple[Settings, list[Rejected]]:
        """Settings from untrusted values: each bad one falls back to its default and is reported.

        Tuples are given as sequences or as comma-separated text. Names that are no setting are
        reported too. Never raises on bad values.
        """
        values: dict[str, Any] = {}
        rejected: list[Rejected] = []
        for name, value in given.items():
            if name not in cls.model_fields:
                rejected.append(Rejected(name[:40], str(value)[:40], ", ".join(cls.model_fields)))
            else:
                values[name] = cls.split(name, value)
        while True:
            try:
                return cls(**values), rejected
            except ValidationError as error:
                found = error.errors()
                # An error of the whole model (a start outside its surface) has no location: the validator
                # put the name of the setting in its context. Errors of type "allowed" say what is.
                for e in found:
                    name = str(e["loc"][0]) if e["loc"] else e["ctx"]["setting"]
                    if name in values:
                        allowed = e["msg"] if e["type"] == "allowed" else cls.allowed(name)
                        rejected.append(Rejected(name, str(given[name])[:40], allowed))
                        del values[name]

    @classmethod
    def split(cls, name: str, value: Any) -> Any:
        """A comma-separated text becomes the list that a several-choice setting expects."""
        if isinstance(value, str) and get_origin(cls.model_fields[name].annotation) is tuple:
            return [part for part in value.split(",") if part]
        return value


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


@dataclass(frozen=True)
class FigureSpec:
    """One picture of a concept, as ``figures.FIGURES`` lists them.

    ``draw(result, look, ghost=None)`` gives the Altair chart, ``ghost`` being the pinned result;
    ``alt(result, look)`` the text alternative in the language of the look; ``label`` is a gettext id.
    ``click`` says which settings a click on it sets (setting -> field of the row that was clicked), where
    the chart offers the point selection ``drawing.grammar.interaction.START`` with these fields. A ``wide`` figure
    has a row of the page for itself.
    """

    label: str
    draw: Callable[..., Any]
    alt: Callable[..., str]
    click: Mapping[str, str] = field(default_factory=dict)
    wide: bool = False


class Experiment(Protocol):
    """What ``experiment.py`` of a concept offers: its settings and presets, the run, and what is said of a result."""

    Settings: type[Settings]
    PRESETS: tuple[Preset, ...]

    def run(self, settings: Any, progress: Progress = silent) -> Any:
        """The result for these settings. Equal settings give equal numbers, but for what a clock measures.

        ``progress`` is called every few milliseconds and may raise to stop.
        """

    def readouts(self, result: Any) -> list[Readout]:
        """The page's numbers, measured beside theory."""

    def notice(self, result: Any) -> list[Note]:
        """What to notice: sentences that are true of this very run."""

    def facts(self, result: Any) -> list[Note]:
        """What heads the explanation, with the numbers of this run."""

    def code(self, result: Any) -> str:
        """A script in plain PyTorch that computes the page's main numbers."""


class Figures(Protocol):
    """What ``figures.py`` of a concept offers."""

    FIGURES: dict[str, FigureSpec]

    def shown(self, settings: Any) -> tuple[str, ...]:
        """The names of the figures that the page draws for these settings, the hero first."""
