"""What the pages on signals through depth do in the browser: light, scrub and click."""

import pytest
from PIL import ImageChops


def changed(one, two) -> int:
    """Pixels that differ in more than the smoothing of an edge."""
    return sum(ImageChops.difference(one, two).convert("L").histogram()[40:])


def point(visitor, name, across, down, *, click=False):
    """Move the mouse to a place in a picture, given as shares of its size, and press there if asked to."""
    visitor.picture(name).scroll_into_view_if_needed()
    box = visitor.picture(name).bounding_box()
    at = box["x"] + across * box["width"], box["y"] + down * box["height"]
    # In two moves, as a hand does.
    for away in (3, 0):
        visitor.page.mouse.move(at[0] - away, at[1] - away)
        visitor.page.wait_for_timeout(300)
    if click:
        visitor.page.mouse.click(*at)
        visitor.page.wait_for_timeout(1500)  # Streamlit waits for a second click
        visitor.settled()


def test_pointing_at_a_cell_lights_its_sets_without_the_server_and_clicking_chooses_it(visit):
    visitor = visit("/normalization?lang=en")
    before, sent = visitor.shot("hero"), visitor.sent
    point(visitor, "hero", 0.2, 0.35)
    visitor.until(lambda: changed(before, visitor.shot("hero")) > 500)
    assert visitor.sent == sent
    before = visitor.shot("cell")
    point(visitor, "hero", 0.2, 0.35, click=True)
    visitor.until(lambda: "position=" in visitor.address)
    visitor.until(lambda: changed(before, visitor.shot("cell")) > 100)


def test_gamma_and_beta_stay_in_the_browser(visit):
    visitor = visit("/normalization?panels=Steps&lang=en")
    before, runs = visitor.shot("steps"), visitor.runs
    slider = visitor.keyed("chart_steps").locator("input[type=range]").first
    slider.focus()
    for _ in range(8):
        slider.press("ArrowRight")
    visitor.until(lambda: changed(before, visitor.shot("steps")) > 500)
    assert visitor.runs == runs


def test_the_slider_lights_a_layer_without_the_server(visit):
    visitor = visit("/initialization?lang=en")
    before, runs = visitor.shot("hero"), visitor.runs
    slider = visitor.keyed("chart_hero").locator("input[type=range]")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    visitor.until(lambda: changed(before, visitor.shot("hero")) > 200)
    assert visitor.runs == runs


@pytest.mark.parametrize(
    ("link", "picture", "at", "settings"),
    [
        ("/initialization?panels=Grid", "grid", (0.8, 0.2), ("scheme=", "activation=")),
        ("/activations?panels=Dying ReLU", "dead_grid", (0.85, 0.45), ("dying_rate=", "dying_bias=")),
    ],
)
def test_clicking_a_cell_of_a_grid_sets_what_it_stands_for(visit, link, picture, at, settings):
    visitor = visit(f"{link}&lang=en")
    point(visitor, picture, *at, click=True)
    visitor.until(lambda: all(setting in visitor.address for setting in settings))
    assert visitor.page.get_by_test_id("stAlert").count() == 0
