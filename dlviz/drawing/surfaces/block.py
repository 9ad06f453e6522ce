"""A surface as a block of facets in three dimensions, with what lies on it, as rows of numbers.

Coordinates of the model: x and y in [-1, 1], height in [0, ``TALL``]. A row holds up to four corners
(``x0``, ``y0``, ``z0`` ...), its colours, and when to paint it: ``depth_x``, ``depth_y`` are the middle
of its facet, ``near`` how much nearer it counts. :mod:`dlviz.drawing.surfaces.cube` turns and paints the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dlviz.drawing.grammar.axes import SMALLEST, Axis, Plane, ticks
from dlviz.drawing.grammar.clipping import clip
from dlviz.drawing.grammar.interaction import END
from dlviz.drawing.grammar.palette import colour, from_oklab, ghost_colour, hexed, identity, oklab, ramp
from dlviz.drawing.grammar.piece import Rows, rows
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces.isolines import Levels, levels
from dlviz.drawing.surfaces.paths import Path

TALL = 0.95
LIFT = 0.014  # of a path above the surface
FACETS = 32  # along each side
PIECES = 2_400  # of path at most: what a browser still turns smoothly
PER_PIXEL = 1 / 190  # model units per px, about: for dashes
CORNERS = tuple(f"{axis}{i}" for i in range(4) for axis in "xyz")


class Height:
    """Heights of the function -> heights of the model, and the ticks between them."""

    def __init__(self, z: np.ndarray, floor: float | None, compress: bool | None) -> None:
        finite = z[np.isfinite(z)]
        self.levels: Levels = levels(z, floor, about=5)
        self.compress = self.levels.kind == "geometric" if compress is None else compress
        self.low, self.high = float(finite.min()), float(finite.max())
        self.unit = 1.0
        if self.compress:
            # The height at which the logarithm takes over: below nearly all of the surface.
            rise = finite - self.low
            self.unit = max(float(np.quantile(rise, 0.03)), 1e-6 * float(rise.max()), 1e-300)

    def __call__(self, value: np.ndarray | float) -> np.ndarray:
        span = self.high - self.low
        if not span > SMALLEST:
            return np.where(np.isfinite(value), TALL / 2, np.nan)
        rise = np.maximum(np.asarray(value, dtype=float) - self.low, 0)
        share = np.log1p(rise / self.unit) / math.log1p(span / self.unit) if self.compress else rise / span
        return TALL * share

    def ticks(self) -> list[tuple[float, float]]:
        """(value, height) of about four round values that do not meet."""
        values = (
            self.levels.values
            if self.compress
            else ticks(Axis("", self.low, self.high), 4)
            if self.high - self.low > SMALLEST
            else [self.low]
        )
        kept: list[tuple[float, float]] = []
        for value in values:
            at = float(self(value))
            if self.low <= value <= self.high and (not kept or at - kept[-1][1] > 0.16 * TALL):
                kept.append((float(value), at))
        return kept


def coarse(z: np.ndarray) -> np.ndarray:
    """The grid at the corners of the facets, (FACETS + 1, FACETS + 1)."""
    row, column = (np.round(np.linspace(0, count - 1, FACETS + 1)).astype(int) for count in z.shape)
    return z[np.ix_(row, column)]


def _sides(count: int = FACETS) -> np.ndarray:
    return np.linspace(-1, 1, count + 1)


def facets(model: np.ndarray, brightness: np.ndarray, look: Look) -> Rows:
    """A row per facet: its corners, its colour, and the place whose depth it has."""
    at = _sides()
    corners = [(0, 0), (0, 1), (1, 1), (1, 0)]  # row, column
    heights = np.stack([model[r : FACETS + r, c : FACETS + c] for r, c in corners], axis=-1)
    t = np.mean([brightness[r : FACETS + r, c : FACETS + c] for r, c in corners], axis=0)
    whole = np.isfinite(heights).all(axis=-1)
    step = 2 / FACETS
    slope_x = (heights[..., 1] + heights[..., 2] - heights[..., 0] - heights[..., 3]) / (2 * step)
    slope_y = (heights[..., 2] + heights[..., 3] - heights[..., 0] - heights[..., 1]) / (2 * step)
    # Light from the north-west, half-way up (Lambert).
    light = (0.55 * slope_x - 0.45 * slope_y + 0.71) / np.sqrt(1 + slope_x**2 + slope_y**2)
    fills = oklab(ramp(look.inks.relief, np.nan_to_num(t, nan=0.5)))
    fills[..., 0] += 0.13 * (light - 0.71)
    edges = fills.copy()
    edges[..., 0] += 0.07 if look.theme == "light" else 0.05
    fills, edges = from_oklab(fills), from_oklab(edges)
    row, column = np.nonzero(whole)
    places = [
        np.stack([at[column + c], at[row + r], heights[row, column, i]], axis=1) for i, (r, c) in enumerate(corners)
    ]
    numbers = np.concatenate(places, axis=1).round(4).tolist()
    middles = np.stack([at[column] + at[column + 1], at[row] + at[row + 1]], axis=1) / 2
    common = {"kind": "facet", "step": -1, "until": END, "wide": 0.6 * look.unit}
    return [
        {**common, "fill": hexed(fill), "stroke": hexed(edge), **dict(zip(CORNERS, place, strict=True)), **order}
        for fill, edge, place, order in zip(fills[whole], edges[whole], numbers, _nearness(middles, 0), strict=True)
    ]


def short(value: float | np.ndarray) -> float:
    return round(float(value), 4)


def to_model(points: np.ndarray, plane: Plane) -> np.ndarray:
    return 2 * np.stack([plane.x.share(points[:, 0]), plane.y.share(points[:, 1])], axis=1) - 1


def _on_surface(points: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Heights of the facets at model points (n, 2), between their corners linearly."""
    at = np.clip((points + 1) / 2 * FACETS, 0, FACETS - 1e-9)
    cell = at.astype(int)
    column, row = cell[:, 0], cell[:, 1]
    fx, fy = (at - cell).T
    low = model[row, column] * (1 - fx) + model[row, column + 1] * fx
    high = model[row + 1, column] * (1 - fx) + model[row + 1, column + 1] * fx
    return low * (1 - fy) + high * fy


