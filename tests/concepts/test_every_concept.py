"""What holds for every concept: its page opens, its presets draw and export, in every language."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from cases import cases
from conftest import ROOT
from PIL import Image
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE
from reading import unset, unset_in_picture
from runs import run
from streamlit.testing.v1 import AppTest

from dlviz import catalog, provenance, slides
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import plain
from dlviz.language import LANGUAGES, translate, words
from dlviz.numbers import filled
from dlviz.ui.page.steady import steady

PRESETS = [(stem, preset) for stem, concept in catalog.concepts().items() for preset in concept.experiment.PRESETS]
NAMES = [f"{stem}-{preset.name}" for stem, preset in PRESETS]


@pytest.mark.parametrize(("stem", "preset"), PRESETS, ids=NAMES)
def test_every_preset_is_exported_in_every_format(stem, preset):
    concept = catalog.concepts()[stem]
    place = concept.experiment.PRESETS.index(preset)
    # Every figure of every preset is exported in English by test_cli.py.
    look = Look(language="zh" if place % 4 else "en", slide=bool(place % 2))
    result = run(stem, preset.settings)
    ghost = None if preset.pin is None else run(stem, preset.pin)
    export = slides.Export(stem, preset.settings, preset.pin, ("hero",), "svg", look)

    def written(suffix):
        return slides.write(replace(export, suffix=suffix, scale=1), result, ghost)

    said = "".join("".join(ElementTree.fromstring(written("svg")).itertext()).split())
    title = slides.title(stem, result, preset.pin, "hero", look.language) if look.slide else ""
    line = provenance.line(preset.settings, preset.pin, look.language, ())
    # Of a line that is too long for a slide the first part stands there, and all of it in the record.
    assert not unset(title) and not unset(line)
    assert "".join(plain(title).split()) in said and "".join(line[:60].split()) in said
    assert f'"concept":"{stem}"' in said and not {"=true", "=false", "none"} & {*line.split()}
    if place < 2:  # the slow formats of two presets of each concept, one in each language
        image = Image.open(io.BytesIO(written("png")))
        image.load()
        assert len(image.convert("RGB").getcolors(1 << 24)) > 50
        assert written("pdf").startswith(b"%PDF-")
    rows = list(csv.DictReader(io.StringIO(written("csv").decode("utf-8-sig"))))
    assert len(rows) > 5
    assert not [header for header in rows[0] if unset(header)]
    assert not [cell for row in rows for cell in row.values() if "$" in cell]
    stored = json.loads(provenance.settings_json(stem, preset.settings, preset.pin))
    assert concept.experiment.Settings(**stored["settings"]) == preset.settings


@pytest.mark.parametrize(("stem", "preset"), PRESETS, ids=NAMES)
def test_every_claim_holds_and_what_is_said_finds_its_numbers(stem, preset):
    experiment = catalog.concepts()[stem].experiment
    result = run(stem, preset.settings)
    check = preset.claim(result)
    assert check.holds, dict(check.values)
    notes = (*experiment.notice(result), *experiment.facts(result))
    for values in (check.values, *(note.values for note in notes)):
        assert None not in values.values()
        assert not [value for value in values.values() if isinstance(value, float) and math.isnan(value)]
    for language in LANGUAGES:
        prose = words(stem, language)
        for text in (
            prose.presets[preset.name].claim.format(**check.values),
            *(prose.notice[note.key].format(**note.values) for note in notes),
        ):
            assert not re.search(r"\bnan\b|\{\w*\}", re.sub(r"\$.*?\$", "", text)), text
            assert not unset(text), text
    for item in experiment.readouts(result):
        shown = (item.label, item.measured, item.theory or "", item.help or "")
        assert not [text for text in shown if unset(text)]


@pytest.mark.parametrize(("stem", "preset"), PRESETS, ids=NAMES)
def test_every_figure_of_every_preset_draws_and_has_a_text_alternative(stem, preset):
    concept = catalog.concepts()[stem]
    result = run(stem, preset.settings)
    for name in concept.figures.shown(preset.settings):
        figure = concept.figures.FIGURES[name]
        for language in LANGUAGES:
            look = Look(language=language, theme="dark")
            spec = figure.draw([Run(result)], look).to_dict()
            assert spec["layer"]
            assert not unset_in_picture(spec)
            # New rows under a name that no layer draws would stop the chart in the browser.
            sent = steady(spec)
            assert set(sent["datasets"]) == {
                layer["data"]["name"] for layer in sent["layer"] if "name" in layer["data"]
            }
            text = figure.alt(result, look)
            assert text
            assert not re.search(r"[{_^$\\]", text), text


@pytest.mark.parametrize("stem", catalog.concepts())
@pytest.mark.parametrize("language", LANGUAGES)
def test_mathematics_is_written_as_such_in_whatever_a_page_says(stem, language):
    concept, prose = catalog.concepts()[stem], words(stem, language)
    model = concept.experiment.Settings
    labels = [figure.label for figure in concept.figures.FIGURES.values()]
    for name, knob in model.knobs().items():
        labels += [knob.label, knob.help, knob.group, *model.options(name)]
    said = [prose.title, prose.name, prose.answer, *prose.notice.values(), *prose.alt.values()]
    said += [text for preset in prose.presets.values() for text in (preset.label, preset.text, preset.claim)]
    filled = [re.sub(r"\{[a-z]\w*(:[^}]*)?\}", "1", text) for text in said]  # {lambda_max:.3g} stands for a number
    told = [*filled, prose.explain, prose.sources, *(translate(label, language) for label in labels if label)]
    assert not [found for text in told if (found := unset(text))]


@pytest.mark.parametrize(("stem", "preset"), PRESETS, ids=NAMES)
def test_a_first_look_is_a_run_like_any_other(stem, preset):
    coarse = preset.settings.coarse()
    assert type(coarse)(**dict(coarse)) == coarse, "within its bounds"
    assert coarse.coarse() == coarse
    figures = catalog.concepts()[stem].figures
    assert set(figures.shown(coarse)) <= set(figures.shown(preset.settings))
    if coarse != preset.settings:
        first = [Run(run(stem, coarse))]
        assert all(figures.FIGURES[name].draw(first, Look()).to_dict()["layer"] for name in figures.shown(coarse))


@pytest.mark.parametrize(
    ("stem", "name", "less"),
    [(stem, name, less) for stem in catalog.concepts() for name, less in cases(stem).first_looks.items()],
)
def test_a_first_look_leaves_out_what_takes_over_half_a_second(stem, name, less):
    preset = next(preset for preset in catalog.concepts()[stem].experiment.PRESETS if preset.name == name)
    assert preset.settings.coarse() == preset.settings.model_copy(update=less) != preset.settings


@pytest.mark.parametrize("stem", catalog.concepts())
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens(stem, language):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
    app.query_params["lang"] = language
    app.run()
    app.switch_page(f"pages/{stem}.py").run()
    assert not app.exception
    assert app.title[0].value == words(stem, language).title
    assert app.get("vega_lite_chart")


def test_the_presets_of_a_page_are_a_deck_in_the_order_of_the_lesson():
    """Of one concept: each preset is a slide of the figure that its claim is about, with words true of its run."""
    stem, told = "activations", []
    presets, prose = catalog.concepts()[stem].experiment.PRESETS, words(stem, "zh").presets
    data = slides.deck(
        stem, Look(language="zh", slide=True), lambda settings, _progress: run(stem, settings),
        lambda preset: f"https://dlviz.example.org/{preset.name}", told.append, code=True,
    )  # fmt: skip
    assert told == sorted(told) and told[-1] == 1
    for preset, slide in zip(presets, Presentation(io.BytesIO(data)).slides, strict=True):
        result = run(stem, preset.settings)
        claim = filled(prose[preset.name].claim, preset.claim(result).values)
        notes = slide.notes_slide.notes_text_frame.text
        assert plain(claim).startswith(slide.shapes.title.text[:20])
        assert plain(prose[preset.name].text) in notes and f"https://dlviz.example.org/{preset.name}" in notes
        assert f"function = {preset.settings.function}" in notes
        picture, code = (shape for shape in slide.shapes if shape.shape_type == MSO_SHAPE_TYPE.PICTURE)
        assert len(picture._element.nvPicPr.cNvPr.get("descr")) > 20
        assert code.click_action.hyperlink.address.endswith(preset.name)
