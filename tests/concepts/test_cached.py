"""Results that are kept: by the arguments that matter, never changed by who got them, and small enough."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from cases import cases
from strategies import quick

from dlviz import catalog, hardware
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


def test_what_is_told_of_a_concept_is_of_its_settings_and_figures():
    for stem, concept in catalog.concepts().items():
        told, model = cases(stem), concept.experiment.Settings
        dearest = told.dearest
        named = {*told.short, *told.dear, *dearest.choices, *dearest.at_most, *dearest.less}
        assert named <= set(model.model_fields), stem
        assert told.dear <= set(told.short), stem
        assert set(told.first_looks) <= {preset.name for preset in concept.experiment.PRESETS}, stem
        assert told.anywhere is None or told.anywhere in concept.figures.FIGURES, stem


STEMS = [pytest.param(s, marks=pytest.mark.long if cases(s).dearest.long else ()) for s in catalog.concepts()]


@pytest.mark.parametrize("stem", STEMS)
def test_no_page_gives_a_result_too_large_to_be_kept(monkeypatch, stem):
    """Such a page would stay with its first look, and compute the rest again whenever it is drawn.

    With the bounds that are open where a GPU is.
    """
    monkeypatch.setattr(hardware, "accelerated", lambda: True)
    experiment = catalog.concepts()[stem].experiment
    model = experiment.Settings
    dearest = cases(stem).dearest
    greatest = {name: model.bounds(name)[1] for name in (*dearest.at_most, *dearest.less)}
    values = dict(quick(model()))
    values |= {name: model.options(name) for name, value in values.items() if isinstance(value, tuple)}
    values |= {**dearest.choices, **{name: greatest[name] for name in dearest.at_most}, **dearest.less}
    times = math.prod(greatest[name] / value for name, value in dearest.less.items())
    assert times * size_of(experiment.run(model(**values))) < LARGEST * BUDGET.max_bytes
