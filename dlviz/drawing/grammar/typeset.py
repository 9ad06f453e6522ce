r"""Mathematics in a picture: whatever text a layer draws may hold LaTeX between dollar signs.

A finished piece is gone through once: a text mark whose rows hold formulas becomes a text mark for the words and a
point mark for the outlines, over rows of their own that say where in its line each stretch stands. Offsets, alignment,
size and angle are those of the text mark, expressions included. Titles of axes are drawn in the place that an unseen
title in plain characters keeps. Tooltips, titles of legends and the rows themselves, which a file of numbers holds,
get the plain form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dlviz.drawing.grammar.letters import advance
from dlviz.drawing.grammar.mathematics import row
from dlviz.drawing.grammar.piece import Piece, Rows, Spec, literal, mark, where, word
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import plain

# How far below its anchor a text's own baseline lies, in em, as Vega has it.
_BASELINES = {"alphabetic": 0.0, "top": 0.79, "middle": 0.3, "bottom": -0.21}
_TEXT_ONLY = {
    "type", "text", "align", "baseline", "dx", "dy", "fontSize", "fontWeight", "font", "fontStyle", "angle", "color",
    "fill", "stroke", "strokeWidth", "limit", "lineBreak", "lineHeight", "aria", "tooltip",
}  # fmt: skip


def typeset(piece: Piece, look: Look) -> Piece:
    """The piece with its mathematics drawn; itself where there is none. Raises ``ValueError`` for faulty LaTeX."""
    setter = _Setter(piece, look)
    layers = [made for layer in piece.layers for made in setter.layer(layer)]
    if not setter.changed:
        return piece
    # Rows that no layer draws any more: Vega drops them, and new ones under their name would stop the chart.
    left = _drawn(piece.layers) - _drawn(layers)
    data = {name: records for name, records in setter.data.items() if name not in left}
    return Piece(tuple(layers), data, piece.params, piece.tables)


def _drawn(layers: Sequence[Spec]) -> set[str]:
    """The names of the rows that layers draw."""
    return {layer["data"]["name"] for layer in layers if "name" in layer["data"]}


@dataclass
class _Setter:
    piece: Piece
    look: Look
    changed: bool = False
    formulas: int = 0
    data: dict[str, Rows] = field(init=False)

    def __post_init__(self) -> None:
        self.data = dict(self.piece.data)

    def layer(self, layer: Spec) -> list[Spec]:
        """What is to be drawn in place of a layer."""
        layer, titles = self._titles(layer)
        texts = self._text(layer) if layer["mark"]["type"] == "text" else [layer]
        return texts + [drawn for title in titles for drawn in self._text(title)]

    def _titles(self, layer: Spec) -> tuple[Spec, list[Spec]]:
        """The layer with plain titles of its channels, and layers that draw those of its axes."""
        drawn: list[Spec] = []
        encoding = dict(layer["encoding"])
        for name, channel in encoding.items():
            if isinstance(channel, list):  # tooltips
                encoding[name] = [_plainly(one) for one in channel]
                continue
            if not isinstance(channel, dict):  # "tooltip": None
                continue
            made = _plainly(channel)
            for guide in ("axis", "legend"):
                if isinstance(made.get(guide), dict) and made[guide] is not (said := _plainly(made[guide])):
                    made = made | {guide: said}
            if made is not channel and name in ("x", "y") and made.get("axis"):
                title, fixed = _axis_title(channel["axis"], name, self.look)
                made = made | {"axis": made["axis"] | fixed}
                drawn += title
            encoding[name] = made
        if encoding == layer["encoding"]:
            return layer, []
        self.changed = True
        return layer | {"encoding": encoding}, drawn

    def _text(self, layer: Spec) -> list[Spec]:
        """A text mark as the marks of its words and of its formulas; labels without mathematics stay as they are."""
        style, channel = layer["mark"], layer["encoding"].get("text", {})
        data = layer.get("data", {})
        name = data.get("name")
        records = self.piece.data.get(name, []) if name is not None else data.get("values", [])
        key, said = channel.get("field"), style.get("text")
        labels = [said if key is None else record.get(key) for record in records]
        chosen = [isinstance(label, str) and "$" in label for label in labels]
        if not any(chosen):
            return [layer]
        self.changed = True
        size, scale = self._size(layer)
        bold = style.get("fontWeight") == "bold"
        pairs = [pair for pair, is_set in zip(zip(records, labels, strict=True), chosen, strict=True) if is_set]
        made = [part for record, label in pairs for part in self._parts(record, str(label), key, size, bold)]
        source: Spec | str = {"values": made}
        if name is not None:
            source = self._named(f"_{name} {key or 'text'}", made)
        flag = f"_set_{key}"
        drawn = [self._shapes(layer, source, size, scale)]
        if any(part["_part"] for part in made):
            drawn.insert(0, self._words(layer, source, scale))
        if key is not None and name is not None:
            self.data[name] = [
                record | {key: plain(record[key]), flag: True} if is_set else record
                for record, is_set in zip(self.data[name], chosen, strict=True)
            ]
        if not all(chosen):
            rest = layer | {"transform": [*layer.get("transform", ()), where(f"!datum['{flag}']")]}
            if name is None:
                kept = [record for record, is_set in zip(records, chosen, strict=True) if not is_set]
                rest = layer | {"data": {"values": kept}}
            drawn.insert(0, rest)
        return drawn

    def _named(self, name: str, made: Rows) -> str:
        """The name under which rows are kept: those of a text and of its halo are the same."""
        number = 1
        while self.data.setdefault(f"{name} set {number}", made) != made:
            number += 1
        return f"{name} set {number}"

    def _size(self, layer: Spec) -> tuple[float, str]:
        """px a letter that formulas are made for, and an expression for how many times as large they are drawn."""
        given = layer["mark"].get("fontSize", self.look.label)
        if "size" in layer["encoding"]:
            return self.look.label, f"(datum['{layer['encoding']['size']['field']}'] / {self.look.label})"
        if isinstance(given, dict):
            return self.look.label, f"(({given['expr']}) / {self.look.label})"
        return float(given), "1"

    def _parts(self, record: Spec, text: str, key: str | None, size: float, bold: bool) -> Rows:
        """A row for each stretch of a label."""
        kept = record if key is None else record | {key: plain(text)}
        made = []
        for k, line in enumerate(text.split("\n")):
            laid = row(line, size, self.look.language, bold)
            for part in laid.parts:
                # How far from the label's left end, how wide the whole is, how far below its first line: px.
                place = {"_begin": round(part.left, 2), "_span": round(laid.wide, 2), "_fall": 1.2 * size * k}
                made.append(kept | {"_part": part.text, "_shape": part.path, "_held": part.align} | place)
        return made

    def _words(self, layer: Spec, source: Spec | str, scale: str) -> Spec:
        style = {key: value for key, value in layer["mark"].items() if key not in ("type", "text")}
        align = style.get("align", "center")
        style["align"] = {"expr": "datum._held"}
        style["dx"] = {"expr": f"{_code(style.get('dx', 0))} + {scale} * {_along(align)}"}
        style["dy"] = {"expr": f"{_code(style.get('dy', 0))} + {scale} * datum._fall"}
        encoding = layer["encoding"] | {"text": word("_part")}
        return mark("text", source, encoding, transform=[*layer.get("transform", ()), where("datum._part")], **style)

    def _shapes(self, layer: Spec, source: Spec | str, size: float, scale: str) -> Spec:
        given = layer["mark"]
        across = f"({_code(given.get('dx', 0))} + {scale} * {_along(given.get('align', 'center'))})"
        lower = f"({_baseline(given.get('baseline', 'middle'), size)} + datum._fall)"
        down = f"({_code(given.get('dy', 0))} + {scale} * {lower})"
        encoding = {key: value for key, value in layer["encoding"].items() if key not in ("text", "size")}
        encoding["shape"] = literal("_shape")
        style = {key: value for key, value in given.items() if key not in _TEXT_ONLY}
        style |= {"opacity": given.get("opacity", 1), "size": 4, "filled": True, "tooltip": None}
        if scale != "1":
            style["size"] = {"expr": f"4 * pow({scale}, 2)"}
        if angle := given.get("angle"):
            turn = angle["expr"] if isinstance(angle, dict) else f"{angle}"
            turn = f"(({turn}) * PI / 180)"
            across, down = (
                f"{across} * cos{turn} - {down} * sin{turn}",
                f"{across} * sin{turn} + {down} * cos{turn}",
            )
            style["angle"] = angle
        style |= {"xOffset": {"expr": across}, "yOffset": {"expr": down}} | self._ink(given, encoding, size)
        self.formulas += 1
        shown = [*layer.get("transform", ()), where("datum._shape")]
        # By its name tests know the outlines for words.
        return mark("point", source, encoding, transform=shown, name=f"maths {self.formulas}", **style)

    def _ink(self, given: Spec, encoding: Spec, size: float) -> Spec:
        """Fill and outline: those of the text; a bold one's is drawn a little thicker."""
        fill = given.get("color", given.get("fill", given.get("stroke", self.look.inks.ink)))
        painted = {} if "fill" in encoding or "color" in encoding else {"fill": fill}
        if "stroke" in given or "stroke" in encoding:
            return painted | {key: given[key] for key in ("stroke", "strokeWidth") if key in given}
        if given.get("fontWeight") != "bold":
            return painted | {"strokeWidth": 0}
        if "fill" in encoding:
            encoding["stroke"] = encoding["fill"]
            return {"strokeWidth": round(0.03 * size, 2)}
        return painted | {"stroke": fill, "strokeWidth": round(0.03 * size, 2)}


