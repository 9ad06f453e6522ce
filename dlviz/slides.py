"""A concept's figures as files: what stands around them, and in the notes of a slide.

The app and the command line both use this, so that their files are alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from dlviz import catalog, provenance
from dlviz.contract import Panel, Preset, Settings
from dlviz.drawing.export import files
from dlviz.drawing.export.page import Page
from dlviz.drawing.grammar.finish import Figure
from dlviz.drawing.grammar.labels import columns
from dlviz.drawing.grammar.runs import with_pinned
from dlviz.drawing.grammar.theme import Look
from dlviz.formulas import plain
from dlviz.language import translate, words
from dlviz.links import View
from dlviz.numbers import filled
from dlviz.progress import Progress, silent, split

LONGEST = 130
"""Columns of a title of several sentences; a Chinese character takes two."""


@dataclass(frozen=True)
class Export:
    """One file: of which run, which of its figures (one, or two on a slide), and in which form.

    ``title`` is that of a slide, None for its own (:func:`title`), "" for none. ``line`` says what was run. ``link`` is
    the address in the notes and the metadata, and, with ``code``, in a QR code on a slide. ``views`` are those of the
    figures.
    """

    stem: str
    settings: Settings
    pin: Settings | None
    figures: tuple[str, ...]
    suffix: str
    look: Look
    title: str | None = None
    line: bool = True
    link: str = ""
    code: bool = False
    scale: float = 2
    views: tuple[View, ...] = ()


def write(export: Export, result: Any, ghost: Any, progress: Progress = silent) -> bytes:
    """The bytes of the file. ``ghost`` is the pinned run's result, if there is one.

    Raises ``ExportError`` of :mod:`dlviz.drawing.export.files`, and what ``progress`` raises.
    """
    if export.suffix == "json":
        return provenance.settings_json(export.stem, export.settings, export.pin)
    page, charts = drawn(export, result, ghost)
    progress(0.0)  # one process draws the files of all visitors
    said: dict[str, Any] = {}
    if export.suffix == "pptx":
        said = {"alts": _alts(export, result), "notes": notes(export, result)}
    return files.render(
        charts, export.suffix, look=export.look, page=page, scale=export.scale, progress=progress, **said
    )


def deck(
    stem: str,
    look: Look,
    run: Callable[[Settings, Progress], Any],
    link: Callable[[Preset], str],
    progress: Progress = silent,
    *,
    line: bool = True,
    code: bool = False,
) -> bytes:
    """The presets of a page as a presentation, in the order of the lesson, each as a slide of the figure it is about.

    ``run`` gives the result of settings and may be slow; ``link`` the address of a preset, "" for none, which stands on
    the slide with ``code`` and in the notes. Raises what :func:`write` raises.
    """
    from dlviz.drawing.export.deck import deck as presentation

    experiment = catalog.concepts()[stem].experiment
    sheets = []
    for preset, watch in zip(experiment.PRESETS, split(progress, [1.0] * len(experiment.PRESETS)), strict=True):
        settings, pin = provenance.effective(preset.settings), preset.pin and provenance.effective(preset.pin)
        result, ghost = run(settings, watch), pin and run(pin, watch)
        export = Export(
            stem, settings, pin, (_figure_of(preset, stem),), "pptx", look, line=line, link=link(preset), code=code
        )
        page, charts = drawn(export, result, ghost)
        sheets.append(files.sheet(charts, look, page, _alts(export, result), notes(export, result)))
        watch(1.0)
    return presentation(sheets, look)


def _figure_of(preset: Preset, stem: str) -> str:
    """The first figure of the panel whose study makes the preset's claim."""
    shown = [panel for panel in preset.settings.PANELS if panel.on(preset.settings)]
    told = [panel for panel in shown if preset in import_module(f"dlviz.concepts.{stem}.{panel.stem}").STUDY.presets]
    return next(iter((told or shown)[0].figures))


def _alts(export: Export, result: Any) -> list[str]:
    figures = catalog.concepts()[export.stem].figures.FIGURES
    return [figures[name].alt(result, export.look) for name in export.figures]


