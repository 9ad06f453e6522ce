"""Numbers as texts: never what they are not."""

import math

from hypothesis import given
from hypothesis import strategies as st

from dlviz import numbers


def test_shares():
    shares = (0, 1e-5, 0.0005, 0.5, 0.9996, 0.999999, 1, math.nan)
    assert [numbers.percent(share) for share in shares] == [
        "0%", "0.001%", "0.1%", "50.0%", "99.960%", "> 99.999%", "100%", "–",
    ]  # fmt: skip


@given(st.floats(0, 1))
def test_nothing_but_zero_and_one_is_called_so(share):
    assert (numbers.percent(share) == "0%") == (share == 0)
    assert (numbers.percent(share) == "100%") == (share == 1)


def test_numbers_of_a_calculation():
    given_ = (-0.0, 1e-14, -0.123456, 1.465e-5)
    assert [numbers.signed(value) for value in given_] == ["0", "0", "−0.1235", "1.465e−5"]
    assert [numbers.short(value) for value in (-0.0, 0.004, -1.236, 12.0)] == ["0.00", "0.004", "−1.24", "12.00"]
    assert [numbers.latex(value) for value in (0.5, 1.465e-5)] == ["0.5", r"1.465 \cdot 10^{-5}"]


def test_fixed_small_and_above():
    assert [numbers.fixed(value, 2) for value in (-0.001, -1.2345)] == ["0.00", "−1.23"]
    assert [numbers.small(value) for value in (-12345.6, math.inf)] == ["−1.23e+04", "–"]
    assert [numbers.above(value, 1e-6) for value in (0.0, 1e-7, 0.25)] == ["< 1e-06", "< 1e-06", "0.25"]
