"""The concept "Normalization": claims, sentences, the script, the studies behind the panels, any settings."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from page_scripts import printed
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn

from dlviz import catalog
from dlviz.concepts.normalization import axes, batches, experiment, padding, style, tensors, training
from dlviz.concepts.normalization.block import SETS
from dlviz.concepts.normalization.cell import arithmetic
from dlviz.concepts.normalization.settings import NormName, Settings
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.data import photos
from dlviz.engine.signals import norms
from dlviz.language import LANGUAGES, words

figures = catalog.concepts()["normalization"].figures
PRESETS = {preset.name: preset for preset in experiment.PRESETS}
QUICK = ("One cell", "Axes", "Steps", "Batch size", "Depth", "Groups", "Padding", "Style")


def test_claims_fail_where_the_phenomenon_is_absent():
    assert not axes.vertical_and_horizontal(experiment.run(Settings(kind="Sequence"))).holds
    assert not batches.batch_of_one(experiment.run(Settings(panels=("Batch size",)))).holds
    flat = Settings(panels=("Depth",), gain=0.8, deep_activation="Tanh")
    assert "None" not in experiment.run(flat).depth.factors
    alone = PRESETS["padded"].settings.model_copy(update={"examples": 1})
    assert not padding.padding_disturbs(experiment.run(alone)).holds  # a single sequence is not padded


# ---- the block


@pytest.mark.parametrize("kind", ["Feature maps", "MLP", "Sequence"])
def test_lit_cells_are_those_whose_values_change_the_output(kind):
    """The gradient of one cell's output reaches just the cells that are lit for it."""
    result = experiment.run(Settings(kind=kind, norms=NormName.__args__, examples=3, channels=4, seed=3))
    block = result.block
    # Padding is real to the norms, and moved off zero here so that no gradient vanishes by chance.
    x = torch.from_numpy(np.array(block.x)) + 0.1 * torch.randn(block.x.shape, generator=torch.manual_seed(0))
    for norm in NormName.__args__:
        x.requires_grad_()
        out = norms.normalise(x, norm, groups=block.groups, token=block.token).x_hat[block.cell]
        (gradient,) = torch.autograd.grad(out, x, allow_unused=True)
        lit = block.shared(norm)
        assert lit[block.cell]
        assert (np.abs(gradient.numpy()[~lit]) == 0).all()
        if lit.sum() > 2:  # of one or two cells the output does not depend on the values (but for ε)
            assert (np.abs(gradient.numpy()[lit]) > 0).all()


@pytest.mark.parametrize("kind", ["Feature maps", "MLP", "Sequence"])
def test_the_statistics_are_those_of_the_lit_cells(kind):
    block = experiment.run(Settings(kind=kind, groups=3)).block
    for norm in ("BatchNorm", "LayerNorm", "InstanceNorm", "GroupNorm"):
        cells = block.x[block.shared(norm)]
        assert block.mean[norm][block.cell] == pytest.approx(cells.mean(), abs=1e-12)
        assert block.var[norm][block.cell] == pytest.approx(cells.var(), abs=1e-12)
    assert set(SETS) == set(norms.NORMS)


def test_the_tensors_are_real_data_through_real_layers():
    """Patches of the photographs, seen through torch's own convolution and pooling."""
    settings = Settings(source="Photographs", side=2, channels=4, seed=7)
    block = experiment.run(settings).block
    generator = torch.Generator().manual_seed(7)
    patches = tensors._patches(settings, generator)
    layer = nn.Conv2d(3, 4, 3, padding=1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64) * (2 / 27) ** 0.5)
        expected = nn.AdaptiveAvgPool2d(2)(layer(patches)).flatten(2)
    assert np.allclose(block.x, expected.numpy())
    original = np.asarray(load_sample_image("china.jpg"), dtype=float)
    small = photos.photo("China")
    assert small.mean() * 255 == pytest.approx(original.mean(), rel=0.01)
    assert Image.fromarray(original.astype(np.uint8)).size == (640, 427)
    with pytest.raises(KeyError, match="allowed"):
        photos.photo("Moon")


