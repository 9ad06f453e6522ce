"""Save: every figure's own window, in which a file is seen before it is taken."""

from __future__ import annotations

from dataclasses import replace
from zlib import crc32

import streamlit as st
from streamlit.runtime import Runtime

from dlviz import catalog, provenance, slides
from dlviz.contract import Preset, Result, Settings
from dlviz.formulas import plain
from dlviz.progress import Progress, silent
from dlviz.slides import Export
from dlviz.ui.page.errors import explain
from dlviz.ui.session import address, compute, turns
from dlviz.ui.session.address import Visit
from dlviz.ui.session.visitor import language, look, theme, tr

FORMATS = {
    "PNG": "image/png",
    "SVG": "image/svg+xml",
    "PDF": "application/pdf",
    "PPTX": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "GIF": "image/gif",
    "CSV": "text/csv",
    "JSON": "application/json",
}
TEXTS = ("csv", "json")
PREVIEW_LINES = 8
"""Of a file that is text."""
_files = compute.Cache(max_entries=64)


def button(stem: str, figure: str, visit: Visit, playable: bool) -> None:
    """The button under a figure, which opens its window. ``playable``: whether a slider moves it."""
    label = tr(catalog.concepts()[stem].figures.FIGURES[figure].label)
    if st.button(tr("Save"), icon=":material/download:", type="tertiary", key=f"save_{figure}"):
        st.dialog(label, width="large")(_window)(stem, figure, visit, playable)


def _window(stem: str, figure: str, visit: Visit, playable: bool) -> None:
    """Choices of a file, what it looks like, and the button that gives it."""
    if not _computed(stem, visit):
        return
    seen, choices = st.columns((3, 2), gap="medium")
    with choices:
        names = {name: name for name in FORMATS if playable or name != "GIF"}
        suffix = _chosen(tr("Format"), names, "PNG", "save_format" if playable else "save_format_still").lower()
        export = Export(stem, visit.settings, visit.pin, (figure,), suffix, look(), link=address.link(visit))
        if suffix not in TEXTS:
            export = _drawn(export, visit)
        presets = suffix == "pptx" and st.toggle(tr("All presets of this page, a slide each"), key="save_presets")
        wanted = replace(export, figures=(), title=None) if presets else export
        if _there(wanted):
            _download(wanted)
    with seen, st.container(key="preview"):
        _preview(export)


def _computed(stem: str, visit: Visit) -> bool:
    """Whether the runs of the file are there, computed under a bar if need be: the page may show less."""
    place = st.empty()
    try:
        for run in (visit.settings, visit.pin):
            if run is not None:
                compute.result(stem, run, compute.Watch(place))
    except Exception as error:  # noqa: BLE001  whatever it is, the page stays
        explain(error, type(visit.settings))
        return False
    place.empty()
    return True


def _chosen(label: str, options: dict[str, str], usual: str, key: str) -> str:
    """One of some words. Streamlit knows a choice by its label: with translated options a widget is one a language."""
    return st.segmented_control(
        label, list(options), default=usual, required=True, format_func=options.__getitem__, key=key
    )


def _drawn(export: Export, visit: Visit) -> Export:
    """How the figure is to be drawn."""
    lang, (figure,) = language(), export.figures
    forms = {"slide": tr("Slide"), "figure": tr("Figure alone")}
    form = "slide"
    if export.suffix != "pptx":
        form = _chosen(tr("Form"), forms, form, f"save_form_{lang}")
    papers = {"light": tr("Light"), "dark": tr("Dark"), "transparent": tr("Transparent")}
    paper = _chosen(tr("Background"), papers, theme(), f"save_paper_{lang}")
    scale = 2.0
    if export.suffix == "png":
        scale = float(_chosen(tr("Resolution"), {"2": "2×", "3": "3×", "4": "4×"}, "2", "save_scale"))
    transparent = paper == "transparent"
    inks = theme() if transparent else ("dark" if paper == "dark" else "light")
    view = replace(look(), slide=form == "slide", theme=inks, transparent=transparent)
    title, code = None, False
    if view.slide:
        title = _title(export)
        beside = _beside(export, figure)
        export = replace(export, figures=(figure, beside) if beside else (figure,))
    with st.container(horizontal=True, vertical_alignment="center"):
        line = st.toggle(tr("What was run"), value=True, key="save_line")
        if view.slide:
            code = st.toggle(tr("QR code with the link"), key="save_code")
    views = tuple(visit.view(name) for name in export.figures)
    return replace(export, look=view, scale=scale, title=title, line=line, code=code, views=views)


