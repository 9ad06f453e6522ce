"""What holds for every page in a real browser: painted without errors, the hero above the fold, narrow and wide."""

import pytest
from playwright.sync_api import expect

from dlviz import catalog

STEMS = list(catalog.concepts())
PHONE = {"width": 390, "height": 844}
FOLD = 800
"""px: the height of the window."""


@pytest.fixture(params=STEMS)
def stem(request):
    return request.param


def figures(stem):
    concept = catalog.concepts()[stem]
    return concept.figures.shown(concept.experiment.Settings())


@pytest.mark.parametrize("options", [{"lang": "en", "color_scheme": "light"}, {"lang": "zh", "color_scheme": "dark"}])
def test_every_figure_is_painted_without_errors_wide_and_narrow(visit, stem, options):
    said = []
    visitor = visit(f"/{stem}?lang={options['lang']}", color_scheme=options["color_scheme"], heard=said)
    hero = visitor.picture("hero")  # before anything is scrolled to; the page may just have come to rest
    visitor.until(lambda: (box := hero.bounding_box()) is not None and box["y"] + box["height"] <= FOLD)
    assert hero.bounding_box()["height"] > 300
    for name in figures(stem):
        visitor.until(lambda name=name: len(visitor.shot(name).getcolors(1 << 24)) > 30)
    assert visitor.page.get_by_test_id("stException").count() == 0
    assert visitor.page.get_by_test_id("stAlert").count() == 0
    assert visitor.page.locator(".katex").count() and not visitor.page.locator(".katex-error").count()
    assert not said
    # The window becomes a phone's; a page that is opened on one is for test_browser.py and the long run.
    visitor.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    visitor.page.set_viewport_size(PHONE)
    visitor.until(lambda: (box := visitor.picture("hero").bounding_box()) and box["width"] < PHONE["width"])
    fits(visitor.settled(), stem)
    assert not said


@pytest.mark.long
def test_a_narrow_screen_shows_everything(visit, stem):
    fits(visit(f"/{stem}", size=PHONE), stem)


def fits(visitor, stem):
    """Everything is to be seen on a narrow screen."""
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for name in figures(stem):
        box = visitor.picture(name).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"], name
        assert box["width"] > 300, name
    assert visitor.page.locator("h1").bounding_box()["y"] < 150


def test_a_long_panel_ends_with_all_its_figures_and_without_a_bar(visit):
    panels = ("Dying ReLU",)
    page = visit(f"/activations?panels={panels[0]}&seed=7&lang=en").page
    concept = catalog.concepts()["activations"]
    shown = concept.figures.shown(concept.experiment.Settings(panels=panels))
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    expect(page.locator(".marks")).to_have_count(len(shown))