def drawn(export: Export, result: Any, ghost: Any) -> tuple[Page, list[Figure]]:
    """The page of a file and its figures, each as large as the page leaves room."""
    language, (name, *_) = export.look.language, export.figures
    own = title(export.stem, result, export.pin, name, language) if export.title is None else export.title
    said = provenance.line(export.settings, export.pin, language, panels=_panel(export, name).chosen)
    page = Page(
        title=own if export.look.slide else "",
        line=said if export.line else "",
        link=export.link if export.code else "",
        record=provenance.record(export.stem, export.settings, result.computed, link=export.link, pin=export.pin),
    )
    charts = _charts(export, page, result, ghost)
    if export.suffix == "gif":
        # The slider that is played stands nowhere; each frame says where it is.
        played = files.animated(*charts)
        views = tuple(tuple(item for item in view if item[0] != played) for view in export.views)
        export = replace(export, views=views)
    moved = [text for chart, view in zip(charts, export.views, strict=False) for text in chart.moved(dict(view))]
    if moved and export.line:
        page = replace(page, line=provenance.listed([said, *dict.fromkeys(moved)], language))
        charts = _charts(export, page, result, ghost)  # the line may be longer, and leave less room
    return page, charts


def _charts(export: Export, page: Page, result: Any, ghost: Any) -> list[Figure]:
    figures = catalog.concepts()[export.stem].figures.FIGURES
    looks = page.looks(export.look, len(export.figures))
    views = export.views or ((),) * len(export.figures)
    return [
        figures[name].draw(with_pinned(result, ghost, look), look).at(dict(view))
        for name, look, view in zip(export.figures, looks, views, strict=True)
    ]


def _panel(export: Export, figure: str) -> Panel:
    return next(panel for panel in export.settings.PANELS if figure in panel.figures)


def title(stem: str, result: Any, pin: Settings | None, figure: str, language: str) -> str:
    """What a slide says of a figure: the claim that a preset makes of it, where it holds on this run, else a question.

    The claim's first sentences stand over the figures of the panel whose study makes it. Over the main figure stands
    the page's question, over any other its label.
    """
    prose = words(stem, language)
    panel = next(panel for panel in result.settings.PANELS if figure in panel.figures)
    study = import_module(f"dlviz.concepts.{stem}.{panel.stem}").STUDY
    preset = current_preset(study.presets, result.settings, pin)
    if preset is not None and (check := preset.claim(result)).holds:
        return first_sentences(filled(prose.presets[preset.name].claim, check.values))
    return prose.title if not panel.name else translate(panel.figures[figure].label, language)


def first_sentences(text: str) -> str:
    """The first sentence and those after it that a title has room for, without the stop at the end."""
    sentences = re.split(r"(?<=[.。])(?:(?<=。)|\s+(?=[A-Z0-9√|$]))", text)
    kept = sentences[0]
    for sentence in sentences[1:]:
        more = kept + ("" if kept.endswith("。") else " ") + sentence
        if columns(plain(more)) > LONGEST:
            break
        kept = more
    return kept.rstrip(" .。")


def current_preset(presets: Sequence[Preset], settings: Settings, pin: Settings | None) -> Preset | None:
    """The preset whose settings these are, if any; one with the same pinned run before others."""
    same = [preset for preset in presets if provenance.effective(preset.settings) == settings]
    # The words of a preset with a pinned run speak of it.
    same = [preset for preset in same if preset.pin is None or provenance.effective(preset.pin) == pin]
    same.sort(key=lambda preset: preset.pin is None)
    return same[0] if same else None


def notes(export: Export, result: Any) -> str:
    """The notes of a slide: what the preset shows and claims, what to notice, the link, and every setting."""
    stem, language, pin = export.stem, export.look.language, export.pin
    prose = words(stem, language)
    experiment = catalog.concepts()[stem].experiment
    preset = current_preset(experiment.PRESETS, export.settings, pin)
    said = [prose.answer]
    if preset is not None:
        check = preset.claim(result)
        said = [prose.presets[preset.name].text]
        said += [filled(prose.presets[preset.name].claim, check.values)] if check.holds else []
    said += [filled(prose.notice[note.key], note.values) for note in experiment.notice(result)]
    said += [export.link] if export.link else []
    said += [provenance.text_lines(stem, export.settings, result.computed, language, pin)]
    return "\n\n".join(said)
