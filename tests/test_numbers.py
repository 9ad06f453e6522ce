"""Numbers as texts: never what they are not."""

import math

import numpy as np
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


def test_a_sentence_has_numbers_as_the_readouts_beside_it():
    template = "from {low:.2g} to {high:.2g} in {steps} steps, {gap:.0e}, {sign:+.1f}; {name}, {{x}}"
    values = {"low": -1.5, "high": 12345.0, "steps": -3, "gap": 4e-15, "sign": np.float64(2.0), "name": "e-05"}
    assert numbers.filled(template, values) == "from −1.5 to 1.2e4 in −3 steps, 4e−15, +2.0; e-05, {x}"
    assert numbers.small(1e100) == "1e100" and numbers.small(1e-10) == "1e−10"


def test_fixed_small_and_above():
    assert [numbers.fixed(value, 2) for value in (-0.001, -1.2345)] == ["0.00", "−1.23"]
    assert [numbers.small(value) for value in (-12345.6, math.inf)] == ["−1.23e4", "–"]
    assert [numbers.above(value, 1e-6) for value in (0.0, 1e-7, 0.25)] == ["< 1e−6", "< 1e−6", "0.25"]