def _code(value: Any) -> str:
    """A constant or an expression of a mark's property, within an expression."""
    if isinstance(value, dict):
        return f"({value['expr']})"
    return f"'{value}'" if isinstance(value, str) else f"{value:g}"


def _along(align: Any) -> str:
    """An expression for the place of a stretch against the anchor of its label, px."""
    if isinstance(align, dict):
        share = f"({_code(align)} == 'right' ? 1 : {_code(align)} == 'center' ? 0.5 : 0)"
    else:
        share = {"left": "0", "center": "0.5", "right": "1"}[align]
    return f"(datum._begin - {share} * datum._span)"


def _baseline(baseline: Any, size: float) -> str:
    if not isinstance(baseline, dict):
        return f"{_BASELINES[baseline] * size:g}"
    chosen = "0"
    for name, down in _BASELINES.items():
        chosen = f"({_code(baseline)} == '{name}' ? {down * size:g} : {chosen})"
    return chosen


def _plainly(given: Spec) -> Spec:
    """A channel, a guide or a tooltip with a plain title; itself where it is plain."""
    title = given.get("title")
    return given | {"title": plain(title)} if isinstance(title, str) and "$" in title else given


def _axis_title(axis: Spec, side: str, look: Look) -> tuple[list[Spec], Spec]:
    """A layer that draws the title of an axis, and what the axis needs so that its place is known."""
    if "labelExpr" in axis:  # how far its labels reach is not known
        return [], {}
    reach = _reach(axis, side, look)
    away = reach + axis.get("titlePadding", 10 * look.unit)
    if side == "x":
        place = {"x": {"value": {"expr": "width / 2"}}, "y": {"value": {"expr": f"height + {away:g}"}}}
        style: Spec = {"baseline": "top"}
    else:
        place = {"x": {"value": -away}, "y": {"value": {"expr": "height / 2"}}}
        style = {"baseline": "bottom", "angle": 270}
    style |= {"align": "center", "fontSize": look.label, "color": look.inks.ink, "clip": False, "tooltip": None}
    title = mark("text", {"values": [{"title": side}]}, place, text=axis["title"], **style)
    return [title], {"titleOpacity": 0, "minExtent": reach, "maxExtent": reach}


def _reach(axis: Spec, side: str, look: Look) -> float:
    """How far the labels of an axis reach from the plot, px."""
    if axis.get("labels") is False:
        return 0.0
    if side == "x":
        return 8 * look.unit + look.label
    written = [_tick(value, axis.get("format", "")) for value in axis.get("values", ())]
    return 8 * look.unit + math.ceil(look.label * max((advance(t, look.language) for t in written), default=0))


def _tick(value: float, format_: str) -> str:
    if format_.endswith("s") and abs(value) >= 1000:
        power = min(int(math.log10(abs(value)) // 3), 3)
        return f"{value / 1000**power:.3g}k"
    return f"{value:.6g}".replace("-", "−")
