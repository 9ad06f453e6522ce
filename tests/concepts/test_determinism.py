"""Equal settings give equal numbers: with 1, 2 and 4 threads, once more in one process, and on another device.

Every process here is a fresh one that runs ``tests/helpers/stored_runs.py``. The other device is one that is none
(``tests/helpers/fake_device.py``): it refuses what a GPU refuses and computes as the CPU does.
"""

import os
import subprocess
import sys
from fnmatch import fnmatch

import numpy as np
import pytest
from cases import cases
from conftest import ROOT
from stored_runs import BY_LIMIT, CLOCK

from dlviz import catalog

# What may differ, in parts of the largest number of its array. All else is equal bit by bit.
# A sum over one long row is split among threads, and so are the decompositions of LAPACK.
BY_THREADS = {f"{s}/{name}": part for s in catalog.concepts() for name, part in cases(s).by_threads.items()}
# torch finds singular values, and the derivative of Swish, in another way for tensors of devices that are written in
# Python.
BY_DEVICE = {f"{s}/{name}": part for s in catalog.concepts() for name, part in cases(s).by_device.items()}


def numbers(folder, *options):
    """What the runs gave in a process of their own: (numbers by name, what it printed)."""
    out = folder / ("-".join(options).replace(" ", "") + ".npz")
    threads = options[options.index("--threads") + 1] if "--threads" in options else "1"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests" / "helpers" / "stored_runs.py"), str(out), *options],
        env=os.environ | {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "DLVIZ_DEVICE": "cpu"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(out) as found:
        return dict(found), done.stdout


def differing(ours, theirs, exceptions, skipped=()):
    """The names of arrays that are not the same, or not within what is allowed for them."""
    assert set(theirs) <= set(ours)
    found = []
    for name, values in theirs.items():
        if name.startswith(CLOCK + skipped) or values.dtype.kind == "U" or ours[name].tobytes() == values.tobytes():
            continue
        allowed = next((tolerance for pattern, tolerance in exceptions.items() if fnmatch(name, pattern)), 0.0)
        one, other = ours[name].astype(float), values.astype(float)
        finite = np.isfinite(one)
        # What is not finite must be the same to the sign.
        if one.shape != other.shape or not np.array_equal(
            np.where(finite, 0, one), np.where(np.isfinite(other), 0, other), equal_nan=True
        ):
            found.append(f"{name}: not of one kind")
            continue
        apart = np.abs(one[finite] - other[finite]).max(initial=0)
        size = np.abs(one[finite]).max(initial=0)
        if not apart <= allowed * size:
            found.append(f"{name}: {apart:.1e} of {size:.1e}")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("numbers")


@pytest.fixture(scope="module")
def one_thread(folder):
    return numbers(folder, "--again")


def test_every_concept_is_run(one_thread):
    stems = {name.partition("/")[0] for name in one_thread[0]}
    assert stems == set(catalog.concepts())
    for stem in stems:
        found = sum(name.startswith(f"{stem}/default.") for name in one_thread[0])
        assert found > (1 if cases(stem).small else 0), stem


def test_the_same_settings_give_the_same_numbers_again(one_thread):
    assert one_thread[1].split() == []


@pytest.mark.parametrize("threads", [pytest.param("2", marks=pytest.mark.long), "4"])
def test_the_number_of_threads_changes_no_number(folder, one_thread, threads):
    theirs, _ = numbers(folder, "--threads", threads)
    assert differing(one_thread[0], theirs, BY_THREADS) == []
    same = sum(one_thread[0][name].tobytes() == values.tobytes() for name, values in theirs.items())
    assert same > 0.9 * len(theirs)


@pytest.mark.parametrize("kind", ["double", pytest.param("single", marks=pytest.mark.long)])
def test_a_device_takes_every_experiment_and_gives_the_same_numbers(folder, one_thread, kind):
    """With float64, as CUDA, and without, as Apple's GPUs: then what needs float64 stays on the CPU."""
    theirs, _ = numbers(folder, "--small", "--pretend", kind)
    assert differing(one_thread[0], theirs, BY_DEVICE, BY_LIMIT) == []
    devices = {name.removesuffix(" computed"): str(found) for name, found in theirs.items() if "computed" in name}
    # Nothing that has a trained or a large part is left to the CPU unnoticed.
    small = {stem: cases(stem).small for stem in catalog.concepts()}
    taken = [stem for stem in small if kind == "double" or not cases(stem).in_float64]
    wanted = {f"{stem}/{name}" for stem in taken for name in small[stem]}
    on_device = {name for name, where in devices.items() if where == "PRETEND"}
    assert on_device - {f"{stem}/default" for stem, runs in small.items() if not runs} == wanted


def test_a_difference_is_found():
    ours = {"a/b.c": np.array([1.0, 2.0]), "a/b.d": np.array([1.0])}
    theirs = {"a/b.c": np.array([1.0, 2.0 + 1e-9]), "a/b.d": np.array([np.nan])}
    assert [line.partition(":")[0] for line in differing(ours, theirs, {})] == ["a/b.c", "a/b.d"]
    assert [line.partition(":")[0] for line in differing(ours, theirs, {"a/b.c": 1e-8})] == ["a/b.d"]
    ours, theirs = {"a/b.e": np.array([1.0, np.inf, np.nan])}, {"a/b.e": np.array([1 + 1e-9, np.inf, np.nan])}
    assert not differing(ours, theirs, {"a/b.e": 1e-8})
    for odd in (-np.inf, np.nan, 1.0):
        assert differing(ours, {"a/b.e": np.array([1.0, odd, np.nan])}, {"a/b.e": 1e-8}) == ["a/b.e: not of one kind"]
