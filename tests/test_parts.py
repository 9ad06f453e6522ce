"""The share of a run of several parts."""

import pytest

from dlviz.progress import split


def test_parts_share_the_whole_by_what_they_cost():
    shares = []
    for watch in split(shares.append, [1, 3, 0, 4]):
        watch(0.0)
        watch(0.5)
        watch(1.0)
    assert shares == [0, 1 / 16, 1 / 8, 1 / 8, 5 / 16, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 3 / 4, 1]


def test_the_last_part_ends_at_one_whatever_rounding_does():
    shares = []
    for watch in split(shares.append, [0.1] * 10):
        watch(0.0)
        watch(1.0)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_progress_raises_ends_a_part():
    def moved_on(_share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        split(moved_on, [1.0])[0](0.5)
    assert split(moved_on, []) == []
