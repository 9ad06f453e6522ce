"""The data are scikit-learn's, to the last digit, without importing it."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from dlviz.engine.data import datasets, photos


def test_scikit_learn_is_not_imported():
    code = (
        "import sys; from dlviz.engine.data import datasets, photos; datasets.digits(); datasets.diabetes('bmi');"
        "datasets.breast_cancer(('mean radius',)); photos.photo('China'); sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_digits():
    from sklearn.datasets import load_digits

    theirs, (images, labels) = load_digits(), datasets.digits()
    assert np.array_equal(images, theirs.data / 16)
    assert np.array_equal(labels, theirs.target)


def test_diabetes():
    from sklearn.datasets import load_diabetes

    theirs = load_diabetes(scaled=False)
    assert tuple(theirs.feature_names) == datasets.DIABETES
    for column, feature in zip(theirs.data.T, datasets.DIABETES, strict=True):
        assert np.array_equal(datasets.diabetes(feature), (column, theirs.target))


def test_breast_cancer():
    from sklearn.datasets import load_breast_cancer

    theirs = load_breast_cancer()
    assert tuple(theirs.feature_names) == datasets.BREAST_CANCER
    features, malignant = datasets.breast_cancer(datasets.BREAST_CANCER)
    assert np.array_equal(features, theirs.data)
    assert np.array_equal(malignant, theirs.target_names[theirs.target] == "malignant")


@pytest.mark.parametrize("name", photos.PHOTOS)
def test_photographs(name):
    from sklearn.datasets import load_sample_image

    theirs = Image.fromarray(load_sample_image(photos.PHOTOS[name])).resize(photos.SIZE, Image.Resampling.BOX)
    assert np.array_equal(photos.photo(name), np.asarray(theirs).transpose(2, 0, 1) / 255)


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(datasets, "find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install scikit-learn"):
        datasets.shipped("data", "digits.csv.gz")
