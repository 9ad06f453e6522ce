"""What the page on fine-tuning does in the browser: a click on a block freezes up to it."""

import pytest

from .test_signals import changed, point, shot


@pytest.mark.parametrize(("down", "frozen"), [(0.34, 4), (0.72, 1), (0.84, 0)])
def test_a_click_on_a_block_freezes_up_to_it(visit, down, frozen):
    """The head is on top and the input at the foot: a click there freezes nothing."""
    visitor = visit("/fine_tuning?lang=en")
    before = shot(visitor, "network")
    point(visitor, "network", 0.25, down, click=True)
    assert f"frozen={frozen}" in visitor.address
    assert changed(before, shot(visitor, "network")) > 500
    assert visit(visitor.address).address == visitor.address
