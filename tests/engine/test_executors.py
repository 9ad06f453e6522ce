"""The two executors of gradient descent: against each other and one lane at a time, and their manners."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from dlviz.engine.descent import interpreter, tracer
from dlviz.engine.descent.descent import basins, descend, draw_batches, draw_noise, final_loss
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.descent.tracer import OPERATIONS, compile_program
from dlviz.engine.optimizers import RULES
from dlviz.engine.runtime import compute_lock, device
from dlviz.engine.surfaces.analytic import FORMULAS
from dlviz.engine.surfaces.named import surface
from dlviz.engine.surfaces.table import NAMES

EXECUTORS = ("compiled", "torch")
both = pytest.mark.parametrize("executor", EXECUTORS)


# -- both executors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FORMULAS, "Quadratic", "Custom", "Diabetes raw", "Diabetes standardised"])
def test_executors_agree_in_everything_they_record(name):
    ground = surface(name)
    rng = np.random.default_rng(0)
    x_min, x_max, y_min, y_max = ground.domain
    x, y = rng.uniform(x_min, x_max, 140), rng.uniform(y_min, y_max, 140)  # more than one block
    noise = 0.1 * draw_noise(5, 40, seed=1)
    lanes = [
        Lanes(rule, x, y, 10 ** rng.uniform(-5, -3, 140), seed=rng.integers(0, 5, 140), noisy=rule.name != "GD")
        for rule in RULES.values()
    ]
    traces = [descend(ground, lanes, 40, noise=noise, record_state=True, executor=e) for e in EXECUTORS]
    finals = [final_loss(ground, lanes, 40, noise=noise, executor=e) for e in EXECUTORS]
    for lane, one, two, final_one, final_two in zip(lanes, *traces, *finals, strict=True):
        assert one.state.shape == (41, len(lane.rule.state), 2, 140)
        assert one.gradient.shape == (40, 140, 2)
        for part in ("w", "loss", "state", "gradient"):
            a, b = getattr(one, part), getattr(two, part)
            scale = 1 + np.nanmax(np.abs(a), initial=0.0)
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-11 * scale, err_msg=f"{lane.rule.name}: {part}")
        np.testing.assert_array_equal(one.diverged, two.diverged)
        for final in (final_one, final_two):
            np.testing.assert_allclose(final.loss, one.loss[-1], rtol=1e-11, atol=1e-11)
            np.testing.assert_array_equal(final.diverged, one.diverged)


@both
@pytest.mark.parametrize("name", RULES)
def test_lanes_with_different_hyperparameters_equal_separate_calls(executor, name):
    ground, rule = surface("Himmelblau"), RULES[name]
    rng = np.random.default_rng(1)
    rates = 10 ** rng.uniform(-4, -2, 6)
    hyper = {key: value * rng.uniform(0.3, 0.99, 6) for key, value in rule.hyper.items() if key != "bias_correction"}
    if "bias_correction" in rule.hyper:
        hyper["bias_correction"] = np.array([1.0, 0, 1, 0, 1, 0])
    together = descend(ground, [Lanes(rule, *ground.start, rates, hyper)], 60, executor=executor)[0]
    for i, rate in enumerate(rates):
        one = {key: float(value[i]) for key, value in hyper.items()}
        alone = descend(ground, [Lanes(rule, *ground.start, rate, one)], 60, executor=executor)[0]
        np.testing.assert_allclose(together.w[:, i], alone.w[:, 0], rtol=0, atol=1e-12)


def test_many_pieces_in_threads_equal_one_lane_at_a_time():
    ground, rule = surface("Rosenbrock"), RULES["Adam"]
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-2, 2, 5000), rng.uniform(-1, 3, 5000)
    together = descend(ground, [Lanes(rule, x, y, 0.01)], 300)[0]
    for i in (0, 127, 128, 2500, 4999):
        alone = descend(ground, [Lanes(rule, x[i], y[i], 0.01)], 300)[0]
        np.testing.assert_array_equal(together.w[:, i], alone.w[:, 0])
        np.testing.assert_array_equal(together.loss[:, i], alone.loss[:, 0])


@both
def test_state_and_gradient_are_those_of_the_rule(executor):
    ground, rule = surface("Himmelblau"), RULES["Momentum"]
    trace = descend(ground, [Lanes(rule, *ground.start, 0.002)], 50, record_state=True, executor=executor)[0]
    m = trace.state[:, rule.state.index("m"), :, 0]
    exact = np.stack(ground.gradient(trace.w[:-1, 0, 0], trace.w[:-1, 0, 1]), axis=1)
    np.testing.assert_allclose(trace.gradient[:, 0], exact, atol=1e-12)
    np.testing.assert_allclose(m[1:], 0.9 * m[:-1] + exact, atol=1e-11)
    np.testing.assert_allclose(np.diff(trace.w[:, 0], axis=0), -0.002 * m[1:], atol=1e-12)
    np.testing.assert_allclose(trace.loss[:, 0], ground.value(*trace.w[:, 0].T), rtol=1e-12)


# -- programs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if surface(name).program])
def test_a_program_never_writes_over_its_operands(name):
    # The kernel's loops are vectorised only for rows that do not overlap.
    for rule in RULES.values():
        for noisy in (False, True):
            made = compile_program(surface(name), rule, noisy, True)
            moves = made.code[:, 0] == OPERATIONS.index("move")
            assert not (made.code[:, 1:2] == made.code[:, 2:]).any()
            assert made.code[:, 1:].max() < made.rows
            assert not np.isin(made.code[made.setup :, 1], made.code[: made.setup, 1]).any()
            assert moves.sum() <= 2 + 2 * len(rule.state) + 3


def test_kernels_and_programs_use_the_same_numbers():
    assert [getattr(interpreter, name.upper()) for name in OPERATIONS] == list(range(len(OPERATIONS)))
    for row in ("X_ROW", "Y_ROW", "NOISE_X_ROW", "NOISE_Y_ROW"):
        assert getattr(interpreter, row) == getattr(tracer, row)


def test_powers_of_beta_are_shared_by_both_coordinates():
    made = compile_program(surface("Himmelblau"), RULES["Adam"], False, False)
    shared = made.state_rows[:, 0] == made.state_rows[:, 1]
    assert dict(zip(RULES["Adam"].state, shared.tolist(), strict=True)) == {
        "m": False, "v": False, "beta1_power": True, "beta2_power": True,
    }  # fmt: skip


def test_every_operation_of_typed_formulas_is_compiled_right():
    text = "sin(x) + cos(y)*tan(x/3) + sinh(x/2) + cosh(y/2) + tanh(x*y) + exp(-x^2) + log(x^2+1) + sqrt(y^2+2)"
    text += " + abs(x - y) + (x^2+1)^1.37 + 3/(2+y^4) - x^-3"
    ground = surface("Custom", expression=text)
    x, y = np.random.default_rng(4).uniform(0.5, 2.5, (2, 200))
    lanes = [Lanes(RULES["GD"], x, y, 1e-3)]
    (trace,) = descend(ground, lanes, 3, record_state=True, executor="compiled")
    np.testing.assert_allclose(trace.loss[0], ground.value(x, y), rtol=1e-13)
    np.testing.assert_allclose(trace.gradient[0].T, ground.gradient(x, y), rtol=1e-12, atol=1e-12)


# -- manners -------------------------------------------------------------------------------------------------


class Moved(Exception):
    """What a page raises from progress() when its visitor has moved on."""


def slow_calls():
    rosenbrock, cancer = surface("Rosenbrock"), surface("Breast cancer")
    starts = np.zeros(800_000)
    grid = np.meshgrid(np.linspace(-2, 2, 700), np.linspace(-1, 3, 700))
    return {
        "paths": lambda p: final_loss(rosenbrock, [Lanes(RULES["Adam"], starts, 1.0, 1e-4)], 1000, progress=p),
        "basins": lambda p: basins(
            rosenbrock, RULES["Adam"], {}, 1e-4, *grid, steps=1000, tolerance=1e-3, progress=p
        ),
        "torch": lambda p: descend(cancer, [Lanes(RULES["Adam"], starts[:2000], 1.0, 1e-4)], 1000, progress=p),
    }  # fmt: skip


@pytest.mark.parametrize("which", ["paths", "basins", "torch"])
def test_work_ends_promptly_when_progress_raises(which):
    call, shares, raised = slow_calls()[which], [], []

    def progress(share):
        shares.append(share)
        if len(shares) == 5:
            raised.append(time.process_time())
            raise Moved

    with pytest.raises(Moved):
        call(progress)
    # Whole, each would take many seconds of computing. On a busy machine other threads compute on until this one is
    # let in again to tell them.
    assert time.process_time() - raised[0] < 1
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] < 0.5
    with compute_lock.compute_lock():
        pass


@both
def test_progress_reaches_the_end_in_order(executor):
    shares = []
    lanes = [Lanes(RULES["Adam"], np.zeros(30_000 if executor == "compiled" else 3000), 1.0, 1e-3)]
    descend(surface("Rosenbrock"), lanes, 150, progress=shares.append, executor=executor)
    assert len(shares) > 2
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1


def test_the_gate_lets_one_thread_in_and_the_waiting_one_leave():
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with compute_lock.compute_lock():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(5)

    def impatient(_share):
        raise Moved

    with pytest.raises(Moved), compute_lock.compute_lock(impatient):
        pytest.fail("two threads inside the gate")
    leave.set()
    with compute_lock.compute_lock(), compute_lock.compute_lock():  # reentrant
        thread.join(5)
    assert not thread.is_alive()


def test_the_device_can_be_chosen(monkeypatch):
    monkeypatch.setenv("DLVIZ_DEVICE", "cpu")
    assert device.device() == torch.device("cpu")
    assert device.describe() == "CPU"
    monkeypatch.setenv("DLVIZ_DEVICE", "tpu")
    with pytest.raises(ValueError, match="'tpu'; allowed are cpu, cuda, mps"):
        device.device()
    if not torch.cuda.is_available():
        monkeypatch.setenv("DLVIZ_DEVICE", "cuda")
        with pytest.raises(ValueError, match="does not find on this computer; there is cpu"):
            device.device()
    assert device.versions()["torch"].startswith("2.")


def test_formulas_need_no_torch():
    code = """
