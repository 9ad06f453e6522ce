"""``python -m dlviz``: the files it writes are what their suffix says, and what is wrong is said in one line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from dlviz import catalog
from dlviz.__main__ import run
from dlviz.language import LANGUAGES

SVG = "{http://www.w3.org/2000/svg}"


def texts(path):
    return "".join(ET.parse(path).getroot().itertext())


def test_the_command_of_the_readme_draws_a_slide_in_chinese(tmp_path):
    target = tmp_path / "ravine.svg"
    command = ["figure", "loss_surfaces", "--preset", "ravine", "--set", "steps=50", "--lang", "zh"]
    done = subprocess.run(
        [sys.executable, "-m", "dlviz", *command, "--theme", "dark", "--slide", "-o", str(target)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    root = ET.parse(target).getroot()
    assert float(root.get("width")) / float(root.get("height")) == pytest.approx(16 / 9, rel=0.01)
    words = texts(target)
    assert "损失曲面与优化器" in words and "surface" not in words.split("损失曲面与优化器")[0]
    assert "torch" in words and "steps = 50" in words


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_pictures_are_valid_files(tmp_path, suffix):
    target = tmp_path / f"figure.{suffix}"
    assert run(["figure", "loss_surfaces", "-o", str(target)]) == 0
    data = target.read_bytes()
    start = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "svg": b"<svg"}[suffix]
    assert data.startswith(start) and len(data) > 10_000


def test_the_csv_holds_the_losses_that_are_drawn(tmp_path):
    from dlviz.concepts.loss_surfaces import experiment

    target = tmp_path / "loss.csv"
    assert run(["figure", "loss_surfaces", "--figure", "hero", "-o", str(target)]) == 0
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    found = {(row["name"], int(float(row["step"]))): float(row["loss"]) for row in rows if row.get("loss")}
    result = experiment.run(experiment.Settings())
    for drawn in result.runs:
        for step in (0, 1, 50, 100):
            assert found[drawn.optimizer, step] == pytest.approx(drawn.loss[step, 0], rel=1e-12)


def test_a_settings_file_rebuilds_the_same_numbers(tmp_path):
    settings, first, second = (tmp_path / name for name in ("saved.json", "first.csv", "second.csv"))
    chosen = ["--preset", "noise_ball", "--set", "repeats=5", "--set", "seed=7"]
    assert run(["figure", "loss_surfaces", *chosen, "-o", str(settings)]) == 0
    assert json.loads(settings.read_text())["settings"]["seed"] == 7
    assert run(["figure", "loss_surfaces", *chosen, "--figure", "loss", "-o", str(first)]) == 0
    assert run(["figure", "loss_surfaces", "--settings", str(settings), "--figure", "loss", "-o", str(second)]) == 0
    assert first.read_bytes() == second.read_bytes()


WRONG = {
    "concept": (["figure", "loss", "-o", "{}/a.svg"], "loss_surfaces"),
    "preset": (["figure", "loss_surfaces", "--preset", "x", "-o", "{}/a.svg"], "ravine"),
    "figure": (["figure", "loss_surfaces", "--figure", "x", "-o", "{}/a.svg"], "hero"),
    "suffix": (["figure", "loss_surfaces", "-o", "{}/a.gif"], "svg"),
    "setting": (["figure", "loss_surfaces", "--set", "rate=1", "-o", "{}/a.svg"], "learning_rate"),
    "value": (["figure", "loss_surfaces", "--set", "learning_rate=1e309", "-o", "{}/a.svg"], "from 1e-08 to 1000"),
    "start": (["figure", "loss_surfaces", "--set", "start_x=99", "-o", "{}/a.svg"], "from -4 to 1"),
    "formula": (
        ["figure", "loss_surfaces", "--set", "surface=Custom", "--set", "expression=x+", "-o", "{}/a.svg"],
        "missing",
    ),
    "language": (["figure", "loss_surfaces", "--lang", "fr", "-o", "{}/a.svg"], "zh"),
    "no sign": (["figure", "loss_surfaces", "--set", "steps", "-o", "{}/a.svg"], "NAME=VALUE"),
    "folder": (["figure", "loss_surfaces", "-o", "{}/none/a.svg"], "does not exist"),
    "file": (["figure", "loss_surfaces", "--settings", "{}/none.json", "-o", "{}/a.svg"], "none.json"),
    "nothing finite": (
        ["figure", "loss_surfaces", "--set", "surface=Custom", "--set", "expression=log(-1-x^2)", "-o", "{}/a.svg"],
        "no finite value",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(tmp_path, capsys, case):
    arguments, said = WRONG[case]
    assert run([part.replace("{}", str(tmp_path)) for part in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert not list(tmp_path.iterdir())


def test_every_preset_of_every_concept_is_exported(tmp_path):
    assert run(["export", "--all", str(tmp_path)]) == 0
    for stem, concept in catalog.concepts().items():
        for preset in concept.experiment.PRESETS:
            for name in concept.figures.shown(preset.settings):
                root = ET.parse(tmp_path / stem / f"{preset.name}-{name}.svg").getroot()
                # A table is made of texts, a photograph of images.
                marks = [item for kind in ("path", "text", "image") for item in root.iter(SVG + kind)]
                assert root.tag == SVG + "svg" and len(marks) > 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_list_names_every_preset(capsys, language):
    assert run(["list", "--lang", language]) == 0
    out = capsys.readouterr().out
    assert all(preset.name in out for preset in catalog.concepts()["loss_surfaces"].experiment.PRESETS)
