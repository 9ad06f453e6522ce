"""The two languages: labels through gettext catalogues, prose from each concept's ``en.md``/``zh.md``.

English is the source language, so its label is the message id itself. Catalogues are read as ``.po``
with Babel: nothing has to be compiled before the app starts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

HERE = Path(__file__).parent
LANGUAGES = {"en": "English", "zh": "中文"}


@cache
def catalogue(language: str) -> dict[str, str]:
    """Message id -> translation; empty for English. Raises ``KeyError`` for an unknown language."""
    if language not in LANGUAGES:
        raise KeyError(f"unknown language {language!r}; allowed: {', '.join(LANGUAGES)}")
    if language == "en":
        return {}
    path = HERE / "locale" / language / "LC_MESSAGES" / "dlviz.po"
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, locale=language) if m.id and m.string}


def translate(message: str, language: str, **values: object) -> str:
    """The label in a language, with its ``{placeholders}`` filled; the English one where none stands."""
    text = catalogue(language).get(message, message)
    return text.format(**values) if values else text


def from_locale(locale: str | None) -> str:
    """The language for a browser's locale (``zh-CN`` -> ``zh``); English for every other."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"


@dataclass(frozen=True)
class PresetWords:
    """A preset's pill (``label``), what it shows (``text``) and its ``claim`` with placeholders."""

    label: str
    text: str
    claim: str


@dataclass(frozen=True)
class Words:
    """The prose of one concept in one language, read from its Markdown file."""

    title: str
    name: str
    answer: str
    presets: dict[str, PresetWords] = field(default_factory=dict)
    notice: dict[str, str] = field(default_factory=dict)
    alt: dict[str, str] = field(default_factory=dict)
    explain: str = ""
    sources: str = ""


def _sections(text: str, marker: str) -> dict[str, str]:
    """Split Markdown at headings of one level: heading -> the text below it."""
    parts = re.split(rf"^{marker} +(.+)$", text, flags=re.MULTILINE)
    return {head.strip(): body.strip() for head, body in zip(parts[1::2], parts[2::2], strict=True)}


def _preset(heading: str, body: str) -> tuple[str, PresetWords]:
    name, _, label = heading.partition("|")
    lines = body.splitlines()
    claim = " ".join(line.lstrip("> ") for line in lines if line.startswith(">"))
    prose = " ".join(line for line in lines if line and not line.startswith(">"))
    return name.strip(), PresetWords(label.strip(), prose, claim)


@cache
def words(concept: str, language: str) -> Words:
    """The prose of a concept.

    The file has fixed sections: ``# question``, ``## Name``, ``## Answer``, ``## Presets`` (each
    ``### name | label``, prose, and a ``>`` claim), ``## Notice`` and ``## Alt`` (each ``### key``),
    ``## Explain``, ``## Sources``. The section names are English in every language.
    """
    text = (HERE / "concepts" / concept / f"{language}.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n")
    parts = _sections(rest, "##")
    presets = dict(_preset(head, body) for head, body in _sections(parts["Presets"], "###").items())
    return Words(
        title=title.lstrip("# ").strip(),
        name=parts["Name"],
        answer=parts["Answer"],
        presets=presets,
        notice=_sections(parts["Notice"], "###"),
        alt=_sections(parts["Alt"], "###"),
        explain=parts["Explain"],
        sources=parts["Sources"],
    )
