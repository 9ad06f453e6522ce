"""The tasks: which images, where, with which labels."""

from __future__ import annotations

import numpy as np
import pytest

from dlviz.engine.data import digit_tasks
from dlviz.engine.data.datasets import digits


@pytest.mark.parametrize("seed", [0, 7])
def test_the_three_parts_are_disjoint_whole_and_stratified(seed):
    parts = {part: digit_tasks.parted(part, seed) for part in digit_tasks.PARTS}
    together = np.concatenate(list(parts.values()))
    assert len(together) == 1797
    assert len(set(together.tolist())) == 1797
    labels = digits()[1]
    assert (np.bincount(labels[parts["test"]]) == digit_tasks.TEST).all()
    assert (np.bincount(labels[parts["target"]]) == digit_tasks.POOL).all()
    assert np.bincount(labels[parts["source"]]).min() > 50


def test_seeds_part_the_digits_differently_and_each_always_alike():
    assert not np.array_equal(digit_tasks.parted("test", 0), digit_tasks.parted("test", 1))
    for name in digit_tasks.TASKS:
        first, again = (digit_tasks.task(name, "target", 3, 0.4) for _ in range(2))
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])


@pytest.mark.parametrize("name", digit_tasks.TASKS)
@pytest.mark.parametrize("part", digit_tasks.PARTS)
def test_every_task_has_images_of_one_size_and_classes_from_zero(name, part):
    x, y = digit_tasks.task(name, part, 1, 0.3)
    assert x.shape == (len(y), 144)
    assert x.dtype == np.float32
    assert set(y.tolist()) == set(range(digit_tasks.classes(name)))
    copies = digit_tasks.COPIES if "Shifted" in name and part == "source" else 1
    assert len(y) % copies == 0


def test_what_is_done_to_the_digits():
    """Each domain undone gives the digits back."""
    x, labels = digits()
    chosen = digit_tasks.parted("test", 5)
    plain, y = digit_tasks.task("Clean", "test", 5)
    middle = plain.reshape(-1, 12, 12)[:, 2:10, 2:10].reshape(-1, 64)
    assert np.array_equal(middle, x[chosen].astype(np.float32))
    assert np.array_equal(y, labels[chosen])
    assert plain.sum() == pytest.approx(x[chosen].sum())
    inverted, _ = digit_tasks.task("Inverted", "test", 5)
    assert np.allclose(1 - inverted, plain)
    rotated, _ = digit_tasks.task("Rotated", "test", 5)
    back = np.rot90(rotated.reshape(-1, 12, 12), k=-1, axes=(1, 2)).reshape(-1, 144)
    assert np.array_equal(back, plain)
    noisy, _ = digit_tasks.task("Noisy", "test", 5, 0.7)
    assert (noisy - plain).std() == pytest.approx(0.7, rel=0.02)
    assert (noisy - plain).mean() == pytest.approx(0, abs=0.02)


def test_shifted_digits_stand_at_all_positions_and_are_the_same_digits():
    x, _ = digits()
    shifted, _ = digit_tasks.task("Shifted", "target", 2)
    canvas = shifted.reshape(-1, 12, 12)
    for image, digit in zip(canvas[:50], x[digit_tasks.parted("target", 2)][:50], strict=True):
        corners = [(r, c) for r in range(5) for c in range(5)]
        assert any(
            np.array_equal(image[r : r + 8, c : c + 8].ravel(), digit.astype(np.float32))
            and image.sum() == pytest.approx(digit.sum())
            for r, c in corners
        )
    rows = canvas.any(axis=2).argmax(axis=1)
    assert set(rows.tolist()) >= {0, 1, 2, 3, 4}


def test_five_digits_and_their_numbers():
    labels = digits()[1]
    _, low = digit_tasks.task("Clean 0-4", "target", 0)
    _, high = digit_tasks.task("Shifted 5-9", "target", 0)
    chosen = digit_tasks.parted("target", 0)
    assert np.array_equal(low, labels[chosen][labels[chosen] < 5])
    assert np.array_equal(high + 5, labels[chosen][labels[chosen] > 4])


def test_shuffled_labels_are_the_same_labels_on_other_images():
    plain, y = digit_tasks.task("Clean", "source", 4)
    same, shuffled = digit_tasks.task("Shuffled labels", "source", 4)
    assert np.array_equal(plain, same)
    assert np.array_equal(np.sort(y), np.sort(shuffled))
    assert (y == shuffled).mean() < 0.15


def test_few_of_each_class_are_part_of_more():
    _, y = digit_tasks.task("Shifted 5-9", "target", 0)
    fewer, more = digit_tasks.few(y, 2), digit_tasks.few(y, 5)
    assert (np.bincount(y[fewer]) == 2).all()
    assert (np.bincount(y[more]) == 5).all()
    assert set(fewer) < set(more)
    assert np.array_equal(digit_tasks.few(y, None), np.arange(len(y)))


@pytest.mark.parametrize(("name", "part"), [("Green", "test"), ("Clean", "train")])
def test_unknown_names_are_refused(name, part):
    with pytest.raises(ValueError, match="allowed"):
        digit_tasks.task(name, part, 0)
