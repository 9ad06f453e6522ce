"""The data sets: small, real, shipped with scikit-learn, so nothing is downloaded.

The files are read where scikit-learn is installed, without importing it: that would take a second of the first
visitor's time and 70 MB of memory. Tests compare with its own loaders. Arrays are cached and read-only.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

DIABETES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
_TUMOUR = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
BREAST_CANCER = tuple(kind.format(name) for kind in ("mean {}", "{} error", "worst {}") for name in _TUMOUR)
"""The columns of scikit-learn's files, which carry no names."""


def shipped(*parts: str) -> Path:
    """A file of ``sklearn.datasets``. Raises ``ModuleNotFoundError`` where scikit-learn is not installed."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("scikit-learn is not installed; its data sets are needed: pip install scikit-learn")
    return Path(found.origin).parent.joinpath("datasets", *parts)


def _frozen(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for array in (inputs, targets):
        array.setflags(write=False)
    return inputs, targets


def standardise(x: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 of every column (population formula, as ``StandardScaler``)."""
    return (x - x.mean(axis=0)) / x.std(axis=0)


@cache
def diabetes(feature: str) -> tuple[np.ndarray, np.ndarray]:
    """One feature in its own units, shape (442,), and the disease progression after a year, (442,).

    Source: Efron, Hastie, Johnstone & Tibshirani 2004, "Least angle regression". The features are age,
    sex, bmi, bp (mean blood pressure), s1 (total cholesterol), s2 (LDL), s3 (HDL), s4 (total cholesterol
    over HDL), s5 (log of triglycerides), s6 (blood sugar).
    """
    if feature not in DIABETES:
        raise KeyError(f"unknown feature {feature!r}; allowed: {', '.join(DIABETES)}")
    column = np.loadtxt(shipped("data", "diabetes_data_raw.csv.gz"), usecols=DIABETES.index(feature))
    return _frozen(column, np.loadtxt(shipped("data", "diabetes_target.csv.gz")))


@cache
def breast_cancer(features: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Some features in their own units, shape (569, k), and 1.0 for malignant, 0.0 for benign, (569,).

    Source: Street, Wolberg & Mangasarian 1993 (Wisconsin diagnostic data). scikit-learn codes malignant
    as 0; here it is the positive class, so that a larger tumour has a larger logit.
    """
    if unknown := [feature for feature in features if feature not in BREAST_CANCER]:
        raise KeyError(f"unknown feature {unknown[0]!r}; allowed: {', '.join(BREAST_CANCER)}")
    data = np.loadtxt(shipped("data", "breast_cancer.csv"), delimiter=",", skiprows=1)
    columns = [BREAST_CANCER.index(feature) for feature in features]
    return _frozen(data[:, columns], (data[:, -1] == 0).astype(float))


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits: 8x8 pixels from 0 to 1, shape (1797, 64), and their classes (1797,).

    Source: Alpaydin & Kaynak 1998, optical recognition of handwritten digits (UCI), its test part.
    """
    data = np.loadtxt(shipped("data", "digits.csv.gz"), delimiter=",")
    return _frozen(data[:, :-1] / 16.0, data[:, -1].astype(np.int64))


def balanced(labels: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of a random subset with equally many examples a class, in random order; (samples,).

    ``samples`` must be a multiple of the number of classes and leave no class short.
    """
    classes, counts = np.unique(labels, return_counts=True)
    each, rest = divmod(samples, len(classes))
    if rest or each < 1 or each > counts.min():
        raise ValueError(
            f"samples must be a multiple of {len(classes)} from {len(classes)} to {len(classes) * counts.min()}, "
            f"got {samples}"
        )
    chosen = [rng.choice(np.flatnonzero(labels == c), each, replace=False) for c in classes]
    return rng.permutation(np.concatenate(chosen))
