"""What holds for every page in a real browser: it is painted, above the fold, narrow and wide, without errors."""

import io

import pytest
from PIL import Image

from dlviz import catalog

STEMS = list(catalog.concepts())
PHONE = {"width": 390, "height": 844}


@pytest.fixture(params=STEMS)
def stem(request):
    return request.param


def figures(stem):
    concept = catalog.concepts()[stem]
    return concept.figures.shown(concept.experiment.Settings())


@pytest.mark.parametrize("options", [{"lang": "en", "color_scheme": "light"}, {"lang": "zh", "color_scheme": "dark"}])
def test_every_figure_is_painted_without_errors(visit, stem, options):
    said = []
    visitor = visit(f"/{stem}?lang={options['lang']}", color_scheme=options["color_scheme"], heard=said)
    for name in figures(stem):
        picture = Image.open(io.BytesIO(visitor.picture(name).screenshot())).convert("RGB")
        assert len(picture.getcolors(1 << 24)) > 30, name
    assert visitor.page.get_by_test_id("stException").count() == 0
    assert visitor.page.get_by_test_id("stAlert").count() == 0
    assert not said


def test_hero_stands_above_the_fold(visit, stem):
    box = visit(f"/{stem}").picture("hero").bounding_box()
    assert box["height"] > 300
    assert box["y"] + box["height"] <= 800


def test_a_narrow_screen_shows_everything(visit, stem):
    visitor = visit(f"/{stem}", size=PHONE)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for name in figures(stem):
        box = visitor.picture(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"], name
        assert box["width"] > 300, name
    assert visitor.page.locator("h1").bounding_box()["y"] < 150


def test_a_long_panel_leaves_the_hero_to_be_seen_meanwhile(visit):
    visitor = visit("/")
    page = visitor.page
    page.goto(f"{visitor.server}/activations?panels=Dying ReLU&seed=7&lang=en")
    page.wait_for_selector(".marks")
    assert page.locator('[data-testid="stApp"]').get_attribute("data-test-script-state") == "running"
    page.get_by_test_id("stProgress").wait_for()
    top = visitor.picture("hero").bounding_box()["y"]
    visitor.settled()
    assert page.get_by_test_id("stProgress").count() == 0
    assert visitor.picture("hero").bounding_box()["y"] == top  # the bar lay over the page
    assert page.locator(".marks").count() == len(figures_of("activations", ("Dying ReLU",)))


def figures_of(stem, panels):
    concept = catalog.concepts()[stem]
    return concept.figures.shown(concept.experiment.Settings(panels=panels))
