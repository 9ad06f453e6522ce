"""What is known of the visitor, language and theme, and what stands around every page."""

from __future__ import annotations

import runpy
from copy import copy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dlviz.language import LANGUAGES, translate
from dlviz.ui.session import address
from dlviz.ui.session.address import language

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

    from dlviz.drawing.grammar.theme import Look, Theme

UI = Path(__file__).parents[1]
FRONT_DOOR = UI.parents[1] / "app.py"
ICON = (UI / "icon.svg").read_text(encoding="utf-8")
STYLE = f"<style>{(UI / 'style.css').read_text(encoding='utf-8')}</style>"
SWITCH = "language_switch"
WORDED = "worded"  # session state: the widgets whose options are translated
_INSIDE = "through_front_door"
THEME_CHECK_SECONDS = 15


def tr(message: str, **values: object) -> str:
    """A label in the visitor's language."""
    return translate(message, language(), **values)


def theme() -> Theme:
    """``"light"`` or ``"dark"``, as the browser reported it with its last message."""
    return "dark" if st.context.theme.type == "dark" else "light"  # what a browser says of itself may be anything


def look() -> Look:
    """How charts are drawn for this visitor. Imports Altair."""
    from dlviz.drawing.grammar.theme import Look

    return Look(language=language(), theme=theme())


def chrome() -> None:
    """What stands around every page: layout, the language switch in the header, the theme's follower."""
    st.session_state[_INSIDE] = True
    with st.container(key="chrome"):
        st.html(STYLE)
        _language_switch()
        follow_theme()


def page(path: str, title: str, icon: str, url_path: str | None = None, default: bool = False) -> StreamlitPage:
    """``st.Page``, without looking for its file at every run of every visitor."""
    return copy(_page(path, title, icon, url_path, default))  # a copy, for navigation marks the one that is open


@cache
def _page(path: str, title: str, icon: str, url_path: str | None, default: bool) -> StreamlitPage:
    return st.Page(path, title=title, icon=icon, url_path=url_path, default=default)


def through_front_door() -> None:
    """Make sure that ``app.py`` frames this page.

    Until ``st.navigation`` has been called once in a server, Streamlit takes a folder named ``pages``
    for its older kind of multipage app and runs a deep link's page without ``app.py``: the first
    visitor after a start would get a bare page. Then ``app.py`` is run here, page and all.
    """
    if not st.session_state.pop(_INSIDE, False):
        runpy.run_path(str(FRONT_DOOR), run_name="__main__")
        st.stop()


def _language_switch() -> None:
    st.session_state[SWITCH] = language()
    st.segmented_control(
        "Language / 语言",
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        required=True,
        key=SWITCH,
        on_change=_switch_language,
        label_visibility="collapsed",
    )


def _switch_language() -> None:
    # Streamlit keeps a choice by its label. Reading it here still gives the option itself, and setting it
    # makes it hold under the label in the other language.
    for name in st.session_state.get(WORDED, ()):
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]
    address.choose_language(st.session_state[SWITCH])


def follow_theme() -> None:
    """Redraw the page soon after the visitor switches between light and dark.

    The browser tells the server its theme with every message, but sends none when the theme changes
    (streamlit issue 11920). So an empty fragment asks now and then, which costs the server a little for
    every visitor. Until it notices, or the visitor touches anything, a chart
    keeps its own background and stays readable.
    """
    st.session_state["theme"] = theme()
    _watch_theme()


@st.fragment(run_every=THEME_CHECK_SECONDS)
def _watch_theme() -> None:
    if theme() != st.session_state["theme"]:
        st.rerun()
