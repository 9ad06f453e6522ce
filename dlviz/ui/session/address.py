"""The link: every setting stands in it, and nothing in it reaches a widget unchecked.

While a page is open the widgets hold the settings, and after every run the link is written from them,
whole and in its canonical form. It is read in two cases only: when a page is opened, and when the
visitor goes back or forward in the browser's history. What it contains is validated first; what is
not taken is reported on the page.

Streamlit's own binding of widgets to the link (``bind="query-params"``) is not used. In 1.67 it makes
one entry of browser history per parameter, so that "back" after a preset gives a mixture of two runs;
a value set by code to a widget that was hidden so far does not get into the link; and a slider whose
bounds change takes its value from the old link rather than from the code.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from time import sleep
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dlviz import links, provenance
from dlviz.contract import Rejected, Settings
from dlviz.language import LANGUAGES, from_locale
from dlviz.links import View
from dlviz.ui.session.turns import aside

LANGUAGE = "lang"
PIN = "pin"
VIEW = "view"
SHORT = "z"
LONGEST = 200
"""Characters of a link beyond which it is shortened."""
_UNASKED = "unasked"
_OPEN = "open_page"  # session state: the stem of the page that is open
_LEFT = "left_pages"  # session state: stem -> Visit as it was left
_MOVED = "moved"  # session state: whether the visitor has just come here from another page, by a menu or a card
_RETURNED = "returned"  # session state: stem -> Visit that its link without settings stands for, once
ARRIVAL = 0.15
"""Seconds that the browser has for going to the address of another page, before it is told that page's link. It puts
whatever link it is told behind the address that it is at, which would add the new page's settings to the old page."""


@dataclass
class Visit:
    """An open page: settings, the pinned run, where the sliders of its charts stand, and what its link contained that
    was not taken. ``views`` are of the figures whose sliders were moved."""

    settings: Settings
    pin: Settings | None
    rejected: tuple[Rejected, ...] = ()
    views: tuple[tuple[str, View], ...] = ()

    def view(self, figure: str) -> View:
        """Where the sliders of a figure stand that were moved."""
        return dict(self.views).get(figure, ())

    def with_view(self, figure: str, view: View) -> Visit:
        views = dict(self.views) | {figure: view}
        return replace(self, views=tuple((name, moved) for name, moved in views.items() if moved))

    def of_figures(self, shown: Collection[str]) -> Visit:
        """The visit without views of figures that the page does not show."""
        return replace(self, views=tuple((name, view) for name, view in self.views if name in shown))


def language() -> str:
    """The language chosen by link or switch, or else that of the browser."""
    chosen = st.session_state.get(LANGUAGE, _UNASKED)  # asked once, for it is needed fifty times a run
    if chosen is _UNASKED or _went_back():
        asked = st.query_params.get(LANGUAGE)
        chosen = asked if asked in LANGUAGES else None if chosen is _UNASKED else chosen
        st.session_state[LANGUAGE] = chosen
    return chosen or from_locale(st.context.locale)


def choose_language(chosen: str) -> None:
    """Take a language from now on, on every page."""
    st.session_state[LANGUAGE] = chosen


def opened(stem: str, model: type[Settings]) -> Visit | None:
    """What a page starts with when it is opened or returned to; None while it stays open.

    Without settings in the link, a page comes back as it was left within the session.
    """
    went_back = _went_back()
    if st.session_state.get(_OPEN) == stem and not went_back:
        return None
    _now_open(stem)
    given = {name: _value(st.query_params.get_all(name)) for name in st.query_params}
    lang = given.pop(LANGUAGE, None)
    if not given:
        # The browser keeps the page's address without settings in its history, before the one with them.
        left = st.session_state.get(_LEFT, {}).get(stem)
        returned = st.session_state.setdefault(_RETURNED, {})
        if went_back and stem in returned:
            return returned.pop(stem)
        if left is not None and not went_back:
            returned[stem] = left
            return left
    given, short = _expanded(given)
    pin, view = given.pop(PIN, None), given.pop(VIEW, None)
    settings, rejected = model.lenient(given)
    rejected += short
    views = () if view is None else links.unpack_views(view if isinstance(view, str) else view[0])
    if view is not None and not views:
        rejected.append(Rejected(VIEW, str(view)[:40], "figure.slider:number"))
    if lang is not None and (not isinstance(lang, str) or lang not in LANGUAGES):
        rejected.append(Rejected(LANGUAGE, str(lang)[:40], ", ".join(LANGUAGES)))
    ghost = None
    packed = links.unpack(pin) if isinstance(pin, str) else {}
    if packed:
        ghost, wrong = model.lenient(packed)
        ghost = provenance.effective(ghost)
        rejected += [Rejected(f"{PIN}: {item.name}", item.given, item.allowed) for item in wrong]
    elif pin == links.DEFAULT:
        ghost = model()
    elif pin is not None:
        rejected.append(Rejected(PIN, str(pin)[:40], links.pack(settings)))
    return Visit(provenance.effective(settings), ghost, tuple(rejected), views)