def draped(runs: Sequence[Path], model: np.ndarray, plane: Plane, look: Look, *, ghosts: Sequence[Path] = ()) -> Rows:
    """The paths in short pieces on the facets, each with a halo under it unless very many; gaps make the dashes.

    The straight line between two iterates would cut through the hills, so each step follows the ground.
    Ghosts (pinned runs) are thin and faded, without a halo, and do not obey the scrubber.
    """
    legs = [_legs(run, plane) for run in runs]
    total = sum(float(np.hypot(*(stop - start).T).sum()) for _, start, stop in legs)
    count = sum(len(steps) for steps, _, _ in legs)
    longest = max(0.022, total / max(PIECES - count, 400))
    drawn = [row for run, leg in zip(runs, legs, strict=True) for row in _pieces(run, *leg, longest, model, look)]
    if count > PIECES:
        # They would be half of a picture too large to send, of paths that cover each other anyhow.
        drawn = [row for row in drawn if row["stroke"] != look.inks.halo]
    for run in ghosts:
        rows_ = _pieces(run, *_legs(run, plane), 0.03, model, look)
        thin = {"stroke": ghost_colour(run.name, look), "wide": 0.6 * look.line, "step": -1}
        drawn += [row | thin for row in rows_ if row["stroke"] != look.inks.halo]
    return drawn


def _legs(run: Path, plane: Plane) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The steps (m,) of a run with their ends (m, 2) in model coordinates, cut at the edge of the block.

    Steps too short to see are left out.
    """
    last = len(run.w) if run.diverged < 0 else run.diverged + 1
    places = np.asarray(run.w[:last], dtype=float)
    cut = clip(places[:-1], places[1:], plane)
    start, stop = to_model(cut.start, plane), to_model(cut.stop, plane)
    seen = cut.seen & (np.hypot(*(stop - start).T) > 1e-3)
    return np.flatnonzero(seen) + 1, start[seen], stop[seen]


def _pieces(
    run: Path,
    steps: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    longest: float,
    model: np.ndarray,
    look: Look,
) -> Rows:
    """Rows for the steps of one run in pieces no longer than ``longest``."""
    if not len(steps):
        return []
    counts = np.maximum(1, np.ceil(np.hypot(*(stop - start).T) / longest)).astype(int)
    leg = np.repeat(np.arange(len(steps)), counts)
    share = (np.arange(len(leg)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[leg]
    way = (stop - start)[leg]
    a = start[leg] + share[:, None] * way
    b = a + way / counts[leg][:, None]
    low, high = (_on_surface(points, model) + LIFT for points in (a, b))
    lengths = np.hypot(*(b - a).T)
    drawn = _dashed(np.cumsum(lengths) - lengths / 2, run.name)
    corners = np.stack([*a.T, low, *b.T, high, *b.T, high, *a.T, low], axis=1)
    whole = np.isfinite(corners).all(axis=1)
    hue, middle = colour(run.name, look), (a + b) / 2
    # More than a facet's diagonal between the two: no halo may cover the next piece's line.
    kinds = [(_nearness(middle, 1.2), look.inks.halo, look.line + 2.2 * look.unit, whole)]
    kinds.append((_nearness(middle, 2.7), hue, look.line, whole & drawn))
    step_of, corners = steps[leg].tolist(), corners.round(4).tolist()
    return [
        {"kind": "piece", "step": step_of[i], "until": END, "fill": None, "stroke": ink, "wide": wide}
        | dict(zip(CORNERS, corners[i], strict=True))
        | order[i]
        for order, ink, wide, chosen in kinds
        for i in np.flatnonzero(chosen)
    ]


def _dashed(along: np.ndarray, name: str) -> np.ndarray:
    """Which pieces, at lengths ``along`` the path, are drawn in the identity's dash."""
    pattern = np.array(identity(name).dash) * PER_PIXEL * 1.3
    edges = np.cumsum(pattern)
    slot = np.searchsorted(edges, along % edges[-1], side="right")
    return (slot % 2 == 0) | (pattern[1] == 0)


