"""The tasks: which images, where, with which labels."""

from __future__ import annotations

import numpy as np
import pytest

from dlviz.engine import domains
from dlviz.engine.datasets import digits


@pytest.mark.parametrize("seed", [0, 7])
def test_the_three_parts_are_disjoint_whole_and_stratified(seed):
    parts = {part: domains.parted(part, seed) for part in domains.PARTS}
    together = np.concatenate(list(parts.values()))
    assert len(together) == 1797
    assert len(set(together.tolist())) == 1797
    labels = digits()[1]
    assert (np.bincount(labels[parts["test"]]) == domains.TEST).all()
    assert (np.bincount(labels[parts["target"]]) == domains.POOL).all()
    assert np.bincount(labels[parts["source"]]).min() > 50


def test_seeds_part_the_digits_differently_and_each_always_alike():
    assert not np.array_equal(domains.parted("test", 0), domains.parted("test", 1))
    for name in domains.TASKS:
        first, again = (domains.task(name, "target", 3, 0.4) for _ in range(2))
        assert np.array_equal(first[0], again[0])
        assert np.array_equal(first[1], again[1])


@pytest.mark.parametrize("name", domains.TASKS)
@pytest.mark.parametrize("part", domains.PARTS)
def test_every_task_has_images_of_one_size_and_classes_from_zero(name, part):
    x, y = domains.task(name, part, 1, 0.3)
    assert x.shape == (len(y), 144)
    assert x.dtype == np.float32
    assert set(y.tolist()) == set(range(domains.classes(name)))
    copies = domains.COPIES if "Shifted" in name and part == "source" else 1
    assert len(y) % copies == 0


def test_what_is_done_to_the_digits():
    """Each domain undone gives the digits back."""
    x, labels = digits()
    chosen = domains.parted("test", 5)
    plain, y = domains.task("Clean", "test", 5)
    middle = plain.reshape(-1, 12, 12)[:, 2:10, 2:10].reshape(-1, 64)
    assert np.array_equal(middle, x[chosen].astype(np.float32))
    assert np.array_equal(y, labels[chosen])
    assert plain.sum() == pytest.approx(x[chosen].sum())
    inverted, _ = domains.task("Inverted", "test", 5)
    assert np.allclose(1 - inverted, plain)
    rotated, _ = domains.task("Rotated", "test", 5)
    back = np.rot90(rotated.reshape(-1, 12, 12), k=-1, axes=(1, 2)).reshape(-1, 144)
    assert np.array_equal(back, plain)
    noisy, _ = domains.task("Noisy", "test", 5, 0.7)
    assert (noisy - plain).std() == pytest.approx(0.7, rel=0.02)
    assert (noisy - plain).mean() == pytest.approx(0, abs=0.02)


def test_shifted_digits_stand_at_all_positions_and_are_the_same_digits():
    x, _ = digits()
    shifted, _ = domains.task("Shifted", "target", 2)
    canvas = shifted.reshape(-1, 12, 12)
    for image, digit in zip(canvas[:50], x[domains.parted("target", 2)][:50], strict=True):
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
    _, low = domains.task("Clean 0-4", "target", 0)
    _, high = domains.task("Shifted 5-9", "target", 0)
    chosen = domains.parted("target", 0)
    assert np.array_equal(low, labels[chosen][labels[chosen] < 5])
    assert np.array_equal(high + 5, labels[chosen][labels[chosen] > 4])


def test_shuffled_labels_are_the_same_labels_on_other_images():
    plain, y = domains.task("Clean", "source", 4)
    same, shuffled = domains.task("Shuffled labels", "source", 4)
    assert np.array_equal(plain, same)
    assert np.array_equal(np.sort(y), np.sort(shuffled))
    assert (y == shuffled).mean() < 0.15


def test_few_of_each_class_are_part_of_more():
    _, y = domains.task("Shifted 5-9", "target", 0)
    fewer, more = domains.few(y, 2), domains.few(y, 5)
    assert (np.bincount(y[fewer]) == 2).all()
    assert (np.bincount(y[more]) == 5).all()
    assert set(fewer) < set(more)
    assert np.array_equal(domains.few(y, None), np.arange(len(y)))


@pytest.mark.parametrize(("name", "part"), [("Green", "test"), ("Clean", "train")])
def test_unknown_names_are_refused(name, part):
    with pytest.raises(ValueError, match="allowed"):
        domains.task(name, part, 0)
