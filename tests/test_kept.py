"""Results that are kept: by the arguments that matter, and never changed by who got them."""

from dataclasses import dataclass

import numpy as np
import pytest

from dlviz.engine.kept import kept


@dataclass(frozen=True)
class Curve:
    y: np.ndarray


def counted(maxsize=2):
    calls = []

    @kept(maxsize)
    def run(a, b=0, *, progress):
        calls.append((a, b))
        progress(1.0)
        if a < 0:
            raise ValueError("negative")
        return Curve(np.arange(a) + b)

    return run, calls


def test_the_same_arguments_compute_once_whoever_watches():
    run, calls = counted()
    shares = []
    assert run(3, progress=shares.append) is run(3)
    assert run(3, b=1) is not run(3)
    assert calls == [(3, 0), (3, 1)]
    assert shares == [1.0]


def test_the_one_unused_for_longest_goes():
    run, calls = counted(maxsize=2)
    run(1), run(2), run(1), run(3), run(1), run(2)
    assert [a for a, _ in calls] == [1, 2, 3, 2]


def test_what_raises_is_not_kept():
    run, calls = counted()
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            run(-1)
    assert len(calls) == 2


def test_results_are_read_only():
    run, _calls = counted()
    with pytest.raises(ValueError, match="read-only"):
        run(3).y[0] = 7
