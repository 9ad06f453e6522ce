"""The parts of a page below its figures: pin, texts, link, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime import Runtime

from dlviz import catalog, provenance
from dlviz.contract import Result, Settings
from dlviz.language import Words
from dlviz.progress import Progress, silent
from dlviz.ui.page.errors import apart, explain
from dlviz.ui.session import address, compute, turns
from dlviz.ui.session.visitor import language, theme, tr

FORMATS = {
    "SVG": "image/svg+xml",
    "PNG": "image/png",
    "PDF": "application/pdf",
    "CSV": "text/csv",
    "JSON": "application/json",
}
_files = compute.Cache(max_entries=32)


def pin_bar(settings: Settings, pin: Settings | None, set_pin: Callable[[Settings | None], None]) -> None:
    """Freeze the current run as a ghost, or let it go; both runs are named."""
    with st.container(key="pin", border=True):
        if pin is None:
            st.markdown(tr("**Compare.** Pin this run, then change one thing: the pinned run stays as a ghost."))
            st.button(tr("Pin this run"), icon=":material/keep:", on_click=set_pin, args=(settings,), key="pin_run")
            return
        st.markdown(f"**{tr('Pinned')}:** {_named(pin)}  \n**{tr('Current')}:** {_named(settings)}")
        with st.container(horizontal=True):
            st.button(tr("Unpin"), icon=":material/keep_off:", on_click=set_pin, args=(None,), key="unpin")
            st.button(
                tr("Pin this run instead"), icon=":material/keep:", on_click=set_pin, args=(settings,), key="repin",
                disabled=pin == settings,
            )  # fmt: skip


def _named(settings: Settings) -> str:
    """The settings off their default as code, so that nothing in them is read as Markdown."""
    shown = provenance.flat(settings).replace("`", " ")
    return f"`{shown}`" if shown else tr("default settings")


@st.fragment
def reading(prose: Words, script: Callable[[], str] | None, facts: Sequence[str] = ()) -> None:
    """Explain (``facts`` of this run first), code and sources, of which one is shown.

    ``script`` makes the code, when it is to be seen. There is none where there is no run to reproduce.

    Not ``st.tabs``: its panels search themselves for something to focus at every run, which takes the
    browser 25 ms where there are many formulas, and it keeps the hidden ones up to date.
    """
    titles = {"explain": tr("Explain"), "code": tr("Code"), "sources": tr("Sources")}
    if script is None:
        del titles["code"]
    chosen = st.segmented_control(
        tr("Explain"), list(titles), format_func=titles.__getitem__, default="explain", required=True,
        label_visibility="collapsed", key=f"reading_{language()}",
    )  # fmt: skip
    if chosen == "explain":
        # Apart, so that a new run's facts do not have the browser typeset all the other formulas again.
        if facts:
            st.markdown("\n\n".join(facts))
        st.markdown(prose.explain)
    elif chosen == "code" and script is not None:
        st.markdown(tr("The same run in plain PyTorch, with the settings of this page."))
        with apart():
            st.code(script(), language="python")
    else:
        st.markdown(prose.sources)


def share(settings: Settings, pin: Settings | None) -> None:
    """The link that restores this page."""
    st.markdown(f"**{tr('Link to this page')}**")
    st.code(address.link(settings, pin), language=None, wrap_lines=True)


def footer(result: Result) -> None:
    """The last line of a page: the device that its numbers are from."""
    with st.container(key="footer"):
        st.caption(tr("Computed on {device}.", device=provenance.where(result.computed, language())))


@st.fragment
def share_and_export(stem: str, settings: Settings, pin: Settings | None) -> None:
    """The link, and files of the figures. A fragment: opening it or choosing does not run the page again."""
    with st.expander(tr("Share and export"), icon=":material/ios_share:", key="share", on_change="rerun") as panel:
        if panel.open:
            share(settings, pin)
            _export(stem, settings, pin)


def _export(stem: str, settings: Settings, pin: Settings | None) -> None:
    """Choices of a file, and its button."""
    # Streamlit knows a choice by its label, so a widget with translated options is one widget a language.
    figures = catalog.concepts()[stem].figures
    labels = {name: tr(figures.FIGURES[name].label) for name in figures.shown(settings)}
    st.markdown(f"**{tr('Figure as a file')}**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=280):
            figure = st.selectbox(
                tr("Figure"), list(labels), format_func=labels.__getitem__, key=f"export_figure_{language()}"
            )
        suffix = st.segmented_control(tr("Format"), list(FORMATS), default="SVG", required=True, key="export_format")
    drawn = suffix in ("SVG", "PNG", "PDF")
    scale, paper, slide, caption = 2, "light", False, False
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if suffix == "PNG":
            scale = st.segmented_control(
                tr("Resolution"), [2, 3, 4], default=2, required=True, format_func="{}×".format, key="export_scale"
            )
        if drawn:
            papers = {"light": tr("Light"), "dark": tr("Dark"), "transparent": tr("Transparent")}
            paper = st.segmented_control(
                tr("Background"),
                list(papers),
                default=theme(),
                required=True,
                format_func=papers.__getitem__,
                key=f"export_paper_{language()}",
            )
    if drawn:
        with st.container(horizontal=True):
            slide = st.toggle(tr("Slide, 16:9 with large type"), key="export_slide")
            caption = st.toggle(tr("Caption with settings and versions"), value=True, key="export_caption")
    choice = {
        "figure": figure,
        "suffix": suffix.lower(),
        "scale": scale,
        "theme": theme() if paper == "transparent" else paper,
        "transparent": paper == "transparent",
        "slide": slide,
        "language": language(),
        # The link in the caption is taken now: the file is made outside of the session.
        "link": address.link(settings, pin) if caption else None,
        "caption": caption,
    }
    _download(stem, settings, pin, choice)


def _download(stem: str, settings: Settings, pin: Settings | None, choice: dict[str, Any]) -> None:
    """The button. The file is made when it is clicked, while the page stays as it is."""
    suffix = choice["suffix"]
    trouble: list[Exception] = st.session_state.setdefault("export_trouble", [])
    wanted = _while_connected()

    def made() -> bytes:
        try:
            return make_file(stem, settings, pin, choice, wanted)
        except LeftError:
            raise  # nobody is there to be told
        except Exception as error:
            trouble.append(error)
            raise  # Streamlit tells of the failure below the button, but not of its reason.

    st.download_button(
        tr("Download"),
        made,
        file_name=provenance.file_name(stem, choice["figure"], settings, suffix),
        mime=FORMATS[suffix.upper()],
        icon=":material/download:",
        on_click="ignore",
        type="primary",
        key="export_download",
    )
    if trouble:
        explain(trouble.pop(), type(settings))
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


def make_file(
    stem: str, settings: Settings, pin: Settings | None, choice: dict[str, Any], progress: Progress = silent
) -> bytes:
    """The bytes of a file. Slow; called when the button is clicked, outside of the session's script.

    Raises what the experiment, ``dlviz.drawing.export.files`` or ``progress`` raises.
    """
    if choice["suffix"] == "json":
        return provenance.settings_json(stem, settings, pin)
    key = (stem, settings, pin, tuple(choice.items()))
    data = _files.get(key)
    if data is None:
        data = _render(stem, settings, pin, choice, progress)
        _files.put(key, data)
    return data


def _render(stem: str, settings: Settings, pin: Settings | None, choice: dict[str, Any], progress: Progress) -> bytes:
    from dlviz.drawing.export import files
    from dlviz.drawing.export.page import Page
    from dlviz.drawing.grammar.runs import with_pinned
    from dlviz.drawing.grammar.theme import Look

    progress(0.0)  # the download may have waited for a thread
    result = compute.result(stem, settings, progress)
    ghost = None if pin is None or pin == settings else compute.result(stem, pin, progress)
    view = Look(choice["language"], choice["theme"], slide=choice["slide"], transparent=choice["transparent"])
    record = provenance.record(stem, settings, result.computed, link=choice["link"], pin=pin)
    page = Page(line=record if choice["caption"] else "", record=record)
    (own,) = page.looks(view)
    figure = catalog.concepts()[stem].figures.FIGURES[choice["figure"]].draw(with_pinned(result, ghost, own), own)
    progress(1.0)  # one process draws the files of all visitors
    return files.render(figure, choice["suffix"], look=view, page=page, scale=choice["scale"])
