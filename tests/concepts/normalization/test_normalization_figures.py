"""The pictures of the page "Normalization"."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from pictures import check_schema, compiled

from dlviz.concepts.normalization import experiment, figures
from dlviz.concepts.normalization.measure import Training
from dlviz.concepts.normalization.settings import SIZES, NormName, Settings
from dlviz.drawing.grammar.palette import colour, mix
from dlviz.drawing.grammar.theme import Look


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_that_is_off_says_so(name):
    result = experiment.run(Settings(panels=(), norms=()))
    assert figures.FIGURES[name].draw(result, Look()).to_dict()["layer"]
    assert figures.FIGURES[name].alt(result, Look())


EVERYTHING = Settings(
    panels=tuple(panel for panel in figures.PANELS if panel != "Training"), kind="Sequence", norms=NormName.__args__
)


@pytest.mark.parametrize("name", [name for name in figures.FIGURES if name not in ("error", "mixing")])
def test_figures_are_valid_vega_lite(name):
    result = experiment.run(EVERYTHING)
    spec = figures.FIGURES[name].draw(result, Look()).to_dict()
    check_schema(spec)
    assert "<svg" in compiled(spec)


def test_a_slide_says_nothing_of_a_pointer_but_what_the_colours_are():
    result = experiment.run(EVERYTHING)
    said = [" ".join(figures.hero(result, Look(slide=slide)).to_dict()["title"]["text"]) for slide in (False, True)]
    assert "Point at" in said[0] and "Point at" not in said[1]
    assert "Coloured" in said[1] and "Crossed out" in said[1]


def test_no_mark_takes_room_to_the_left_of_the_axes_over_groups():
    spec = figures.FIGURES["groups"].draw(experiment.run(EVERYTHING), Look()).to_dict()
    low = spec["layer"][0]["encoding"]["x"]["scale"]["domain"][0]
    assert all(row["x"] >= low for row in spec["layer"][0]["data"]["values"])


def outlined(svg, look):
    """How many faces have the outline of the current cell."""
    return len(re.findall(rf'stroke="{look.inks.ink}"', svg))


@pytest.mark.parametrize("kind", ["Feature maps", "MLP", "Sequence"])
def test_the_hero_lights_as_many_cells_as_share_the_statistics(kind):
    look = Look()
    settings = Settings(kind=kind, norms=("BatchNorm", "LayerNorm", "GroupNorm"), examples=3, channels=4)
    result = experiment.run(settings)
    svg = compiled(figures.hero(result, look).to_dict())
    assert outlined(svg, look) == 3
    for norm in settings.norms:
        count = int(result.block.shared(norm).sum())
        assert f"{count} cells" in svg
        # One front face for each lit cell, and once more for those on the outer front.
        edge = mix(colour(norm, look), "#000000", 0.35)
        faces = len(re.findall(rf'stroke="{edge}"', svg))
        lit = result.block.shared(norm)
        front = lit[0].sum() if kind != "MLP" else lit.sum()
        if kind == "MLP":
            assert faces == count + front
        else:
            assert faces == 3 * count + front + lit[:, :, 0].sum() + lit[:, -1].sum()


def test_the_blocks_stand_in_the_columns_that_make_them_largest():
    result = experiment.run(Settings())

    def heights(width):
        svg = compiled(figures.hero(result, Look()).to_dict(), width)
        places = re.findall(
            r'translate\((-?[\d.]+),(-?[\d.]+)\)"[^>]*>(BatchNorm|LayerNorm|InstanceNorm|GroupNorm)<', svg
        )
        return {round(float(y)) for _, y, _ in places}

    assert len(heights(1000)) == 1
    assert len(heights(358)) == 2


def test_the_sliders_move_the_last_two_histograms_only():
    settings = Settings(panels=("Steps",), gamma=2.0, beta=-1.0, activation="Tanh")
    result = experiment.run(settings)
    svg = compiled(figures.FIGURES["steps"].draw(result, Look()).to_dict())
    third = 2 * result.steps.x_hat - 1
    for values in (result.steps.sums, result.steps.x_hat, third, np.tanh(third)):
        mean = f"{values.mean():.2f}".replace("-0.00", "0.00").replace("-", "−")
        assert f"μ {mean}, σ {values.std():.2f}" in svg


def test_a_switchable_that_diverged_has_no_weights_and_says_so():
    settings = Settings(panels=("Training",), trained=("BatchNorm", "Switchable"))
    assert figures.shown(settings) == ("hero", "error", "mixing")
    error, mixing = np.full((2, len(SIZES), 3), 0.1), np.full((len(SIZES), 3, 3, 2, 3), 1 / 3)
    runs = Training(settings.trained, np.array(SIZES), error, error > 1, mixing.copy(), 1024, 773, 4)
    result = replace(experiment.run(Settings()), settings=settings, training=runs)
    mixing[0] = np.nan
    broken = replace(result, training=replace(runs, mixing=mixing))
    for found, dashes in ((result, 0), (broken, 6)):
        spec = figures.FIGURES["mixing"].draw(found, Look()).to_dict()
        check_schema(spec)
        assert len(re.findall(">–<", compiled(spec))) == dashes
        assert ("–" in figures.FIGURES["mixing"].alt(found, Look())) == bool(dashes)
        assert ("switched" in [note.key for note in experiment.notice(found)]) == (not dashes)
    spec = figures.FIGURES["error"].draw(result, Look(), ghost=result).to_dict()
    check_schema(spec)
