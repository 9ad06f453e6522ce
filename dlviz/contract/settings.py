"""The model of a concept's settings: validation, bounds, what a link carries, and the shorter run of a first look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dlviz import hardware
from dlviz.contract.knobs import Knob, OnPanel
from dlviz.contract.panels import Panel

PANELS = "panels"
"""The setting, where a concept has it, that switches on what is not computed at once."""


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

    PANELS: ClassVar[tuple[Panel, ...]] = ()
    """The concept's table of panels, the hero first. Its field ``panels`` (:func:`also_shown`) chooses among them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        known = cls.options(PANELS)
        for name, knob in cls.knobs().items():
            if isinstance(knob.when, OnPanel) and (unknown := set(knob.when.names) - set(known)):
                raise ValueError(f"the knob {name!r} shows on {sorted(unknown)}; panels: {', '.join(known)}")

    @field_validator("*")
    @classmethod
    def _in_one_form(cls, value: Any, info: ValidationInfo) -> Any:
        # Equal choices of several give equal settings, colours and links, whatever the order of the clicks.
        if isinstance(value, tuple) and (options := cls.options(name := str(info.field_name))):
            if set(value) - set(options):  # panels: all other choices are checked by their type
                raise PydanticCustomError("allowed", "{allowed}", {"setting": name, "allowed": cls.allowed(name)})
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
        if name == PANELS:
            return tuple(panel.name for panel in cls.PANELS if panel.name)
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
        """A copy without some panels, and with some numbers not above ``most``.

        Raises ``ValueError`` for a name that is no panel.
        """
        if unknown := set(without) - set(self.options(PANELS)):
            raise ValueError(f"no panel is called {sorted(unknown)}; panels: {', '.join(self.options(PANELS))}")
        changed: dict[str, Any] = {name: min(getattr(self, name), high) for name, high in most.items()}
        if without:
            changed[PANELS] = tuple(panel for panel in getattr(self, PANELS, ()) if panel not in without)
        return self.model_copy(update=changed)

    def differing(self) -> dict[str, Any]:
        """The settings that differ from their default, by name (what a link and a caption carry)."""
        return self.model_dump(exclude_defaults=True)

    @classmethod
    def renamed(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values of an old link or file under the names of today. To be overridden where a setting was renamed."""
        return given

    @classmethod
    def lenient(cls, given: Mapping[str, Any]) -> tuple[Settings, list[Rejected]]:
        """Settings from untrusted values: each bad one falls back to its default and is reported.

        Tuples are given as sequences or as comma-separated text. Names that are no setting are
        reported too. Never raises on bad values.
        """
        given = cls.renamed(given)
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
