"""The form in which a chart goes to the browser: all its changing numbers in rows, none in the spec.

The browser keeps a chart, with its zoom and the place of its sliders, as long as its specification stays
the same, and building one anew takes it some 50 ms; new rows take a few. But pinned domains, ticks, the
colours of a bar and inline rows are part of a specification. :func:`steady` moves them into named rows and
leaves expressions that read them there. The picture is the same, which a test checks on the drawn files.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

NUMBERS = "_numbers"
"""Name of the rows (there is one) that hold single numbers, and the colours between them."""
CHANNELS = ("x", "y", "color")


def steady(spec: Spec) -> Spec:
    """A layered spec, its ``datasets`` included, with the numbers of scales and axes as rows.

    The given spec is not changed. Only layers and their ``x``, ``y`` and ``color`` channels are looked at; anything
    else is passed on.
    """
    moved = _Moved()
    layers = [moved.layer(layer) for layer in spec["layer"]]
    data = {**spec.get("datasets", {}), **moved.data}
    if moved.numbers:
        data[NUMBERS] = [dict(moved.numbers)]
    # Rows that no mark draws would not be there for the expressions.
    unseen = [
        {"data": {"name": name}, "mark": {"type": "point", "opacity": 0, "size": 0, "aria": False}, "encoding": {}}
        for name in data
        if name == NUMBERS or name in moved.ticks
    ]
    return {**spec, "layer": [*layers, *unseen], "datasets": data}


class _Moved:
    """Collects what is moved. Equal numbers share a place, so that shared scales stay equal."""

    def __init__(self) -> None:
        self.numbers: dict[str, float | str] = {}
        self.data: dict[str, Rows] = {}
        self.ticks: set[str] = set()

    def layer(self, layer: Spec) -> Spec:
        layer = dict(layer)
        values = layer.get("data", {}).get("values")
        if isinstance(values, list):
            layer["data"] = {"name": self._rows("_inline", values)}
        if "encoding" in layer:
            layer["encoding"] = {
                channel: self._channel(channel, coding) if channel in CHANNELS else coding
                for channel, coding in layer["encoding"].items()
            }
        return layer

    def _channel(self, channel: str, coding: Spec) -> Spec:
        coding = dict(coding)
        scale, axis = coding.get("scale"), coding.get("axis")
        if scale and _numbers(scale.get("domain")) and len(scale["domain"]) == 2:
            ends = zip(("low", "high"), scale["domain"], strict=True)
            coding["scale"] = {**scale, "domain": [self._number(f"{channel}_{end}", value) for end, value in ends]}
        elif scale and _numbers(scale.get("domain")) and _colours(scale.get("range")):
            stops = {
                part: [self._number(f"{channel}_{part}_{i}", value) for i, value in enumerate(scale[part])]
                for part in ("domain", "range")
            }
            coding["scale"] = {**scale, **stops}
        if axis:
            coding["axis"] = axis = dict(axis)
            if _numbers(axis.get("values")):
                name = self._rows("_ticks", [{"v": value} for value in axis["values"]])
                self.ticks.add(name)
                axis["values"] = {"expr": f"pluck(data('{name}'), 'v')"}
            if isinstance(axis.get("titlePadding"), int | float):
                axis["titlePadding"] = self._number(f"{channel}_title", axis["titlePadding"])
        return coding

    def _number(self, name: str, value: float | str) -> Spec:
        """An expression for a number or a colour. One scale has one domain, so a name stands for one value mostly."""
        while self.numbers.setdefault(name, value) != value:
            name += "_"
        return {"expr": f"data('{NUMBERS}')[0].{name}"}

    def _rows(self, prefix: str, rows: Rows) -> str:
        for name, known in self.data.items():
            if name.startswith(prefix) and known == rows:
                return name
        name = f"{prefix}_{len(self.data)}"
        self.data[name] = rows
        return name


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, int | float) for value in values)


def _colours(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