def _nearness(points: np.ndarray, cells: float) -> list[dict[str, float]]:
    """The fields that say when to paint what lies at model points (n, 2).

    It has the depth of its facet and is painted as if ``cells`` facets nearer, so that a facet beside
    it does not shave it off.
    """
    middle = (np.floor(np.clip((points + 1) / 2 * FACETS, 0, FACETS - 1e-9)) + 0.5) * 2 / FACETS - 1
    near = short(cells * 2 / FACETS)
    return [{"depth_x": x, "depth_y": y, "near": near} for x, y in middle.round(4).tolist()]


def spots(runs: Sequence[Path], minima: np.ndarray | None, model: np.ndarray, plane: Plane, look: Look) -> Rows:
    """Minima (crosses), starts (rings), and where each run is at each step (dots, until the next row)."""
    records: Rows = []
    if minima is not None:
        for ink, wide, cells in (("#0a0f18", 4, 2.8), ("#ffffff", 1.8, 2.9)):
            fields = {"kind": "cross", "step": -1, "until": END, "fill": None, "stroke": ink, "wide": wide * look.unit}
            records += _placed(minima, cells, model, plane, [fields] * len(minima))
    for run in runs:
        last = len(run.w) if run.diverged < 0 else int(run.diverged)
        untils = [*range(1, last), END if run.diverged < 0 else last]
        fields = {"kind": "dot", "fill": colour(run.name, look), "stroke": look.inks.halo, "wide": 1.6 * look.unit}
        records += _placed(
            run.w[:last], 4, model, plane, [{**fields, "step": i, "until": untils[i]} for i in range(last)]
        )
    starts = sorted({tuple(map(float, run.w[0])) for run in runs if len(run.w)})
    fields = {
        "kind": "dot",
        "step": -1,
        "until": END,
        "fill": look.inks.paper,
        "stroke": look.inks.ink,
        "wide": 2 * look.unit,
    }
    return records + _placed(np.array(starts), 3.5, model, plane, [fields] * len(starts))


def _placed(points: np.ndarray, cells: float, model: np.ndarray, plane: Plane, fields: list[dict]) -> Rows:
    """Rows for the points (n, 2) that lie on the block, ``fields[i]`` for the i-th."""
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    seen = np.flatnonzero(plane.inside(points))
    at = to_model(points[seen], plane)
    heights = _on_surface(at, model) + LIFT
    order = _nearness(at, cells)
    return [
        {**fields[i], "x0": short(x), "y0": short(y), "z0": short(z), **near}
        for i, (x, y), z, near in zip(seen, at, heights, order, strict=True)
        if np.isfinite(z)
    ]


def places(runs: Sequence[Path], model: np.ndarray, plane: Plane) -> Rows:
    """Where each run is at each step, until the next: its place, its loss, and its place on the block."""
    records: Rows = []
    for run in runs:
        last = len(run.w) if run.diverged < 0 else int(run.diverged)
        loss = np.full(last, np.nan) if run.loss is None else np.asarray(run.loss[:last], dtype=float)
        fields = rows(
            name=run.name,
            step=np.arange(last),
            x=run.w[:last, 0],
            y=run.w[:last, 1],
            loss=loss,
            until=[*range(1, last), END if run.diverged < 0 else last],
        )
        records += [
            {name: row[name] for name in fields[0]} | {f"_{axis}": row[f"{axis}0"] for axis in "xyz"}
            for row in _placed(run.w[:last], 4, model, plane, fields)
        ]
    return records
