"""The concept "Normalization": claims, sentences, the script, the studies behind the panels, any settings."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from pictures import check_schema, compiled
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn

from dlviz.concepts.normalization import experiment, figures, presets, studies, tensors
from dlviz.concepts.normalization.measure import SETS
from dlviz.concepts.normalization.settings import DepthNorm, NormName, Settings
from dlviz.drawing.palette import colour, mix
from dlviz.drawing.theme import Look
from dlviz.engine import norms, photos
from dlviz.language import LANGUAGES, words

PRESETS = {preset.name: preset for preset in experiment.PRESETS}
QUICK = ("One cell", "Axes", "Steps", "Batch size", "Depth", "Groups", "Padding", "Style")


@pytest.mark.parametrize("name", PRESETS)
def test_the_claim_of_every_preset_holds(name):
    preset = PRESETS[name]
    check = preset.claim(experiment.run(preset.settings))
    assert check.holds, dict(check.values)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PRESETS)
def test_every_claim_and_sentence_finds_its_numbers_in_both_languages(name, language):
    result = experiment.run(PRESETS[name].settings)
    prose = words("normalization", language)
    claim = prose.presets[name].claim.format(**PRESETS[name].claim(result).values)
    assert "nan" not in claim and "{" not in claim
    for note in (*experiment.notice(result), *experiment.facts(result)):
        assert "nan" not in prose.notice[note.key].format(**note.values)


def test_claims_fail_where_the_phenomenon_is_absent():
    assert not presets.vertical_and_horizontal(experiment.run(Settings(kind="Sequence"))).holds
    assert not presets.batch_of_one(experiment.run(Settings(panels=("Batch size",)))).holds
    flat = Settings(panels=("Depth",), gain=0.8, deep_activation="Tanh")
    assert "None" not in experiment.run(flat).depth.factors
    alone = PRESETS["padded"].settings.model_copy(update={"examples": 1})
    assert not presets.padding_disturbs(experiment.run(alone)).holds  # a single sequence is not padded


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
    found = studies.batches(4000, 5)
    assert np.allclose(found.mean_spread, found.mean_theory(), rtol=0.06)
    assert np.allclose(found.var_spread, found.var_theory(), rtol=0.08)
    large = found.sizes >= 16
    assert np.allclose(found.gap[large], found.gap_theory()[large], rtol=0.06)
    assert found.one_gap == pytest.approx(1, abs=1e-3)


def test_the_spread_of_the_variance_is_exact_for_a_known_distribution():
    """For a fair coin (κ = 1) and N = 2 the biased variance is 0 or 1/4, each half of the time."""
    coin = studies.Batches(np.array([2]), 1, 0.5, 0.5, 1.0, *[np.zeros(1)] * 3, 1.0)
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
    assert np.allclose(studies.instance_norm(first), expected)
    whole = studies.adain(first, second, 1.0)
    assert np.allclose(whole.mean(axis=(1, 2)), second.mean(axis=(1, 2)))
    assert np.allclose(whole.std(axis=(1, 2)), second.std(axis=(1, 2)))
    assert np.allclose(studies.adain(first, second, 0.0), first)
    # Back with its own statistics, the photograph is itself.
    assert np.allclose(studies.adain(whole, first, 1.0), first)


# ---- training


def test_training_learns_and_is_the_same_every_time():
    first = studies._trained(("BatchNorm", "LayerNorm"), 32, 4, 2, 2, 0.05, 0)
    studies._trained.forget()
    again = studies._trained(("BatchNorm", "LayerNorm"), 32, 4, 2, 2, 0.05, 0)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again, strict=True))
    assert (first[0] < 0.2).all() and not first[1].any()


def test_switchable_s_weights_start_at_thirds_and_learn():
    _, _, mixing = studies._trained(("Switchable",), 64, 1, 1, 2, 0.05, 0)
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


# ---- any settings

subsets = st.lists(st.sampled_from(NormName.__args__), max_size=7).map(tuple)


@st.composite
def any_settings(draw):
    examples, channels = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    kind = draw(st.sampled_from(["Feature maps", "MLP", "Sequence"]))
    side, length = draw(st.integers(1, 4)), draw(st.integers(2, 8))
    positions = {"Feature maps": side**2, "MLP": 1, "Sequence": length}[kind]
    return Settings(
        panels=tuple(draw(st.sets(st.sampled_from(QUICK)))),
        kind=kind,
        source=draw(st.sampled_from(["Digits", "Photographs"])),
        examples=examples,
        channels=channels,
        side=side,
        length=length,
        groups=draw(st.integers(1, 8)),
        norms=draw(subsets),
        example=draw(st.none() | st.integers(0, examples - 1)),
        channel=draw(st.none() | st.integers(0, channels - 1)),
        position=draw(st.none() | st.integers(0, positions - 1)),
        gamma=draw(st.floats(-3, 3)),
        beta=draw(st.floats(-3, 3)),
        seed=draw(st.integers(0, 5)),
        activation=draw(st.sampled_from(["ReLU", "Tanh", "Sigmoid"])),
        step_batch=draw(st.sampled_from([2, 3, 64])),
        batches=100,
        deep=tuple(draw(st.sets(st.sampled_from(DepthNorm.__args__)))),
        depth=draw(st.integers(2, 6)),
        gain=draw(st.sampled_from([0.1, 1.0, 2.0])),
        deep_activation=draw(st.sampled_from(["ReLU", "Tanh", "Linear"])),
        content=draw(st.sampled_from(["China", "Flower"])),
        contrast=draw(st.sampled_from([0.05, 1.0, 2.0])),
        brightness=draw(st.sampled_from([-0.5, 0.5])),
        strength=draw(st.sampled_from([0.0, 0.5, 1.0])),
    )


@hypothesis(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(any_settings())
def test_any_settings_run_and_everything_is_drawn_and_said(settings):
    result = experiment.run(settings)
    for norm, x_hat in result.block.x_hat.items():
        assert np.isfinite(x_hat).all(), norm
    for language in LANGUAGES:
        look = Look(language=language)
        prose = words("normalization", language)
        for name in figures.shown(settings):
            spec = figures.FIGURES[name].draw(result, look, ghost=result).to_dict()
            assert spec["layer"]
            assert "nan" not in figures.FIGURES[name].alt(result, look).lower().split()
        for note in (*experiment.notice(result), *experiment.facts(result)):
            assert "nan" not in prose.notice[note.key].format(**note.values).lower().split()
    assert experiment.readouts(result)
    compile(experiment.code(result), "script", "exec")


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_that_is_off_says_so(name):
    result = experiment.run(Settings(panels=(), norms=()))
    assert figures.FIGURES[name].draw(result, Look()).to_dict()["layer"]
    assert figures.FIGURES[name].alt(result, Look())


CODE = {
    "default": Settings(gamma=1.5, beta=-0.5),
    "photographs": Settings(source="Photographs", groups=3, seed=4),
    "one example": Settings(kind="MLP", examples=1),
    "sequences": Settings(kind="Sequence", length=6, position=3, example=0, groups=6),
    "single cells": Settings(side=1, examples=1, channels=1),
}


@pytest.mark.parametrize("case", CODE)
def test_the_script_gives_the_numbers_of_the_page_in_a_fresh_interpreter(case):
    settings = CODE[case]
    result = experiment.run(settings)
    script = experiment.code(result)
    assert "dlviz" not in script
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    printed = {
        name: list(map(float, numbers.split()))
        for name, numbers in (line.split(":") for line in done.stdout.splitlines())
    }
    x, found = result.block.values
    assert printed["x"] == pytest.approx([x])
    for norm, (mean, var, x_hat) in found.items():
        if norm != "None":
            expected = [mean, var, x_hat, settings.gamma * x_hat + settings.beta]
            assert printed[norm] == pytest.approx(expected, rel=1e-8, abs=1e-10), norm
            if f"nn {norm}" in printed:
                assert printed[f"nn {norm}"] == pytest.approx([x_hat], rel=1e-8, abs=1e-10)


# ---- pictures


EVERYTHING = Settings(panels=QUICK, kind="Sequence", norms=NormName.__args__)


@pytest.mark.parametrize("name", [name for name in figures.FIGURES if name not in ("error", "mixing")])
def test_figures_are_valid_vega_lite(name):
    result = experiment.run(EVERYTHING)
    spec = figures.FIGURES[name].draw(result, Look()).to_dict()
    check_schema(spec)
    assert "<svg" in compiled(spec)


def outlined(svg, look):
    """How many faces have the outline of the current cell."""
    return len(re.findall(rf'stroke="{look.inks.ink}"', svg))


@pytest.mark.parametrize("kind", ["Feature maps", "MLP", "Sequence"])
def test_the_hero_lights_as_many_cells_as_share_the_statistics(kind):
    look = Look()
    settings = Settings(kind=kind, norms=("BatchNorm", "LayerNorm", "GroupNorm"), examples=3, channels=4)
    result = experiment.run(settings)
    svg = compiled(figures.hero(result, look).to_dict())
    assert outlined(svg, look) == 3
    for norm in settings.norms:
        count = int(result.block.shared(norm).sum())
        assert f"{count} cells" in svg
        # One front face for each lit cell, and once more for those on the outer front.
        edge = mix(colour(norm, look), "#000000", 0.35)
        faces = len(re.findall(rf'stroke="{edge}"', svg))
        lit = result.block.shared(norm)
        front = lit[0].sum() if kind != "MLP" else lit.sum()
        if kind == "MLP":
            assert faces == count + front
        else:
            assert faces == 3 * count + front + lit[:, :, 0].sum() + lit[:, -1].sum()


def test_the_blocks_stand_in_the_columns_that_make_them_largest():
    result = experiment.run(Settings())

    def heights(width):
        svg = compiled(figures.hero(result, Look()).to_dict(), width)
        places = re.findall(
            r'translate\((-?[\d.]+),(-?[\d.]+)\)"[^>]*>(BatchNorm|LayerNorm|InstanceNorm|GroupNorm)<', svg
        )
        return {round(float(y)) for _, y, _ in places}

    assert len(heights(1000)) == 1
    assert len(heights(358)) == 2


def test_the_sliders_move_the_last_two_histograms_only():
    settings = Settings(panels=("Steps",), gamma=2.0, beta=-1.0, activation="Tanh")
    result = experiment.run(settings)
    svg = compiled(figures.FIGURES["steps"].draw(result, Look()).to_dict())
    third = 2 * result.steps.x_hat - 1
    for values in (result.steps.sums, result.steps.x_hat, third, np.tanh(third)):
        mean = f"{values.mean():.2f}".replace("-0.00", "0.00").replace("-", "−")
        assert f"μ {mean}, σ {values.std():.2f}" in svg


@pytest.mark.parametrize("language", LANGUAGES)
def test_training_figures_draw_and_tell(language):
    settings = Settings(panels=("Training",), trained=("BatchNorm", "Switchable"), epochs=1, training_seeds=1)
    result, look = experiment.run(settings), Look(language=language)
    assert figures.shown(settings) == ("hero", "error", "mixing")
    for name in ("error", "mixing"):
        spec = figures.FIGURES[name].draw(result, look, ghost=result).to_dict()
        check_schema(spec)
        assert figures.FIGURES[name].alt(result, look)
    prose = words("normalization", language)
    for note in experiment.notice(result):
        assert prose.notice[note.key].format(**note.values)
    assert compiled(figures.FIGURES["error"].draw(result, look).to_dict())
