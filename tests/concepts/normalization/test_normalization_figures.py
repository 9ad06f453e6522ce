"""The pictures of the page "Normalization"."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from pictures import check_schema, compiled

from dlviz import catalog
from dlviz.concepts.normalization import experiment
from dlviz.concepts.normalization.settings import NormName, Settings
from dlviz.concepts.normalization.training import SIZES, Training
from dlviz.contract import Run
from dlviz.drawing.grammar.palette import colour, mix
from dlviz.drawing.grammar.theme import Look

figures = catalog.concepts()["normalization"].figures


def drawn(name, result, look=None, *others):
    """The Vega-Lite spec of a figure; ``others`` are labelled runs beside the page's own."""
    return figures.FIGURES[name].draw([Run(result), *others], look or Look()).to_dict()


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_that_is_off_says_so(name):
    result = experiment.run(Settings(panels=(), norms=()))
    assert drawn(name, result)["layer"]
    assert figures.FIGURES[name].alt(result, Look())


EVERYTHING = Settings(
    panels=tuple(panel for panel in Settings.options("panels") if panel != "Training"),
    kind="Sequence",
    norms=NormName.__args__,
)


@pytest.mark.parametrize("name", [name for name in figures.FIGURES if name not in ("error", "mixing")])
def test_figures_are_valid_vega_lite(name):
    result = experiment.run(EVERYTHING)
    spec = drawn(name, result)
    check_schema(spec)
    assert "<svg" in compiled(spec)


def test_a_slide_says_nothing_of_a_pointer_but_what_the_colours_are():
    result = experiment.run(EVERYTHING)
    said = [" ".join(drawn("hero", result, Look(slide=slide))["title"]["text"]) for slide in (False, True)]
    assert "Point at" in said[0] and "Point at" not in said[1]
    assert "Coloured" in said[1] and "Crossed out" in said[1]


def test_no_mark_takes_room_to_the_left_of_the_axes_over_groups():
    spec = drawn("groups", experiment.run(EVERYTHING))
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
    svg = compiled(drawn("hero", result, look))
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
        svg = compiled(drawn("hero", result), width)
        places = re.findall(
            r'translate\((-?[\d.]+),(-?[\d.]+)\)"[^>]*>(BatchNorm|LayerNorm|InstanceNorm|GroupNorm)<', svg
        )
        return {round(float(y)) for _, y, _ in places}

    assert len(heights(1000)) == 1
    assert len(heights(358)) == 2


def test_the_sliders_move_the_last_two_histograms_only():
    settings = Settings(panels=("Steps",), gamma=2.0, beta=-1.0, activation="Tanh")
    result = experiment.run(settings)
    svg = compiled(drawn("steps", result))
    third = 2 * result.steps.x_hat - 1
    for values in (result.steps.sums, result.steps.x_hat, third, np.tanh(third)):
        mean = f"{values.mean():.2f}".replace("-0.00", "0.00").replace("-", "−")
        assert f"μ {mean}, σ {values.std():.2f}" in svg


def trained(*norms):
    """A run whose networks were not trained: all errors are 10%, all of Switchable's weights a third."""
    settings = Settings(panels=("Training",), trained=norms)
    error = np.full((len(norms), len(SIZES), 3), 0.1)
    mixing = np.full((len(SIZES), 3, 3, 2, 3), 1 / 3 if "Switchable" in norms else np.nan)
    runs = Training(settings.trained, np.array(SIZES), error, error > 1, mixing, 1024, 773, 4)
    return replace(experiment.run(Settings()), settings=settings, training=runs)


def test_a_switchable_that_diverged_has_no_weights_and_says_so():
    result = trained("BatchNorm", "Switchable")
    assert figures.shown(result.settings) == ("hero", "error", "mixing")
    mixing = result.training.mixing.copy()
    mixing[0] = np.nan
    broken = replace(result, training=replace(result.training, mixing=mixing))
    for found, dashes in ((result, 0), (broken, 6)):
        spec = drawn("mixing", found)
        check_schema(spec)
        assert len(re.findall(">–<", compiled(spec))) == dashes
        assert ("–" in figures.FIGURES["mixing"].alt(found, Look())) == bool(dashes)
        assert ("switched" in [note.key for note in experiment.notice(found)]) == (not dashes)
    lost = replace(result, training=replace(result.training, mixing=np.full_like(mixing, np.nan)))
    assert "no finite values" in compiled(drawn("mixing", lost))
    without = trained("BatchNorm")
    assert figures.shown(without.settings) == ("hero", "error")
    assert "Train Switchable" in compiled(drawn("mixing", without))


def test_the_test_error_is_drawn_beside_that_of_all_other_runs():
    result = trained("BatchNorm")
    others = [
        Run(trained("BatchNorm", "LayerNorm"), "one"),
        Run(result, "another"),
        Run(experiment.run(Settings()), "off"),
    ]
    spec = drawn("error", result, None, *others)
    check_schema(spec)
    assert "Thin, dashed, in colour: one, another." in " ".join(spec["title"]["text"])
    names = {row["name"] for row in spec["datasets"]["pinned lines"]}
    assert names == {"BatchNorm", "LayerNorm", "BatchNorm (another)"}
