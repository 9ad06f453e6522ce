"""Charts are sent to the browser with their numbers as rows: the picture must not change."""

import copy
import re

import pytest
import vl_convert
from cases import cases
from runs import run

from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.ui.page.steady import NUMBERS, steady

CONCEPT = catalog.concepts()["loss_surfaces"]
MODEL = CONCEPT.experiment.Settings
SETTINGS = MODEL(panels=("Learning-rate sensitivity", "Basins of attraction"), basin_resolution=16, steps=40)
FIGURES = CONCEPT.figures.FIGURES


@pytest.fixture(scope="module")
def results():
    return [run(CONCEPT.stem, SETTINGS.model_copy(update={"learning_rate": rate})) for rate in (0.02, 0.05)]


def drawn(spec):
    """The picture as SVG, at a width of its own."""
    return vl_convert.vegalite_to_svg(spec | {"width": 500})


def visible(svg):
    """What can be seen of it; gradients are numbered in the order in which they are met."""
    lines = re.sub(r"gradient_\d+", "gradient", svg).replace("><", ">\n<").splitlines()
    return [line for line in lines if re.match("<(path|text|image)", line) and 'opacity="0"' not in line]


@pytest.mark.parametrize("name", FIGURES)
def test_picture_is_the_same(results, name):
    spec = FIGURES[name].draw([Run(results[0])], Look()).to_dict()
    before = copy.deepcopy({key: value for key, value in spec.items() if key != "datasets"})
    sent = steady(spec)
    assert {key: value for key, value in spec.items() if key != "datasets"} == before
    assert visible(drawn(sent)) == visible(drawn(spec))


@pytest.mark.parametrize("name", ["hero", "loss"])
def test_another_run_changes_only_rows(results, name):
    """So the browser keeps the chart and where its sliders stand."""
    one, two = (steady(FIGURES[name].draw([Run(result)], Look()).to_dict()) for result in results)
    assert one["datasets"] != two["datasets"]
    assert one.keys() == two.keys()
    different = [key for key in one if key != "datasets" and one[key] != two[key]]
    assert not different
    assert one["datasets"].keys() == two["datasets"].keys()


ANYWHERE = {stem: cases(stem).anywhere for stem in catalog.concepts() if cases(stem).anywhere}


@pytest.fixture(scope="module", params=ANYWHERE)
def of_two_seeds(request):
    """A figure of another page, of two runs whose texts and bounds are not the same."""
    concept = catalog.concepts()[request.param]
    models = [concept.experiment.Settings(seed=seed) for seed in (4, 5)]
    draw = concept.figures.FIGURES[ANYWHERE[request.param]].draw
    return [draw([Run(run(concept.stem, model))], Look()).to_dict() for model in models]


def test_bounds_of_colours_and_lengths_of_texts_are_rows(of_two_seeds):
    one, two = map(steady, of_two_seeds)
    assert one["datasets"] != two["datasets"]
    assert {k: v for k, v in one.items() if k != "datasets"} == {k: v for k, v in two.items() if k != "datasets"}


def test_pictures_of_other_pages_are_the_same(of_two_seeds):
    for spec in of_two_seeds:
        assert visible(drawn(steady(spec))) == visible(drawn(spec))


def test_numbers_are_told_apart():
    def layer(low, ticks):
        scale = {"scale": {"type": "linear", "domain": [low, 1.0]}, "axis": {"values": ticks}}
        return {"mark": "point", "data": {"values": [{"a": low}]}, "encoding": {"x": {"field": "a", **scale}}}

    sent = steady({"layer": [layer(0.0, [0.0, 1.0]), layer(0.5, [0.5])], "datasets": {"own": []}})
    domains = [part["encoding"]["x"]["scale"]["domain"][0]["expr"] for part in sent["layer"][:2]]
    assert domains == [f"data('{NUMBERS}')[0].x_low", f"data('{NUMBERS}')[0].x_low_"]
    assert sent["datasets"][NUMBERS] == [{"x_low": 0.0, "x_high": 1.0, "x_low_": 0.5}]
    assert sent["datasets"]["own"] == []
    ticks = {name: rows for name, rows in sent["datasets"].items() if name.startswith("_ticks")}
    assert list(ticks.values()) == [[{"v": 0.0}, {"v": 1.0}], [{"v": 0.5}]]
