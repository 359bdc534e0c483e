"""Intervals agree with scikit-learn and SciPy, and hold the truth as often as they say."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from zoobot.report import intervals


@pytest.fixture
def ranked() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.3
    return np.round(rng.normal(0, 1, 300) + positive, 1), positive  # with ties


def test_curves_are_those_of_scikit_learn(ranked):
    score, positive = ranked
    curve = intervals.ranking(score, positive)
    fpr, tpr, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr[1:])
    np.testing.assert_allclose(curve.tpr, tpr[1:])
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    np.testing.assert_allclose(curve.purity[::-1], precision[:-1])
    np.testing.assert_allclose(curve.tpr[::-1], recall[:-1])
    expected = metrics.roc_auc_score(positive, score), metrics.average_precision_score(positive, score)
    np.testing.assert_allclose(curve.areas(), expected)


def test_one_kind_of_galaxy_has_no_curve():
    assert intervals.ranking([0.1, 0.2], [True, True]) is None
    assert np.isnan(intervals.resample(np.array([[0.1], [0.2]]), np.array([[True], [True]])).auroc).all()


def test_resamples_scatter_as_scikit_learns_do(ranked):
    score, positive = ranked
    drawn = intervals.resample(score[:, None], positive[:, None])
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 300, (400, 300))
    auroc = [metrics.roc_auc_score(positive[own], score[own]) for own in rows]
    precision = [metrics.average_precision_score(positive[own], score[own]) for own in rows]
    for ours, theirs in ((drawn.auroc, auroc), (drawn.average_precision, precision)):
        assert ours.mean() == pytest.approx(np.mean(theirs), abs=0.01)
        assert ours.std() == pytest.approx(np.std(theirs), rel=0.2)
    again = intervals.resample(score[:, None], positive[:, None])
    np.testing.assert_array_equal(again.auroc, drawn.auroc)


def test_bands_hold_the_curve(ranked):
    score, positive = ranked
    drawn = intervals.resample(score[:, None], positive[:, None])
    tpr, purity = intervals.ranking(score, positive).on_grid()
    inside = (drawn.tpr_low[:, 0] - 1e-9 <= tpr) & (tpr <= drawn.tpr_high[:, 0] + 1e-9)
    assert inside.mean() > 0.95
    assert ((drawn.purity_low[5:, 0] <= purity[5:]) & (purity[5:] <= drawn.purity_high[5:, 0])).mean() > 0.9


@pytest.mark.parametrize(("n", "separation"), [(20, 1.0), (35, 2.0), (60, 0.0)])
def test_auroc_intervals_hold_the_truth_as_often_as_promised(n, separation):
    rng = np.random.default_rng(2)
    truth = stats.norm.cdf(separation / np.sqrt(2))
    held = []
    for _ in range(600):
        score = np.concatenate([rng.normal(separation, 1, n), rng.normal(0, 1, n)])
        auroc = metrics.roc_auc_score(np.arange(2 * n) < n, score)
        low, high = intervals.auroc_interval(auroc, n, n)
        held.append(low <= truth <= high)
    assert 0.92 <= np.mean(held) <= 0.985


def test_auroc_interval_of_perfect_rankings_keeps_its_width():
    low, high = intervals.auroc_interval(1.0, 10, 10)
    assert high == 1 and 0.7 < low < 0.95
    assert intervals.auroc_interval(0.0, 10, 10)[0] == 0
    assert np.isnan(intervals.auroc_interval(0.9, 0, 10)).all()


def test_balanced_accuracy_intervals_hold_the_truth_as_often_as_promised():
    rng = np.random.default_rng(3)
    recalls, sizes = np.array([0.95, 0.7]), np.array([200, 12])
    held = []
    for _ in range(1500):
        hits = rng.binomial(sizes, recalls)
        low, high = intervals.balanced_accuracy_interval([[hits[0], sizes[0] - hits[0]], [sizes[1] - hits[1], hits[1]]])
        held.append(low <= recalls.mean() <= high)
    assert 0.93 <= np.mean(held) <= 0.98


def test_balanced_accuracy_of_one_class_is_wilsons_interval():
    assert intervals.balanced_accuracy_interval([[8, 2], [0, 0]]) == pytest.approx(intervals.share(8, 10))


def test_regression_intervals_scatter_as_they_should():
    rng = np.random.default_rng(5)
    truth = rng.normal(0, 2, 400)
    guess = truth + rng.normal(0, 1, 400)
    found = intervals.regression_intervals(guess, truth)
    low, high = found["rmse"]
    assert low < np.sqrt(((guess - truth) ** 2).mean()) < high
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(2 * 400), rel=0.25)  # a normal error's standard deviation
    assert found["r2"][0] < metrics.r2_score(truth, guess) < found["r2"][1]
