"""Maps of starts: for each pixel the minimum that was reached from there, and how soon."""

from __future__ import annotations

from functools import partial

import numpy as np

from dlviz.drawing.grammar.axes import Plane
from dlviz.drawing.grammar.image import data_url
from dlviz.drawing.grammar.legends import legend_columns, text_width
from dlviz.drawing.grammar.palette import AREAS, from_oklab, hexed, mix, oklab, rgb
from dlviz.drawing.grammar.piece import Piece, mark, number, word
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.drawing.surfaces.isolines import plain
from dlviz.drawing.surfaces.surface import crosses, grid, picture

NAMED = 8  # up to so many minima get their own line in the legend


def basins(
    minimum: np.ndarray, steps: np.ndarray, diverged: np.ndarray, plane: Plane, look: Look, minima: np.ndarray
) -> Piece:
    """Basins of attraction as an image with legend and minima.

    ``minimum`` (H, W): index of the minimum reached, -1 for none; ``steps`` (H, W): steps it took, read
    where one was reached; ``diverged`` (H, W): truthy (or a step >= 0, with -1 for no) where the run
    diverged; row 0 at y_min. ``minima``: (k, 2). Brighter means fewer steps.
    """
    minima = np.asarray(minima, dtype=float).reshape(-1, 2)
    left = np.asarray(diverged) if np.asarray(diverged).dtype == bool else np.asarray(diverged) >= 0
    reached = np.asarray(minimum) >= 0
    nowhere, gone = resting_colours(look)
    hues = area_colours(minima)
    colours = np.empty((*reached.shape, 3))
    colours[:] = oklab(rgb(nowhere))
    colours[left] = oklab(rgb(gone))
    bounds = None
    if reached.any():
        quickness, bounds = _quickness(np.asarray(steps, dtype=float), reached)
        palette = oklab(rgb([hues[i] for i in range(len(minima))]))
        tinted = palette[np.asarray(minimum)[reached]]
        # The same hue, lighter or darker: brightness is the second channel, so it may not change the first.
        tinted[:, 0] += 0.34 * (quickness[reached] - 0.55)
        tinted[:, 1:] *= (1 - 0.35 * np.abs(quickness[reached] - 0.5))[:, None]
        colours[reached] = tinted
    piece = picture(data_url(from_oklab(colours)), plane, "_basins")
    entries = _entries(minimum, minima, hues)
    if (left & ~reached).any():
        entries.append((tr(look, "diverged"), gone))
    if (~left & ~reached).any():
        entries.append((tr(look, "arrived nowhere"), nowhere))
    columns = {"minimum": np.asarray(minimum), "steps": np.asarray(steps), "diverged": left.astype(int)}
    table = Piece(tables={"basins": partial(grid, columns, plane)})
    return piece + table + _legend(entries, bounds, look) + crosses(minima, plane, look)


def resting_colours(look: Look) -> tuple[str, str]:
    """The colours of starts that arrive nowhere, and of those that diverge."""
    return mix(look.inks.paper, look.inks.muted, 0.3), mix(
        look.inks.paper, look.inks.ink, 0.82 if look.theme == "light" else 0.04
    )


def area_colours(minima: np.ndarray) -> list[str]:
    """A colour for each minimum; where there are more than colours, neighbours differ.

    Each takes the colour whose nearest other use lies farthest away.
    """
    chosen: list[int] = []
    for i, place in enumerate(minima):
        if i < len(AREAS):
            chosen.append(i)
            continue
        away = np.hypot(*(minima[:i] - place).T)
        nearest = [min(away[np.array(chosen) == c], default=np.inf) for c in range(len(AREAS))]
        chosen.append(int(np.argmax(nearest)))
    return [AREAS[c] for c in chosen]


def _quickness(steps: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """1 for the fewest steps to 0 for the most, logarithmic between the 2 % and 98 % quantiles."""
    few, many = np.quantile(steps[reached], [0.02, 0.98])
    few, many = max(float(few), 1.0), max(float(many), float(few) + 1.0, 2.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.log(np.maximum(steps, 1) / few) / np.log(many / few)
    return 1 - np.clip(share, 0, 1), (few, many)


def _entries(minimum: np.ndarray, minima: np.ndarray, hues: list[str]) -> list[tuple[str, str]]:
    if len(minima) > NAMED:
        return []
    seen = [i for i in range(len(minima)) if (np.asarray(minimum) == i).any()]
    return [(f"({plain(minima[i, 0])}, {plain(minima[i, 1])})", hues[i]) for i in seen]


def _legend(entries: list[tuple[str, str]], bounds: tuple[float, float] | None, look: Look) -> Piece:
    """Swatches above the map, and a bar for the steps: marks of no size carry the legends."""
    layers = []
    nowhere = {"x": {"value": 0}, "y": {"value": 0}}
    if entries:
        title = text_width(tr(look, "reaches"), look) + 12 * look.unit
        texts, hues = [text for text, _ in entries], [hue for _, hue in entries]
        legend = {
            "title": tr(look, "reaches"),
            "orient": "top",
            "direction": "horizontal",
            "titleOrient": "left",
            "titlePadding": 8 * look.unit,
            "columns": legend_columns([text_width(text, look) + 40 * look.unit for text in texts], look, title),
            "symbolType": "square",
            "symbolSize": 190 * look.unit**2,
            "symbolStrokeWidth": 0,
            "symbolOpacity": 1,
        }
        fill = word("text", scale={"domain": texts, "range": hues}, legend=legend)
        layers.append(
            mark(
                "point",
                {"values": [{"text": t} for t in texts]},
                {**nowhere, "fill": fill},
                size=0,
                opacity=0,
                tooltip=None,
            )
        )
    if bounds:
        few, many = bounds
        grey = oklab(rgb(look.inks.ghost))
        bright, dark = (from_oklab(grey + (shift, 0, 0)) for shift in (0.2, -0.25))
        legend = {
            "title": tr(look, "steps"),
            "orient": "bottom",
            "direction": "horizontal",
            "titleOrient": "left",
            "gradientLength": 150 * look.unit,
            "gradientThickness": 10 * look.unit,
            "values": [few, many],
            "format": ",.0f",
            "symbolOpacity": 1,
        }
        scale = {"type": "log", "domain": [few, many], "range": [hexed(bright), hexed(dark)], "interpolate": "lab"}
        fill = number("steps", scale=scale, legend=legend)
        layers.append(
            mark("point", {"values": [{"steps": few}]}, {**nowhere, "color": fill}, size=0, opacity=0, tooltip=None)
        )
    return Piece(tuple(layers))
