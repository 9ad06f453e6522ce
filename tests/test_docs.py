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
    text = (ROOT / "docs" / "adding-a-concept.md").read_text(encoding="utf-8")
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


def test_the_new_concept_passes_the_contracts_its_own_tests_and_the_common_ones_that_know_nothing_of_it(project):
    # The contracts of the others are tested in the project itself.
    others = f"not ({' or '.join(catalog.concepts())})"
    files = [f"tests/{name}.py" for name in ("test_contracts", "concepts/parabola/test_parabola")]
    files += [f"tests/concepts/{name}.py" for name in ("test_kept", "test_settings")]
    out = run(project, "-m", "pytest", "-p", "no:cacheprovider", "-k", others, *files)
    assert all(re.search(f"^{file} [.]", out, re.MULTILINE) for file in files), out
    assert " passed" in out


def test_the_new_concept_gives_the_same_numbers_again_and_on_another_device(project):
    # What test_determinism.py compares, of this concept alone.
    found = [project / "one.npz", project / "pretended.npz"]
    assert run(project, "tests/helpers/stored_runs.py", str(found[0]), "parabola", "--again").split() == []
    run(project, "tests/helpers/stored_runs.py", str(found[1]), "parabola", "--small", "--pretend", "double")
    with np.load(found[0]) as ours, np.load(found[1]) as theirs:
        assert {*ours} == {*theirs} > {"parabola/default.error"}
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


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
    assert "|1 − ηλ|^t" in (project / "parabola.svg").read_text(encoding="utf-8")
