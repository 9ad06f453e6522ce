"""Every concept offers what the contract's protocols ask: mypy says so, of the modules as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import ROOT

from dlviz import catalog

HEAD = """
from dlviz.contract import Drawing, Experiment, Figures, Study
from dlviz.figures import Pictures
"""


def checked(folder: Path, code: str) -> str:
    """What mypy says of a program, with the project's own settings."""
    file = folder / "program.py"
    file.write_text(HEAD + code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "mypy", str(file)], cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr


def program(stem: str) -> str:
    """The modules of a concept, each assigned to what it must be."""
    package = f"dlviz.concepts.{stem}"
    stems = dict.fromkeys(panel.stem for panel in catalog.concepts()[stem].experiment.Settings.PANELS)
    lines = [f"import {package}.experiment", *(f"import {package}.{name}, {package}.draw.{name}" for name in stems)]
    lines += [f"{stem}_experiment: Experiment = {package}.experiment"]
    lines += [f"{stem}_figures: Figures = Pictures('{stem}', {package}.experiment.Settings)"]
    for name in stems:
        lines += [f"{stem}_{name}: Study = {package}.{name}.STUDY"]
        lines += [f"{stem}_{name}_drawings: dict[str, Drawing] = {package}.draw.{name}.DRAWINGS"]
    return "\n".join(lines)


def test_every_concept_offers_what_the_protocols_ask(tmp_path):
    said = checked(tmp_path, "\n".join(map(program, catalog.concepts())))
    assert "Success: no issues found" in said, said


def test_what_is_missing_is_found(tmp_path):
    said = checked(tmp_path, "import dlviz.numbers\none: Experiment = dlviz.numbers\ntwo: Study = dlviz.numbers.fixed")
    assert "Found 2 errors" in said, said
