"""The concept "Activation functions": claims, measurements against theory and autograd, figures, and the script."""

from __future__ import annotations

import numpy as np
import pytest
from page_scripts import printed
from pictures import compiled

from dlviz import catalog
from dlviz.concepts.activations import depth, dying, experiment, learned, neuron, zigzag
from dlviz.concepts.activations.settings import BY_DEPTH, FunctionName, Settings
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.language import LANGUAGES, words

PRESETS = {preset.name: preset for preset in experiment.PRESETS}
FUNCTIONS = FunctionName.__args__
figures = catalog.concepts()["activations"].figures


def run(**given):
    return experiment.run(Settings(**given))


def test_a_claim_fails_where_the_phenomenon_is_absent():
    changed = {
        "vanishing": {"weight_scale": 4.0},
        "centred": {"function": "Sigmoid"},
        "dying": {"dying_rate": 0.01, "dying_bias": 0.0},
        "never_woken": {"dying_rate": 0.01, "dying_bias": 0.0},
        "one_hot": {"temperature": 1.0},
        "self_normalising": {"weight_scale": 2.0},
        "learned": {"learned_rate": 1e-4},
    }
    for name, update in changed.items():
        preset = PRESETS[name]
        assert not preset.claim(experiment.run(preset.settings.model_copy(update=update))).holds, name


# ---- the page


def test_equal_settings_give_equal_numbers():
    s = Settings(panels=("Gradient by depth", "Zigzag", "Learned slope"), depth=5, width=20)
    first = experiment.run(s)
    for kept in (depth.measured, zigzag.agreement, zigzag.path, learned.slopes, neuron.neuron):
        kept.forget()
    second = experiment.run(s)
    assert np.array_equal(first.depth.functions["ReLU"].gradient, second.depth.functions["ReLU"].gradient)
    assert np.array_equal(first.zigzag.paths[0].w, second.zigzag.paths[0].w)
    assert np.array_equal(first.learned.slopes, second.learned.slopes)
    assert np.array_equal(first.neuron.y_density, second.neuron.y_density)


def test_an_unrelated_knob_trains_nothing_again():
    first = run(panels=("Dying ReLU",), mean=0.5)
    second = run(panels=("Dying ReLU",), mean=-0.5, function="Tanh", epsilon=0.01)
    assert first.dying.grid is second.dying.grid and first.dying.lines is second.dying.lines


CODE = {
    "default": Settings(),
    "deep tanh": Settings(function="Tanh", depth=7, width=40, weight_scale=1.7, seed=4, mean=0.3, std=2.0),
    "PReLU": Settings(function="PReLU", prelu_slope=-0.1, depth=3),
    "Swish": Settings(function="Swish", swish_beta=1.702, panels=()),
    "Maxout": Settings(function="Maxout", maxout_pieces=4, seed=9),
    "ELU": Settings(function="ELU", elu_alpha=0.5, panels=(), epsilon=0.2),
    "Softplus": Settings(function="Softplus", softplus_beta=5.0, panels=("Softmax",)),
    "SELU, a preset": PRESETS["self_normalising"].settings,
    "Tanh, a preset": PRESETS["centred"].settings,
}


@pytest.fixture(scope="module")
def said():
    """What the scripts print."""
    lines = printed({case: experiment.code(experiment.run(settings)) for case, settings in CODE.items()})
    return {case: {name: float(value) for name, value in (x.rsplit(":", 1) for x in lines[case])} for case in CODE}


@pytest.mark.parametrize("case", CODE)
def test_the_script_gives_the_numbers_of_the_page_in_a_fresh_interpreter(case, said):
    result, said = experiment.run(CODE[case]), said[case]
    n = result.neuron
    assert said["saturated"] == pytest.approx(n.saturated, abs=1e-4)
    assert said["mean output"] == pytest.approx(n.mean, rel=1e-9)
    assert said["mean squared slope"] == pytest.approx(n.squared_slope, rel=1e-9)
    deep = result.depth is not None and n.name in result.depth.functions
    assert ("first layer's gradient, median" in said) == deep
    if deep:
        left = np.median(result.depth.functions[n.name].passed_back[:, 0])
        assert said["first layer's gradient, median"] == pytest.approx(left, rel=1e-6)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_every_figure_draws_without_its_data(name):
    """A figure that the settings did not ask for is a message, never a blank chart or an error."""
    spec = figures.FIGURES[name].draw([Run(run(panels=()))], Look()).to_dict()
    assert "<path" in compiled(spec)


EXTREMES = {
    "explodes": {"weight_scale": 10.0, "depth": 50, "compared": ("ReLU", "Softplus"), "width": 20, "function": "ReLU"},
    "is gone": {"weight_scale": 0.05, "depth": 50, "function": "Sigmoid", "width": 10, "swish_beta": 0.0},
    "nothing compared": {"compared": (), "function": "Maxout", "maxout_pieces": 1},
    "narrow": {"std": 0.1, "mean": 5.0, "function": "Sigmoid", "epsilon": 0.5},
    "wide": {"std": 10.0, "mean": -5.0, "function": "SELU", "epsilon": 1e-4},
    "training overflows": {"panels": ("Dying ReLU", "Learned slope"), "dying_rate": 100.0, "learned_rate": 10.0},
    "cold and hot": {"panels": ("Softmax",), "temperature": 0.01},
}


