"""Figures of the photographs: instance statistics removed, and exchanged."""

from __future__ import annotations

from typing import Any

from dlviz.drawing.charts.pictures import Image, pictures
from dlviz.drawing.grammar.finish import finish, footnote
from dlviz.drawing.grammar.theme import Look, tr
from dlviz.numbers import percent

from .curves import off
from .measure import Picture, Result

HEIGHT = 520


def _image(picture: Picture, name: str, look: Look) -> Image:
    def listed(values: Any) -> str:
        return ", ".join(f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−") for value in values)

    cut = tr(look, "cut off: {share}", share=percent(picture.clipped)) if picture.clipped > 0 else ""
    return Image(picture.pixels, name, (f"μ {listed(picture.mean)}", f"σ {listed(picture.deviation)}", cut))


def contrast(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """A photograph and a copy with another contrast, before and after InstanceNorm."""
    style = result.style
    if style is None:
        return off(look, HEIGHT)
    images = [
        _image(style.photo, tr(look, "Photograph"), look),
        _image(style.copy, tr(look, "Copy: contrast × {value}", value=f"{result.settings.contrast:g}"), look),
        _image(style.photo_hat, tr(look, "InstanceNorm of it"), look),
        _image(style.copy_hat, tr(look, "InstanceNorm of the copy"), look),
    ]
    note = tr(look, "μ, σ of red, green, blue. Below, a value v is shown as ½ + v/6.")
    return finish(pictures(images, look), look, height=HEIGHT, title=footnote(note, look))


def swap(result: Result, look: Look, ghost: Result | None = None) -> Any:
    """Two photographs, and each with the mean and deviation of the other's channels."""
    style = result.style
    if style is None:
        return off(look, HEIGHT)
    share = result.settings.strength
    images = [
        _image(style.photo, tr(look, "Photograph"), look),
        _image(style.other, tr(look, "The other photograph"), look),
        _image(style.swapped, tr(look, "With the other's μ, σ"), look),
        _image(style.returned, tr(look, "With the first one's μ, σ"), look),
    ]
    note = tr(look, "y = σ(s)(x − μ(x))/σ(x) + μ(s) for each colour channel, α = {share}", share=f"{share:g}")
    return finish(pictures(images, look), look, height=HEIGHT, title=footnote(note, look))


def described(result: Result) -> dict[str, object]:
    """Numbers for the text alternatives."""
    style = result.style
    if style is None:
        return {"difference": 0.0, "before": 0.0, "after": 0.0}
    return {
        "difference": style.difference,
        "before": float(style.photo.deviation.mean()),
        "after": float(style.swapped.deviation.mean()),
    }
