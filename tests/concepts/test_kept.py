"""Results that are kept: by the arguments that matter, never changed by who got them, and small enough."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from strategies import quick

from dlviz import catalog, hardware
from dlviz.concepts.loss_surfaces.settings import BASIN_SIDES
from dlviz.engine.runtime.cache import BUDGET, LARGEST, cached, size_of


@dataclass(frozen=True)
class Curve:
    y: np.ndarray


def counted(maxsize=2):
    calls = []

    @cached(maxsize)
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


# With every panel and switch on, and every name chosen: other choices, the numbers that are taken at their greatest,
# and those that are less here, for it would take minutes. With these at their greatest, too, a result has at most as
# many times more numbers. The numbers that are not named change none of its shapes.
DEAREST = {
    "loss_surfaces": (
        {"surface": "Rastrigin", "noise": 1.0, "basin_resolution": BASIN_SIDES["formula"][3], "basin_steps": 10},
        ("steps", "repeats"),
        {},
    ),
    "activations": ({}, ("depth",), {"width": 64}),
    "initialization": ({}, ("depth", "repeats", "samples", "train_steps", "symmetry_steps"), {"width": 64}),
    "normalization": ({}, ("depth", "batches"), {"epochs": 1, "training_seeds": 1}),
    "bptt": (
        {"data": "Adding", "cell": "LSTM"},
        ("length", "seeds", "steps", "longest", "trained_seeds"),
        {"hidden": 8},
    ),
    "fine_tuning": ({}, ("layers",), {"seeds": 1, "steps": 20}),
}
LARGE = "loss_surfaces"  # the others, far below the limit, are for the long run


def test_the_dearest_results_of_all_concepts_are_known():
    assert DEAREST.keys() == catalog.concepts().keys()


@pytest.mark.parametrize("stem", [pytest.param(s, marks=() if s == LARGE else pytest.mark.long) for s in DEAREST])
def test_no_page_gives_a_result_too_large_to_be_kept(monkeypatch, stem):
    """Such a page would stay with its first look, and compute the rest again whenever it is drawn.

    With the bounds that are open where a GPU is.
    """
    monkeypatch.setattr(hardware, "accelerated", lambda: True)
    experiment = catalog.concepts()[stem].experiment
    model = experiment.Settings
    choices, at_most, less = DEAREST[stem]
    greatest = {name: model.bounds(name)[1] for name in (*at_most, *less)}
    values = dict(quick(model()))
    values |= {name: model.options(name) for name, value in values.items() if isinstance(value, tuple)}
    values |= choices | {name: greatest[name] for name in at_most} | less
    times = math.prod(greatest[name] / value for name, value in less.items())
    assert times * size_of(experiment.run(model(**values))) < LARGEST * BUDGET.max_bytes
