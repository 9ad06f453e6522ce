"""The processor time of each concept's tests: summed over processes, told, and bounded; on a tiny suite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import budget
import groups
import pytest
from conftest import ROOT

CONFTEST = f"""
import sys

sys.path.insert(0, {str(ROOT / "tests" / "helpers")!r})

from pathlib import Path

import budget
import groups
import pytest

def pytest_addoption(parser):
    budget.add_option(parser)

def pytest_configure(config):
    budget.register(config)

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    groups.arrange(items, Path(__file__).parent)
"""
COMMON = """
import pytest, time

def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

@pytest.mark.parametrize("stem", ["alpha", "beta", "gamma"])
def test_common(stem):
    work({"alpha": 0.2, "beta": 0.2, "gamma": 0.0}[stem])

def test_of_none():
    work(0.2)
"""
OWN = """
import subprocess, sys

BURN = "import time\\nwhile time.process_time() < 0.4: pass\\nprint('done', flush=True)\\ninput()"

def test_a_process_that_ends():
    subprocess.run([sys.executable, "-c", BURN], input=b"x", check=True)

def test_a_process_that_goes_on(request):
    process = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"done\\n"
    request.session.process = process
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Tests of three concepts; those of alpha start processes, one of which is never waited for."""
    tests = tmp_path_factory.mktemp("suite") / "tests"
    for path, text in {"conftest.py": CONFTEST, "test_common.py": COMMON, "concepts/alpha/test_alpha.py": OWN}.items():
        (tests / path).parent.mkdir(parents=True, exist_ok=True)
        (tests / path).write_text(text)
    return tests


def told(suite, *options):
    """The exit status, what was printed, and the seconds of each concept."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", *options, str(suite)]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # the others take longer than the suite
    done = subprocess.run(command, cwd=suite, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    lines = re.findall(r"^ *([\d.]+) s  (\w+)$", done.stdout, re.MULTILINE)
    return done.returncode, done.stdout, {stem: float(seconds) for seconds, stem in lines}


SPREAD = ("-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder")


def test_times_are_summed_over_processes_and_no_concept_may_take_more_than_the_bound(suite):
    status, out, seconds = told(suite, *SPREAD, "--concept-seconds", "0.9")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert list(seconds) == ["alpha", "beta", "gamma"]
    assert seconds["alpha"] > 0.9 > seconds["beta"] > 0.15 > seconds["gamma"]
    (failed,) = re.findall(r"^FAILED: the tests of .*", out, re.MULTILINE)
    assert re.fullmatch(r".* of alpha took [\d.]+ s of processor time, and a concept may take 0\.9 s", failed)


def test_within_the_bound_all_is_well_and_without_one_nothing_is_told(suite):
    status, out, seconds = told(suite, "--concept-seconds", "60")
    assert status == pytest.ExitCode.OK
    assert set(seconds) == {"alpha", "beta", "gamma"}
    assert "FAILED" not in out
    asked = SimpleNamespace(getoption=lambda _name: None, pluginmanager=SimpleNamespace(register=pytest.fail))
    budget.register(asked)


def test_a_concept_s_tests_are_one_group_and_others_stay_with_their_file(request):
    found = {}
    for item in request.session.items:
        found.setdefault(groups.group_of(item, ROOT / "tests"), []).append(item)
    for group, items in found.items():
        if group.endswith(".py"):
            assert {item.path for item in items} == {ROOT / "tests" / group}
        else:
            assert {budget.concept_of(item) for item in items} == {group}