def _title(export: Export) -> str:
    """The title of the slide: the figure's own, until another is typed; empty for none."""
    result = compute.result(export.stem, export.settings, silent)
    own = slides.title(export.stem, result, export.pin, export.figures[0], language())
    # A widget keeps what was typed as long as its key stays: another claim is another widget.
    typed = st.text_input(tr("Title"), plain(own), max_chars=200, key=f"save_title_{crc32(own.encode())}")
    # Of the figure's own the mathematics is typeset; what a visitor types is taken as it stands.
    return own if typed == plain(own) else typed.replace("$", r"\$")


def _beside(export: Export, figure: str) -> str | None:
    """Another figure of the page, for the same slide."""
    figures = catalog.concepts()[export.stem].figures
    others = {name: tr(figures.FIGURES[name].label) for name in figures.shown(export.settings) if name != figure}
    if not others:
        return None
    return st.selectbox(
        tr("Beside it"), list(others), index=None, format_func=others.__getitem__, placeholder=tr("no other figure"),
        key=f"save_beside_{figure}_{language()}",
    )  # fmt: skip


def _there(export: Export) -> bool:
    """Whether the file can be had at once. What takes long is made when it is asked for, under a bar."""
    if export.suffix != "gif" and export.figures or _files.get(export) is not None:
        return True
    place = st.empty()
    if not place.button(tr("Make the file"), icon=":material/movie:", type="primary", key="save_make"):
        return False
    try:
        make_file(export, compute.Watch(place))
    except Exception as error:  # noqa: BLE001  whatever it is, the window stays, and so does the page
        explain(error, type(export.settings))
        return False
    place.empty()
    return True


def _preview(export: Export) -> None:
    """What the file holds: the picture, or the first lines."""
    try:
        if export.suffix in TEXTS:
            text = make_file(export).decode("utf-8-sig")
            st.code("\n".join(text.splitlines()[:PREVIEW_LINES]), language=None)
        else:
            picture = _files.get(export) if export.suffix == "gif" else None
            if picture is None:
                with st.spinner(tr("Drawing …")):
                    picture = make_file(replace(export, suffix="png", scale=1))
            st.image(picture, width="stretch", alt=tr("Preview of the file"))
    except Exception as error:  # noqa: BLE001  whatever it is, the window stays, and so does the page
        explain(error, type(export.settings))


def _download(export: Export) -> None:
    """The button. The file is made when it is clicked, while the page stays as it is."""
    trouble: list[Exception] = st.session_state.setdefault("save_trouble", [])
    wanted = _while_connected()

    def made() -> bytes:
        try:
            return make_file(export, wanted)
        except LeftError:
            raise  # nobody is there to be told
        except Exception as error:
            trouble.append(error)
            raise  # Streamlit tells of the failure below the button, but not of its reason.

    st.download_button(
        tr("Download"),
        made,
        file_name=provenance.file_name(export.stem, "-".join(export.figures), export.settings, export.suffix),
        mime=FORMATS[export.suffix.upper()],
        icon=":material/download:",
        on_click="ignore",
        type="primary",
        key="save_download",
    )
    if trouble:
        explain(trouble.pop(), type(export.settings))
        trouble.clear()


class LeftError(Exception):
    """The visitor has left, or the line was cut: what was asked for is no longer wanted."""


def _while_connected() -> Progress:
    """A progress callback for work outside of this session's script: it ends the work once its visitor has left.

    Streamlit ends the script of a session whose line is cut, but not a download, which is no part of it.
    """
    session = turns.context().session_id

    def wanted(_share: float) -> None:
        if not Runtime.instance().is_active_session(session):
            raise LeftError

    return wanted


def make_file(export: Export, progress: Progress = silent) -> bytes:
    """The bytes of a file, of an export without figures a deck of the page's presets.

    Slow where it is not kept; called when the button is clicked, outside of the script.

    Raises what the experiment, ``dlviz.drawing.export.files`` or ``progress`` raises.
    """
    data = _files.get(export)
    if data is None and not export.figures:
        data = _deck(export, progress)
        _files.put(export, data)
    if data is None:
        progress(0.0)  # the download may have waited for a thread
        result = compute.result(export.stem, export.settings, progress)
        pin = export.pin
        ghost = None if pin is None or pin == export.settings else compute.result(export.stem, pin, progress)
        data = slides.write(export, result, ghost, progress)
        _files.put(export, data)
    return data


def _deck(export: Export, progress: Progress) -> bytes:
    """The slides of all presets."""

    def link(preset: Preset) -> str:
        visit = Visit(provenance.effective(preset.settings), preset.pin and provenance.effective(preset.pin))
        return address.link(visit, export.link, export.look.language)

    def run(settings: Settings, watch: Progress) -> Result:
        return compute.result(export.stem, settings, watch)

    return slides.deck(export.stem, export.look, run, link, progress, line=export.line, code=export.code)
