"""The concept "Initialization": claims, figures and sentences for any settings, and the script."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from page_scripts import printed
from pictures import check_schema, texts
from strategies import settings_of

from dlviz import catalog
from dlviz.concepts.initialization import (
    chaos,
    curves,
    digits,
    experiment,
    forward_backward,
    grid,
    hills,
    signals,
    spectra,
    symmetry,
    training,
)
from dlviz.concepts.initialization.draw import grid as grid_drawing
from dlviz.concepts.initialization.draw import signals as hero_drawing
from dlviz.concepts.initialization.draw import sizes as size_drawing
from dlviz.concepts.initialization.settings import ActivationName, SchemeName, Settings
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.signals import propagation
from dlviz.engine.signals.activations import ACTIVATIONS
from dlviz.engine.signals.initializers import INITIALIZERS
from dlviz.language import LANGUAGES, words

PICTURES = catalog.concepts()["initialization"].figures
PANELS = Settings.options("panels")
PRESETS = {preset.name: preset for preset in experiment.PRESETS}
SMALL = {"depth": 6, "width": 32, "samples": 10, "repeats": 2}


def check_words(result, language):
    """Every sentence of a run finds its numbers."""
    prose = words("initialization", language)
    for note in (*experiment.notice(result), *experiment.facts(result)):
        said = prose.notice[note.key].format(**note.values)
        assert "nan" not in said.replace("nance", ""), (note.key, said)


def test_options_are_those_of_the_engine():
    assert set(ActivationName.__args__) == set(ACTIVATIONS)
    assert set(SchemeName.__args__) == set(INITIALIZERS)


def test_every_panel_has_figures_and_every_drawing_is_one_of_them():
    table = Settings.PANELS
    assert all(panel.figures for panel in table) and tuple(panel.name for panel in table) == ("", *PANELS)
    drawings = [import_module(f"dlviz.concepts.initialization.draw.{panel.stem}").DRAWINGS for panel in table]
    named = [name for panel in table for name in panel.figures]
    assert named == [name for drawn in drawings for name in drawn] == list(PICTURES.FIGURES)


@pytest.mark.parametrize(("claim", "settings"), [
    (forward_backward.too_small, Settings(std=0.0625, width=256)),
    (forward_backward.saturated, Settings(std=0.05)),
    (forward_backward.explodes, Settings(activation="ReLU", std=0.05)),
    (forward_backward.xavier_tanh, Settings(scheme="Normal", std=0.03)),
    (forward_backward.xavier_relu, forward_backward.HE),
    (forward_backward.he_relu, forward_backward.XAVIER),
    (chaos.claim, PRESETS["chaos"].settings.model_copy(update={"scale": 0.8})),
    (symmetry.claim, PRESETS["symmetry"].settings.model_copy(update={"symmetry_noise": 1e-8, "symmetry_steps": 50})),
    (spectra.claim, PRESETS["orthogonal"].settings.model_copy(update={"depth": 1, "width": 8})),
    (training.claim, PRESETS["training"].settings.model_copy(update={"train_rate": 1e-4, "train_steps": 10})),
], ids=lambda value: f"{value.__module__.rpartition('.')[2]}.{value.__name__}" if callable(value) else "")  # fmt: skip
def test_a_claim_fails_where_the_phenomenon_is_absent(claim, settings):
    assert not claim(experiment.run(settings)).holds


@given(settings_of("initialization"))
@hypothesis_settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_any_settings_beside_a_pinned_run_give_marks_and_whole_sentences(settings):
    result = experiment.run(settings)
    ghost = experiment.run(Settings(**SMALL))
    for language in LANGUAGES:
        check_words(result, language)
    look = Look(language="zh", theme="dark", slide=True)
    for name in PICTURES.shown(settings):
        spec = PICTURES.FIGURES[name].draw([Run(result), Run(ghost, "the pinned run")], look).to_dict()
        check_schema(spec)
        plain = re.sub(r"base64,[^\"]*", "", texts(spec))
        assert "NaN" not in plain and "Infinity" not in plain
        assert any(spec["datasets"].values()) or "lineHeight" in texts(spec)  # marks, or a message
        assert "{" not in PICTURES.FIGURES[name].alt(result, look)
    compile(experiment.code(result), "script", "exec")


def test_progress_of_all_panels_goes_from_nothing_to_all_and_never_back():
    shares = []
    short = {"symmetry_steps": 10, "train_steps": 10, "train_depth": 1}
    experiment.run(Settings(**SMALL, **short, panels=PANELS, seed=77), shares.append)
    assert shares[0] == 0 and shares == sorted(shares) and shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("name", PICTURES.FIGURES)
def test_every_figure_draws_without_its_data(name):
    spec = PICTURES.FIGURES[name].draw([Run(experiment.run(Settings(**SMALL, panels=())))], Look()).to_dict()
    check_schema(spec)


def test_equal_settings_give_equal_numbers_and_other_seeds_others():
    first = experiment.run(Settings(**SMALL)).signals
    signals._propagated.forget()
    again, other = experiment.run(Settings(**SMALL)).signals, experiment.run(Settings(**SMALL, seed=1)).signals
    assert np.array_equal(first.std, again.std) and np.array_equal(first.gradient, again.gradient)
    assert not np.intersect1d(first.std, other.std).size


def test_a_knob_of_another_panel_repeats_no_work(monkeypatch):
    settings = Settings(**SMALL, panels=PANELS, symmetry_steps=10, train_steps=10, train_depth=2)
    result = experiment.run(settings)
    monkeypatch.setattr(propagation, "propagate", None)
    moved = experiment.run(settings.model_copy(update={"density": "Logarithmic", "grid_shows": "Gradients"}))
    for name in ("grid", "spectra", "symmetry", "training"):
        assert getattr(moved, name) is getattr(result, name)


def test_the_cell_of_the_grid_is_the_hero_of_its_scheme():
    settings = Settings(**SMALL, panels=("Grid",), sigma_b=0.1, data="Gaussian")
    settings = settings.model_copy(update={"samples": grid.SAMPLES, "repeats": 1})
    found = experiment.run(settings).grid
    for activation, scheme in [
        ("ReLU", "He uniform"),
        ("Swish", "Orthogonal"),
        ("Tanh", "Constant"),
        ("ELU", "Normal"),
    ]:
        own = experiment.run(settings.model_copy(update={"activation": activation, "scheme": scheme})).signals
        cell = found.activations.index(activation), found.schemes.index(scheme)
        assert found.forward[cell] == pytest.approx(np.log10(own.std[0, -1] / own.std[0, 0]), abs=1e-9)
        assert found.backward[cell] == pytest.approx(np.log10(own.gradient[0, 0] / own.gradient[0, -1]), abs=1e-9)


def test_a_click_on_the_grid_sets_scheme_and_activation_in_every_language():
    figure = PICTURES.FIGURES["grid"]
    assert set(figure.click) == {"activation", "scheme"}
    result = experiment.run(Settings(**SMALL, panels=("Grid",)))
    for language in LANGUAGES:
        spec = figure.draw([Run(result)], Look(language=language)).to_dict()
        for row in spec["datasets"]["cells"]:
            chosen = Settings(**{name: row[field] for name, field in figure.click.items()})
            assert chosen.activation in ActivationName.__args__
        assert spec["datasets"]["_cells chosen"] == [{"row": "Tanh", "column": "Normal"}]


def test_grid_says_what_has_no_number():
    found = grid._decades(np.array([1.0, 1.0, 0.0, np.nan]), np.array([0.0, np.nan, 0.0, np.nan]))
    assert found[0] == -np.inf and found[1] == np.inf and np.isnan(found[2]) and found[3] == np.inf
    assert [grid_drawing._decades(value) for value in found] == ["→0", "→∞", "0", "→∞"]


def test_histograms_count_every_value_once():
    values = np.array([[0.0, 0.5, -0.5, 0.25], [np.nan, np.inf, 100.0, 0.1]])
    found = hills.hills(values)
    inside = (found.density * np.diff(found.edges)).sum(axis=1)
    assert inside + found.zero + found.outside == pytest.approx([1, 1])
    assert found.zero.tolist() == [0.25, 0] and found.outside == pytest.approx([0, 0.75])
    assert 0.0 in found.edges


def test_a_layer_mostly_beyond_the_picture_is_a_line_and_says_so():
    """One stray value of a hundred would otherwise be a ridge of full height."""
    values = np.linspace(-1, 1, 101) * np.array([[1.0], [5.0], [20.0]])
    found = hills.hills(values)
    assert found.bare.tolist() == [False, False, True]
    result = experiment.run(Settings(**{**SMALL, "depth": 3}, panels=()))
    result = replace(result, signals=replace(result.signals, hills=found))
    for logarithmic in (False, True):
        heights = hero_drawing._heights(found, logarithmic)
        assert (heights[:2].max(axis=1) > 0).all() and not heights[2].any()
    hero = PICTURES.FIGURES["hero"]
    spec = hero.draw([Run(result)], Look()).to_dict()
    assert spec["datasets"]["bare"] == [{"layer": 3.0}]
    share = np.mean(np.abs(values[2][values[2] != 0]) > found.edges[-1])
    assert [row["text"] for row in spec["datasets"]["_bare words"]] == [f"{share:.0%} beyond"]
    assert "Bare line" in texts(spec)
    assert "Bare line" not in texts(hero.draw([Run(experiment.run(Settings(**SMALL)))], Look()).to_dict())


@pytest.mark.parametrize("name", ["hero", "forward_backward"])
def test_every_run_beside_is_drawn_and_named(name):
    own, first, second = (experiment.run(Settings(**SMALL, std=std)) for std in (0.07, 0.1, 0.2))
    runs = [Run(own), Run(first, "run A"), Run(second, "run B")]
    spec = PICTURES.FIGURES[name].draw(runs, Look()).to_dict()
    check_schema(spec)
    assert "run A, run B." in texts(spec)
    pinned = {key: rows for key, rows in spec["datasets"].items() if key.startswith("pinned")}
    if name == "hero":
        assert list(pinned) == ["pinned ridges", "pinned ridges 2"]
        assert pinned["pinned ridges"] != pinned["pinned ridges 2"]
    else:
        assert len({row["name"] for row in pinned["pinned lines"]}) == 4


def test_a_run_of_other_depth_has_no_ridges_beside_the_hero_s():
    own, other = experiment.run(Settings(**SMALL)), experiment.run(Settings(**{**SMALL, "depth": 7}))
    spec = PICTURES.FIGURES["hero"].draw([Run(own), Run(other, "run A")], Look()).to_dict()
    assert "pinned ridges" not in spec["datasets"] and "run A" not in texts(spec)


def test_nearly_all_is_not_called_all():
    assert [hero_drawing._share(value) for value in (0.994, 0.9951, 0.9999, 1.0)] == ["99%", ">99%", ">99%", "100%"]


def test_sizes_below_each_other_have_as_many_digits():
    sizes = (0.9, 0.91, 1.0, 0.006, 13.0, 12345.0, 1e-6, np.inf)
    said = ["0.90", "0.91", "1.0", "0.0060", "13", "12000", "1e−6", "∞"]
    assert [size_drawing.written(size) for size in sizes] == said


@pytest.mark.parametrize("values", [np.zeros((3, 4)), np.full((2, 4), np.nan), np.full((2, 3), 1e-299)])
def test_histograms_of_nothing(values):
    found = hills.hills(values)
    assert np.isfinite(found.edges).all() and (np.diff(found.edges) > 0).all() and np.isfinite(found.density).all()


def test_the_theory_lies_in_the_band_at_width_512():
    settings = Settings(width=512, depth=12, repeats=10, data="Gaussian", std=0.06)
    result = experiment.run(settings)
    (note,) = [note for note in experiment.notice(result) if note.key == "band"]
    assert note.values["inside"] >= 11


@pytest.mark.parametrize(("update", "keys"), [
    ({"scheme": "Zeros"}, {"forward_gone", "backward_gone", "no_theory_zero"}),
    ({"scheme": "Constant"}, {"no_theory_constant"}),
    ({"std": 0.01}, {"forward_dies", "backward_dies", "order"}),
    ({"std": 1.0, "activation": "ReLU", "depth": 100, "width": 256}, {"forward_grows", "backward_grows", "chaos"}),
    ({"std": 10.0, "activation": "Linear", "depth": 100, "width": 512, "data": "Digits, raw"},
     {"forward_grows", "chaos", "outside"}),
    ({"scheme": "Orthogonal", "activation": "Linear"}, {"forward_keeps", "backward_keeps", "critical"}),
])  # fmt: skip
def test_sentences_are_chosen_by_what_happened(update, keys):
    result = experiment.run(Settings(**{**SMALL, "width": 64, "depth": 20, **update}))
    assert keys <= {note.key for note in experiment.notice(result)}


def test_what_leaves_float64_is_said():
    small = experiment.run(Settings(**{**SMALL, "depth": 60, "std": 1e-6}))
    assert {"forward_gone", "backward_gone"} <= {note.key for note in experiment.notice(small)}
    large = {**SMALL, "depth": 100, "width": 256, "scheme": "Constant", "constant": 10.0, "activation": "Linear"}
    keys = {note.key for note in experiment.notice(experiment.run(Settings(**large)))}
    assert "forward_overflow" in keys


def test_units_with_equal_weights_stay_one_unit_and_noise_parts_them():
    result = experiment.run(Settings(**SMALL, panels=("Symmetry",)))
    found = result.symmetry
    assert found.end[0].min() > 1 - 1e-6 and (found.rank[0] == 1).all()
    assert found.start[1].min() > 0.99 and found.end[1].min() < 0.5
    assert found.rank[1, 0] == 1 and found.rank[1, -1] > 5


def test_rank_is_numpy_s_with_the_stated_tolerance():
    weights = torch.randn(3, 8, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weights[1] = weights[1, :1] * torch.arange(1.0, 9)[:, None]
    weights[2, 0, 0] = math.nan
    expected = [np.linalg.matrix_rank(w, rtol=symmetry.RANK) for w in weights[:2].numpy()]
    assert symmetry._rank(weights)[:2].tolist() == expected == [8, 1]
    assert np.isnan(symmetry._rank(weights)[2])


def test_training_starts_from_the_scheme_s_own_weights():
    """The test loss before the first step, from weights drawn by hand."""
    settings = Settings(**SMALL, panels=("Training",), activation="ReLU", train_depth=3, train_steps=10)
    found = experiment.run(settings).training
    x, y = digits.digits_as("Digits, standardised")
    test = np.random.default_rng([0, 1]).permutation(len(y))[: digits.TESTED]
    h = torch.tensor(x[test])
    sizes = [64, 64, 64, 64, 10]
    for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True), 1):
        generator = torch.Generator().manual_seed(layer)
        w = torch.nn.init.kaiming_normal_(torch.empty(n_out, n_in), nonlinearity="relu", generator=generator)
        h = h @ w.double().T
        h = h if n_out == 10 else h.relu()
    loss = torch.nn.functional.cross_entropy(h, torch.tensor(y[test]))
    assert found.loss.shape == (SMALL["repeats"], len(found.schemes), len(found.steps))
    he, zeros = (found.loss[:, found.schemes.index(name)] for name in ("He normal", "Zeros"))
    assert he[0, 0] == pytest.approx(float(loss), rel=1e-4)
    assert abs(he[1, 0] - he[0, 0]) > 1e-3
    assert zeros == pytest.approx(math.log(10), rel=0.02)


def test_factor_per_layer():
    assert curves.factor(np.array([1.0, 9.0, 4.0])) == pytest.approx(2)
    for values in ([1.0], [0.0, 1.0], [1.0, np.inf], [np.nan, 1.0]):
        assert curves.factor(np.array(values)) is None
    assert curves.along(np.array([8.0, 4.0, 2.0]), True) == pytest.approx(2)


CODE = {
    "biases": Settings(scheme="Xavier normal", activation="ReLU", sigma_b=0.2, seed=3),
    "fan-out": Settings(scheme="He uniform", mode="fan-out", activation="Leaky ReLU", parameter=0.2, width=64),
    "variance scaling": Settings(scheme="Variance scaling", scale=2.0, average="fan average", activation="GELU"),
    "orthogonal": Settings(scheme="Orthogonal", gain=1.2, activation="ELU", data="Gaussian", width=32),
    "uniform": Settings(scheme="Uniform", activation="Swish", parameter=2.0, data="Digits, raw", width=64),
    "constant": Settings(scheme="Constant", activation="Softplus", depth=3, width=64),
    "one layer": Settings(scheme="LeCun normal", activation="SELU", depth=1),
    "prelu": Settings(scheme="Zeros", activation="PReLU", sigma_b=0.5, depth=4, width=64),
    "normal": Settings(scheme="Normal", activation="Sigmoid", depth=5, width=64),
}


def test_the_scripts_give_the_numbers_of_the_page_in_a_fresh_interpreter():
    results = {case: experiment.run(settings) for case, settings in CODE.items()}
    said = printed({case: experiment.code(result) for case, result in results.items()})
    for case, result in results.items():
        numbers = np.array([[float(number) for number in line.split()] for line in said[case]])
        assert numbers[:, 0].tolist() == list(range(1, CODE[case].depth + 1))
        assert numbers[:, 1] == pytest.approx(result.signals.std[0], rel=1e-8, abs=1e-14), case
        assert numbers[:, 2] == pytest.approx(result.signals.gradient[0], rel=1e-8, abs=1e-14), case
