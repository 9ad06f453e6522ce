"""The promises between the layers, and what every concept must bring."""

import re
import subprocess
import sys

import pytest
from conftest import ROOT

from dlviz import catalog
from dlviz.drawing.grammar.theme import INKS
from dlviz.language import LANGUAGES, words

CONCEPTS = list(catalog.concepts())

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name + " must not be imported here")
sys.meta_path.insert(0, Blocked())
"""


def fresh(code: str, blocked: tuple[str, ...] = ()) -> str:
    """Run code in a fresh interpreter in which some packages cannot be imported; its output."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=blocked) + code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_contracts():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The usual results, from where nothing that draws can be imported: what was said, and the file of all."""
    kept = tmp_path_factory.mktemp("computed") / "results.pickle"
    code = f"""
import importlib, pathlib, pickle, pkgutil, dlviz.engine
for module in pkgutil.walk_packages(dlviz.engine.__path__, "dlviz.engine."):
    importlib.import_module(module.name)
results = []
for stem in {CONCEPTS}:
    experiment = importlib.import_module(f"dlviz.concepts.{{stem}}.experiment")
    results.append(experiment.run(experiment.Settings()))
    print(stem, len(experiment.readouts(results[-1])) > 0)
pathlib.Path({str(kept)!r}).write_bytes(pickle.dumps(results))
"""
    return fresh(code, ("altair", "streamlit", "vl_convert")), kept


def test_engine_and_experiments_work_without_altair_and_streamlit(computed):
    assert computed[0].splitlines() == [f"{stem} True" for stem in CONCEPTS]


def test_figures_are_drawn_without_torch_and_streamlit(computed):
    """Results that were computed elsewhere are drawn where torch cannot be imported."""
    code = f"""
import importlib, pathlib, pickle, pkgutil, dlviz.drawing
for module in pkgutil.walk_packages(dlviz.drawing.__path__, "dlviz.drawing."):
    importlib.import_module(module.name)
from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
for stem, result in zip({CONCEPTS}, pickle.loads(pathlib.Path({str(computed[1])!r}).read_bytes()), strict=True):
    figures = catalog.concepts()[stem].figures
    for name in figures.shown(result.settings):
        assert figures.FIGURES[name].draw([Run(result)], Look()).to_dict(), (stem, name)
"""
    fresh(code, ("torch", "streamlit"))


def test_home_page_is_light():
    code = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file("app.py", default_timeout=60).run()
assert not page.exception, page.exception
assert any("pictures" in title.value for title in page.title), page.title
print(sorted({"torch", "sklearn", "altair", "sympy", "numba", "vl_convert", "ziamath"} & set(sys.modules)))
"""
    assert fresh(code).splitlines()[-1] == "[]"


@pytest.mark.parametrize("stem", CONCEPTS)
def test_concept_is_complete(stem):
    """The definition of a concept: folder, page, words in every language, tests, thumbnails."""
    folder, model = ROOT / "dlviz" / "concepts" / stem, catalog.concepts()[stem].experiment.Settings
    for path in [
        folder / "experiment.py",
        folder / "panels.py",
        *(folder / f"{panel.stem}.py" for panel in model.PANELS),
        *(folder / "draw" / f"{panel.stem}.py" for panel in model.PANELS),
        ROOT / "pages" / f"{stem}.py",
        ROOT / "tests" / "concepts" / stem / f"test_{stem}.py",
        *(folder / f"{lang}.md" for lang in LANGUAGES),
        *(ROOT / "dlviz" / "thumbnails" / f"{stem}.{theme}.png" for theme in INKS),
    ]:
        assert path.is_file(), f"{path.relative_to(ROOT)} is missing"


@pytest.mark.parametrize("stem", CONCEPTS)
def test_words_have_the_same_parts_in_every_language(stem):
    concept = catalog.concepts()[stem]
    english = words(stem, "en")
    assert [preset.name for preset in concept.experiment.PRESETS] == list(english.presets)
    for lang in LANGUAGES:
        prose = words(stem, lang)
        assert prose.title
        assert prose.name
        assert prose.answer
        assert prose.explain
        assert prose.sources
        for part in ("presets", "notice", "alt"):
            assert list(getattr(prose, part)) == list(getattr(english, part)), (lang, part)
        for name, preset in prose.presets.items():
            assert preset.label
            assert preset.text
            assert fields(preset.claim) == fields(english.presets[name].claim), (lang, name)
        for part in ("notice", "alt"):
            for name, text in getattr(prose, part).items():
                assert fields(text) == fields(getattr(english, part)[name]), (lang, part, name)


def fields(text: str) -> set[str]:
    """The names of the placeholders in a sentence."""
    return set(re.findall(r"{(\w+)", text))


@pytest.mark.parametrize("stem", CONCEPTS)
def test_knobs_can_be_shown(stem):
    """Numbers are bounded, and what a knob depends on stands above it."""
    model = catalog.concepts()[stem].experiment.Settings
    above: list[str] = []
    for name, knob in model.knobs().items():
        kind = model.model_fields[name].annotation
        if not model.options(name) and kind not in (bool, str):
            low, high = model.bounds(name)
            assert knob.span is not None or (low is not None and high is not None), f"{name} has no bounds"
        if kind is str:
            assert any(getattr(rule, "max_length", None) for rule in model.model_fields[name].metadata), name
        if knob.ticks is not None and knob.span is None:
            low, high = model.bounds(name)
            assert low <= min(model.ticks(name))
            assert max(model.ticks(name)) <= high
            default = model.model_fields[name].default
            assert default in model.ticks(name), f"{name}: its default is no stop of its slider"
        if isinstance(model.model_fields[name].default, tuple):
            chosen = model.model_fields[name].default
            assert chosen == tuple(option for option in model.options(name) if option in chosen), f"{name}: order"
        only_above = type("Above", (), {key: getattr(model(), key) for key in above})()
        for look_up in (knob.when, knob.span):
            if look_up is not None:
                look_up(only_above)  # AttributeError: it depends on a setting defined further down
        above.append(name)


def test_app_and_charts_have_the_same_colours():
    import tomllib

    themes = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for name, inks in INKS.items():
        assert themes[name]["backgroundColor"] == inks.paper
        assert themes[name]["secondaryBackgroundColor"] == inks.panel
        assert themes[name]["textColor"] == inks.ink
