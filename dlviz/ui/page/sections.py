"""The parts of a page below its figures: pin, texts, link."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dlviz import provenance
from dlviz.contract import PANELS, Result, Settings
from dlviz.formulas import plain
from dlviz.language import Words
from dlviz.ui.page.errors import apart
from dlviz.ui.session import address
from dlviz.ui.session.address import Visit
from dlviz.ui.session.visitor import language, tr

SHARE = "share"


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
    """What is run, as code, so that nothing in it is read as Markdown."""
    shown = provenance.line(settings, None, language(), getattr(settings, PANELS, ()))
    return f"`{plain(shown).replace('`', ' ')}`"


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


@st.fragment
def share(visit: Visit) -> None:
    """The link, folded away. A fragment: opening it does not run the page again."""
    with st.expander(tr("Share"), icon=":material/ios_share:", key=SHARE, on_change="rerun") as panel:
        if panel.open:
            link(visit)


def link(visit: Visit) -> None:
    """The link that restores this page."""
    st.markdown(f"**{tr('Link to this page')}**")
    st.code(address.link(visit), language=None, wrap_lines=True)


def footer(result: Result) -> None:
    """The last line of a page: the device that its numbers are from."""
    with st.container(key="footer"):
        st.caption(tr("Computed on {device}.", device=provenance.where(result.computed, language())))
