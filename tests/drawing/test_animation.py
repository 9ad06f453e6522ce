"""Animations: what moves, how many frames, how large a file, and that it shows what the pictures show."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlviz.drawing.export import animation, files, worker
from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.interaction import slider
from dlviz.drawing.grammar.theme import Look

from .test_export import PAGE, figure

PLAIN = Page("Momentum wins", "", "", '{"seed": 0}')


def pixels(image):
    return np.asarray(image.convert("RGB"), dtype=int)


def frames(data):
    image = Image.open(io.BytesIO(data))
    shown = []
    for i in range(image.n_frames):
        image.seek(i)
        shown.append(pixels(image))
    return shown


def still_at(step, look, page):
    (own,) = page.looks(look)
    return pixels(
        Image.open(io.BytesIO(files.render(figure(own).at({"step": step}), "png", look=look, page=page, scale=1)))
    )


def short(monkeypatch, count):
    monkeypatch.setattr(animation, "FRAMES", count)


@pytest.mark.parametrize(
    ("low", "high", "step", "expected"),
    [
        (0, 3, 1, [0, 1, 2, 3]),
        (2, 7, 2, [2, 4, 6]),
        (-3, 3, 0.05, None),
        (0, 5000, 1, None),
    ],
)
def test_stops_are_stops_of_the_slider_evenly_from_end_to_end(low, high, step, expected):
    at = animation.stops(slider("x", low, low, high, step, "x"))
    if expected:
        assert at == expected
        return
    assert len(at) == animation.FRAMES and at[0] == low and at[-1] == pytest.approx(high)
    places = (np.array(at) - low) / step
    assert places == pytest.approx(np.round(places), abs=1e-6)
    assert np.ptp(np.diff(np.round(places))) <= 1


def test_a_loop_takes_a_few_seconds_and_stays_at_its_end():
    for count in (1, 2, 20, 48):
        held = animation.durations(count)
        assert len(held) == count and held[-1] == animation.HELD and all(ms % 10 == 0 for ms in held)
        assert sum(held) <= animation.LOOP + animation.HELD


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_gif_plays_the_slider_and_shows_what_pictures_show(monkeypatch, theme):
    short(monkeypatch, 4)
    look, told = Look(slide=True, theme=theme), []
    (own,) = PLAIN.looks(look)
    data = files.render(figure(own), "gif", look=look, page=PLAIN, progress=told.append)
    image = Image.open(io.BytesIO(data))
    assert image.format == "GIF" and image.size == (1280, 720) and image.n_frames == 4
    assert image.info["loop"] == 0 and image.info["comment"].decode() == PLAIN.record
    shown = frames(data)
    for now, then in zip(shown, shown[1:], strict=False):
        assert np.abs(now - then).max() > 100, "something moves"
    for step, picture in ((0, shown[0]), (19, shown[-1])):
        off = np.abs(picture - still_at(step, look, PLAIN)).max(axis=2)
        assert off.mean() < 3 and np.percentile(off, 99) < 16, "within the palette"
    assert (shown[0][2, 2] == still_at(0, look, PLAIN)[2, 2]).all(), "paper is paper"
    assert told == sorted(told) and told[-1] == 1.0 and len(told) == 5


def test_progress_ends_it():
    def stop(_share):
        raise KeyError

    with pytest.raises(KeyError):
        files.render(figure(), "gif", progress=stop)


def test_figures_side_by_side_move_together(monkeypatch):
    short(monkeypatch, 2)
    look = Look(slide=True)
    charts = [figure(own) for own in PLAIN.looks(look, 2)]
    first, last = frames(files.render(charts, "gif", look=look, page=PLAIN))
    moved = np.flatnonzero(np.abs(first - last).max(axis=(0, 2)) > 100)
    (_, _, wide, _), (left, *_) = PLAIN.boxes(2)
    assert moved.min() < wide / 2 and moved.max() > left, "in both"


def test_each_frame_says_where_the_slider_stands_where_there_is_room():
    look, moved = Look(slide=True), animation.slider([figure()])
    lines = [page.line for page in animation.pages(PAGE, moved, [0, 19], look, (960, 400))]
    assert lines == [f"{PAGE.line}, step 0", f"{PAGE.line}, step 19"]
    for page in (PLAIN, Page("T", ("x" * 10 + " ") * 10, "", "")):
        assert animation.pages(page, moved, [0, 19], look, (960, 400)) == [page, page], "figures fill the rest"


def test_a_figure_on_its_own_is_as_wide_as_a_slide(monkeypatch):
    short(monkeypatch, 2)
    image = Image.open(io.BytesIO(files.render(figure(Look(transparent=True)), "gif", look=Look(transparent=True))))
    assert image.width == animation.WIDE and image.n_frames == 2
    assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255), "a GIF has paper"


def test_what_has_no_slider_says_so():
    still = message("x", Look())
    assert files.animated(still) is None and files.animated(figure()) == "step"
    assert files.animated(still, figure()) == "step"
    with pytest.raises(files.ExportError, match="no slider"):
        files.render(still, "gif")


def noise(count, size):
    random = np.random.default_rng(0)
    for _ in range(count):
        out = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8)).save(out, "PNG")
        yield out.getvalue()


def test_a_file_too_large_has_fewer_frames_and_then_smaller_ones():
    pngs = list(noise(9, (40, 500)))
    held = animation.durations(9)
    whole = len(worker.bounded_gif(pngs, held, "#ffffff", "", 10**9, 3))
    half = Image.open(io.BytesIO(worker.bounded_gif(pngs, held, "#ffffff", "", round(0.6 * whole), 3)))
    assert half.n_frames == 5 and half.width == 500
    times = []
    for i in range(half.n_frames):
        half.seek(i)
        times.append(half.info["duration"])
    assert times == [2 * held[0]] * 4 + [held[-1]], "it takes as long"
    data = worker.bounded_gif(pngs, held, "#ffffff", "", round(0.15 * whole), 3)
    small = Image.open(io.BytesIO(data))
    assert small.n_frames == 3 and small.width < 500 and len(data) <= 0.15 * whole
