"""Who has which colour: one identity, one colour and one dash, on every page.

The hues start from Okabe and Ito's set (2008, "Color universal design"). Twelve hues cannot all be
told apart by everyone, so the dash says it a second time: any two identities with the same dash
stay apart for normal vision, deuteranopia, protanopia and tritanopia (tests/drawing/test_drawing.py).
Each identity has one hue in a darker form for light paper and a lighter form for dark paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlviz.drawing.grammar.theme import Look

SOLID = (1, 0)
LONG = (9, 4)
DENSE = (5, 2)
DOTS = (2, 3)
DASH_DOT = (9, 3, 2, 3)
DASH_DOT_DOT = (9, 3, 2, 3, 2, 3)


@dataclass(frozen=True)
class Identity:
    """A name with its colour on light and on dark paper and its dash (lengths for a 2.5 px line)."""

    name: str
    light: str
    dark: str
    dash: tuple[float, ...]


# Twelve styles; each family of identities takes what it needs of them.
_STYLES = {
    "ink": ("#1d2636", "#f1f4f9", SOLID),
    "brown": ("#8a5a2b", "#d3a06a", DENSE),
    "green": ("#00835f", "#2fc79a", LONG),
    "lime": ("#4f8f00", "#a6d64b", DOTS),
    "blue": ("#0068a8", "#4aa3ea", SOLID),
    "amber": ("#b97800", "#f2b134", DASH_DOT),
    "pink": ("#c2569a", "#ee9bd0", DOTS),
    "sky": ("#1b93c9", "#7fd0f7", DENSE),
    "orange": ("#d14900", "#ff7a3d", SOLID),
    "crimson": ("#a3173f", "#ff6f91", DASH_DOT),
    "violet": ("#6b3fb0", "#b79bff", LONG),
    "olive": ("#6f6a00", "#ece14a", DASH_DOT_DOT),
}


def _family(styles: dict[str, str]) -> dict[str, Identity]:
    return {name: Identity(name, *_STYLES[style]) for name, style in styles.items()}


OPTIMIZERS = _family(
    {
        "GD": "ink",
        "SGD": "brown",
        "Momentum": "green",
        "Averaged momentum": "lime",
        "Nesterov": "blue",
        "AdaGrad": "amber",
        "RMSprop": "pink",
        "AdaDelta": "sky",
        "Adam": "orange",
        "AdamW": "crimson",
        "NAdam": "violet",
        "Lion": "olive",
    }
)
ACTIVATIONS = _family(
    {
        "Linear": "ink",
        "Sigmoid": "green",
        "Tanh": "blue",
        "ReLU": "orange",
        "Leaky ReLU": "amber",
        "PReLU": "brown",
        "ELU": "pink",
        "SELU": "violet",
        "GELU": "crimson",
        "Swish": "sky",
        "Softplus": "lime",
        "Maxout": "olive",
    }
)
INITIALIZERS = _family(
    {
        "Zeros": "ink",
        "Constant": "brown",
        "Normal": "amber",
        "Uniform": "lime",
        "Xavier normal": "blue",
        "Xavier uniform": "sky",
        "He normal": "orange",
        "He uniform": "crimson",
        "LeCun normal": "green",
        "Variance scaling": "pink",
        "Orthogonal": "violet",
    }
)
NORMS = _family(
    {
        "None": "ink",
        "BatchNorm": "blue",
        "LayerNorm": "orange",
        "InstanceNorm": "green",
        "GroupNorm": "violet",
        "RMSNorm": "amber",
        "Switchable": "pink",
    }
)
# A vanilla RNN has the colour of its activation.
CELLS = _family({"RNN tanh": "blue", "RNN ReLU": "orange", "LSTM": "violet", "GRU": "lime"})
TRANSFERS = _family(
    {
        "From scratch": "ink",
        "Full fine-tuning": "orange",
        "Frozen": "blue",
        "Head only": "brown",
        "Layer-wise rates": "amber",
        "L2-SP": "violet",
        "Distillation": "pink",
        "Gradual unfreezing": "green",
    }
)
CLIPPINGS = _family(
    {
        "Plain": "crimson",
        "Clipped by norm": "blue",
        "Clipped by value": "amber",
        "Weight decay": "green",
        "Lower rate": "pink",
    }
)
# Six steps of an ordered quantity, few to many: each darker than the one before on light paper, lighter on dark.
AMOUNTS = {
    name: Identity(name, light, dark, (SOLID, LONG, DENSE)[step % 3])
    for step, (name, light, dark) in enumerate(
        (
            ("amount 1", "#b98a00", "#7d5fd6"),
            ("amount 2", "#6f9413", "#5f86e8"),
            ("amount 3", "#108a63", "#3fa9d6"),
            ("amount 4", "#0f6f95", "#3fc79b"),
            ("amount 5", "#41489f", "#a8dc5c"),
            ("amount 6", "#4f1466", "#ffe75e"),
        )
    )
}

# What is measured of one thing (of an update rule, of a layer): quieter than identities.
QUANTITIES = {
    identity.name: identity
    for identity in (
        Identity("gradient", "#7a8699", "#8d9ab0", SOLID),
        Identity("first moment", "#2f7886", "#6fb9c6", LONG),
        Identity("second moment", "#9a5f86", "#cf9dbe", DOTS),
        Identity("step", "#1d2636", "#f1f4f9", SOLID),
        Identity("function", "#1d2636", "#f1f4f9", SOLID),
        Identity("slope", "#2f7886", "#6fb9c6", LONG),
        Identity("forward", "#2f7886", "#6fb9c6", SOLID),
        Identity("backward", "#9a5f86", "#cf9dbe", LONG),
    )
}
FAMILIES = {
    "optimizers": OPTIMIZERS,
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "norms": NORMS,
    "cells": CELLS,
    "transfers": TRANSFERS,
    "clippings": CLIPPINGS,
    "amounts": AMOUNTS,
}
IDENTITIES = {name: item for family in (*FAMILIES.values(), QUANTITIES) for name, item in family.items()}

# For a name that has no identity of its own yet: given out by the name's position in the picture.
SPARE = tuple(
    OPTIMIZERS[name] for name in ("Nesterov", "Adam", "Momentum", "AdaGrad", "RMSprop", "NAdam", "AdaDelta", "GD")
)

# Areas without an identity (basins): clear on both papers, told apart by lightness as well as hue.
AREAS = ("#4a86c5", "#e39b2d", "#2aa287", "#c9659f", "#8d74d6", "#b5b23a", "#62b8e8", "#d9603b")


def identity(name: str, position: int = 0) -> Identity:
    """The identity of a name; a spare one by ``position`` for a name without."""
    return IDENTITIES.get(name) or SPARE[position % len(SPARE)]


def colour(name: str, look: Look, position: int = 0) -> str:
    """The identity's colour on the look's paper."""
    return getattr(identity(name, position), look.theme)


def dash(name: str, look: Look, position: int = 0) -> list[float]:
    """The identity's dash, scaled with the line width of the look."""
    return [length * look.line / 2.5 for length in identity(name, position).dash]


