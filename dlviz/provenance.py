"""What a figure carries along: settings as text and as JSON, versions, device, and a file name.

The app's export panel and the command line both use this, so their captions and files are alike.
Importing this loads neither streamlit nor torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from dlviz.contract import PANELS, Computed, Settings
from dlviz.engine.runtime.device import versions
from dlviz.language import translate

FORMAT = 1
"""Version of the settings file; raised when its layout changes."""


def number(value: float) -> str:
    """The shortest text that reads back as the same number: ``0.05``, ``100``, ``1e-05``."""
    return repr(float(value)).removesuffix(".0")


def text(value: Any) -> str | list[str]:
    """A setting as it stands in a link; several choices give a list (a repeated parameter)."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple | list):
        # An empty choice is an empty parameter; one choice is no list, just as a link reads it back.
        return str(value[0]) if len(value) == 1 else [str(item) for item in value] or ""
    return str(value)


@lru_cache(maxsize=1024)
def effective(settings: Settings) -> Settings:
    """The same run in its canonical form: settings that have no effect at their default, usual values as None.

    Equal pictures then have equal settings, links and cache keys.
    """
    values = SimpleNamespace(**dict(settings))
    for name, knob in settings.knobs().items():
        if knob.when is not None and not knob.when(values):
            setattr(values, name, type(settings).model_fields[name].default)
        elif knob.span is not None and getattr(values, name) == knob.span(values)[2]:
            setattr(values, name, None)
    return type(settings)(**vars(values))


def parameters(settings: Settings) -> dict[str, str | list[str]]:
    """The settings that differ from their default, as the parameters of a link."""
    return {name: text(value) for name, value in settings.differing().items()}


def line(settings: Settings, pin: Settings | None, language: str, panels: tuple[str, ...]) -> str:
    """What was run, for people, of the main figure and some panels: ``Ravine, GD, Momentum, η = 0.06, 100 steps``.

    The settings of the panels come first; then all others that have an effect and a form of words (:attr:`Knob.said`),
    or differ from their default. The pinned run is named by what differs.
    """
    run = listed(_said(settings, language, panels), language)
    others = [] if pin is None else _said(pin, language, panels, but=settings)
    if not others:
        return run
    return translate("{run}; pinned: {pinned}", language, run=run, pinned=listed(others, language))


def listed(items: Iterable[str], language: str) -> str:
    """Items in one line."""
    return ("，" if language == "zh" else ", ").join(items)


def _said(settings: Settings, language: str, panels: tuple[str, ...], but: Settings | None = None) -> list[str]:
    """The settings in words; with ``but`` those that are others there."""
    hero, here = SimpleNamespace(**dict(settings)), SimpleNamespace(**dict(settings))
    hero.panels, here.panels = (), panels
    of_panels: list[str] = []
    of_all: list[str] = []
    for name, knob in settings.knobs().items():
        same = but is not None and getattr(but, name) == getattr(settings, name)
        if name == PANELS or same or (knob.when is not None and not knob.when(here)):
            continue
        said = _in_words(settings, name, here, language, always=but is not None)
        if said is not None:
            (of_all if knob.when is None or knob.when(hero) else of_panels).append(said)
    return of_panels + of_all


def _in_words(settings: Settings, name: str, values: Any, language: str, always: bool) -> str | None:
    """One setting in words, None where nothing is said of it; with ``always`` also where it is the usual one."""
    knob, value = settings.knobs()[name], getattr(settings, name)
    usual = value == type(settings).model_fields[name].default
    if knob.said == "" or (usual and not always and (knob.said is None or isinstance(value, bool))):
        return None
    if isinstance(value, bool):
        label = translate(knob.said or knob.label, language)
        off = usual if knob.said else not value  # a form of words says what differs from the usual
        return translate("{setting}: off", language, setting=label) if off else label
    if value is None and knob.span is not None:
        value = knob.span(values)[2]
    said = translate(knob.said, language) if knob.said else translate(knob.label, language) + " {}"
    return said.replace("{}", _shown(value, knob.words, language))


def _shown(value: Any, translated: bool, language: str) -> str:
    if isinstance(value, tuple):
        return ("、" if language == "zh" else ", ").join(_shown(item, translated, language) for item in value) or "–"
    if isinstance(value, str):
        return translate(value, language) if translated else value
    return number(value).replace("-", "−")


def text_lines(stem: str, settings: Settings, computed: Computed, language: str, pin: Settings | None) -> str:
    """Every setting in full, versions and device, a line each, for the notes of a slide."""
    runs = [settings] if pin is None else [settings, pin]
    lines = [stem]
    for run in runs:
        if run is pin:
            lines.append(f"{translate('pinned', language)}:")
        for name, value in run.model_dump().items():
            written = text(value)
            lines.append(f"{name} = {', '.join(written) if isinstance(written, list) else written}")
    lines += [f"{name} {version}" for name, version in versions().items()]
    return "\n".join([*lines, where(computed, language)])


def record(
    stem: str, settings: Settings, computed: Computed, *, link: str | None = None, pin: Settings | None = None
) -> str:
    """What a file's metadata says of its figure, as JSON: every setting in full, versions, device, and the link.

    ``computed`` is the result's own: where it was computed, whatever this computer has.
    """
    content = _settings(stem, settings, pin) | {"device": where(computed, "en")}
    return json.dumps(content | ({"link": link} if link else {}), ensure_ascii=False)


def where(computed: Computed, language: str) -> str:
    """The device of a result, and what was done where its memory was too small."""
    # A GPU's name is a proper noun, and so is "CPU".
    match computed.fallback:
        case "pieces":
            said = "{device}, in smaller pieces than usual: the memory of the GPU was too small"
        case "cpu":
            said = "{device}: the memory of the GPU was too small"
        case _:
            return computed.device
    return translate(said, language, device=computed.device)


def settings_json(stem: str, settings: Settings, pin: Settings | None = None) -> bytes:
    """The settings file: every setting in full, so that a later change of a default changes nothing."""
    return (json.dumps(_settings(stem, settings, pin), ensure_ascii=False, indent=2) + "\n").encode()


def _settings(stem: str, settings: Settings, pin: Settings | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "concept": stem,
        "settings": settings.model_dump(mode="json"),
        "pin": None if pin is None else pin.model_dump(mode="json"),
        "versions": versions(),
    }


def read_settings(data: bytes) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """``(stem, raw values, those of the pinned run)`` of a settings file. Raises ``ValueError`` when it is none.

    The values still have to be validated by the concept's ``Settings``.
    """
    try:
        content = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("this is not a JSON file") from error
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise ValueError(f'its "format" is {content["format"]!r:.40}, and this version reads {FORMAT}')
    if not isinstance(content, dict) or not isinstance(content.get("concept"), str):
        raise ValueError('a settings file has the keys "concept" and "settings"')
    if not isinstance(content.get("settings"), dict):
        raise ValueError('"settings" must be an object of names and values')
    pin = content.get("pin")
    if not isinstance(pin, dict | None):
        raise ValueError('"pin" must be an object of names and values, or null')
    return content["concept"], content["settings"], pin


def file_name(stem: str, figure: str, settings: Settings, suffix: str) -> str:
    """A name that says what is in the file, in plain ASCII: ``loss_surfaces-hero-surface-Ravine.svg``."""
    parts = [stem, figure]
    for name, value in parameters(settings).items():
        shown = "+".join(value) if isinstance(value, list) else value
        parts.append(f"{name}-{shown}")
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_+.") else "-" for c in "-".join(parts))
    return f"{kept[:100].rstrip('-.')}.{suffix}"
