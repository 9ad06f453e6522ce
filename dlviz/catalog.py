"""The syllabus: sections and concepts in teaching order, one row a concept.

The stem of a concept names its folder in ``dlviz/concepts``, its page, its address and its tests.
A concept stands here when it is written, and not before. Importing this loads no experiment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast

from dlviz.contract import Experiment, Figures


@dataclass(frozen=True)
class Concept:
    """A row of the syllabus: ``stem``, and the Material icon of its menu entry and card."""

    stem: str
    icon: str

    @property
    def experiment(self) -> Experiment:
        """``experiment.py`` of the concept: Settings, PRESETS, run. Imported when first asked for."""
        return cast(Experiment, import_module(f"dlviz.concepts.{self.stem}.experiment"))

    @property
    def figures(self) -> Figures:
        """The pictures of the concept: FIGURES. Imported when first asked for."""
        return _figures(self.stem)


@cache
def _figures(stem: str) -> Figures:
    from dlviz.figures import Pictures

    return Pictures(stem, concepts()[stem].experiment.Settings)


# Section titles are gettext message ids. One row a line, so that a new concept adds one line.
# fmt: off
SYLLABUS: dict[str, tuple[Concept, ...]] = {
    "Optimization": (
        Concept("loss_surfaces", ":material/landscape:"),
    ),
    "Signals through depth": (
        Concept("activations", ":material/show_chart:"),
        Concept("initialization", ":material/casino:"),
        Concept("normalization", ":material/view_in_ar:"),
    ),
    "Sequences and transfer": (
        Concept("bptt", ":material/replay:"),
        Concept("fine_tuning", ":material/ac_unit:"),
    ),
}
# fmt: on


def concepts() -> dict[str, Concept]:
    """Every concept by its stem, in teaching order."""
    return {concept.stem: concept for section in SYLLABUS.values() for concept in section}
