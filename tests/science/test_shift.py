"""Shifts of known size are measured, sets alike are not warned of, and intervals cover as they promise."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from zoobot.errors import CatalogError
from zoobot.science import Reference, auroc_interval, measure_shift, shift_by


def reference_of(features: np.ndarray) -> Reference:
    names = [f"g{row}" for row in range(len(features))]
    return Reference.of(features, names, names)


def test_auroc_of_two_gaussians_is_known():
    rng = np.random.default_rng(0)
    distance = 1.2  # the best classifier's AUROC is Phi(distance / sqrt 2)
    known, target = rng.normal(size=(1000, 8)) + 5, rng.normal(size=(1000, 8)) + 5
    target[:, 2] += distance
    shift = measure_shift(reference_of(known), target.astype(np.float32))
    best = norm.cdf(distance / np.sqrt(2))
    assert shift.auroc == pytest.approx(best, abs=0.02)
    assert shift.auroc_low < best < shift.auroc_high
    assert shift.warning is None  # below the threshold
    target[:, 2] += 2
    assert "AUROC 0.9" in measure_shift(reference_of(known), target).warning


def test_the_same_survey_does_not_warn():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(800, 20)) + rng.normal(size=20)
    shift = measure_shift(reference_of(features[:500]), features[500:])
    assert shift.auroc_low < 0.5 < shift.auroc_high
    assert shift.far_low < 0.01 < shift.far_high
    assert shift.warning is None
    assert shift.to_dict()["warning"] is None


def test_far_galaxies_among_others():
    rng = np.random.default_rng(2)
    known = rng.normal(size=(600, 10)) + 4 * np.eye(10)[0]
    target = np.concatenate(
        [rng.normal(size=(180, 10)) + 4 * np.eye(10)[0], 0.1 * rng.normal(size=(20, 10)) - np.ones(10)]
    )
    shift = measure_shift(reference_of(known), target)
    assert shift.far_fraction == pytest.approx(0.1, abs=0.02)
    assert "unlike any training galaxy" in shift.warning


def test_auroc_and_its_interval():
    rng = np.random.default_rng(3)
    true = norm.cdf(1 / np.sqrt(2))
    covered = 0
    for _ in range(400):
        positive = np.arange(90) < 40
        scores = rng.normal(size=90) + positive
        area, low, high = auroc_interval(scores, positive)
        covered += low <= true <= high
    assert area == pytest.approx(roc_auc_score(positive, scores))
    assert 0.92 <= covered / 400 <= 0.98
    rounded = scores.round(0)
    assert auroc_interval(rounded, positive)[0] == pytest.approx(roc_auc_score(positive, rounded))
    area, low, high = auroc_interval(np.r_[np.zeros(20), np.ones(30)], np.arange(50) >= 20)
    assert area == high == 1
    assert low == pytest.approx(0.025 ** (1 / 20))


def test_groups():
    rng = np.random.default_rng(4)
    known, target = rng.normal(size=(300, 6)) + 3, rng.normal(size=(200, 6)) + 3
    target[100:] += 5 * np.eye(6)[0]
    survey = pd.Series(["here"] * 100 + ["there"] * 99 + [None])
    table = shift_by(reference_of(known), target, survey)
    assert table["group"].tolist() == ["here", "there"]
    assert table["n_target"].tolist() == [100, 99]
    assert table["auroc"][0] < 0.65 < 0.95 < table["auroc"][1]
    assert table["warning"].notna().tolist() == [False, True]
    magnitude = pd.Series(np.linspace(14, 18, 200))
    assert shift_by(reference_of(known), target, magnitude, bins=4)["n_target"].tolist() == [50] * 4


def test_few_or_other_features():
    rng = np.random.default_rng(5)
    reference = reference_of(rng.normal(size=(50, 4)))
    few = measure_shift(reference, rng.normal(size=(5, 4)))
    assert np.isnan(few.auroc)
    assert few.warning is None
    assert few.to_dict()["auroc"] is None
    with pytest.raises(CatalogError, match="4 each"):
        measure_shift(reference, rng.normal(size=(50, 5)))
