"""The front page. It loads no experiment, and neither torch nor Altair: words and pictures only."""

from __future__ import annotations

import streamlit as st

from dlviz import catalog
from dlviz.language import words
from dlviz.thumbnails import thumbnail
from dlviz.ui.session import address
from dlviz.ui.session.visitor import language, theme, through_front_door, tr

COLUMNS = 3

PROMISE = (
    "dlviz shows how deep learning works, for teaching it and for understanding it. Every picture is computed "
    "from real training runs while you watch; nothing is drawn by hand and no number is made up. Change a "
    "setting, see what it does, compare with the theory, and take the figure into your slides."
)


def show() -> None:
    """The promise, then the syllabus as cards."""
    through_front_door()
    address.no_settings()
    st.title(tr("How deep learning works, in pictures that are computed"), anchor=False)
    with st.container(width=820):
        st.markdown(tr(PROMISE))
    for section, concepts in catalog.SYLLABUS.items():
        st.subheader(tr(section), anchor=False)
        for row in range(0, len(concepts), COLUMNS):
            for concept, column in zip(concepts[row : row + COLUMNS], st.columns(COLUMNS, gap="medium"), strict=False):
                with column:
                    _card(concept)


def _card(concept: catalog.Concept) -> None:
    prose = words(concept.stem, language())
    with st.container(border=True, key=f"card_{concept.stem}"):
        st.image(str(thumbnail(concept.stem, theme())), width="stretch", alt=prose.name)
        st.page_link(f"pages/{concept.stem}.py", label=f"**{prose.name}**", icon=concept.icon)
        st.markdown(prose.title)
