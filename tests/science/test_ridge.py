"""Ridge regression with the penalty chosen by leave-one-out, against scikit-learn and against leaving each galaxy out."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifierCV, RidgeCV

from zoobot.science.ridge import PENALTIES, fit_ridge


def example(n, p, targets=1, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 1, (n, p)) / np.sqrt(p)
    return x, 3 * x @ rng.normal(size=(p, targets)) + rng.normal(0, noise, (n, targets)) + 5


@pytest.mark.parametrize(("n", "p"), [(200, 10), (60, 59), (30, 30), (25, 80)])
@pytest.mark.parametrize("targets", [1, 3])
def test_equals_scikit_learn(n, p, targets):
    x, y = example(n, p, targets)
    reference = RidgeCV(PENALTIES).fit(x, y)
    slopes, intercept = fit_ridge(x, y)
    assert slopes == pytest.approx(reference.coef_.T.reshape(slopes.shape), abs=1e-7)
    assert intercept == pytest.approx(np.ravel(reference.intercept_), abs=1e-7)


def test_weights_and_penalty_are_those_of_leaving_each_galaxy_out():
    x, y = example(24, 6, noise=2.0)
    weights = np.random.default_rng(1).uniform(0.2, 3, 24)
    errors = []
    for penalty in PENALTIES:
        left_out = [
            weights[i]
            * (y[i] - Ridge(penalty).fit(*(np.delete(a, i, 0) for a in (x, y)), np.delete(weights, i)).predict(x[[i]]))
            ** 2
            for i in range(24)
        ]
        errors.append(np.sum(left_out))
    best = Ridge(PENALTIES[int(np.argmin(errors))]).fit(x, y, weights)
    slopes, intercept = fit_ridge(x, y, weights)
    assert 0 < np.argmin(errors) < len(PENALTIES) - 1
    assert slopes[:, 0] == pytest.approx(np.ravel(best.coef_), abs=1e-8)
    assert intercept == pytest.approx(np.ravel(best.intercept_), abs=1e-8)


def test_as_a_classifier_of_weighted_classes():
    rng = np.random.default_rng(3)
    codes = rng.permutation(np.repeat([0, 1, 2], [60, 25, 15]))
    x = rng.normal(size=(100, 8)) + np.eye(8)[codes]
    signs = np.where(codes[:, None] == np.arange(3), 1.0, -1.0)
    slopes, intercept = fit_ridge(x, signs, 100 / (3 * np.bincount(codes)[codes]))
    reference = RidgeClassifierCV(PENALTIES, class_weight="balanced").fit(x, codes)
    assert x @ slopes + intercept == pytest.approx(reference.decision_function(x), abs=1e-6)
