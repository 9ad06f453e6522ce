"""What only a browser can tell. The first test must be the first visit to the server."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from dlviz import catalog
from dlviz.drawing.grammar.theme import INKS
from dlviz.language import translate, words
from dlviz.ui.session.visitor import THEME_CHECK_SECONDS

STEM = "loss_surfaces"
MODEL = catalog.concepts()[STEM].experiment.Settings
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def server(started):
    """An app that nobody has visited."""
    return started[1]


def test_cold_link_is_framed_and_restored_even_for_the_first_visitor(visit):
    link = f"/{STEM}?surface=Himmelblau&optimizers=GD&optimizers=Adam&learning_rate=0.0123&start_x=1.25&lang=zh"
    visitor = visit(link)
    assert visitor.address.split("?")[0] == f"/{STEM}"
    assert sorted(visitor.address.split("?")[1].split("&")) == sorted(link.split("?")[1].split("&"))
    expect(visitor.page.locator("h1")).to_have_text(words(STEM, "zh").title)
    assert visitor.page.get_by_test_id("stTopNavLink").count() + visitor.page.get_by_test_id("stTopNavSection").count()
    expect(visitor.keyed("learning_rate").get_by_role("slider")).to_have_attribute("aria-valuetext", "0.0123")
    assert visitor.page.get_by_test_id("stAlert").count() == 0
    assert visitor.page.get_by_test_id("stException").count() == 0


def different(one, two) -> bool:
    """Whether two pictures differ in more than the smoothing of a few edges."""
    if one.size != two.size:
        return True
    histogram = ImageChops.difference(one, two).convert("L").histogram()
    return sum(histogram[40:]) > 100  # of some 170,000 pixels


def test_scrubbing_stays_in_the_browser_and_a_new_run_leaves_the_scrubber_where_it_is(visit):
    visitor = visit(f"/{STEM}")
    before, runs = visitor.shot("hero"), visitor.runs
    slider = visitor.keyed("chart_hero").locator("input[type=range]")
    slider.focus()
    for _ in range(60):
        slider.press("ArrowLeft")
    assert int(slider.input_value()) == MODEL().steps - 60
    visitor.until(lambda: different(before, visitor.shot("hero")))
    # As the hand rests, the link alone is told.
    visitor.until(lambda: f"view=hero.step%3A{MODEL().steps - 60}" in visitor.address)
    assert visitor.runs == runs
    again = visit(visitor.address)
    assert int(again.keyed("chart_hero").locator("input[type=range]").input_value()) == MODEL().steps - 60
    visitor.until(lambda: not different(visitor.shot("hero"), again.shot("hero")))
    before = visitor.shot("loss")
    rate = visitor.keyed("learning_rate").get_by_role("slider")
    rate.focus()
    rate.press("ArrowLeft")
    visitor.until(lambda: "learning_rate=" in visitor.address)
    visitor.until(lambda: different(before, visitor.shot("loss")))
    assert visitor.runs != runs
    assert int(slider.input_value()) == MODEL().steps - 60


def test_click_sets_the_start(visit):
    visitor = visit(f"/{STEM}")
    box = visitor.picture("hero").bounding_box()
    visitor.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3)
    visitor.until(lambda: "start_x=" in visitor.address and "start_y=" in visitor.address)
    visitor.settled()
    again = visit(visitor.address)
    assert again.address == visitor.address
    visitor.until(lambda: not different(visitor.shot("loss"), again.shot("loss")))


def test_on_a_phone_a_tap_sets_the_start_a_swipe_does_not_and_the_sidebar_opens(visit):
    visitor = visit(f"/{STEM}", size=PHONE, has_touch=True)
    box = visitor.picture("hero").bounding_box()
    x, y = box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3
    finger = visitor.page.context.new_cdp_session(visitor.page)
    for kind, points in (("Start", [{"x": x, "y": y}]), ("Move", [{"x": x, "y": y - 50}]), ("End", [])):
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert "start_" not in visitor.settled().address
    box = visitor.picture("hero").bounding_box()
    visitor.page.touchscreen.tap(x, box["y"] + box["height"] * 0.3)
    visitor.until(lambda: "start_x=" in visitor.address and "start_y=" in visitor.address)
    visitor.settled().page.get_by_test_id("stExpandSidebarButton").click()
    visitor.keyed("surface").wait_for(state="visible")


def test_controls_presets_and_history(visit):
    visitor = visit(f"/{STEM}?lang=en")
    presets = visitor.keyed("preset").get_by_role("radio")
    second = visitor.led(presets.nth(1).click)
    fourth = visitor.led(presets.nth(3).click)
    assert len({second, fourth, f"/{STEM}?lang=en"}) == 3
    assert visitor.led(visitor.page.go_back) == second
    expect(presets.nth(1)).to_have_attribute("aria-checked", "true")
    assert visitor.led(visitor.page.go_forward) == fourth
    assert visitor.led(visitor.keyed("reset").get_by_role("button").click) == f"/{STEM}?lang=en"


@pytest.mark.parametrize(("locale", "lang"), [("zh-CN", "zh"), ("de-DE", "en")])
def test_language_is_the_browsers_at_first(visit, locale, lang):
    expect(visit(f"/{STEM}", locale=locale).page.locator("h1")).to_have_text(words(STEM, lang).title)


def test_language_switch_keeps_settings_and_translated_choices(visit):
    visitor = visit(f"/{STEM}?surface=Ackley")
    visitor.keyed("language_switch").get_by_text("中文").click()
    expect(visitor.page.locator("h1")).to_have_text(words(STEM, "zh").title)
    expect(visitor.page).to_have_url(f"{visitor.server}/{STEM}?surface=Ackley&lang=zh")
    visitor.settled().page.get_by_text("首页", exact=True).first.click()
    visitor.keyed(f"card_{STEM}").get_by_role("link").click()
    expect(visitor.page).to_have_url(f"{visitor.server}/{STEM}?surface=Ackley&lang=zh")
    visitor.settled()
    visitor.led(visitor.keyed("reset").get_by_role("button").click)
    expect(visitor.page).to_have_url(f"{visitor.server}/{STEM}?lang=zh")
    expect(visitor.keyed("surface").locator("input")).to_have_value(translate(MODEL().surface, "zh"))
    visitor.keyed("language_switch").get_by_text("English").click()
    expect(visitor.keyed("surface").locator("input")).to_have_value(MODEL().surface)
    expect(visitor.page).to_have_url(f"{visitor.server}/{STEM}?lang=en")
    assert visitor.page.get_by_test_id("stAlert").count() == 0


def corner(visitor, name):
    """The colour of a chart's own paper."""
    return "#{:02x}{:02x}{:02x}".format(*visitor.shot(name).getpixel((3, 3)))


