"""What the page on fine-tuning does in the browser: a click on a block freezes up to it, one on the map chooses."""

from .test_signals import changed, point


def test_a_click_on_a_block_freezes_up_to_it(visit):
    """The head is on top and the input at the foot: a click there freezes nothing."""
    visitor = visit("/fine_tuning?lang=en")
    for down, frozen in ((0.31, 4), (0.665, 1), (0.785, 0)):
        before = visitor.shot("network")
        point(visitor, "network", 0.25, down, click=True)
        visitor.until(lambda frozen=frozen: f"frozen={frozen}" in visitor.address)
        visitor.until(lambda before=before: changed(before, visitor.shot("network")) > 500)


def test_a_click_on_the_map_chooses_source_and_target(visit):
    visitor = visit("/fine_tuning?panels=Transfer map&labels=1&layers=4&steps=10&source_steps=10&seeds=2&lang=en")
    before = visitor.shot("pairs")
    point(visitor, "pairs", 0.46, 0.13, click=True)
    visitor.until(lambda: "source=Clean&target=Rotated" in visitor.address)
    visitor.until(lambda: changed(before, visitor.shot("pairs")) > 100)
    assert visit(visitor.address).address == visitor.address
