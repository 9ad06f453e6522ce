"""What went wrong, said politely, and where possible what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st
from streamlit.logger import get_logger

from dlviz.contract import Rejected, Settings
from dlviz.drawing.export.files import ExportError
from dlviz.engine.surfaces.expressions import ExpressionError, parse
from dlviz.ui.page.charts import MOST_BYTES, TooLargeError
from dlviz.ui.session.address import LANGUAGE, PIN, SHORT, VIEW
from dlviz.ui.session.visitor import tr

_log = get_logger(__name__)
_INNER = re.compile(r"\n|File \"|\.py\b|[\w.~-]*[/\\][\w.-]+[/\\]")
"""What stands in the text of an error that was not written for visitors: lines of source, paths."""


MOST = 6
"""Notes on a link that are shown one by one: it may hold a thousand parts."""


def left_out(items: Sequence[Rejected], model: type[Settings]) -> None:
    """The parts of the link that were not taken: the first of them by name."""
    for item in items[:MOST]:
        reported(item, model)
    if len(items) > MOST:
        said = tr("{count} more parts of the link were left out.", count=len(items) - MOST)
        st.warning(said, icon=":material/link_off:")


def reported(item: Rejected, model: type[Settings]) -> None:
    """A part of the link that was not taken. Its text is shown as code, so that it stays text."""
    if item.name.removeprefix("pin: ") in (*model.model_fields, LANGUAGE, PIN, VIEW, SHORT):
        message = tr(
            "{name} cannot be {given} in a link, so it was left out. Allowed: {allowed}",
            name=_code(item.name), given=_code(item.given), allowed=_allowed(item, model),
        )  # fmt: skip
    else:
        message = tr(
            "The link contains {name}, which is no setting of this page; it was left out.", name=_code(item.name)
        )
    st.warning(message, icon=":material/link_off:")


def explain(trouble: Exception | Rejected, model: type[Settings]) -> None:
    """A setting that the model refuses, or an error of a run."""
    if isinstance(trouble, Rejected):
        if not _formula(trouble, model):
            message = tr("{name} cannot be {given}. Allowed: {allowed}", name=_label(trouble.name, model),
                         given=_code(trouble.given), allowed=_allowed(trouble, model))  # fmt: skip
            st.error(message, icon=":material/error:")
    elif _out_of_memory(trouble):
        st.error(
            tr("There is not enough memory for these settings. Make the run smaller."), icon=":material/memory_alt:"
        )
    elif isinstance(trouble, ExportError) and not _INNER.search(str(trouble)):
        values = {name: _code(str(value)) if name == "reason" else value for name, value in trouble.values.items()}
        st.error(tr(trouble.message, **values), icon=":material/error:")
    elif isinstance(trouble, ValueError) and str(trouble) and not _INNER.search(str(trouble)):
        st.error(tr(str(trouble)), icon=":material/error:")
    else:
        _log.error("a run failed", exc_info=trouble)
        said = tr("This run failed: {error}. The settings are unchanged.", error=_code(type(trouble).__name__))
        st.error(said, icon=":material/error:")


@contextmanager
def apart() -> Iterator[None]:
    """Around a part of a page: when it cannot be made, a message stands in its place, and the other parts stay."""
    try:
        yield
    except TooLargeError as error:
        said = tr(
            "This figure is too large for the browser: {size} MB, where {most} MB can be sent. Choose fewer steps or "
            "less to draw in it, or download it as a file below.",
            size=f"{error.size / 1e6:.1f}", most=f"{MOST_BYTES / 1e6:.1f}",
        )  # fmt: skip
        st.warning(said, icon=":material/photo_size_select_large:")
    except Exception as error:  # noqa: BLE001  whatever it is, it must not take the page with it
        _log.error("a part of a page failed", exc_info=error)
        said = tr("This part of the page could not be made from the numbers of this run.")
        st.error(said, icon=":material/error:")


def _out_of_memory(error: Exception) -> bool:
    """The CPU's and the GPU's: torch says the first as a plain ``RuntimeError``."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "can't allocate memory" in said


def _formula(item: Rejected, model: type[Settings]) -> bool:
    """Point at the character where a typed formula stops making sense."""
    if model.knobs()[item.name].widget != "formula":
        return False
    typed = str(st.session_state.get(item.name, item.given))
    try:
        parse(typed)
    except ExpressionError as error:
        st.error(tr(error.message, **error.values), icon=":material/error:")
        st.code(f"{typed}\n{' ' * error.position}^", language=None)
        return True
    return False


def _allowed(item: Rejected, model: type[Settings]) -> str:
    """What may stand in a setting, in the visitor's language as far as it is written in words of the page."""
    name = item.name.removeprefix("pin: ")
    # Of a text the model alone can say what is wrong with it.
    if name not in model.model_fields or model.model_fields[name].annotation is str:
        return item.allowed
    return model.allowed(name, tr)


def _label(name: str, model: type[Settings]) -> str:
    return f"**{tr(model.knobs()[name].label)}**"


def _code(text: str) -> str:
    """A text as inline code: nothing in it is read as Markdown or as LaTeX."""
    return f"`{text.replace('`', ' ').strip() or ' '}`"
