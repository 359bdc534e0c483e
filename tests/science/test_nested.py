"""Folds and nested subsets by whole groups."""

import numpy as np
import pytest

from zoobot.science.nested import Units


@pytest.fixture
def units():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(60) * 7, rng.integers(1, 5, 60)))
    classes = (groups // 7) % 3
    return Units.of(classes, groups), classes, groups


def test_groups_are_never_divided(units):
    own, classes, groups = units
    dealt = own.deal(5, seed=1)[own.codes]
    assert all(len(np.unique(dealt[groups == one])) == 1 for one in np.unique(groups))
    for fold in range(5):
        order = own.order(np.flatnonzero(own.deal(5, seed=1) != fold), (1, fold))
        smaller = np.array([], int)
        for count in (9, 20, 40):
            rows = own.rows(order[:count])
            assert not (dealt[rows] == fold).any()
            assert not np.isin(groups[rows], np.delete(groups, rows)).any()
            assert len(np.unique(groups[rows])) == count and set(smaller) < set(rows)
            assert set(classes[rows]) == {0, 1, 2}
            smaller = rows


def test_bootstrap_draws_groups_within_their_class(units):
    own, classes, groups = units
    (counts,) = own.bootstrap(50, seed=3)
    assert all(np.ptp(counts[:, groups == one], axis=1).max() == 0 for one in np.unique(groups))
    firsts = [np.flatnonzero(groups == one)[0] for one in np.unique(groups)]
    for one in range(3):
        assert (counts[:, firsts][:, classes[firsts] == one].sum(axis=1) == 20).all()


def test_a_mixed_group_counts_as_its_rarest_class():
    classes = np.array([0, 0, 1, 0, 0, 1, 0, 0])
    own = Units.of(classes, np.array([0, 0, 0, 1, 2, 2, 3, 4]))
    assert own.strata.tolist() == [1, 0, 1, 0, 0]
    alone = Units.of(np.array([0, 0, 0, 2, 1, 1]), np.array([5, 6, 7, 8, 9, 9]))
    assert alone.strata.tolist() == [0, 0, 0, 0, 0]  # one group each of two classes: no strata to deal from


def test_without_groups_each_galaxy_is_a_unit():
    classes = np.array([0, 1, 1, 0])
    own = Units.of(classes, None)
    assert own.codes.tolist() == [0, 1, 2, 3] and own.strata.tolist() == classes.tolist() and len(own) == 4
