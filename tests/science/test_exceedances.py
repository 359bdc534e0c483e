"""Bounds on how many galaxies score above others: by counting all orders, against quantiles, and by simulation."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import beta

from zoobot.science.exceedances import above_each, bound_ranks, exceedances, fewest_others, independent_rows


@pytest.mark.parametrize("most", [True, False])
@pytest.mark.parametrize("tail", [0.03, 0.2])
def test_equals_counting_all_orders_of_a_few_galaxies(most, tail):
    n, m = 4, 7
    ranks = np.arange(1, n + 1)
    places = np.array(list(combinations(range(n + m), n)))  # of the n, the highest first
    above = places - np.arange(n)  # how many of the m are above each
    for rank, bound in zip(ranks, exceedances(n, m, ranks, tail, most=most), strict=True):
        counts = above[:, rank - 1]
        if most:
            assert (counts > bound).mean() <= tail
            assert bound == 0 or (counts > bound - 1).mean() > tail
        else:
            assert (counts < bound).mean() <= tail
            assert bound == m or (counts < bound + 1).mean() > tail


def test_of_very_many_galaxies_it_is_the_exact_binomial_bound():
    ranks, n, m = np.array([1, 3, 40]), 100, 10**7
    np.testing.assert_allclose(
        exceedances(n, m, ranks, 0.05, most=True) / m, beta.ppf(0.95, ranks, n + 1 - ranks), rtol=1e-3
    )
    np.testing.assert_allclose(
        exceedances(n, m, ranks, 0.05, most=False) / m, beta.ppf(0.05, ranks, n + 1 - ranks), rtol=1e-2
    )


def test_bounds_at_all_ranks_hold_together():
    n, m, tail, repeats = 60, 200, 0.2, 600
    ranks, shares = bound_ranks(n)
    assert ranks.tolist() == [1, 2, 5, 10, 17, 26, 37, 50] and shares.sum() < 1
    most = exceedances(n, m, ranks, tail * shares, most=True)
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(repeats):
        own, others = np.sort(rng.random(n)), np.sort(rng.random(m))
        broken += bool((above_each(own[n - ranks], others) > most).any())
    assert 0.02 < broken / repeats < tail + 3 * np.sqrt(tail / repeats)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_galaxies_have_a_rank(n):
    ranks, shares = bound_ranks(n)
    assert ranks.tolist() == [1, 2][:n] and len(shares) == n
    assert 0 <= fewest_others(np.full(n, 0.5), np.sort(np.r_[np.zeros(5), np.ones(5)]), 0.05) <= 5


def test_fewest_others_counts_those_that_score_too_high():
    rng = np.random.default_rng(1)
    found, nothing = [], []
    for _ in range(40):
        own, alike, higher = np.sort(rng.normal(0, 1, 400)), rng.normal(0, 1, 3000), rng.normal(8, 1, 1000)
        found.append(fewest_others(own, np.sort(np.r_[alike, higher]), 0.1))
        nothing.append(fewest_others(own, np.sort(alike), 0.1))
    assert np.mean(np.array(found) > 1000) <= 0.25  # of 40 at 10%, more have a probability of 0.3%
    assert np.median(found) > 950 and np.mean(np.array(nothing) > 0) <= 0.25


def test_one_galaxy_of_each_group_and_label():
    labels = np.array([1, 1, 0, 0, 1, 0], dtype=bool)
    groups = np.array([0, 0, 0, 1, 2, 1])
    for seed in range(20):
        rows = independent_rows(labels, groups, seed)
        pairs = list(zip(groups[rows], labels[rows], strict=True))
        assert len(pairs) == len(set(pairs)) == 4
    assert {int(independent_rows(labels, groups, seed)[0]) for seed in range(20)} == {0, 1}
    np.testing.assert_array_equal(independent_rows(labels, None, 0), np.arange(6))
