"""The page "What should stay frozen?": its sweep, its sentences and its script."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest
from page_scripts import printed

from dlviz import catalog
from dlviz.concepts.fine_tuning import curves, experiment, network, pairs, script, sweep
from dlviz.concepts.fine_tuning.differences import clear, signed_points
from dlviz.concepts.fine_tuning.pairs import Pairs
from dlviz.concepts.fine_tuning.script import shown_label
from dlviz.concepts.fine_tuning.settings import Labels, Settings
from dlviz.concepts.fine_tuning.sweep import Sweep
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.data import digit_tasks
from dlviz.engine.networks import layered
from dlviz.language import LANGUAGES, words

PICTURES = catalog.concepts()["fine_tuning"].figures
SMALL = {"steps": 20, "source_steps": 30, "seeds": 2}
NAMES = ("scratch", "full", "frozen")

CODE = {
    "mlp": Settings(**SMALL),
    "cnn": Settings(**SMALL, source="Shuffled labels", target="Clean 5-9", labels=("50",), network="CNN", layers=4),
    "no source": Settings(**SMALL, source="No source", target="Inverted", labels=("1",), frozen=0, seed=5),
}


def test_the_scripts_give_the_accuracies_of_the_page_in_a_fresh_interpreter():
    results = {case: experiment.run(settings) for case, settings in CODE.items()}
    scripts = {case: experiment.code(result) for case, result in results.items()}
    assert all(len(line) <= 120 for script in scripts.values() for line in script.splitlines())
    said = printed(scripts)
    for case, result in results.items():
        settings, found = result.settings, result.sweep
        numbers = re.findall(r"(\w+): ([\d.]+)", "\n".join(said[case]))
        assert [name for name, _ in numbers] == list(NAMES)
        label = settings.labels.index(shown_label(settings))
        expected = found.scratch[label], found.frozen[label, 0], found.frozen[label, settings.frozen_layers]
        for (name, value), values in zip(numbers, expected, strict=True):
            # Sums in another order move the last digits, which may decide an image or two.
            images = settings.seeds * result.tested
            assert float(value) == pytest.approx(values.mean(), abs=2.5 / images), (case, name)


@pytest.mark.parametrize("name", digit_tasks.TASKS)
def test_the_script_s_tasks_are_the_page_s(name):
    found = {}
    exec(script._imports() + script._task(name, "source", 0.3), found)
    for part in digit_tasks.PARTS:
        x, y = digit_tasks.task(name, part, 3, 0.3)
        images, classes = found["source_task"](part, 3)
        assert np.array_equal(images.flatten(1), x)
        assert np.array_equal(classes, y)


def test_equal_settings_give_equal_numbers():
    settings = Settings(**SMALL, labels=("2",), seed=3)
    first = sweep.sweep(settings, settings.labels)
    sweep._frozen.forget()
    again = sweep.sweep(settings, settings.labels)
    assert np.array_equal(first.frozen, again.frozen)
    assert np.array_equal(first.scratch, again.scratch)


def test_without_a_source_nothing_frozen_is_from_scratch():
    found = sweep.sweep(Settings(**SMALL, source="No source", target="Clean 5-9"), ("1", "5"))
    assert np.array_equal(found.scratch, found.frozen[:, 0])
    assert np.isnan(found.source).all()


def test_the_curves_end_where_the_hero_is():
    settings = Settings(**SMALL, panels=("Curves",), labels=("5",))
    result = experiment.run(settings)
    found = result.curves
    assert found.names == ("From scratch", "Full fine-tuning", "Frozen", "Head only")
    assert found.steps[0] == 0
    assert found.steps[-1] == settings.steps
    scratch, frozen = result.sweep.scratch, result.sweep.frozen
    expected = [scratch[0], frozen[0, 0], frozen[0, 2], frozen[0, 4]]
    assert np.allclose(found.accuracy[-1], expected, atol=1.5 / result.tested)


@pytest.mark.parametrize(("frozen", "names"), [(0, 3), (4, 3), (1, 4)])
def test_what_is_the_same_is_drawn_once(frozen, names):
    found = curves.compute(Settings(**SMALL, frozen=frozen, amount="1"))
    assert len(found.names) == len(set(found.names)) == names
    assert found.accuracy.shape[1] == names


def test_the_map_is_the_sweep_s():
    """A pair of the map is what the hero shows of it, with the same seeds."""
    settings = Settings(steps=10, source_steps=10, seeds=2, source="Clean", target="Noisy")
    found = pairs.compute(settings)
    hero = sweep.sweep(settings, found.labels)
    a, b = found.sources.index("Clean"), found.targets.index("Noisy")
    for c, label in enumerate(found.labels):
        for d, depth in enumerate(found.depths):
            assert np.allclose(found.gain[a, b, c, d], hero.gain(label, depth), atol=2.5 / 400)
    nothing = found.gain[found.sources.index("No source"), :, :, 0]
    assert np.abs(nothing).max() < 2.5 / 200


def test_a_gain_is_clear_only_if_all_seeds_agree():
    gain = np.array([[0.1, 0.2], [-0.1, 0.2], [-0.1, -0.3], [0.0, 0.1]]).reshape(1, 1, 1, 4, 2)
    assert Pairs(("a",), ("b",), ("1",), (0, 1, 2, 3), gain).clear().ravel().tolist() == [True, False, True, False]
    assert not Pairs(("a",), ("b",), ("1",), (0, 1, 2, 3), gain[..., :1]).clear().any()


def test_parameters_are_those_of_torch_s_modules():
    """64 units: 144·64 + 64, then 64·64 + 64; 16 channels of 3x3: 9·16 + 16, then 9·16·16 + 16."""
    mlp = network.compute(Settings(target="Shifted"))
    assert mlp.parameters.tolist() == [9280, 4160, 4160, 4160, 650]
    assert mlp.trained(2) == 4160 + 4160 + 650
    cnn = network.compute(Settings(target="Shifted 5-9", network="CNN", layers=4))
    assert cnn.parameters.tolist() == [160, 2320, 2320, 725]
    assert cnn.units == ("16 × 6 × 6", "16 × 3 × 3", "16 × 3 × 3", "5")
    assert layered.draw("CNN", 4, 5, (0,)).sizes() == cnn.parameters.tolist()
    assert (mlp.seconds > 0).all()


def test_a_result_is_called_clear_beyond_two_standard_errors():
    assert [clear(np.full(2, value)) for value in (0.5, 0.0, -0.5)] == [np.inf, 0, -np.inf]  # no scatter at all
    assert clear(np.array([0.05])) == 0
    values = np.array([0.02, 0.04, 0.06])
    assert clear(values) == pytest.approx(0.04 / (0.02 / 3**0.5))


def test_the_depth_that_is_called_best_is_the_one_with_the_highest_mean():
    frozen = np.array([[[0.2, 0.4], [0.5, 0.3], [0.4, 0.4]]])
    found = Sweep(np.array([0.9, 0.9]), ("1",), np.array([[0.3, 0.3]]), frozen)
    assert found.best("1") == 1  # the second has the same mean and freezes more
    assert np.allclose(found.gain("1", 1), [0.2, 0.0])
    assert np.allclose(found.over_full("1", 1), [0.3, -0.1])


def test_differences_are_written_with_their_sign():
    assert [signed_points(np.array([v])) for v in (0.0123, -0.0123, 0.0, 0.0001)] == ["+1.2", "−1.2", "0.0", "0.0"]


ODD = {
    "nothing chosen": Settings(**SMALL, labels=(), panels=("Network", "Curves", "Gain by labels")),
    "one seed": Settings(
        steps=10, source_steps=10, seeds=1, panels=("Curves", "Gain by labels"), labels=get_args(Labels)
    ),
    "wild rate": Settings(**SMALL, rate=0.1, panels=("Curves",), layers=8, frozen=7, network="CNN", labels=("1",)),
    "no source": Settings(**SMALL, source="No source", panels=("Network", "Curves"), target="Noisy", noise=1),
    "one seed on the map": Settings(steps=10, source_steps=10, seeds=1, layers=4, panels=("Transfer map",)),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ODD)
def test_sentences_of_odd_settings_have_no_odd_numbers(case, language):
    result, prose, look = experiment.run(ODD[case]), words("fine_tuning", language), Look(language=language)
    notes = [*experiment.notice(result), *experiment.facts(result)]
    texts = [prose.notice[note.key].format(**note.values) for note in notes]
    texts += [PICTURES.FIGURES[name].alt(result, look) for name in PICTURES.shown(ODD[case])]
    texts += [readout.measured for readout in experiment.readouts(result)]
    for text in texts:
        assert not re.search(r"\bnan\b|\binf\b|e[-−]1\d|\d{9}", text), text


def test_a_pinned_run_of_another_depth_is_drawn_within_the_axes():
    ghost = experiment.run(Settings(**SMALL, layers=8, labels=("1",)))
    result = experiment.run(Settings(**SMALL, layers=4, labels=("1",)))
    spec = PICTURES.FIGURES["hero"].draw([Run(result), Run(ghost, "the pinned run")], Look()).to_dict()
    assert 7 < spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1] < 7.2  # room for the whole of the last point
    assert "the pinned run" in " ".join(spec["title"]["text"])


def test_a_run_can_be_stopped_in_every_panel():
    class Stop(Exception):
        pass

    settings = Settings(steps=10, source_steps=10, seeds=1, seed=77, panels=Settings.options("panels"))
    shares = []
    experiment.run(settings, shares.append)
    assert np.diff(shares).min() > -1e-9
    assert 0.99 < shares[-1] <= 1
    for stop in (0.1, 0.5, 0.9):

        def watch(share, stop=stop):
            if share > stop:
                raise Stop

        with pytest.raises(Stop):
            experiment.run(settings.model_copy(update={"seed": 78}), watch)
