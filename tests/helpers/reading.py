"""What a visitor reads: where mathematics is written with underscores and carets, or is left as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_APART = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+", re.DOTALL)


def unset(markdown: str) -> str:
    """The first underscore or caret outside of mathematics, code and links, with what stands around it; else ""."""
    found = re.search(r".{0,20}[_^].{0,20}", _APART.sub("", markdown))
    return found[0] if found else ""


def unset_in_picture(spec: dict[str, Any]) -> list[str]:
    """Texts that a figure draws or tells with an underscore, a caret, or LaTeX that was not set."""
    return [text for text in _texts(spec) if re.search(r"[_^$\\]", text)]


def _texts(spec: dict[str, Any]) -> Iterator[str]:
    """Every text of a figure: labels, titles, names in legends, text alternative. Not what the browser computes."""
    yield spec.get("description", "")
    yield from _strings(spec.get("title", {}), ("text", "subtitle"))
    for layer in spec["layer"]:
        data = layer.get("data", {})
        records = spec["datasets"].get(data.get("name"), data.get("values", []))
        encoding, kind = layer["encoding"], layer["mark"]["type"]
        if kind == "text":
            yield from _strings(layer["mark"], ("text",))
            field = encoding.get("text", {}).get("field")
            yield from (record[field] for record in records if isinstance(record.get(field), str))
        for channel in (one for given in encoding.values() for one in (given if isinstance(given, list) else [given])):
            yield from _strings(channel, ("title",))
            for guide in ("axis", "legend"):
                yield from _strings(channel.get(guide) or {}, ("title",))
            if channel.get("legend") and isinstance((channel.get("scale") or {}).get("domain"), list):
                yield from (name for name in channel["scale"]["domain"] if isinstance(name, str))


def _strings(of: Any, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        value = of.get(name) if isinstance(of, dict) else of
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))
