"""``python -m dlviz``: the files it writes are what their suffix says, and what is wrong is said in one line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import runs

from dlviz import catalog, provenance
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
    assert "为什么 Adam 能直穿峡谷" in words and "50 步" in words
    assert '"torch": "2.13.0' in words, "the record"


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_pictures_are_valid_files(tmp_path, suffix):
    target = tmp_path / f"figure.{suffix}"
    assert run(["figure", "loss_surfaces", "-o", str(target)]) == 0
    data = target.read_bytes()
    start = {"png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "svg": b"<svg"}[suffix]
    assert data.startswith(start) and len(data) > 10_000


def test_the_csv_holds_the_losses_that_are_drawn(tmp_path):
    target = tmp_path / "loss.csv"
    assert run(["figure", "loss_surfaces", "--figure", "hero", "-o", str(target)]) == 0
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    found = {(row["name"], int(float(row["step"]))): float(row["loss"]) for row in rows if row["dataset"] == "paths"}
    result = runs.run("loss_surfaces")
    for drawn in result.race.descents:
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
    "suffix": (["figure", "loss_surfaces", "-o", "{}/a.bmp"], "svg"),
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


def few(concept):
    """The presets of a concept that show a figure which none before them shows."""
    seen, chosen = {"hero"}, []
    for preset in concept.experiment.PRESETS:
        shown = set(concept.figures.shown(preset.settings))
        if shown - seen or not chosen:
            chosen.append(preset)
        seen |= shown
    return tuple(chosen)


ALL = pytest.param(lambda concept: concept.experiment.PRESETS, marks=[pytest.mark.long, pytest.mark.timeout(1800)])


@pytest.mark.parametrize("presets", [few, ALL])
@pytest.mark.parametrize("stem", catalog.concepts())
def test_every_preset_of_every_concept_is_exported(tmp_path, monkeypatch, stem, presets):
    concept = catalog.concepts()[stem]
    monkeypatch.setattr(concept.experiment, "PRESETS", presets(concept))
    runs.shared(monkeypatch, stem)
    assert run(["export", stem, "-o", str(tmp_path)]) == 0
    for preset in concept.experiment.PRESETS:
        for name in concept.figures.shown(preset.settings):
            drawn(tmp_path / stem / f"{preset.name}-{name}.svg")


def drawn(path):
    root = ET.parse(path).getroot()
    # A table is made of texts, a photograph of images.
    marks = [item for kind in ("path", "text", "image") for item in root.iter(SVG + kind)]
    assert root.tag == SVG + "svg" and len(marks) > 5


def test_all_concepts_are_exported_at_once(tmp_path, monkeypatch):
    """One preset of each, and of that what is shown first: what is in the files is for the tests of one concept."""
    for stem, concept in catalog.concepts().items():
        first = concept.experiment.PRESETS[0]
        monkeypatch.setattr(concept.experiment, "PRESETS", (replace(first, settings=first.settings.coarse()),))
        runs.shared(monkeypatch, stem)
    assert run(["export", "--all", str(tmp_path)]) == 0
    for stem, concept in catalog.concepts().items():
        (preset,) = concept.experiment.PRESETS
        for name in concept.figures.shown(preset.settings):
            drawn(tmp_path / stem / f"{preset.name}-{name}.svg")


@pytest.mark.parametrize("language", LANGUAGES)
def test_list_names_every_preset(capsys, language):
    assert run(["list", "--lang", language]) == 0
    out = capsys.readouterr().out
    assert all(preset.name in out for preset in catalog.concepts()["loss_surfaces"].experiment.PRESETS)


# ---- whatever is typed, and whatever stands in a settings file


def said(capsys, arguments) -> str:
    """The one message of a command line that cannot be carried out."""
    assert run(arguments) == 2
    out, error = capsys.readouterr()
    assert not out
    assert error.startswith("Error: ")
    assert error.count("\n") == 1, error
    assert error[:-1].isprintable(), "a terminal would take some of it for its own codes"
    assert len(error) < 2_000
    assert "Traceback" not in error
    return error


STEMS = list(catalog.concepts())
HERE = "{}/a.svg"
ARGUMENTS = {
    "no such command": ["draw"],
    "no such option": ["list", "--all"],
    "a command of a terminal's codes": ["\x1b[31m\n"],
    "an option of a terminal's codes": ["list", "--\x1b[31m\n"],
    "a file of a terminal's codes": ["figure", "STEM", "--settings", "{}/\x1b[31m\n", "-o", HERE],
    "list in no language": ["list", "--lang", "xx"],
    "figure of nothing": ["figure", "-o", HERE],
    "figure to nowhere": ["figure", "STEM"],
    "figure of an empty name": ["figure", "", "-o", HERE],
    "figure of a path": ["figure", "../STEM", "-o", HERE],
    "two figures": ["figure", "STEM", "STEM", "-o", HERE],
    "no theme": ["figure", "STEM", "--theme", "sepia", "-o", HERE],
    "scale of zero": ["figure", "STEM", "--scale", "0", "-o", HERE],
    "scale of NaN": ["figure", "STEM", "--scale", "nan", "-o", HERE],
    "scale of words": ["figure", "STEM", "--scale", "big", "-o", HERE],
    "no suffix": ["figure", "STEM", "-o", "{}/a"],
    "onto a folder": ["figure", "STEM", "-o", "{}"],
    "a folder with a line feed": ["figure", "STEM", "-o", "{}/a\nb/c.svg"],
    "a setting without a name": ["figure", "STEM", "--set", "=1", "-o", HERE],
    "a setting of no page": ["figure", "STEM", "--set", "__class__=1", "-o", HERE],
    "a value without end": ["figure", "STEM", "--set", "seed=" + "9" * 5000, "-o", HERE],
    "a name without end": ["figure", "STEM", "--set", "x" * 100_000 + "=1", "-o", HERE],
    "a value with a line feed": ["figure", "STEM", "--set", "seed=1\n2", "-o", HERE],
    "a concept with a line feed": ["figure", "a\nb", "-o", HERE],
    "a folder as settings": ["figure", "STEM", "--settings", "{}", "-o", HERE],
    "export of nothing": ["export"],
    "export of everything and one": ["export", "STEM", "--all", "-o", "{}/out"],
    "export of no concept": ["export", "nobody", "-o", "{}/out"],
    "export as csv": ["export", "STEM", "-o", "{}/out", "--format", "csv"],
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_bad_arguments_end_with_one_line(tmp_path, capsys, case):
    arguments = [part.replace("{}", str(tmp_path)).replace("STEM", STEMS[0]) for part in ARGUMENTS[case]]
    said(capsys, arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stem", STEMS)
def test_bad_values_of_every_setting_end_with_one_line(tmp_path, capsys, stem):
    model = catalog.concepts()[stem].experiment.Settings
    for name, field in model.model_fields.items():
        if field.annotation is not str:
            error = said(capsys, ["figure", stem, "--set", f"{name}=\x1bnan\n", "-o", str(tmp_path / "a.svg")])
            assert name in error
            assert "allowed" in error
    assert not list(tmp_path.iterdir())


def stored(stem, **changes) -> bytes:
    return json.dumps({"format": 1, "concept": stem, "settings": {}, "pin": None} | changes).encode()


FILES = {
    "nothing": lambda stem: b"",
    "no JSON": lambda stem: b"{'concept': 1",
    "cut off": lambda stem: stored(stem)[:-5],
    "bytes": lambda stem: bytes(range(256)),
    "a number": lambda stem: b"1e999",
    "a list": lambda stem: b"[]",
    "null": lambda stem: b"null",
    "no settings": lambda stem: stored(stem, settings=None),
    "settings as a list": lambda stem: stored(stem, settings=[1]),
    "settings as text": lambda stem: stored(stem, settings="seed=1"),
    "a pin as text": lambda stem: stored(stem, pin="seed=1"),
    "a pin out of bounds": lambda stem: stored(stem, pin={"seed": "x"}),
    "no concept": lambda stem: b'{"settings": {}}',
    "a concept as a number": lambda stem: stored(1),
    "another concept": lambda stem: stored("nobody"),
    "an unknown name": lambda stem: stored(stem, settings={"nobody": 1}),
    "a name with line feeds and a terminal's codes": lambda stem: stored(stem, settings={"a\nTrace\x1b[31m\u202e": 1}),
    "a pin with such a name": lambda stem: stored(stem, pin={"a\nTrace\x1b[31m": 1}),
    "a later format": lambda stem: stored(stem, format=99),
    "a format of anything": lambda stem: stored(stem, format={"a": ["\x1b\n"] * 10_000}),
    "no format at all": lambda stem: stored(stem, format=None),
    "a nested value": lambda stem: stored(stem, settings={"seed": {"a": [1]}}),
    "a list for a number": lambda stem: stored(stem, settings={"seed": [1, 2]}),
    "null for a number": lambda stem: stored(stem, settings={"seed": None}),
    "NaN": lambda stem: b'{"concept": "%s", "settings": {"seed": NaN}}' % stem.encode(),
    "Infinity": lambda stem: b'{"concept": "%s", "settings": {"seed": -Infinity}}' % stem.encode(),
    "beyond every float": lambda stem: b'{"concept": "%s", "settings": {"seed": 1e999}}' % stem.encode(),
    "digits without end": lambda stem: b'{"concept": "%s", "settings": {"seed": %s}}' % (stem.encode(), b"9" * 10_000),
    "depth without end": lambda stem: b"[" * 100_000 + b"]" * 100_000,
    "objects without end": lambda stem: b'{"a":' * 100_000,
    "twenty megabytes": lambda stem: stored(stem, settings={"seed": "x" * 20_000_000}),
    "a lone surrogate": lambda stem: stored(stem, settings={"seed": "\ud800"}),
    "two settings, one wrong": lambda stem: (
        b'{"concept": "%s", "settings": {"seed": "x"}, "settings": {"seed": "y"}}' % stem.encode()
    ),
}


@pytest.mark.parametrize("stem", STEMS)
def test_a_settings_file_that_is_none_ends_with_one_line(tmp_path, capsys, stem):
    file = tmp_path / "stored.json"
    for name, make in FILES.items():
        file.write_bytes(make(stem))
        try:
            said(capsys, ["figure", stem, "--settings", str(file), "-o", str(tmp_path / "a.json")])
        except AssertionError as error:
            raise AssertionError(f"the file {name!r}") from error
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("stem", STEMS)
def test_what_an_editor_adds_to_a_settings_file_is_no_harm(tmp_path, stem):
    """A byte order mark, other line ends, another order, and a later version's additions."""
    model = catalog.concepts()[stem].experiment.Settings
    least = ({name: low} for name in model.model_fields if (low := model.bounds(name)[0]) is not None)
    changed = next(values for values in least if provenance.effective(model(**values)) != provenance.effective(model()))
    file, target = tmp_path / "stored.json", tmp_path / "a.json"
    text = stored(stem, settings=changed, later={"more": 1}).decode().replace(", ", ",\r\n")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file.write_bytes(text.encode(encoding))
        assert run(["figure", stem, "--settings", str(file), "-o", str(target)]) == 0
        found = json.loads(target.read_text(encoding="utf-8"))["settings"]
        assert {name: found[name] for name in changed} == changed


def test_a_settings_file_of_a_later_format_says_so(tmp_path, capsys):
    file = tmp_path / "stored.json"
    file.write_bytes(stored(STEMS[0], format=99))
    error = said(capsys, ["figure", STEMS[0], "--settings", str(file), "-o", str(tmp_path / "a.svg")])
    assert '"format" is 99, and this version reads 1' in error


def test_memory_that_does_not_suffice_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    def fail(settings, progress=None):
        raise MemoryError

    monkeypatch.setattr(catalog.concepts()[STEMS[0]].experiment, "run", fail)
    assert "memory" in said(capsys, ["figure", STEMS[0], "-o", str(tmp_path / "a.svg")])
    assert not list(tmp_path.iterdir())