def test_sequences_are_padded_with_zeros_after_their_end():
    block = experiment.run(Settings(kind="Sequence", examples=6, length=8, seed=2)).block
    assert block.real[0].all() and not block.real[1:].all(axis=1).any()
    assert (block.x.transpose(0, 2, 1)[~block.real] == 0).all()
    assert (block.real[:, :-1] >= block.real[:, 1:]).all()
    assert block.real.sum(axis=1).min() >= 4


def test_padding_moves_what_counts_it_and_nothing_else():
    settings = Settings(kind="Sequence", panels=("Padding",), examples=5)
    result = experiment.run(settings)
    found, block = result.padding, result.block
    real = np.broadcast_to(block.real[:, None], block.x.shape)
    # BatchNorm with statistics over real cells only, written out.
    alone = np.empty_like(block.x)
    for c in range(block.x.shape[1]):
        values = block.x[:, c][block.real]
        alone[:, c] = (block.x[:, c] - values.mean()) / np.sqrt(values.var() + norms.EPS)
    moved = np.sqrt(np.mean((block.x_hat["BatchNorm"] - alone)[real] ** 2))
    assert found.shift["BatchNorm"][0] == pytest.approx(moved, rel=1e-9)
    assert (found.shift["LayerNorm"] < 1e-12).all() and (found.shift["RMSNorm"] < 1e-12).all()
    assert found.share[0] == pytest.approx(1 - block.real.mean())


# ---- batches, depth, style


def test_batch_statistics_scatter_as_theory_says():
    found = batches.drawn(4000, 5)
    assert np.allclose(found.mean_spread, found.mean_theory(), rtol=0.06)
    assert np.allclose(found.var_spread, found.var_theory(), rtol=0.08)
    large = found.sizes >= 16
    assert np.allclose(found.gap[large], found.gap_theory()[large], rtol=0.06)
    assert found.one_gap == pytest.approx(1, abs=1e-3)


def test_the_spread_of_the_variance_is_exact_for_a_known_distribution():
    """For a fair coin (κ = 1) and N = 2 the biased variance is 0 or 1/4, each half of the time."""
    coin = batches.Batches(np.array([2]), 1, 0.5, 0.5, 1.0, *[np.zeros(1)] * 3, 1.0)
    assert coin.var_theory()[0] == pytest.approx(np.std([0, 0.25]) / 0.25)


def test_the_measured_growth_comes_near_the_theory():
    result = experiment.run(
        Settings(panels=("Depth",), deep=("BatchNorm", "RMSNorm"), deep_activation="Tanh", depth=40)
    )
    for norm in ("BatchNorm", "RMSNorm"):
        assert result.depth.growth(norm) == pytest.approx(result.depth.factors[norm], rel=0.03)


def test_instance_norm_and_adain_on_photographs():
    first, second = photos.photo("China"), photos.photo("Flower")
    expected = nn.InstanceNorm2d(3)(torch.from_numpy(first.copy())[None])[0].numpy()
    assert np.allclose(style.instance_norm(first), expected)
    whole = style.adain(first, second, 1.0)
    assert np.allclose(whole.mean(axis=(1, 2)), second.mean(axis=(1, 2)))
    assert np.allclose(whole.std(axis=(1, 2)), second.std(axis=(1, 2)))
    assert np.allclose(style.adain(first, second, 0.0), first)
    # Back with its own statistics, the photograph is itself.
    assert np.allclose(style.adain(whole, first, 1.0), first)


# ---- training


def test_training_learns_and_is_the_same_every_time():
    first = training.trained(("BatchNorm", "LayerNorm"), 32, 4, 2, 2, 0.05, 0)
    training.trained.forget()
    again = training.trained(("BatchNorm", "LayerNorm"), 32, 4, 2, 2, 0.05, 0)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True))
    assert (first[0] < 0.2).all() and not first[1].any()


