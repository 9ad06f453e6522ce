"""The photographs: instance statistics removed, and exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlviz.contract import Drawing, Run
from dlviz.drawing.charts.pictures import Image, pictures
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.piece import Piece, Rows, listed
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent

if TYPE_CHECKING:
    from ..result import Result
    from ..style import Picture

HEIGHT = 520


def _image(picture: Picture, name: str, look: Look) -> Image:
    def listed(values: Any) -> str:
        return ", ".join(f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−") for value in values)

    cut = tr(look, "cut off: {share}", share=percent(picture.clipped)) if picture.clipped > 0 else ""
    return Image(picture.pixels, name, (f"μ {listed(picture.mean)}", f"σ {listed(picture.deviation)}", cut))


def _pictures(shown: Mapping[str, Picture], look: Look) -> Piece:
    """The pictures by their names, and in a file the statistics of their channels."""

    def numbers() -> Rows:
        colours = [tr(look, "red"), tr(look, "green"), tr(look, "blue")]
        return [
            row for name, of in shown.items()
            for row in listed({"name": name, tr(look, "channel"): colours, "μ": of.mean, "σ": of.deviation,
                               tr(look, "share cut off"): of.clipped})
        ]  # fmt: skip

    images = [_image(picture, name, look) for name, picture in shown.items()]
    return pictures(images, look) + Piece(tables={"pictures": numbers})


def contrast(runs: Sequence[Run], look: Look) -> Any:
    """A photograph and a copy with another contrast, before and after InstanceNorm."""
    result = runs[0].result
    style = result.style
    shown = {
        tr(look, "Photograph"): style.photo,
        tr(look, "Copy: contrast × {value}", value=f"{result.settings.contrast:g}"): style.copy,
        tr(look, "InstanceNorm of it"): style.photo_hat,
        tr(look, "InstanceNorm of the copy"): style.copy_hat,
    }
    note = tr(look, "μ, σ of red, green, blue. Below, a value v is shown as ½ + v/6.")
    return finish(_pictures(shown, look), look, height=HEIGHT, title=footnote(note, look))


def contrast_numbers(result: Result, _look: Look) -> dict[str, object]:
    """How different the two are after InstanceNorm."""
    return {"difference": result.style.difference}


def swap(runs: Sequence[Run], look: Look) -> Any:
    """Two photographs, and each with the mean and deviation of the other's channels."""
    result = runs[0].result
    style, share = result.style, result.settings.strength
    shown = {
        tr(look, "Photograph"): style.photo,
        tr(look, "The other photograph"): style.other,
        tr(look, "With the other's μ, σ"): style.swapped,
        tr(look, "With the first one's μ, σ"): style.returned,
    }
    note = tr(look, "y = σ(s)(x − μ(x))/σ(x) + μ(s) for each colour channel, α = {share}", share=f"{share:g}")
    return finish(_pictures(shown, look), look, height=HEIGHT, title=footnote(note, look))


def swap_numbers(result: Result, _look: Look) -> dict[str, object]:
    """The first photograph's deviation before and after."""
    style = result.style
    return {"before": float(style.photo.deviation.mean()), "after": float(style.swapped.deviation.mean())}


DRAWINGS = {"contrast": Drawing(contrast, contrast_numbers, HEIGHT), "swap": Drawing(swap, swap_numbers, HEIGHT)}
