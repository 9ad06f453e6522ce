"""The panels "Holding on", "What moved" and "Gradual unfreezing" of the concept "Fine-tuning"."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from plain_torch import layers_of, module

from dlviz import catalog
from dlviz.concepts.fine_tuning import experiment, gradual, holding, moved, ways
from dlviz.concepts.fine_tuning.draw.moved import snapshots
from dlviz.concepts.fine_tuning.gradual import Gradual
from dlviz.concepts.fine_tuning.holding import Holding, Trades
from dlviz.concepts.fine_tuning.settings import Settings
from dlviz.concepts.fine_tuning.tasks import Tasks, data_of
from dlviz.concepts.fine_tuning.ways import Way
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.networks import transfer
from dlviz.engine.signals.cka import linear_cka

FIGURES = catalog.concepts()["fine_tuning"].figures.FIGURES
QUICK = {"source": "Clean 0-4", "target": "Clean 5-9", "source_steps": 50, "steps": 12, "layers": 4, "seeds": 2}
RATE = 0.01


@pytest.fixture(scope="module")
def held():
    settings = Settings(**QUICK, panels=("Holding on",), amount="2", decay=0.5, l2sp=0.02, distillation=0.0, frozen=3)
    return settings, holding.compute(settings)


def test_every_point_is_the_run_of_its_strength_alone(held):
    settings, found = held
    tasks = Tasks.of(settings, "2")
    for method in ("Layer-wise rates", "L2-SP", "Distillation"):
        trade = found.methods[method]
        for place in (1, trade.chosen):
            if trade.strength[place] in (0, 1):
                continue
            alone = ways.tried(tasks, (Way(method, float(trade.strength[place])),), 12, settings.rate)
            # Sums are taken in another order: an image on the edge may fall to the other side.
            assert np.abs(alone.target[0] - trade.target[place]).max() <= 2 / 200
            assert np.abs(alone.source[0] - trade.source[place]).max() <= 2 / 200


def test_curves_begin_at_full_fine_tuning_and_end_at_head_only(held):
    _, found = held
    full, frozen = found.methods["Full fine-tuning"], found.methods["Frozen"]
    for method in ("Frozen", "Layer-wise rates", "L2-SP", "Distillation"):
        assert np.array_equal(found.methods[method].target[0], full.target[-1])
        assert np.array_equal(found.methods[method].source[0], full.source[-1])
    rates = found.methods["Layer-wise rates"]
    assert np.array_equal(rates.target[-1], frozen.target[-1])
    # Head only leaves the features, and so every answer of the old head.
    assert np.array_equal(found.lost("Frozen")[-1], np.zeros(2))


def test_the_knobs_strengths_stand_in_their_curves(held):
    _, found = held
    chosen = {name: trade.strength[trade.chosen] for name, trade in found.methods.items()}
    assert chosen == {
        "Full fine-tuning": 12, "Frozen": 3, "Layer-wise rates": 0.5, "L2-SP": 0.02, "Distillation": 0.0
    }  # fmt: skip
    assert found.methods["L2-SP"].strength.tolist() == [0, 0.001, 0.01, 0.02, 0.1, 1, 10]
    assert found.methods["Layer-wise rates"].strength.tolist() == [1, 0.9, 0.7, 0.5, 0.3, 0.1, 0]
    assert found.methods["Full fine-tuning"].strength.tolist() == [4, 6, 9, 12]


def test_fewer_steps_are_full_fine_tuning_stopped_early(held):
    settings, found = held
    full = found.methods["Full fine-tuning"]
    for place, steps in enumerate(full.strength[:-1]):
        shorter = ways.tried(Tasks.of(settings, "2"), (Way("Full fine-tuning", steps),), int(steps), settings.rate)
        assert np.abs(shorter.target[0] - full.target[place]).max() <= 2 / 200


# ---- what moved


@pytest.fixture(scope="module")
def compared():
    settings = Settings(**QUICK, panels=("What moved",), amount="2", frozen=1)
    return settings, moved.compute(settings)


def test_what_moved_is_measured_on_the_trained_networks(compared):
    settings, found = compared
    tasks = Tasks.of(settings, "2")
    data = data_of(tasks)
    for way, frozen in enumerate((0, 1)):
        networks = data.networks.take([0, 1])
        rates = np.full((2, 4), settings.rate)
        rates[:, :frozen] = 0
        transfer.tune(networks, data.x, data.y, rates, 12)
        for seed in range(2):
            before, after = module(data.networks, seed), module(networks, seed)
            h, g = data.test[0][seed], data.test[0][seed]
            for layer in range(3):
                old, new = layers_of(before)[layer].weight, layers_of(after)[layer].weight
                drift = float((new - old).detach().norm() / old.detach().norm())
                assert found.drift[way, -1, layer, seed] == pytest.approx(drift, rel=1e-3, abs=1e-7)
                h, g = (net[2 * layer : 2 * layer + 2](of) for net, of in ((before, h), (after, g)))
                alike = linear_cka(h.detach().numpy(), g.detach().numpy())
                assert found.cka[way, layer, seed] == pytest.approx(alike, abs=1e-3)
    assert found.images == len(found.digits) == 200


def test_frozen_layers_have_not_moved_at_all(compared):
    _, found = compared
    assert np.array_equal(found.drift[1, :, 0], np.zeros_like(found.drift[1, :, 0]))
    assert (found.drift[1, 1:, 1:] > 0).all()
    assert found.cka[1, 0] == pytest.approx(1, abs=1e-12)
    assert (found.cka[0] < 1 - 1e-6).all()
    assert np.array_equal(found.drift[:, 0], np.zeros_like(found.drift[:, 0]))
    assert found.steps[-1] == 12


def test_the_clouds_are_the_features_on_axes_of_their_own_variance(compared):
    settings, found = compared
    for at, cloud in enumerate((found.before, found.after)):
        assert cloud.mean(0) == pytest.approx(0, abs=1e-9)
        assert 0 < found.share[at].sum() <= 1 + 1e-12
    # The two axes are those of most variance of both together.
    both = np.concatenate([found.before, found.after])
    assert both.var(0)[0] >= both.var(0)[1]
    assert abs(np.corrcoef(both.T)[0, 1]) < 1e-9
    assert set(found.digits) == {5, 6, 7, 8, 9}
    other = moved.compute(settings.model_copy(update={"looked_at": 1}))
    assert other.layer == 1
    assert not np.allclose(other.after, found.after)


# ---- gradual unfreezing


def test_gradual_unfreezing_ends_between_its_limits():
    """Thawing every layer at once is full fine-tuning; thawing none before the end is head only."""
    settings = Settings(**QUICK, panels=("Gradual unfreezing",), amount="2", every=100)
    late = gradual.compute(settings)
    assert late.thaw.tolist() == [300, 200, 100, 0]
    assert np.abs(late.accuracy[2] - late.accuracy[1]).max() <= 2 / 200
    full = gradual.schedule(4, 0, 5, RATE)
    assert np.array_equal(full[:, 0], full[:, 1])
    assert not np.allclose(late.accuracy[0, -1], late.accuracy[1, -1])


# ---- all of them


def test_without_a_source_there_is_nothing_to_hold_on_to():
    settings = Settings(source="No source", panels=("Holding on", "What moved", "Gradual unfreezing"))
    result = experiment.run(settings)
    assert result.holding is result.moved is result.gradual is None
    for figure in ("holding", "drift", "cka", "features", "gradual"):
        assert "Without a source" in FIGURES[figure].alt(result, Look())


@pytest.mark.parametrize("study", [holding.compute, moved.compute, gradual.compute])
def test_progress_rises_to_one_and_may_stop_the_work(study):
    settings = Settings(**QUICK | {"seeds": 1, "seed": 77}, panels=("Holding on",), amount="1", l2sp=0.07)
    heard = []

    def stop(share):
        heard.append(share)
        if len(heard) > 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        study(settings, stop)
    heard.clear()
    again = study(settings, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1)
    assert len(heard) >= 12
    assert again is not None


# ---- pictures and sentences


def one(**parts):
    """A result with nothing but these parts."""
    return SimpleNamespace(**{"settings": Settings(panels=Settings.options("panels"))} | parts)


def drawn(figure, **parts):
    """The picture of a result with nothing but these parts, as a dict."""
    return FIGURES[figure].draw([Run(one(**parts))], Look()).to_dict()


def crafted(full, others):
    """What holds when full fine-tuning and the others end at (target, source) accuracies; 0.9 before."""
    methods = {"Full fine-tuning": full} | others

    def trades(target, source):
        return Trades(np.array([1.0]), np.array([[target]]), np.array([[source]]), 0)

    return one(holding=Holding({name: trades(*pair) for name, pair in methods.items()}, np.array([0.9])))


@pytest.mark.parametrize(
    ("full", "others", "keys"),
    [
        ((0.8, 0.9), {"L2-SP": (0.8, 0.9)}, ["forgets_nothing"]),
        ((0.8, 0.95), {"L2-SP": (0.8, 0.9)}, ["forgets_nothing"]),
        ((0.8, 0.5), {"L2-SP": (0.79, 0.8), "Frozen": (0.7, 0.9)}, ["forgets", "held"]),
        ((0.8, 0.5), {"L2-SP": (0.81, 0.8), "Frozen": (0.79, 0.7)}, ["forgets", "held_better"]),
        ((0.8, 0.5), {"L2-SP": (0.77, 0.8), "Frozen": (0.7, 0.9)}, ["forgets", "held_none"]),
    ],
)
def test_sentences_about_holding_on_follow_the_numbers(full, others, keys):
    notes = holding.notice(crafted(full, others))
    assert [note.key for note in notes] == keys
    if len(keys) > 1 and keys[1] != "held_none":
        assert notes[1].values["which"] == "α = 1"


def test_a_run_that_overflowed_is_said_and_not_drawn(compared):
    settings, found = compared
    lost = dataclasses.replace(
        found,
        drift=np.full_like(found.drift, np.nan),
        cka=np.full_like(found.cka, np.nan),
        before=np.full_like(found.before, np.nan),
        after=np.full_like(found.after, np.nan),
        share=np.full_like(found.share, np.nan),
    )
    for figure in ("drift", "cka", "features"):
        assert "nothing to draw" in str(drawn(figure, settings=settings, moved=lost)["layer"])
        assert "nothing to draw" not in str(drawn(figure, settings=settings, moved=found)["layer"])
    assert moved.notice(one(settings=settings, moved=lost)) == []


def test_the_clouds_rows_are_the_measured_coordinates(compared):
    settings, found = compared
    rows = drawn("features", settings=settings, moved=found)["datasets"]["points"]
    before = np.array([[row["x"], row["y"]] for row in rows if row["side"] == 0])
    after = np.array([[row["x"], row["y"]] for row in rows if row["side"] == 1])
    assert np.array_equal(before, found.before)
    assert np.array_equal(after, found.after)
    assert [row["sign"] for row in rows[:200]] == [str(digit) for digit in found.digits]


def test_the_picture_rings_the_strengths_that_are_set(held):
    settings, found = held
    spec = drawn("holding", settings=settings, holding=found)
    rings = {row["name"]: row["what"] for row in spec["datasets"]["_trades chosen"]}
    assert rings == {
        "Full fine-tuning": "12 steps", "Frozen": "k = 3", "Layer-wise rates": "γ = 0.5", "L2-SP": "α = 0.02",
        "Distillation": "λ = 0",
    }  # fmt: skip
    trade = [row for row in spec["datasets"]["trades"] if row["name"] == "L2-SP"]
    assert [row["y"] for row in trade] == pytest.approx(list(100 * found.methods["L2-SP"].target.mean(1)))
    assert [row["x"] for row in trade] == pytest.approx(list(100 * found.lost("L2-SP").mean(1)))
    assert [row["x1"] for row in trade] == pytest.approx(list(100 * found.lost("L2-SP").min(1)))


def test_the_strip_shows_which_layers_are_trained():
    found = Gradual(np.array([0, 10, 20]), np.full((3, 3, 2), 0.5), np.array([30, 20, 10, 0]), 20)
    data = drawn("gradual", gradual=found)["datasets"]
    assert {row["layer"]: (row["x"], row["x2"]) for row in data["trained layers"]} == {3: (10, 20), 4: (0, 20)}
    assert {row["layer"]: (row["x"], row["x2"]) for row in data["frozen layers"]} == {
        1: (0, 20), 2: (0, 20), 3: (0, 10)
    }  # fmt: skip
    assert [row["x"] for row in data["thaws"]] == [10]
    assert [note.key for note in gradual.notice(one(gradual=found))] == ["gradual", "ahead", "asleep"]


@pytest.mark.parametrize(("steps", "expected"), [([0, 1], [1]), (list(range(0, 101, 4)), [1, 3, 9, 25])])
def test_snapshots_are_spread_and_end_at_the_last_step(steps, expected):
    assert snapshots(np.array(steps)) == expected
