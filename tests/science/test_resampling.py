"""Scores of many bootstrap samples at once, against scikit-learn's with weights."""

import numpy as np
import pytest
import sklearn.metrics as sk

from zoobot.science import resampling


def test_strata_keep_their_sizes_and_blocks_their_draws():
    strata = np.repeat([0, 3], [5, 12])
    blocks = list(resampling.bootstrap_counts(50, strata, seed=1, cells=200))
    counts = np.concatenate(blocks)
    assert len(blocks) > 1 and counts.shape == (50, 17)
    assert (counts[:, :5].sum(axis=1) == 5).all() and (counts[:, 5:].sum(axis=1) == 12).all()
    assert counts.var(axis=0).mean() == pytest.approx(1, abs=0.3)  # binomial


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    scores = np.round(rng.normal(0, 1, (60, 3)) + 1.0 * np.eye(3)[labels], 1)  # rounded: ties
    return scores, labels, next(resampling.bootstrap_counts(8, labels)), rng


def test_classes(drawn):
    scores, labels, counts, _ = drawn
    for place, weights in enumerate(counts):
        area = sk.roc_auc_score(labels == 1, scores[:, 1], sample_weight=weights)
        assert resampling.auroc(scores[:, 1], labels == 1, counts)[place] == pytest.approx(area)
        best = scores.argmax(axis=1)
        assert resampling.balanced_accuracy(scores, labels, counts)[place] == pytest.approx(
            sk.balanced_accuracy_score(labels, best, sample_weight=weights)
        )


def test_numbers(drawn):
    *_, counts, rng = drawn
    truth = rng.normal(100, 3, 60)
    guess = truth + rng.normal(0.5, 1, 60)
    for place, weights in enumerate(counts):
        options = {"sample_weight": weights}
        assert resampling.r2(guess, truth, counts)[place] == pytest.approx(sk.r2_score(truth, guess, **options))
        assert resampling.rmse(guess, truth, counts)[place] == pytest.approx(
            sk.root_mean_squared_error(truth, guess, **options)
        )
    assert np.isnan(resampling.r2(guess, np.full(60, 0.1), counts)).all()