import sys
sys.modules["torch"] = sys.modules["streamlit"] = sys.modules["altair"] = None
from dlviz.engine.descent import descent
from dlviz.engine.descent.lanes import Lanes
from dlviz.engine.runtime import device
from dlviz.engine.optimizers import RULES
from dlviz.engine.surfaces.named import surface
ground = surface("Rosenbrock")
lanes = [Lanes(rule, *ground.start, 1e-3) for rule in RULES.values()]
assert len(descent.descend(ground, lanes, 20)) == 12
assert "torch" in device.versions()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda g: Lanes(RULES["GD"], np.zeros(3), np.zeros(2), 0.1),
            r"one shape \(L,\); there are x \(3,\), y \(2,\)",
        ),
        (lambda g: Lanes(RULES["GD"], np.zeros((2, 2)), 0.0, 0.1), "one shape"),
        (lambda g: Lanes(RULES["GD"], 0.0, 0.0, 0.1, {"momentum": 0.9}), "GD has no hyperparameter momentum"),
        (lambda g: descend(g, [Lanes(RULES["GD"], 0, 0, 0.1)], 0), "at least 1"),
        (
            lambda g: descend(g, [Lanes(RULES["GD"], 0, 0, 0.1)], 9, noise=draw_noise(1, 5)),
            r"must be \(seeds, 9, 2\), not \(1, 5, 2\)",
        ),
        (
            lambda g: descend(g, [Lanes(RULES["SGD"], 0, 0, 0.1, seed=2, noisy=True)], 5, noise=draw_noise(2, 5)),
            "lanes use draws 2 to 2; there are 2",
        ),
        (
            lambda g: descend(g, [Lanes(RULES["SGD"], 0, 0, 0.1, noisy=True)], 5, batches=draw_batches(9, 3, 1, 5)),
            "not made from data",
        ),
        (lambda g: basins(g, RULES["GD"], {}, 0.1, 0, 0, tolerance=0), "must be positive"),
        (lambda g: basins(g, RULES["GD"], {}, 0.1, 0, 0, tolerance=1, steps=0), "must be positive"),
        (lambda g: draw_batches(10, 11, 1, 1), "from 1 to 10 examples, not 11"),
        (
            lambda g: descend(surface("Breast cancer"), [Lanes(RULES["GD"], 0, 0, 1)], 5, executor="compiled"),
            "cannot be compiled",
        ),
    ],
)
def test_errors_say_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call(surface("Himmelblau"))