def rgb(colours: str | list[str] | tuple[str, ...]) -> np.ndarray:
    """Hex colours -> sRGB in [0, 1], shape (..., 3)."""
    texts = [colours] if isinstance(colours, str) else list(colours)
    values = np.array([[int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in texts]) / 255
    return values[0] if isinstance(colours, str) else values


def hexed(values: np.ndarray) -> str:
    """sRGB in [0, 1], shape (3,) -> a hex colour."""
    return "#" + "".join(f"{round(255 * float(v)):02x}" for v in np.clip(values, 0, 1))


# Björn Ottosson (2020), "A perceptual color space for image processing": equal steps in OKLab look equal.
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(values: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1], shape (..., 3) -> OKLab (L in [0, 1])."""
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _LMS.T) @ _LAB.T


def from_oklab(values: np.ndarray) -> np.ndarray:
    """OKLab, shape (..., 3) -> sRGB clipped to [0, 1]."""
    linear = np.clip((values @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def ramp(colours: tuple[str, ...], t: np.ndarray | float) -> np.ndarray:
    """Colours along a ramp, interpolated in OKLab: ``t`` in [0, 1] of any shape -> sRGB (..., 3)."""
    stops = oklab(rgb(colours))
    at = np.linspace(0, 1, len(colours))
    return from_oklab(np.stack([np.interp(t, at, stops[:, i]) for i in range(3)], axis=-1))


def mix(first: str, second: str, share: float) -> str:
    """``share`` of the second colour in the first."""
    return hexed(ramp((first, second), np.float64(share)))


def ghost_colour(name: str, look: Look) -> str:
    """An identity's colour, faded towards the theme's ghost grey."""
    return mix(colour(name, look), look.inks.ghost, 0.35)