@pytest.mark.parametrize("case", EXTREMES)
def test_extremes_have_marks_words_and_no_errors(case):
    given = {"panels": BY_DEPTH, **EXTREMES[case]}
    result, other = run(**given), run(panels=BY_DEPTH, depth=3, width=10)
    for name in figures.shown(Settings(**given)):
        figure = figures.FIGURES[name]
        for language in LANGUAGES:
            assert "nan" not in figure.alt(result, Look(language=language)).lower().split()
        drawn = compiled(figure.draw([Run(result), Run(other, "another run")], Look(theme="dark")).to_dict())
        assert "NaN" not in drawn and "<text" in drawn
    for language in LANGUAGES:
        for note in (*experiment.notice(result), *experiment.facts(result)):
            text = words("activations", language).notice[note.key].format(**note.values)
            assert "nan" not in text and "inf" not in text.replace("infinit", "")
    assert experiment.readouts(result)


def test_the_hero_draws_every_other_run_and_names_it():
    own, one, two = run(panels=()), run(panels=(), function="ReLU"), run(panels=(), function="Swish", swish_beta=2.0)
    hero = figures.FIGURES["hero"]
    alone = hero.draw([Run(own), Run(one, "the first")], Look()).to_dict()["datasets"]
    assert [row["text"] for row in alone["_pinned"]] == ["pinned: ReLU"]
    both = hero.draw([Run(own), Run(one, "the first"), Run(two, "the second")], Look()).to_dict()["datasets"]
    said = [row["text"] for name in ("_pinned", "_pinned 2") for row in both[name]]
    assert said == ["the first: ReLU", "the second: Swish (β = 2)"]
    for number, drawn in (("", one), (" 2", two)):
        heights = [row["y"] for row in both[f"pinned f{number}"] if row["y"] is not None]
        assert len(heights) > 100 and np.isin(heights, drawn.neuron.f).mean() > 0.9


def test_curves_of_every_other_run_are_drawn():
    given = {"panels": ("Gradient by depth",), "compared": ("Tanh",), "function": "Tanh", "width": 10}
    runs = [Run(run(**given, depth=depth), f"{depth} layers" if depth > 4 else "") for depth in (4, 6, 8)]
    rows = figures.FIGURES["gradients"].draw(runs, Look()).to_dict()["datasets"]["pinned lines"]
    assert [sum(row["name"] == name for row in rows) for name in ("Tanh", "Tanh (8 layers)")] == [6, 8]


def test_a_gradient_that_is_gone_is_not_called_zero():
    result = run(panels=BY_DEPTH, weight_scale=0.05, depth=50, width=10, function="Sigmoid", compared=())
    left = result.depth.functions["Sigmoid"].passed_back[:, 0]
    notes = {note.key for note in experiment.notice(result)}
    assert ("gone" in notes) == bool((left == 0).all())
    assert any(item.measured == "< 1e−290" or float(item.measured.replace("−", "-")) > 0
               for item in experiment.readouts(result) if item.label == "Gradient left in the first layer")  # fmt: skip


def test_the_swish_gap_of_the_claim_is_lambert_s():
    from scipy.special import lambertw

    # x (1 − σ(x)) is greatest at x = 1 + W(1/e), where it is W(1/e).
    assert float(lambertw(1 / np.e).real) == pytest.approx(neuron.SWISH_GAP, rel=1e-12)


def test_long_work_can_be_stopped():
    class Stop(Exception):
        pass

    def stop(share):
        if share > 0.3:
            raise Stop

    for panel in ("Gradient by depth", "Dying ReLU", "Learned slope"):
        for kept in (depth.measured, dying.grid, dying.lines, learned.slopes):
            kept.forget()
        with pytest.raises(Stop):
            experiment.run(Settings(panels=(panel,)), stop)


SAID = {
    "nothing gets through": ({"function": "ReLU", "mean": -5.0, "std": 0.1}, "constant", {"value": "0.000"}),
    "a zone narrower than two decimals": (
        {"function": "Swish", "swish_beta": 50.0, "epsilon": 1e-4, "std": 0.5},
        "flat",
        {"zone": "z < −0.23, −0.02558 < z < −0.02556"},
    ),
    "certainty is not said to be all": (
        {"panels": ("Softmax",), "temperature": 0.01},
        "softmax_hot",
        {"largest": "> 99.999%"},
    ),
    "nearly all of the entropy": (
        {"panels": ("Softmax",), "temperature": 100.0},
        "softmax_flat",
        {"entropy": "99.960%"},
    ),
    "steps too large": (
        {"panels": ("Zigzag",), "function": "Softplus", "softplus_beta": 0.1},
        "path_left",
        {"name": "Softplus", "step": 2},
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_extreme_numbers_are_said_as_they_are(case):
    given, key, values = SAID[case]
    (note,) = (note for note in experiment.notice(run(**{"panels": (), **given})) if note.key == key)
    assert {name: note.values[name] for name in values} == values
