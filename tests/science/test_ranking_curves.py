"""Curves agree with scikit-learn's, and their bands with a bootstrap of galaxies or of groups."""

import numpy as np
import pytest
from sklearn import metrics

from zoobot.science import ranking_curves


@pytest.fixture
def ranked() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.3
    return np.round(rng.normal(0, 1, 300) + positive, 1), positive  # with ties


def test_curves_are_those_of_scikit_learn(ranked):
    score, positive = ranked
    curve = ranking_curves.ranking(score, positive)
    fpr, tpr, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr[1:])
    np.testing.assert_allclose(curve.tpr, tpr[1:])
    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    np.testing.assert_allclose(curve.purity[::-1], precision[:-1])
    np.testing.assert_allclose(curve.tpr[::-1], recall[:-1])


def test_one_kind_of_galaxy_has_no_curve():
    assert ranking_curves.ranking([0.1, 0.2], [True, True]) is None
    assert np.isnan(ranking_curves.ranking_bands(np.array([[0.1], [0.2]]), np.array([[True], [True]])).tpr_low).all()


def test_bands_are_those_of_bootstrapped_curves(ranked):
    score, positive = ranked
    drawn = ranking_curves.ranking_bands(score[:, None], positive[:, None])
    rng = np.random.default_rng(1)
    curves = [
        ranking_curves.ranking(score[own], positive[own]).on_grid()[0] for own in rng.integers(0, 300, (400, 300))
    ]
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    np.testing.assert_allclose(drawn.tpr_low[:, 0], low, atol=0.05)
    np.testing.assert_allclose(drawn.tpr_high[:, 0], high, atol=0.05)
    again = ranking_curves.ranking_bands(score[:, None], positive[:, None])
    np.testing.assert_array_equal(again.tpr_low, drawn.tpr_low)


def test_copies_in_groups_leave_bands_as_wide_as_they_were(ranked):
    score, positive = ranked
    once = ranking_curves.ranking_bands(score[:, None], positive[:, None])
    copied = np.repeat(np.arange(300), 4)
    together = ranking_curves.ranking_bands(score[copied, None], positive[copied, None], copied)
    np.testing.assert_allclose(together.tpr_low, once.tpr_low, atol=0.05)
    alone = ranking_curves.ranking_bands(score[copied, None], positive[copied, None])
    assert (alone.tpr_high - alone.tpr_low).mean() < 0.6 * (once.tpr_high - once.tpr_low).mean()


def test_bands_hold_the_curve(ranked):
    score, positive = ranked
    drawn = ranking_curves.ranking_bands(score[:, None], positive[:, None])
    tpr, purity = ranking_curves.ranking(score, positive).on_grid()
    inside = (drawn.tpr_low[:, 0] - 1e-9 <= tpr) & (tpr <= drawn.tpr_high[:, 0] + 1e-9)
    assert inside.mean() > 0.95
    assert ((drawn.purity_low[5:, 0] <= purity[5:]) & (purity[5:] <= drawn.purity_high[5:, 0])).mean() > 0.9
