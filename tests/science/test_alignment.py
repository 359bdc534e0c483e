"""Scores of one model on the scale of another."""

import numpy as np
from scipy.special import expit, logit
from scipy.stats import ks_2samp

from zoobot.science import align_scores


def test_a_bolder_model_with_an_offset_is_matched_and_the_order_kept():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, 3000)
    first, other = expit(truth + rng.normal(0, 0.3, 3000)), expit(1.5 * truth + 0.8 + rng.normal(0, 0.3, 3000))
    common = np.arange(3000) < 600
    aligned = align_scores(first[~common], first[common], other[common])
    assert ks_2samp(first[~common], other[~common]).pvalue < 1e-6
    assert ks_2samp(aligned, other[~common]).pvalue > 0.05
    assert (np.argsort(aligned) == np.argsort(first[~common])).all()
    line = np.polyfit(logit(first[~common]), logit(aligned), 1)
    np.testing.assert_allclose(line, [1.5, 0.8], atol=0.1)


def test_same_model_and_too_few_galaxies_change_nothing():
    rng = np.random.default_rng(1)
    scores = rng.random(50)
    np.testing.assert_allclose(align_scores(scores, scores, scores), scores, atol=1e-6)
    other = rng.random(50)
    np.testing.assert_array_equal(align_scores(scores, scores[:10], other[:10]), scores)
    np.testing.assert_array_equal(align_scores(scores, np.where(np.arange(50) < 10, scores, np.nan), other), scores)
    np.testing.assert_array_equal(align_scores(scores, np.full(50, 0.5), other), scores)
    assert np.isnan(align_scores([np.nan, 0.5], scores, other)[0])
