"""The panels of the page "Backpropagation through time" that train, and the shapes of sequence tasks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dlviz import catalog
from dlviz.concepts.bptt import experiment, exploding, remembering, tasks
from dlviz.concepts.bptt.exploding import CURES, End
from dlviz.concepts.bptt.mini_batches import Drawn
from dlviz.concepts.bptt.settings import Settings
from dlviz.concepts.bptt.tasks import TASKS
from dlviz.drawing.charts import unrolled
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.data import sequences
from dlviz.engine.networks.rnn import NAMES
from dlviz.engine.signals import recurrent_init
from dlviz.formulas import plain

QUICK = {"trained_hidden": 8, "trained_seeds": 2, "longest": 16}


def runs(**changes):
    return exploding.compute(Settings(panels=("Exploding",), **{"steps": 20, "trained_hidden": 8, **changes}))


# ---- exploding


def test_a_run_is_plain_torch_on_the_page_s_data():
    """The run without a cure and the one with the lower rate, written out with nn.RNNCell and torch.optim.SGD."""
    found = runs(data="Adding", length=12, seed=4, rate=0.05, lower_rate=0.005)
    drawn, readout = recurrent_init.draw("RNN tanh", 8, 2, [4000]), recurrent_init.readout(8, 1, [4000])
    for cure, rate in (("Plain", 0.05), ("Lower rate", 0.005)):
        cell, out = nn.RNNCell(2, 8), nn.Linear(8, 1)
        with torch.no_grad():
            for theirs, ours in zip(cell.parameters(), (*_both(drawn), drawn.bias[0], 0 * drawn.bias[0]), strict=True):
                theirs.copy_(ours)
            out.weight.copy_(readout[0])
            out.bias.zero_()
        cell.bias_hh.requires_grad_(False)
        optimizer = torch.optim.SGD([*cell.parameters(), *out.parameters()], lr=rate)
        random = recurrent_init.generator(4000, 8)
        for step in range(20):
            x, y = sequences.draw("Adding", 12, 32, random)
            h = torch.zeros(32, 8)
            for now in x.float().transpose(0, 1):
                h = cell(now, h)
            loss = nn.functional.mse_loss(out(h)[:, 0], y.float())
            assert found.loss[step, CURES.index(cure)] == pytest.approx(loss.item(), rel=1e-4)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _both(drawn):
    return drawn.weight_ih[0], drawn.weight_hh[0]


def test_all_cures_start_from_one_network_and_one_batch():
    found = runs(clip_norm=0.1, clip_value=0.001, weight_decay=0.5)
    assert (found.loss[0] == found.loss[0, 0]).all() and (found.norm[0] == found.norm[0, 0]).all()
    assert len({tuple(column) for column in found.loss.T}) == len(CURES)


def test_a_threshold_that_nothing_reaches_leaves_the_plain_run():
    found = runs(clip_norm=100.0, clip_value=10.0)
    plain = found.loss[:, CURES.index("Plain")]
    for cure in ("Clipped by norm", "Clipped by value"):
        assert np.array_equal(found.loss[:, CURES.index(cure)], plain)
        assert found.share(cure) == 0 and (found.angles(cure) < 1e-4).all()


def test_claims_of_clipping_fail_where_nothing_explodes():
    calm = experiment.run(Settings(panels=("Exploding",), steps=20, trained_hidden=8))
    assert not exploding.clipping_saves(calm).holds
    assert not exploding.over_the_cliff(calm).holds
    assert [note.key for note in exploding.notice(calm)][0] == "all_finite"


def test_an_explosion_is_named_and_nothing_is_shown_after_it():
    found = runs(cell="RNN ReLU", matrix="Identity", radius=2.0, rate=10.0)
    end = found.end("Plain")
    assert end.tensor == "hidden state" and 1 <= end.time <= 64 and end.symbol == f"$h_{{{end.time}}}$"
    assert np.isnan(found.loss[end.step :, 0]).all() and np.isfinite(found.loss[: end.step - 1, 0]).all()
    assert End(3, "gradient of weight_hh", 0).symbol == r"$\partial L/\partial W$"
    assert all(plain(End(3, name, 0).symbol) for name in (*NAMES, "loss", "output", "gradient norm"))


def test_noise_has_no_answer_to_train_on():
    result = experiment.run(Settings(panels=("Exploding",), data="Noise", steps=20, trained_hidden=8))
    assert result.exploding is None
    for name in ("losses", "norms", "turned"):
        assert "Noise has no answer to learn" in catalog.concepts()["bptt"].figures.FIGURES[name].alt(result, Look())


# ---- remembering


def test_the_cut_decides_what_can_be_learned():
    """The same small training twice: with full backpropagation the network answers where the truncated one guesses."""
    given = {"cells": ("GRU",), "truncation": 3, "longest": 16, "trained_hidden": 16, "trained_seeds": 1}
    given |= {"training_steps": 150, "adam_rate": 0.02}
    cut, full = (remembering.compute(Settings(truncated=truncated, **given)) for truncated in (True, False))
    assert cut.lags.tolist() == [2, 4, 8, 16] and cut.blind.tolist() == [False, True, True, True]
    assert not full.blind.any()
    assert cut.median("GRU", 16) < cut.guessing < 0.5 < full.median("GRU", 16)
    assert cut.median("GRU", 2) > 0.9


def test_k_beyond_every_lag_is_full_backpropagation():
    given = {"cells": ("RNN tanh",), "training_steps": 20, **QUICK}
    full = remembering.compute(Settings(**given))
    beyond = remembering.compute(Settings(truncated=True, truncation=20, **given))
    assert np.array_equal(full.accuracy, beyond.accuracy) and not beyond.blind.any()
    assert full.lags.tolist() == [2, 4, 8, 16] and full.accuracy.shape == (1, 4, 2)


def test_what_never_trained_guesses():
    """Next to no learning: the accuracies of all networks scatter around chance."""
    found = remembering.compute(Settings(adam_rate=1e-4, training_steps=20, **QUICK))
    assert abs(found.accuracy.mean() - 1 / 8) < 0.05
    assert found.chance == 1 / 8


def test_the_level_of_the_adding_problem_is_that_of_always_answering_one():
    found = remembering.compute(Settings(task="Adding", cells=("GRU",), training_steps=20, **QUICK))
    _, target = sequences.draw("Adding", 10, 100_000, recurrent_init.generator(0, 3))
    assert found.chance == pytest.approx(float(((target - 1).abs() < 0.1).double().mean()), abs=0.005)
    # No other constant does better.
    levels = [float(((target - c).abs() < 0.1).double().mean()) for c in np.linspace(0.5, 1.5, 21)]
    assert max(levels) < found.chance + 0.005


def test_mini_batches_are_the_task_at_the_end_of_the_tensor():
    drawn = Drawn("Copy", [9, 4], [recurrent_init.generator(0, 8)], 0.5, 100, "cpu")
    x, y = drawn(0)
    for m, length in enumerate((9, 4)):
        assert (x[m, : 9 - length] == 0).all()
        first, blanks = x[m, 9 - length], x[m, 10 - length :]
        assert torch.equal(first.argmax(-1), y[m]) and torch.equal(first.sum(-1), torch.ones(100))
        assert float((blanks - torch.eye(9)[8]).std()) == pytest.approx(0.5, rel=0.05)


def test_gates_that_are_shut_forget():
    """The claim on open gates fails for gates at their usual bias."""
    shut = experiment.run(
        Settings(panels=("Remembering",), forget_bias=-3.0, update_bias=-3.0, training_steps=20, **QUICK)
    )
    assert not remembering.gates_remember(shut).holds


def test_without_a_cell_there_is_nothing_to_train():
    result = experiment.run(Settings(panels=("Remembering",), cells=(), training_steps=20, **QUICK))
    assert result.remembering is None
    assert "at least one cell" in catalog.concepts()["bptt"].figures.FIGURES["remembering"].alt(result, Look())


# ---- shapes of tasks


@pytest.mark.parametrize("cell", ["RNN tanh", "RNN ReLU", "LSTM", "GRU"])
def test_gradients_of_every_loss_are_autograd_s(cell):
    """Each loss by each state that is handed on; steps after a loss get nothing."""
    found = tasks.compute(Settings(cell=cell, seed=2, forget_bias=0.5))
    n, steps = tasks.HIDDEN, tasks.STEPS
    bias = 0.5 if cell == "LSTM" else 0.0
    drawn = recurrent_init.draw(cell, n, tasks.INPUTS, [2000], bias=bias)
    unit = recurrent_init.readout(n, 1, [2000])[0, 0]
    kind = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell}.get(cell, nn.RNNCell)
    given = {"nonlinearity": "relu"} if cell == "RNN ReLU" else {}
    plain = kind(tasks.INPUTS, n, dtype=torch.float64, **given)
    with torch.no_grad():
        for theirs, ours in zip(plain.parameters(), (*_both(drawn), drawn.bias[0], 0 * drawn.bias[0]), strict=True):
            theirs.copy_(ours)
    read = torch.randn(1, steps, tasks.INPUTS, generator=recurrent_init.generator(2000, 6), dtype=torch.float64)[0]
    for name in TASKS:
        shape = found.shapes[name]
        state = torch.zeros(1, n, dtype=torch.float64)
        state, states, outputs = (state, state) if cell == "LSTM" else state, [], []
        for t in range(steps):
            new = plain(read[t : t + 1] * bool(shape.inputs[t]), state)
            outputs.append(new[0] if cell == "LSTM" else new)
            # Handed on as copies: what a loss reads at its own step is not what the next step gets.
            state = tuple(part.clone() for part in new) if cell == "LSTM" else new.clone()
            states.append(state if cell == "LSTM" else (state,))
        for j, step in enumerate(shape.losses):
            held = [part for parts in states for part in parts]
            grads = torch.autograd.grad(outputs[step - 1][0] @ unit, held, retain_graph=True, allow_unused=True)
            squares = np.array([0.0 if g is None else float(g.square().sum()) for g in grads])
            sizes = np.sqrt(squares.reshape(steps, -1).sum(1))
            sizes[step - 1] = 1.0  # its own step: the loss reads it directly
            assert np.allclose(shape.gradient[j], sizes, rtol=1e-10, atol=1e-14)
            assert (shape.gradient[j, step:] == 0).all()


def test_the_shapes_are_those_of_their_names():
    shapes = tasks.compute(Settings()).shapes
    reads = {name: np.flatnonzero(shape.inputs).tolist() for name, shape in shapes.items()}
    losses = {name: shape.losses.tolist() for name, shape in shapes.items()}
    everything = list(range(tasks.STEPS))
    assert reads == dict(zip(TASKS, ([0], everything, everything, [0, 1, 2]), strict=True))
    assert losses == dict(zip(TASKS, ([1, 2, 3, 4, 5, 6], [6], [1, 2, 3, 4, 5, 6], [4, 5, 6]), strict=True))


def test_a_diagram_lights_only_what_its_loss_reaches():
    """Rows for each loss end at its own step, and a size that float64 cannot hold is said as such."""
    sizes = np.array([[0.5, 1.0, 0.0], [np.inf, 0.0, 1.0]])
    drawn = unrolled.Unrolled("A", np.array([True, False, True]), np.array([2, 3]), sizes)
    piece = unrolled.unrolled([drawn], Look(), bounds=(0.01, 1), hint="", names=("x", "h", "L"))
    lit = [(row["loss"], row["t"], row["text"]) for row in piece.data["lit"]]
    assert lit == [(2, 1, "0.50"), (2, 2, "1.00"), (3, 1, "∞"), (3, 2, "0.00"), (3, 3, "1.00")]
    kinds = [(row["kind"], row["t"]) for row in piece.data["nodes"] if row["kind"] != "state"]
    assert kinds == [("input", 1), ("loss", 2), ("input", 3), ("loss", 3)]
    assert [unrolled.written(v) for v in (1e-12, 123.0, 9.99, 0.004)] == ["1e−12", "1e2", "10", "4e−3"]