def test_switchable_s_weights_start_at_thirds_and_learn():
    _, _, mixing = training.trained(("Switchable",), 64, 1, 1, 2, 0.05, 0)
    assert np.allclose(mixing.sum(axis=-1), 1)
    assert 1e-4 < np.abs(mixing - 1 / 3).max() < 0.6


def test_training_can_be_stopped():
    class Stop(Exception):
        pass

    def watch(share):
        assert 0 <= share <= 1
        if share > 0.05:
            raise Stop

    with pytest.raises(Stop):
        experiment.run(Settings(panels=("Training",), seed=77), watch)


# ---- odd settings

ODD = {
    "one cell": Settings(panels=QUICK, norms=NormName.__args__, side=1, examples=1, channels=1, depth=2, batches=100),
    "one sequence": Settings(panels=QUICK, norms=NormName.__args__, kind="Sequence", length=2, examples=1, groups=8),
    "nothing chosen": Settings(panels=(*QUICK, "Training"), norms=(), trained=(), deep=()),
    "same picture": Settings(panels=("Style",), contrast=1, brightness=0, strength=0, norms=("RMSNorm", "None")),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", ODD)
def test_sentences_of_odd_settings_have_no_odd_numbers(case, language):
    result, prose, look = experiment.run(ODD[case]), words("normalization", language), Look(language=language)
    texts = [prose.notice[note.key].format(**note.values) for note in experiment.notice(result)]
    texts += [prose.notice[note.key].format(**note.values) for note in experiment.facts(result)]
    texts += [figures.FIGURES[name].alt(result, look) for name in figures.shown(ODD[case])]
    texts += [readout.measured for readout in experiment.readouts(result)]
    for text in texts:
        assert not re.search(r"\bnan\b|\binf\b|e[-−]1\d|\d{9}", text), text


def test_an_axis_is_called_standard_only_where_its_slices_are():
    """Padded positions have no statistics; at the real ones LayerNorm gives mean 0 and deviation 1."""
    result = experiment.run(Settings(kind="Sequence", examples=5))
    left, block = result.block.residual, result.block
    assert not block.real.all()
    real = block.x_hat["LayerNorm"].std(axis=1)[block.real]
    assert (left.low["LayerNorm"]["token"], left.high["LayerNorm"]["token"]) == (real.min(), real.max())
    assert left.is_standard("LayerNorm", "token") and not left.is_standard("LayerNorm", "example")
    assert left.is_standard("BatchNorm", "channel") and not left.is_standard("RMSNorm", "token")


CODE = {
    "default": Settings(gamma=1.5, beta=-0.5),
    "photographs": Settings(source="Photographs", groups=3, seed=4),
    "lone": PRESETS["lone"].settings.model_copy(update={"channels": 1}),
    "padded": PRESETS["padded"].settings.model_copy(update={"position": 3, "example": 0}),
}


def test_the_scripts_give_the_numbers_of_the_page_in_a_fresh_interpreter():
    results = {case: experiment.run(settings) for case, settings in CODE.items()}
    said = printed({case: experiment.code(result) for case, result in results.items()})
    for case, result in results.items():
        lines = (line.split(":") for line in said[case])
        numbers = {name: list(map(float, values.split())) for name, values in lines}
        block = result.block
        assert numbers["x"] == pytest.approx([block.x[block.cell]]), case
        for norm in norms.NORMS:
            if norm != "None":
                found = arithmetic(result, norm)
                expected = [found.mean, found.var, found.x_hat, CODE[case].gamma * found.x_hat + CODE[case].beta]
                assert found.y == expected[-1]
                assert numbers[norm] == pytest.approx(expected, rel=1e-8, abs=1e-10), (case, norm)
                if f"nn {norm}" in numbers:
                    assert numbers[f"nn {norm}"] == pytest.approx([found.x_hat], rel=1e-8, abs=1e-10), (case, norm)
