"""The concept "Backpropagation through time": claims, sentences, the script, the studies, odd settings."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from page_scripts import printed
from pictures import check_schema, compiled

from dlviz import catalog
from dlviz.concepts.bptt import experiment, gates, networks, pairs, reach, steps, weight
from dlviz.concepts.bptt.draw.reach import _theories
from dlviz.concepts.bptt.magnitudes import power, power_of_ten
from dlviz.concepts.bptt.panels import PANELS
from dlviz.concepts.bptt.reach import Reach
from dlviz.concepts.bptt.settings import Settings
from dlviz.contract import Run
from dlviz.drawing.charts import triangle
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.signals import cells
from dlviz.formulas import plain
from dlviz.language import LANGUAGES, words

QUICK = ("All pairs", "Step Jacobian", "Weight gradient", "Gates")
NAMES = [name for panel in PANELS if panel.name in QUICK for name in panel.figures]
PRESETS = {preset.name: preset for preset in experiment.PRESETS}
FIGURES, shown = catalog.concepts()["bptt"].figures.FIGURES, catalog.concepts()["bptt"].figures.shown


def draw(name, *results, labels=("", "the pinned run", "another run")):
    """The figure of the first result, with the others beside it."""
    return FIGURES[name].draw([Run(*run) for run in zip(results, labels, strict=False)], Look()).to_dict()


def test_claims_fail_where_the_phenomenon_is_absent():
    assert not reach.all_vanish(experiment.run(Settings(panels=(), forget_bias=0.0))).holds
    assert not reach.follows_the_radius(experiment.run(Settings(panels=(), cells=("RNN tanh",), radius=0.9))).holds
    assert not reach.explodes_until_it_bends(experiment.run(PRESETS["one"].settings)).holds
    assert not reach.relu_explodes(experiment.run(Settings(panels=()))).holds
    assert not gates.forget_gate_keeps(experiment.run(PRESETS["forget_zero"].settings)).holds
    assert not gates.forget_gate_half_open(experiment.run(PRESETS["forget_one"].settings)).holds
    assert not gates.update_gate_is_a_shortcut(experiment.run(PRESETS["update"].pin)).holds
    normal = PRESETS["norm"].settings.model_copy(update={"matrix": "Orthogonal"})
    assert not steps.norm_says_more(experiment.run(normal)).holds
    forgetting = PRESETS["truncation"].settings.model_copy(update={"forget_bias": 0.0})
    assert not weight.truncation_turns(experiment.run(forgetting)).holds


def first(settings, cell):
    """Trace and gradient of the page's first network, from the engine, and the seed's own sequence."""
    of = networks.network(settings, cell)
    with torch.no_grad():
        run = networks.read(of, networks.keys(settings.seed, 1))
        by_state, by_sum = cells.backward(run.trace, run.last)
    return run, by_state, by_sum


SMALL = Settings(panels=QUICK, hidden=8, data="Noise", length=15, seeds=3, truncation=4)


@pytest.mark.parametrize("cell", ["RNN tanh", "RNN ReLU", "LSTM", "GRU"])
def test_the_hero_is_the_norm_of_the_gradient(cell):
    settings = SMALL.model_copy(update={"panels": (), "cells": (cell,)})
    found = experiment.run(settings).reach[cell]
    _, by_state, _ = first(settings, cell)
    expected = np.linalg.norm(by_state[1:, 0].numpy(), axis=1)[::-1]
    assert np.allclose(found.gradient[0], expected, rtol=1e-12)
    # Networks are the same whichever are computed together.
    alone = reach.of_networks(networks.network(settings, cell), 1, settings.seed)
    assert np.array_equal(alone.gradient[0], found.gradient[0])


def test_the_bound_of_pascanu_et_al_holds_for_every_network():
    for settings in (Settings(panels=(), radius=1.3), Settings(panels=(), data="Noise", length=200, radius=0.8)):
        for cell in ("RNN tanh", "RNN ReLU"):
            found = experiment.run(settings).reach[cell]
            lags = np.arange(found.gradient.shape[1])
            bound = found.gradient[:, :1] * found.sigma[:, None] ** lags
            assert (found.gradient <= bound * (1 + 1e-9)).all()


def test_the_bound_that_is_drawn_holds_for_every_network_and_every_vanilla_cell():
    result = experiment.run(Settings(panels=(), radius=1.3))
    _, bound = _theories(result, np.arange(64))
    for cell in ("RNN tanh", "RNN ReLU"):
        assert (result.reach[cell].gradient <= bound * (1 + 1e-9)).all()


def test_the_mean_slope_is_that_of_the_activation():
    found = experiment.run(Settings(panels=(), cells=("RNN tanh", "RNN ReLU"), input_gain=0.001, radius=0.5)).reach
    assert (found["RNN tanh"].slope > 0.999).all() and (np.abs(found["RNN ReLU"].slope - 0.5) < 0.1).all()
    run, *_ = first(Settings(data="Noise", hidden=8), "RNN tanh")
    slope = float(np.mean(1 - run.trace.h[1:, 0].numpy() ** 2))
    assert experiment.run(Settings(panels=(), data="Noise", hidden=8)).reach["RNN tanh"].slope[0] == pytest.approx(
        slope
    )


@pytest.mark.parametrize("cell", ["RNN tanh", "LSTM", "GRU"])
def test_the_weight_gradient_is_taken_apart_as_it_should(cell):
    settings = SMALL.model_copy(update={"cell": cell})
    found = experiment.run(settings).weight
    run, _, by_sum = first(settings, cell)
    parts = (by_sum[:, 0, :, None] * run.trace.h[:-1, 0, None, :]).flip(0).flatten(1).numpy()
    whole = parts.sum(0)
    assert np.allclose(found.share, parts @ whole / (whole @ whole), atol=1e-12)
    assert found.share.sum() == pytest.approx(1, abs=1e-12)
    assert np.allclose(found.size, np.linalg.norm(parts, axis=1) / np.linalg.norm(whole), atol=1e-12)
    assert found.norm[0] == pytest.approx(np.linalg.norm(whole), rel=1e-12)
    for k in range(1, settings.steps_read):
        cut = parts[:k].sum(0)
        error = np.linalg.norm(cut - whole) / np.linalg.norm(whole)
        cosine = cut @ whole / np.linalg.norm(cut) / np.linalg.norm(whole)
        assert found.error[0, k - 1] == pytest.approx(error, rel=1e-6, abs=1e-9)
        assert found.angle[0, k - 1] == pytest.approx(np.degrees(np.arccos(min(cosine, 1))), abs=1e-3)


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_the_highway_is_the_product_of_gates_and_the_whole_is_autograd_s(cell):
    settings = SMALL.model_copy(update={"cell": cell, "forget_bias": 2.0})
    found = experiment.run(settings).gates
    run, _, _ = first(settings, cell)
    of, n, steps = run.trace.cells, settings.hidden, settings.steps_read
    # The forward pass again, by hand, with the memory of each step as a variable.
    h = c = torch.zeros(n, dtype=torch.float64, requires_grad=True)
    memories, kept = [], []
    for t in range(steps):
        given = of.weight_ih[0] @ run.inputs[0, t] + of.bias[0]
        if cell == "LSTM":
            i, f, g, o = (given + of.weight_hh[0] @ h).chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            memories.append(c), kept.append(f.sigmoid())
        else:
            (r, z, new), (by_r, by_z, by_new) = given.chunk(3), (of.weight_hh[0] @ h).chunk(3)
            z = (z + by_z).sigmoid()
            h = (1 - z) * (new + (r + by_r).sigmoid() * by_new).tanh() + z * h
            memories.append(h), kept.append(z)
    for lag in (0, 1, 7, steps - 1):
        rows = [torch.autograd.grad(memories[-1][j], memories[steps - 1 - lag], retain_graph=True)[0] for j in range(n)]
        assert found.total[lag] == pytest.approx(float(torch.stack(rows).norm()) / n**0.5, rel=1e-10)
        product = torch.stack(kept[steps - lag :]).prod(0) if lag else torch.ones(n, dtype=torch.float64)
        assert found.direct[lag] == pytest.approx(float(product.detach().norm()) / n**0.5, rel=1e-10)
    place = found.names.index("f" if cell == "LSTM" else "z")
    assert np.allclose(found.mean[place], torch.stack(kept).mean(1).detach().numpy(), atol=1e-12)


def test_singular_values_radius_and_powers_are_numpy_s():
    settings = SMALL.model_copy(update={"cell": "GRU"})
    found = experiment.run(settings).steps
    run, _, _ = first(settings, "GRU")
    for i, t in enumerate(found.at):
        matrix = cells.jacobian(run.trace, int(t))[0].numpy()
        values = np.linalg.svd(matrix, compute_uv=False)
        assert found.singular[i, [0, 2]] == pytest.approx(values[[0, -1]], abs=1e-10)
        assert values[-1] <= found.singular[i, 1] <= values[0]
        assert found.rho[i] == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), rel=1e-7)
    w = run.trace.cells.weight_hh[0, :8].numpy()
    for k in (0, 1, 5):
        assert found.powers[k] == pytest.approx(np.linalg.norm(np.linalg.matrix_power(w, k), 2), rel=1e-10)


def test_pairs_end_where_the_gradient_does_and_are_estimated_where_they_are_many(monkeypatch):
    of = networks.network(SMALL, "LSTM")
    exact = pairs.of_network(of, 0)
    assert exact.probes == 0 and np.allclose(exact.logs[np.arange(15), np.arange(15)], 0)
    monkeypatch.setattr(pairs, "EXACT", 0.0)
    pairs.of_network.forget()
    estimated = pairs.of_network(of, 0)
    pairs.of_network.forget()
    seen = np.isfinite(exact.logs)
    assert estimated.probes == 16 and 0 < np.abs(estimated.logs - exact.logs)[seen].mean() < 0.15


def test_what_was_computed_is_kept_and_what_was_stopped_is_not():
    class Stop(Exception):
        pass

    def watch(share):
        assert 0 <= share <= 1
        if share > 0.3:
            raise Stop

    settings = Settings(panels=QUICK, seed=77, hidden=16)
    with pytest.raises(Stop):
        experiment.run(settings, watch)
    complete = experiment.run(settings)
    again = experiment.run(settings.model_copy(update={"truncation": 3}))
    assert again.pairs is complete.pairs and again.reach["GRU"] is complete.reach["GRU"]
    moved = experiment.run(settings.model_copy(update={"forget_bias": 3.0}))
    assert moved.reach["GRU"] is complete.reach["GRU"] and moved.reach["LSTM"] is not complete.reach["LSTM"]


def test_progress_grows_to_one():
    shares = []
    experiment.run(Settings(panels=QUICK, cell="GRU", seed=78, hidden=16), shares.append)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)


# ---- odd settings

ODD = {
    "overflow": Settings(
        panels=QUICK, matrix="Identity", radius=2, cell="RNN ReLU", data="Adding", length=500, hidden=8
    ),
    "underflow": Settings(panels=QUICK, radius=0.1, data="Noise", length=500, hidden=4, input_gain=0.001),
    "silent": Settings(panels=QUICK, input_gain=0, cell="RNN ReLU", seeds=1, hidden=4),
    "shortest": Settings(panels=QUICK, data="Copy", length=5, hidden=2, cell="GRU", truncation=500, seeds=1),
    "nothing chosen": Settings(panels=QUICK, cells=(), cell="LSTM", hidden=4),
    "shut": Settings(panels=QUICK, cell="LSTM", forget_bias=-3, data="Noise", length=500, hidden=4),
    "huge": Settings(
        panels=QUICK, cells=(), cell="RNN ReLU", hidden=2, radius=2, input_gain=0.001, data="Copy", length=500, seed=999
    ),
}  # fmt: skip


def test_what_is_truncated_has_an_angle_however_large_or_small_its_parts_are():
    """Parts that grow one way while the states grow the other: their inner products are of 1e−170 of the largest."""
    found = experiment.run(ODD["huge"]).weight
    assert (found.norm > 1e100).any()
    kept = np.isfinite(found.norm) & (found.norm > 0)
    # Against the law of cosines, with the part that is left out as the third side.
    along = found.share.cumsum()
    assert np.isfinite(found.angle[kept]).all() and (found.angle[kept][:, -1] < 1e-6).all()
    first = np.arctan2(np.sqrt(np.maximum(found.error[0] ** 2 - (1 - along) ** 2, 0)), along)
    assert found.angle[0] == pytest.approx(np.degrees(first), abs=1e-4)


@pytest.mark.parametrize("case", ODD)
def test_odd_settings_draw_and_are_described_without_odd_numbers(case):
    settings = ODD[case]
    result = experiment.run(settings)
    for language in LANGUAGES:
        prose, look = words("bptt", language), Look(language=language)
        texts = [prose.notice[note.key].format(**note.values) for note in experiment.notice(result)]
        texts += [prose.notice[note.key].format(**note.values) for note in experiment.facts(result)]
        texts += [FIGURES[name].alt(result, look) for name in shown(settings)]
        texts += [readout.measured for readout in experiment.readouts(result)]
        for text in texts:
            assert not re.search(r"\bnan\b|\binf\b|\d{9}|\{", plain(text)), text
    for name in shown(settings):
        spec = draw(name, result)
        if name in ("hero", "pairs", "contributions", "highway"):
            assert "<svg" in compiled(spec)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_that_is_off_says_so(name):
    result = experiment.run(Settings(panels=(), cells=()))
    assert "Switch this panel on" in compiled(draw(name, result))
    assert FIGURES[name].alt(result, Look())


@pytest.mark.parametrize("cell", ["RNN tanh", "LSTM", "GRU"])
def test_figures_are_valid_vega_lite(cell):
    result = experiment.run(SMALL.model_copy(update={"cell": cell}))
    for name in ("hero", *NAMES):
        check_schema(draw(name, result, result))


def test_a_vanilla_network_has_no_gates_to_show():
    result = experiment.run(SMALL)
    for name in ("gates", "highway"):
        assert "has no gates" in compiled(draw(name, result))
        assert "no gates" in FIGURES[name].alt(result, Look())


def test_what_is_too_small_to_be_drawn_is_said():
    result = experiment.run(ODD["underflow"])
    title = draw("hero", result)["title"]["text"]
    assert "Below 1e−300, not drawn: RNN tanh, RNN ReLU." in " ".join(title)
    gone = {note.values["cell"]: note.values["lag"] for note in experiment.notice(result) if note.key == "gone"}
    assert set(gone) == {"RNN tanh", "RNN ReLU"} and 250 < gone["RNN tanh"] < 350  # a factor of about a tenth a step


def test_networks_that_overflow_are_counted_and_left_out():
    gradient = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, np.inf], [np.nan, 1.0]])
    found = Reach(gradient, np.zeros(4), np.ones(4), np.ones(4))
    assert not found.finite and found.band()[1].tolist() == [1.0, 3.0]
    assert found.rate() == pytest.approx(3.0)
    assert Reach(gradient[2:], np.zeros(2), np.ones(2), np.ones(2)).rate() is None


@pytest.mark.parametrize(
    ("name", "text"), [("contributions", "whole gradient"), ("pairs", "t = 15"), ("highway", "the pinned run")]
)
def test_every_line_has_its_name(name, text):
    result = experiment.run(SMALL.model_copy(update={"cell": "LSTM"}))
    assert text in compiled(draw(name, result, result))


@pytest.mark.parametrize(("name", "panel"), [("hero", "All pairs"), ("highway", "Gates")])
def test_all_runs_beside_the_page_s_are_drawn_and_named(name, panel):
    settings = SMALL.model_copy(update={"panels": (panel,), "cells": ("LSTM",), "cell": "LSTM"})
    own, one, other = (experiment.run(settings.model_copy(update={"forget_bias": bias})) for bias in (1.0, 0.0, 2.0))
    spec = draw(name, own, one, other)
    drawn = spec["datasets"]["pinned lines"]
    assert len(drawn) == 2 * SMALL.steps_read and len({row["name"] for row in drawn}) == 2
    assert "the pinned run, another run" in " ".join(spec["title"]["text"])
    # A run without this panel's numbers is left out.
    bare = experiment.run(settings.model_copy(update={"panels": (), "cells": ()}))
    assert len(draw(name, own, bare, other)["datasets"]["pinned lines"]) == SMALL.steps_read


def test_readouts_are_the_hero_s_and_then_the_panels():
    settings = SMALL.model_copy(update={"cell": "LSTM"})
    labels = [readout.label for readout in experiment.readouts(experiment.run(settings))]
    assert labels == [
        "Factor per step back: RNN tanh", "Factor per step back: RNN ReLU", "Factor per step back: LSTM",
        "Factor per step back: GRU", "Largest norm of $W^k$", "Error of the truncated gradient",
        r"Size of $\partial c_T/\partial c_1$",
    ]  # fmt: skip


def test_the_triangle_has_a_colour_scale_that_turns_at_one():
    assert triangle.bounds(np.array([-7.3, 0.0, -np.inf, np.nan])) == (-8.0, 1.0)
    assert triangle.bounds(np.array([np.nan])) == (-1.0, 1.0)
    assert triangle.bounds(np.array([-400.0, 900.0])) == (-299.0, 299.0)
    stops = triangle.colours(-8.0, 8.0, Look())
    assert stops[16] == "#0b4f8a" and stops[0] != stops[-1]


def test_numbers_beyond_float64_are_written():
    assert [power_of_ten(log) for log in (-np.inf, np.nan, 2.0, -500.3)] == ["0", "–", "100", "5.01e−501"]
    assert power(0.0) == "< 1e−300" and power(0.25) == "0.25"


# ---- the script

CODE = {
    "default": Settings(panels=()),
    "adding": Settings(panels=(), data="Adding", length=30, matrix="Orthogonal", seed=3, hidden=8, forget_bias=-1.0),
    "copy": Settings(panels=(), data="Copy", length=20, hidden=8, matrix="Identity", radius=1.1),
    "rows": Settings(panels=(), data="Digit by rows", hidden=16, update_bias=2.0),
    "noise": Settings(panels=(), data="Noise", length=20, hidden=5, cells=("GRU",)),
}


def test_the_scripts_give_the_numbers_of_the_page_in_a_fresh_interpreter():
    results = {case: experiment.run(settings) for case, settings in CODE.items()}
    said = printed({case: experiment.code(result) for case, result in results.items()})
    for case, result in results.items():
        for (cell, found), line in zip(result.reach.items(), said[case], strict=True):
            name, numbers = line.split(":")
            loss, norms = numbers.split("|")
            assert name == cell
            assert float(loss) == pytest.approx(found.loss[0], rel=1e-9), (case, cell)
            assert [float(norm) for norm in norms.split()] == pytest.approx(found.gradient[0], rel=1e-9), (case, cell)
