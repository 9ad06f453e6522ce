"""A file of numbers holds what was computed, also where the picture cannot show it."""

from __future__ import annotations

import csv
import io
from types import ModuleType

import numpy as np
import pytest
from derived_numbers import DERIVED, held
from runs import run

from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.curves import crosses, curve, dots, histogram, lines, margins, ranges
from dlviz.drawing.export.files import csv as table_of
from dlviz.drawing.grammar.theme import Look
from dlviz.drawing.surfaces import paths

CUTTING: tuple[tuple[ModuleType, str], ...] = (
    *((module, "drawable") for module in (crosses, curve, dots, histogram, lines, ranges)), (lines, "thinned"),
    (paths, "_kept"), (margins, "inside"),
)  # fmt: skip
"""What cuts values to what a picture can show, or leaves points out of it."""


def read(stem: str, figure: str, result) -> list[dict[str, str]]:
    chart = catalog.concepts()[stem].figures.FIGURES[figure].draw([Run(result)], Look())
    return list(csv.DictReader(io.StringIO(table_of(chart).decode("utf-8-sig"))))


def preset(stem: str, name: str):
    (found,) = (preset for preset in catalog.concepts()[stem].experiment.PRESETS if preset.name == name)
    return run(stem, found.settings)


def _cases(stem: str):
    concept = catalog.concepts()[stem]
    for preset_ in concept.experiment.PRESETS:
        for name in concept.figures.shown(preset_.settings):
            yield name, run(stem, preset_.settings)


def _firsts(stem: str):
    """Each figure once: of the first preset that shows it."""
    seen = {}
    for name, result in _cases(stem):
        seen.setdefault(name, result)
    return seen.items()


def _numbers(rows: list[dict[str, str]]) -> dict[tuple[str, str], np.ndarray]:
    """Of each column of each dataset the finite numbers."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        for column, cell in row.items():
            try:
                found.setdefault((row["dataset"], column), []).append(float(cell))
            except ValueError:
                continue  # a text, or nothing
    return {where: np.array(values)[np.isfinite(values)] for where, values in found.items()}


def _near(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which values are among the ``known`` ones (ascending), but for rounding: they came another way."""
    after = np.searchsorted(known, values).clip(1, len(known) - 1)
    return np.isclose(values, known[after], rtol=1e-9, atol=0) | np.isclose(values, known[after - 1], rtol=1e-9, atol=0)


@pytest.mark.parametrize("stem", catalog.concepts())
def test_every_number_of_a_file_is_one_of_the_run(stem):
    """To the last digit where the result has it; what it does not have is worked out another way."""
    last, known, strangers = None, np.empty(0), set()
    for name, result in _cases(stem):
        if result is not last:
            last, known = result, held(result)
        rows = read(stem, name, result)
        assert rows, f"{name}: a file without numbers"
        for row in {row["dataset"]: row for row in rows}.values():
            for column, cell in row.items():
                drawn = column.startswith("_") or cell.startswith(("#", "data:", "M-", "M0"))
                assert not drawn, f"{name}: {column} = {cell} is of the drawing"
        derived = None
        for where, values in _numbers(rows).items():
            left = values[~np.isin(values, known)]
            if len(left) and (stem, name) in DERIVED:
                if derived is None:
                    given = np.concatenate([np.ravel(part) for part in DERIVED[stem, name](result)])
                    derived = np.unique(given[np.isfinite(given)])
                left = left[~_near(left, derived)]
            if len(left):
                strangers.add((name, *where, len(left), float(left[0])))
    assert not strangers


