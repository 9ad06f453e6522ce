"""The CPU against a CUDA GPU, from the same seeds: the same numbers within a stated tolerance.

Needs a GPU, and says so where there is none. The comparison itself is tested everywhere, on float32 against float64.
"""

import functools

import numpy as np
import pytest
import stored_runs
import torch
from cases import Cases, cases

from dlviz import catalog
from dlviz.engine.runtime import device

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU on this computer")

# Largest difference in parts of the largest number of an array. In float64 (signals, Jacobians, surfaces) the order
# of sums differs; a few steps of training in float32 magnify its 1e-7, Adam most where a gradient is near zero.
# How much of it a concept may have stands in its ``cases.py``.
# Shares of right answers: one image of a few hundred may fall to the other side.
COUNTS, ONE_IMAGE = ("accuracy", "error", "right"), 2e-2


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference in parts of the largest finite number; infinite where only one of them is finite."""
    one, other = one.astype(float), other.astype(float)
    if one.shape != other.shape or not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    finite = np.isfinite(one)
    size = np.abs(one[finite]).max(initial=0)
    return float(np.abs(one[finite] - other[finite]).max(initial=0) / (size or 1.0))


def too_far(stem: str, ours: dict, theirs: dict) -> list[str]:
    """The names of the numbers of a concept that are farther apart than its tolerance."""
    assert {name for name in {*ours} ^ {*theirs} if not name.startswith(stored_runs.BY_LIMIT)} == set()
    found = []
    for name, values in ours.items():
        if name.startswith(stored_runs.CLOCK + stored_runs.BY_LIMIT) or values.dtype.kind == "U":
            continue
        allowed = cases(stem).by_gpu
        if any(word in name for word in COUNTS):
            allowed = max(allowed, ONE_IMAGE)
        if not apart(values, theirs[name]) <= allowed:
            found.append(f"{name}: {apart(values, theirs[name]):.1e}")
    return found


@GPU
@pytest.mark.parametrize("stem", catalog.concepts())
def test_the_gpu_gives_the_cpu_s_numbers(stem, monkeypatch):
    found = {}
    for name in ("cpu", "cuda"):
        monkeypatch.setenv("DLVIZ_DEVICE", name)
        stored_runs.forget()
        found[name] = stored_runs.run([stem], only_small=True)
    assert any(str(values) != "CPU" for name, values in found["cuda"].items() if name.endswith("computed"))
    assert too_far(stem, found["cpu"], found["cuda"]) == []


def test_the_comparison_finds_what_differs_and_lets_rounding_pass():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(200, 200, generator=generator, dtype=torch.float64) for _ in range(2))
    double, single = (a @ b).numpy(), (a.float() @ b.float()).double().numpy()
    assert 0 < apart(double, single) < 1e-5
    ours = {"bptt/default.reach": double, "bptt/default computed": np.array("CPU")}
    assert too_far("bptt", ours, {"bptt/default.reach": single, "bptt/default computed": np.array("A GPU")}) == []
    wrong = double.copy()
    wrong[3, 5] += 0.1 * np.abs(double).max()
    assert len(too_far("bptt", ours, ours | {"bptt/default.reach": wrong})) == 1
    wrong[3, 5] = np.nan
    assert apart(double, wrong) == float("inf")


def test_two_runs_of_the_cpu_pass_the_comparison(monkeypatch):
    """The very code that a GPU is compared with, CPU against CPU."""
    monkeypatch.setattr(stored_runs, "shorten", lambda: None)
    small = {"small": {"panels": (), "depth": 3, "width": 16}}
    monkeypatch.setattr(stored_runs, "cases", lambda stem: Cases(small=small))
    run = functools.partial(stored_runs.run, ["initialization"], only_small=True)
    ours = run()
    stored_runs.forget()
    theirs = run()
    assert len(ours) > 5
    assert too_far("initialization", ours, theirs) == []
    assert device.describe() in {str(values) for name, values in ours.items() if name.endswith("computed")}
