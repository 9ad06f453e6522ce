"""``python -m dlviz.thumbnails``: draw every concept's picture for the front page anew."""

from __future__ import annotations

from dlviz import catalog
from dlviz.drawing.export import render
from dlviz.drawing.theme import INKS, Look
from dlviz.thumbnails import SIZE, thumbnail


def main() -> None:
    """Draw the hero figure of the default settings in both themes."""
    for stem, concept in catalog.concepts().items():
        result = concept.experiment.run(concept.experiment.Settings())
        for theme in INKS:
            look = Look(theme=theme)
            chart = concept.figures.FIGURES["hero"].draw(result, look)
            thumbnail(stem, theme).write_bytes(render(chart, "png", look=look, scale=1, width=SIZE))
            print(thumbnail(stem, theme))  # noqa: T201


if __name__ == "__main__":
    main()
