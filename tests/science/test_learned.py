"""Whether anything was learned: the p-value equals that of a permutation test, and chance is said to be chance."""

import numpy as np
import pytest
from scipy import stats

from zoobot.science import nothing_learned
from zoobot.science.learned import p_of_guessing


def test_p_value_equals_that_of_a_permutation_test():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=60)
    positive = 1 / (1 + np.exp(-(0.8 * labels + rng.normal(size=60))))
    both = np.stack([1 - positive, positive], axis=1)
    drawn = rng.permuted(np.tile(labels, (20_000, 1)), axis=1)
    rank_sums = drawn @ (positive.argsort().argsort() + 1)  # AUROC rises with it
    permuted = (rank_sums >= labels @ (positive.argsort().argsort() + 1)).mean()
    found = nothing_learned(both, labels)
    assert found.p_value == pytest.approx(permuted, abs=0.003)
    assert 0.003 < permuted < 0.3
    assert found.nothing == (found.p_value > 0.01)
    better = nothing_learned(np.stack([1 - labels * positive, labels * positive], axis=1), labels)
    assert not better.nothing
    assert "has learned something" in better.sentence


def test_ranking_backwards_is_nothing_learned():
    labels = np.arange(80) % 2
    both = np.stack([labels * 0.8, 1 - labels * 0.8], axis=1)
    assert nothing_learned(both, labels).p_value > 0.99


@pytest.mark.parametrize("task", ["classify", "multi_label", "regress"])
def test_chance_is_said_as_often_as_promised(task):
    rng = np.random.default_rng(1)
    said = 0
    for _ in range(100):
        values = rng.random((50, 3))
        labels = {"classify": rng.integers(3, size=50), "multi_label": rng.integers(2, size=(50, 3))}.get(
            task, rng.random((50, 3))
        )
        said += not nothing_learned(values, labels, task=task, chance=0.05).nothing
    assert said <= 12  # 5 expected; 13 and more have a chance of 0.1%


def test_one_good_class_or_target_is_enough():
    rng = np.random.default_rng(2)
    truth = rng.random((100, 2))
    values = np.stack([truth[:, 0] + 0.3 * rng.random(100), rng.random(100)], axis=1)
    values[0] = np.nan
    assert not nothing_learned(values, truth, task="regress").nothing
    assert not nothing_learned(values, (truth > 0.5).astype(float), task="multi_label").nothing


def test_nothing_to_test_on():
    found = nothing_learned(np.full((5, 2), 0.5), np.zeros(5, int))
    assert found.nothing
    assert "can't be said" in found.sentence


def test_guessing_of_two_classes_is_mann_whitneys():
    rng = np.random.default_rng(5)
    positive = rng.random(80) < 0.4
    score = rng.normal(size=80) + 0.5 * positive
    p = p_of_guessing(np.stack([-score, score], axis=1), positive)
    assert p == pytest.approx(stats.mannwhitneyu(score[positive], score[~positive], alternative="greater").pvalue)


def test_guessing_is_uniform_where_nothing_is_known_and_small_where_something_is():
    rng = np.random.default_rng(4)
    ps = [p_of_guessing(rng.random((60, 3)), rng.integers(0, 3, 60)) for _ in range(60)]
    assert stats.kstest(ps, "uniform").pvalue > 0.01
    labels = rng.integers(0, 3, 60)
    assert p_of_guessing(rng.random((60, 3)) + np.eye(3)[labels], labels) == pytest.approx(1 / 1000)
