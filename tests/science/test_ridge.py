"""Ridge regression with the penalty chosen by leave-one-out.

It is tested against scikit-learn and against leaving each galaxy out.
"""

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


@pytest.mark.parametrize(("n", "p", "largest"), [(40, 6, 4), (40, 50, 4), (60, 4, 20)])
def test_groups_are_left_out_whole(n, p, largest):
    x, y = example(n, p, targets=2, noise=2.0)
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(n), rng.integers(1, largest + 1, n))[rng.permutation(n)]
    weights = rng.uniform(0.2, 3, n)
    errors = np.zeros(len(PENALTIES))
    for place, penalty in enumerate(PENALTIES):
        for group in np.unique(groups):
            out = groups == group
            fitted = Ridge(penalty).fit(x[~out], y[~out], weights[~out])
            errors[place] += (weights[out, None] * (y[out] - fitted.predict(x[out])) ** 2).sum()
    best = Ridge(PENALTIES[int(np.argmin(errors))]).fit(x, y, weights)
    slopes, _ = fit_ridge(x, y, weights, groups=groups)
    assert slopes == pytest.approx(best.coef_.T, abs=1e-7)
    alone, _ = fit_ridge(x, y, weights, groups=rng.permutation(n))
    np.testing.assert_array_equal(alone, fit_ridge(x, y, weights)[0])


def test_copies_do_not_lower_the_penalty():
    """Noise in three copies, of which hardly any penalty looks best.

    Left out one by one, a copy is predicted by the others.
    """
    rng = np.random.default_rng(5)
    x = np.repeat(rng.normal(0, 1, (60, 80)), 3, axis=0) / 9 + rng.normal(0, 0.02, (180, 80))
    y = np.repeat(rng.choice([-1.0, 1.0], 60), 3)[:, None]
    groups = np.repeat(np.arange(60), 3)
    fooled, sound = fit_ridge(x, y)[0], fit_ridge(x, y, groups=groups)[0]
    assert (sound**2).sum() < 0.1 * (fooled**2).sum()