@pytest.mark.parametrize("stem", catalog.concepts())
def test_no_number_in_a_file_depends_on_what_the_picture_can_show(stem, monkeypatch):
    """The rows that are drawn are spoilt on their way into the picture: those of the file stay as they are."""
    cases = _firsts(stem)
    before = [read(stem, name, result) for name, result in cases]
    for module, name in CUTTING:
        if name == "drawable":
            monkeypatch.setattr(module, name, lambda values, _axis: np.full(np.shape(values), 0.5))
        elif name == "inside":
            monkeypatch.setattr(module, name, lambda xs, ys, up: (np.asarray(xs)[:2], np.asarray(ys)[:2]))
        elif name == "thinned":
            monkeypatch.setattr(module, name, lambda values, most=0: np.arange(min(2, len(values))))
        else:
            monkeypatch.setattr(module, name, lambda places, _plane: np.arange(min(2, len(places))))
    for (name, result), expected in zip(cases, before, strict=True):
        assert read(stem, name, result) == expected, (name, result.settings)


def test_a_file_holds_every_step_of_every_run_on_a_surface():
    for name in ("saddle", "standardised", "above_limit", "noise_ball"):
        race = preset("loss_surfaces", name).race
        rows = [
            row for row in read("loss_surfaces", "hero", preset("loss_surfaces", name)) if row["dataset"] == "paths"
        ]
        for descent in race.descents:
            own = [row for row in rows if row["name"] == descent.optimizer]
            places = np.array([[float(row[axis]) if row[axis] else np.nan for axis in race.scene.axes] for row in own])
            end = len(descent.w) if descent.left_at is None else descent.left_at + 1
            assert np.array_equal(places, descent.w[:end, 0], equal_nan=True), (name, descent.optimizer)


@pytest.mark.parametrize("name", ["saddle", "standardised", "above_limit"])
def test_the_losses_of_a_file_are_those_of_the_run(name):
    result = preset("loss_surfaces", name)
    rows = [row for row in read("loss_surfaces", "loss", result) if row["dataset"] == "lines"]
    lowest = result.race.scene.lowest or 0.0
    x, y = ("Step", next(column for column in rows[0] if column.startswith("Loss")))
    for descent in result.race.descents:
        own = [(float(row[x]), float(row[y])) for row in rows if row["name"] == descent.optimizer and row[y]]
        found = {int(step): loss for step, loss in own if np.isfinite(loss)}
        losses = descent.loss[:, 0]
        above = losses - (lowest if np.nanmin(losses) >= lowest else 0.0)
        finite = np.flatnonzero(np.isfinite(above))
        assert found == {int(step): float(above[step]) for step in finite}, descent.optimizer


def test_a_saddle_s_losses_go_as_far_down_as_they_went():
    """What an independent check found: −34.13 stood in the file where the run ended at −189.9."""
    rows = read("loss_surfaces", "loss", preset("loss_surfaces", "saddle"))
    ends = {row["name"]: float(row["Loss"]) for row in rows if row["dataset"] == "lines" and row["Loss"]}
    assert ends["GD"] == pytest.approx(-189.905, abs=1e-3)
    assert ends["Adam"] == pytest.approx(-47.136, abs=1e-3)
    standardised = read("loss_surfaces", "loss", preset("loss_surfaces", "standardised"))
    (y,) = (column for column in standardised[0] if column.startswith("Loss"))
    gd = [row for row in standardised if row["dataset"] == "lines" and row["name"] == "GD"]
    assert [float(row[y]) for row in gd if float(row["Step"]) == 20] == [0.0]


def test_bounds_beyond_the_axis_are_not_cut():
    result = preset("bptt", "norm")
    bound = [row for row in read("bptt", "hero", result) if row["dataset"] == "bound"]
    rows = [float(row["Norm of ∂L/∂hₜ"]) for row in bound]
    assert max(rows) > 1e7  # 3,347,711 was the most that the picture can show
    assert len(set(rows)) == len(rows)


def test_a_ridge_s_numbers_are_its_densities():
    result = preset("initialization", "too_small")
    rows = [row for row in read("initialization", "hero", result) if row["dataset"] == "ridges"]
    hills = result.signals.hills
    assert np.array_equal([float(row["density"]) for row in rows], hills.density.ravel())
    assert [float(row["to"]) for row in rows[: len(hills.edges) - 1]] == hills.edges[1:].tolist()
