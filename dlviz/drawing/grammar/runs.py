"""How the runs beside a picture's own are named in its small print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dlviz.contract.runs import Run
from dlviz.drawing.grammar.theme import Look, tr


def with_pinned(result: Any, pinned: Any, look: Look) -> Sequence[Run]:
    """The runs of a page's picture: its own, and the pinned one where there is one (else None)."""
    own = Run(result)
    return (own,) if pinned is None else (own, Run(pinned, tr(look, "the pinned run")))


def run_names(labels: Iterable[str], look: Look) -> str:
    """The labels of runs, each once, as they are listed in a sentence."""
    return ("、" if look.language == "zh" else ", ").join(dict.fromkeys(labels))
