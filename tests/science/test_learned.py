"""Whether anything was learned.

Chance is said to be chance, too few galaxies to be too few, and an inverted order to be inverted.
"""

import numpy as np
import pytest

from zoobot.science import log_loss, nothing_learned
from zoobot.science.learned import log_loss_of_shares


def two(score) -> np.ndarray:
    return np.stack([1 - np.asarray(score), score], axis=1)


def test_p_value_is_that_of_a_two_sided_permutation_test():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=60)
    positive = 1 / (1 + np.exp(-(0.8 * labels + rng.normal(size=60))))
    drawn = rng.permuted(np.tile(labels, (20_000, 1)), axis=1)
    ranks = positive.argsort().argsort() + 1
    permuted = 2 * min((drawn @ ranks >= labels @ ranks).mean(), (drawn @ ranks <= labels @ ranks).mean())
    found = nothing_learned(two(positive), labels)
    assert found.p_value == pytest.approx(permuted, abs=0.006)
    assert 0.003 < permuted < 0.3
    assert found.nothing == (found.p_value > 0.01)
    better = nothing_learned(two(labels * positive), labels)
    assert not better.nothing
    assert better.verdict == "learned"
    assert "has learned something" in better.sentence


@pytest.mark.parametrize("task", ["classify", "multi_label", "regress"])
def test_ranking_backwards_is_said_to_be_inverted(task):
    rng = np.random.default_rng(1)
    truth = rng.random((80, 1))
    labels = (truth > 0.5).astype(int)
    found = {
        "classify": lambda: nothing_learned(two(1 - truth[:, 0]), labels[:, 0]),
        "multi_label": lambda: nothing_learned(1 - truth, labels, task=task),
        "regress": lambda: nothing_learned(-truth, truth, task=task),
    }[task]()
    assert found.verdict == "inverted"
    assert found.nothing
    assert found.p_value < 1e-6
    assert "wrong way round" in found.sentence


@pytest.mark.parametrize("task", ["classify", "multi_label", "regress"])
def test_so_few_galaxies_that_no_prediction_could_tell(task):
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = {
        "classify": lambda: nothing_learned(two(np.linspace(0, 1, 6)), labels),
        "multi_label": lambda: nothing_learned(labels[:, None] + 0.0, labels[:, None], task=task),
        "regress": lambda: nothing_learned(np.arange(4.0)[:, None], np.arange(4)[:, None], task=task),
    }[task]()
    assert found.verdict == "untellable"
    assert found.smallest_p > 0.01
    assert "can't tell" in found.sentence
    assert "Nothing was learned" not in found.sentence
    five = nothing_learned(two(np.linspace(0, 1, 10)), np.arange(10) >= 5)
    assert five.verdict == "learned"
    assert nothing_learned(np.arange(8.0)[:, None], np.arange(8)[:, None], task="regress").verdict == "learned"


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("task", ["classify", "multi_label", "regress"])
def test_chance_is_said_as_often_as_promised(task, copies):
    """Of noise in copies of objects, which galaxies that are taken as independent call learned five times as often."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(50), copies)
    said, taken_as_independent = 0, 0
    for _ in range(60):
        values = rng.random((50, 3))[groups] + 0.1 * rng.random((len(groups), 3))
        labels = {"classify": rng.integers(3, size=50), "multi_label": rng.integers(2, size=(50, 3))}.get(
            task, rng.random((50, 3))
        )[groups]
        own = groups if copies > 1 else None
        said += nothing_learned(values, labels, task=task, chance=0.05, groups=own).p_value <= 0.05
        taken_as_independent += nothing_learned(values, labels, task=task, chance=0.05).p_value <= 0.05
    assert said <= 9  # 3 expected; 10 and more have a chance of 0.1%
    assert taken_as_independent > 12 or copies == 1


def test_each_label_is_judged_by_its_adjusted_p_value():
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(100):
        labels = rng.integers(2, size=(60, 20))
        found = nothing_learned(rng.random((60, 20)), labels, task="multi_label", chance=0.05)
        called += any(verdict != "unclear" for verdict in found.verdicts)
        assert found.p_value == min(found.p_values)
    assert called <= 12  # without adjustment 64 of 100 would have a label that is told from chance
    labels = rng.integers(2, size=(60, 3))
    values = np.stack(
        [labels[:, 0] + rng.random(60), rng.random(60), 0.5 - labels[:, 2] + 0.1 * rng.random(60)], axis=1
    )
    found = nothing_learned(values, labels, task="multi_label")
    assert found.verdicts == ("learned", "unclear", "inverted")
    assert found.verdict == "learned"


def test_one_good_class_or_target_is_enough():
    rng = np.random.default_rng(4)
    truth = rng.random((100, 2))
    values = np.stack([truth[:, 0] + 0.3 * rng.random(100), rng.random(100)], axis=1)
    values[0] = np.nan
    assert not nothing_learned(values, truth, task="regress").nothing
    assert not nothing_learned(values, (truth > 0.5).astype(float), task="multi_label").nothing


def test_nothing_to_test_on():
    found = nothing_learned(np.full((5, 2), 0.5), np.zeros(5, int))
    assert found.nothing
    assert "can't be said" in found.sentence
    labels = np.stack([np.arange(40) % 2, np.zeros(40, int)], axis=1)
    empty = nothing_learned(labels * 0.5 + 0.1, labels, task="multi_label")
    assert empty.verdicts == ("learned", "untellable")
    assert empty.verdict == "learned"


def test_what_almost_tells_is_not_called_nothing():
    """An AUROC of 0.8 with p = 0.015 is no evidence that nothing was learned."""
    rng = np.random.default_rng(3)
    labels = np.arange(21) >= 12
    found = next(
        one
        for _ in range(1000)
        if 0.01 < (one := nothing_learned(two(rng.normal(labels * 1.2)), labels)).p_value < 0.05
    )
    assert found.verdict == "unclear"
    assert "can't tell the predictions from guessing" in found.sentence


def test_no_constant_prediction_has_a_lower_log_loss_than_the_shares():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 200, p=[0.6, 0.3, 0.1, 0])
    least = log_loss_of_shares(labels)
    assert least == pytest.approx(log_loss(np.tile(np.bincount(labels, minlength=4) / 200, (200, 1)), labels))
    assert all(log_loss(np.tile(p, (200, 1)), labels) > least for p in rng.dirichlet(np.ones(4), 200))
    assert log_loss_of_shares([2, 2]) == 0
