"""How figures stand on a page: one beside the hero, then in pairs, a wide one alone."""

from types import SimpleNamespace

import pytest

from dlviz.contract import FigureSpec
from dlviz.ui.page.frame import HERO, Frame


@pytest.mark.parametrize(
    ("shown", "rows"),
    [
        ("", [[]]),
        ("a", [["a"]]),
        ("a b c d", [["a"], ["b", "c"], ["d"]]),
        ("W", [[], ["W"]]),
        ("W a b c", [["a"], ["W"], ["b", "c"]]),
        ("a b W c d", [["a"], ["b"], ["W"], ["c", "d"]]),
        ("a W V", [["a"], ["W"], ["V"]]),
    ],
)
def test_rows(shown, rows):
    names = [HERO, *shown.split()]
    page = Frame.__new__(Frame)
    page._drawn = None
    figures = {name: FigureSpec(name, None, None, wide=name.isupper()) for name in names}
    page.figures = SimpleNamespace(FIGURES=figures, shown=lambda _settings: names)
    assert page._rows() == rows