def keep(stem: str, visit: Visit) -> bool:
    """Write the link of an open page, and remember the page for the visitor's return. Says whether it was another."""
    st.session_state.setdefault(_LEFT, {})[stem] = visit
    wanted = parameters(visit)
    if not wanted:
        st.session_state.get(_RETURNED, {}).pop(stem, None)
    return _write(wanted)


def no_settings() -> None:
    """For a page without settings: its link holds the language alone."""
    _now_open(None)
    _write({})


def _now_open(stem: str | None) -> None:
    before = st.session_state.get(_OPEN, stem)
    st.session_state[_OPEN], st.session_state[_MOVED] = stem, before != stem and not _went_back()


def parameters(visit: Visit) -> dict[str, Any]:
    """The parameters of a page's link; settings at their default are left out."""
    found: dict[str, Any] = provenance.parameters(visit.settings)
    if visit.pin is not None:
        found[PIN] = links.pack(visit.pin)
    if visit.views:
        found[VIEW] = links.pack_views(visit.views)
    return found


def link(visit: Visit, url: str | None = None, lang: str | None = None) -> str:
    """The full link that restores the page as it is, its language included; a long one in a shorter form.

    ``url`` is any address of the page and ``lang`` the language, by default those that the visitor has.
    """
    scheme, host, path, _query, _fragment = urlsplit(url or st.context.url or "")
    query = urlencode(parameters(visit) | {LANGUAGE: lang or language()}, doseq=True)
    full = urlunsplit((scheme, host, path, query, ""))
    if len(full) <= LONGEST:
        return full
    short = urlunsplit((scheme, host, path, urlencode({SHORT: links.shorten(query)}), ""))
    return min(full, short, key=len)


def _expanded(given: dict[str, Any]) -> tuple[dict[str, Any], list[Rejected]]:
    """Parameters with those of a shortened link in their place; a language in it is taken, unless one was given."""
    if SHORT not in given:
        return given, []
    rest = {name: value for name, value in given.items() if name != SHORT}
    try:
        if not isinstance(given[SHORT], str):
            raise ValueError("given twice")
        found = parse_qs(links.expand(given[SHORT]), keep_blank_values=True)
    except ValueError:
        return rest, [Rejected(SHORT, str(given[SHORT])[:40], "what dlviz wrote")]
    lang = found.pop(LANGUAGE, [""])[0]
    if lang in LANGUAGES and st.session_state.get(LANGUAGE) is None:
        choose_language(lang)
    return {name: _value(values) for name, values in found.items()} | rest, []


def _write(wanted: dict[str, Any]) -> bool:
    if st.session_state.get(LANGUAGE):
        wanted = wanted | {LANGUAGE: st.session_state[LANGUAGE]}
    moved = st.session_state.pop(_MOVED, False)
    if wanted == {name: _value(st.query_params.get_all(name)) for name in st.query_params}:
        return False
    if moved:
        with aside():  # sends what was said so far, the page's address among it
            sleep(ARRIVAL)
    st.query_params.from_dict(wanted)
    return True


def _value(values: list[str]) -> str | list[str]:
    """One value of a parameter; several only where it is repeated."""
    return values[0] if len(values) == 1 else values


def _went_back() -> bool:
    """Whether this run was caused by the browser's back or forward button."""
    return getattr(get_script_run_ctx(), "is_history_navigation", False)