def test_theme_switch_is_followed(visit):
    visitor = visit(f"/{STEM}", color_scheme="light")
    assert corner(visitor, "loss") == INKS["light"].paper
    visitor.page.emulate_media(color_scheme="dark")
    dark = "rgb({}, {}, {})".format(*bytes.fromhex(INKS["dark"].paper[1:]))
    page = visitor.page.locator(".stApp")
    # At once the page is dark; the chart is still drawn for light, on its own light paper, so it can be read.
    visitor.until(lambda: page.evaluate("e => getComputedStyle(e).backgroundColor") == dark)
    assert corner(visitor, "loss") in (INKS["light"].paper, INKS["dark"].paper)
    visitor.until(lambda: corner(visitor.settled(), "loss") == INKS["dark"].paper, THEME_CHECK_SECONDS + 20)


def opened(kind: str, data: bytes) -> None:
    """Read a file as what it claims to be."""
    if kind == "PNG":
        image = Image.open(io.BytesIO(data))
        image.load()
        assert image.width > 1000
        assert len(image.convert("RGB").getcolors(1 << 24)) > 50
    elif kind == "SVG":
        from xml.etree import ElementTree

        assert ElementTree.fromstring(data).tag.endswith("svg")
    elif kind == "PDF":
        assert data.startswith(b"%PDF")
        assert data.rstrip().endswith(b"%%EOF")
    elif kind == "CSV":
        header, *lines = data.decode("utf-8-sig").splitlines()
        assert header.startswith("dataset,")
        assert len(lines) > 50
    else:
        import json

        assert json.loads(data)["concept"] == STEM


def exported(visitor, kind: str):
    """The file that the button gives, once the server knows that one of this kind is wanted."""
    given = []

    def of_the_kind() -> bool:
        with visitor.page.expect_download(timeout=60_000) as download:
            visitor.keyed("save_download").get_by_role("button").click()
        given.append(download.value)
        return download.value.suggested_filename.endswith(f".{kind.lower()}")

    visitor.until(of_the_kind)
    return given[-1]


def test_save_shows_a_slide_and_gives_valid_files(visit):
    visitor = visit(f"/{STEM}?steps=50&view=hero.step:19")
    visitor.keyed("save_hero").get_by_role("button").click()
    preview = visitor.keyed("preview").locator("img")
    visitor.until(lambda: preview.evaluate("e => e.naturalWidth / e.naturalHeight") == 1280 / 720)
    for kind in ("SVG", "PNG", "PDF", "CSV", "JSON"):
        visitor.keyed("save_format").get_by_text(kind, exact=True).click()
        file = exported(visitor.settled(), kind)
        assert file.suggested_filename.startswith(STEM)
        data = Path(file.path()).read_bytes()
        opened(kind, data)
        assert kind != "SVG" or "50 steps, β = 0.9, step 19" in data.decode()
    expect(visitor.page.get_by_test_id("stException")).to_have_count(0)


def test_home_opens_quickly_and_leads_to_pages(visit):
    visitor = visit("/")
    image = visitor.page.locator(f".st-key-card_{STEM} img")
    assert image.evaluate("e => e.naturalWidth") > 300
    visitor.keyed(f"card_{STEM}").get_by_role("link").click()
    expect(visitor.page.locator("h1")).to_have_text(words(STEM, "en").title)
    assert visitor.address.startswith(f"/{STEM}")


def test_script_in_a_link_is_text(visit):
    visitor = visit(f"/{STEM}?surface=<img src=x onerror=window.hit=1>&<script>window.hit=1</script>=1")
    assert visitor.page.evaluate("window.hit") is None
    expect(visitor.page.get_by_test_id("stAlert")).to_have_count(2)
