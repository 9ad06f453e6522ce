"""Tasks that are near to one another or not: handwritten digits in several domains, all on one canvas.

Every image is an 8x8 digit on a 12x12 canvas, so that a network trained on any of the tasks fits any other.
The 1,797 digits are parted three ways by ``seed``, the same number of each class: the test images, those that the
target task may learn from, and the rest, which the source task learns from. No image is in two parts.

- "Clean": the digit in the middle of the canvas. "Shifted": at one of 25 positions, drawn for each image.
- "Noisy", "Shifted noisy": with Gaussian noise of standard deviation ``noise`` on every pixel of the canvas.
- "Inverted": 1 − x. "Rotated": by 90° to the left.
- "… 0-4", "… 5-9": only these digits; the classes are then numbered from 0 to 4.
- "Shuffled labels", "Shifted, shuffled labels": the labels permuted over the images, so that there is nothing to
  learn but each image for itself.

In the source part, an image of a shifted task stands at ``COPIES`` positions: a source has plenty of data.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from dlviz.engine.data.datasets import digits

SIDE = 12
TEST, POOL = 40, 75  # images a class for the test and for the target; those for the source are what is left
COPIES = 4
SHUFFLED = {"Shuffled labels": "Clean", "Shifted, shuffled labels": "Shifted"}
PARTS = ("source", "target", "test")
TASKS = (
    "Clean", "Noisy", "Inverted", "Rotated", "Clean 0-4", "Clean 5-9", "Shifted", "Shifted noisy", "Shifted 0-4",
    "Shifted 5-9", *SHUFFLED,
)  # fmt: skip


def classes(name: str) -> int:
    """How many classes a task has."""
    return 5 if name.endswith(("0-4", "5-9")) else 10


@cache
def parted(part: str, seed: int) -> np.ndarray:
    """Which digits belong to a part: indices, class by class, each class in an order of its own."""
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}; allowed: {', '.join(PARTS)}")
    _, y = digits()
    rng = np.random.default_rng(seed)
    shuffled = [rng.permutation(np.flatnonzero(y == c)) for c in range(10)]
    ends = {"test": slice(TEST), "target": slice(TEST, TEST + POOL), "source": slice(TEST + POOL, None)}
    return np.concatenate([order[ends[part]] for order in shuffled])


def task(name: str, part: str, seed: int, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 144) float32 and classes (n,) of one part of a task, class by class.

    Equal arguments give equal numbers. Raises ``ValueError`` for an unknown task or part.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; allowed: {', '.join(TASKS)}")
    kind = SHUFFLED.get(name, name)
    x, y = digits()
    chosen = parted(part, seed)
    if name.endswith("0-4"):
        chosen = chosen[y[chosen] < 5]
    elif name.endswith("5-9"):
        chosen = chosen[y[chosen] > 4]
    shifted = kind.startswith("Shifted")
    if shifted and part == "source":
        chosen = np.repeat(chosen, COPIES)
    images, labels = x[chosen].reshape(-1, 8, 8), y[chosen] - (5 if name.endswith("5-9") else 0)
    # Numbers that differ from part to part and from task to task would do as well; these need one line each.
    stream = PARTS.index(part)
    corners = np.random.default_rng((seed, 1, stream)).integers(0, SIDE - 7, (len(images), 2))
    canvas = place(images, corners if shifted else np.full_like(corners, (SIDE - 8) // 2))
    if kind.endswith(("Noisy", "noisy")):
        canvas = canvas + noise * np.random.default_rng((seed, 2, stream)).standard_normal(canvas.shape)
    elif kind == "Inverted":
        canvas = 1 - canvas
    elif kind == "Rotated":
        canvas = np.rot90(canvas, axes=(1, 2))
    if name in SHUFFLED:
        labels = np.random.default_rng((seed, 3)).permutation(labels)
    return canvas.reshape(len(canvas), -1).astype(np.float32), labels


def place(images: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Images (n, 8, 8) on canvases (n, 12, 12), the upper left corner of each at ``corners`` (n, 2)."""
    canvas = np.zeros((len(images), SIDE, SIDE))
    across = np.arange(8)
    rows, columns = corners[:, 0, None, None] + across[:, None], corners[:, 1, None, None] + across
    canvas[np.arange(len(images))[:, None, None], rows, columns] = images
    return canvas


def few(labels: np.ndarray, count: int | None) -> np.ndarray:
    """Indices of the first ``count`` examples of each class (None: of all), so that fewer are part of more."""
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in np.unique(labels)]))
