"""The data sets: small, real, shipped with scikit-learn, so nothing is downloaded.

scikit-learn is imported when the first set is asked for. Arrays are cached and read-only.
"""

from __future__ import annotations

from functools import cache

import numpy as np


def _frozen(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    for array in arrays:
        array.setflags(write=False)
    return arrays


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
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    if feature not in data.feature_names:
        raise KeyError(f"unknown feature {feature!r}; allowed: {', '.join(data.feature_names)}")
    return _frozen(data.data[:, data.feature_names.index(feature)].copy(), data.target.copy())


@cache
def breast_cancer(features: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Some features in their own units, shape (569, k), and 1.0 for malignant, 0.0 for benign, (569,).

    Source: Street, Wolberg & Mangasarian 1993 (Wisconsin diagnostic data). scikit-learn codes malignant
    as 0; here it is the positive class, so that a larger tumour has a larger logit.
    """
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = list(data.feature_names)
    if unknown := [feature for feature in features if feature not in names]:
        raise KeyError(f"unknown feature {unknown[0]!r}; allowed: {', '.join(names)}")
    return _frozen(data.data[:, [names.index(feature) for feature in features]], (data.target == 0).astype(float))


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """1,797 handwritten digits: 8x8 pixels from 0 to 1, shape (1797, 64), and their classes (1797,).

    Source: Alpaydin & Kaynak 1998, optical recognition of handwritten digits (UCI), its test part.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return _frozen(data.data / 16.0, data.target.astype(np.int64))


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
