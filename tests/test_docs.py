"""docs/adding-a-concept.md, followed to the letter in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from dlviz import catalog

STEP = re.compile(r"<!-- (file|append|after): (\S+?)(?:: (.+?))? -->\n```\w*\n(.*?)```", re.DOTALL)
DOCUMENT = ROOT / "docs" / "adding-a-concept.md"
RUN = re.compile(r"<!-- run: (.+?) -->")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with the steps of the document carried out."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("app.py", "pages", "dlviz", "tests", "pyproject.toml", ".streamlit"):
        source = ROOT / part
        if source.is_dir():
            # With the compiled kernels; what others write just now may be gone before it is copied.
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("*.pyc*", "*.tmp*"))
        else:
            shutil.copy(source, copy / part)
    text = DOCUMENT.read_text(encoding="utf-8")
    for kind, path, anchor, body in STEP.findall(text):
        target = copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        if kind == "file":
            assert not target.exists(), f"{path} exists already"
            after = body
        elif kind == "append":
            after = before + body
        else:
            (line,) = [line for line in before.splitlines(keepends=True) if anchor in line]
            after = before.replace(line, line + body)
        target.write_text(after, encoding="utf-8")
    for command in RUN.findall(text):
        run(copy, *command.split())
    return copy


def run(project, *command):
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


KNOWN_BY_ALL = ("tests/test_contracts.py", "tests/test_messages.py", "tests/concepts", "tests/ui/test_tampered.py")
"""Where tests take every concept of the catalogue in turn."""


def test_the_new_files_are_clean(project):
    new = [path for _, path, _, _ in STEP.findall(DOCUMENT.read_text(encoding="utf-8")) if path.endswith(".py")]
    run(project, "-m", "ruff", "check", *new)
    run(project, "-m", "mypy")


def test_the_new_concept_passes_its_own_tests_and_all_those_that_take_every_concept_in_turn(project):
    # What is of the other concepts alone is tested in the project itself.
    names = "test_contracts", "test_messages", "test_cached", "test_settings"
    chosen = f"parabola or (({' or '.join(names)}) and not ({' or '.join(catalog.concepts())}))"
    out = run(project, "-m", "pytest", "-p", "no:cacheprovider", "-k", chosen, *KNOWN_BY_ALL)
    files = "test_contracts", "test_messages", "concepts/parabola/test_parabola", "concepts/test_cached"
    assert all(re.search(rf"^tests/{file}.py [.]", out, re.MULTILINE) for file in files), out
    assert int(re.search(r"(\d+) passed", out)[1]) > 50, out


def test_the_new_concept_gives_the_same_numbers_again_and_on_another_device(project):
    """What test_determinism.py compares, of this concept alone."""
    found = [project / "one.npz", project / "pretended.npz"]
    assert run(project, "tests/helpers/stored_runs.py", str(found[0]), "parabola", "--again").split() == []
    run(project, "tests/helpers/stored_runs.py", str(found[1]), "parabola", "--small", "--pretend", "double")
    with np.load(found[0]) as ours, np.load(found[1]) as theirs:
        assert "parabola/default.descent.error" in ours
        assert "parabola/network.network.loss" in theirs
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs if not name.endswith(" computed"))


def test_the_new_page_opens(project):
    script = (
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "app.switch_page('pages/parabola.py').run()\n"
        "assert not app.exception, app.exception\n"
        "assert 'How fast' in app.title[0].value\n"
        "assert len(app.get('vega_lite_chart')) == 1\n"
    )
    run(project, "-c", script)


def test_the_new_figure_is_exported(project):
    run(project, "-m", "dlviz", "figure", "parabola", "-o", "parabola.svg")
    drawn = (project / "parabola.svg").read_text(encoding="utf-8")
    # The formula of its theory is an outline, made of many curves.
    assert "ηλ" not in drawn and re.search(r'd="M([^"Q]*Q){40}', drawn)
