"""``python -m dlviz.thumbnails [STEM ...]``: draw pictures for the front page anew, all if none is named."""

from __future__ import annotations

import argparse

from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.export.files import render
from dlviz.drawing.grammar.theme import INKS, Look
from dlviz.thumbnails import SIZE, thumbnail


def main() -> None:
    """Draw the hero figure of the default settings in both themes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stems", metavar="STEM", nargs="*", help=f"One of: {', '.join(catalog.concepts())}.")
    stems = parser.parse_args().stems
    if unknown := set(stems) - set(catalog.concepts()):
        parser.error(f"no concept is called {', '.join(sorted(unknown))}; there are: {', '.join(catalog.concepts())}")
    for stem in stems or catalog.concepts():
        concept = catalog.concepts()[stem]
        result = concept.experiment.run(concept.experiment.Settings())
        for theme in INKS:
            look = Look(theme=theme)
            chart = concept.figures.FIGURES["hero"].draw([Run(result)], look)
            thumbnail(stem, theme).write_bytes(render(chart, "png", look=look, scale=1, width=SIZE))
            print(thumbnail(stem, theme))  # noqa: T201


if __name__ == "__main__":
    main()
