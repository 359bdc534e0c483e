"""Comparisons of hidden quarters.

Verdicts follow the outcome, and test and interval hold what they say, with groups too.
"""

import json

import numpy as np
import pytest
from scipy.stats import ttest_rel

from zoobot.science.masking import compare_masks


def falls(n, more, rng):
    """Falls of n galaxies' scores, of the hottest quarter by so much more than of the center."""
    center = rng.normal(1, 0.5, n)
    return center + more + rng.normal(0, 0.3, n), center, rng.normal(0.2, 0.2, n)


@pytest.mark.parametrize(
    ("n", "more", "verdict"),
    [(16, 1.0, "better"), (16, -0.5, "worse"), (16, 0.0, "unclear"), (9, 3.0, "untellable"), (1, 3.0, "untellable")],
)
def test_the_verdict_follows_the_outcome(n, more, verdict):
    hottest, center, random = falls(n, more, np.random.default_rng(1))
    found = compare_masks(hottest, center, random)
    assert found.against_center.verdict == verdict
    assert found.against_center.has_interval == (n >= 10)
    assert found.against_random.value == pytest.approx(np.mean(hottest - random))
    assert found.hottest.verdict == "untested"
    saved = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert saved["against_center"]["n"] == n and saved["against_center"]["verdict"] == verdict


def test_agrees_with_the_paired_t_test():
    hottest, center, anywhere = falls(40, 0.1, np.random.default_rng(3))
    found = compare_masks(hottest, center, anywhere).against_center
    expected = ttest_rel(hottest, center)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(
        (interval.low, interval.high), abs=0.1 * (interval.high - interval.low)
    )
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.05)


def test_the_p_value_is_the_level_at_which_the_interval_reaches_zero():
    """Moved until an end of the 95% interval is 0, differences have p 0.05; flips can only raise it."""
    rng = np.random.default_rng(6)
    for values in (rng.exponential(1, 20), -rng.exponential(1, 20), rng.normal(0, 1, 20)):
        for end in ("low", "high"):
            moved = values - getattr(compare_masks(values, 0 * values, 0 * values).against_center, end)
            found = compare_masks(moved, 0 * values, 0 * values).against_center
            assert getattr(found, end) == pytest.approx(0, abs=1e-12)
            assert found.p_value >= 0.05 - 1e-9
            assert found.p_value < 0.1


def test_every_galaxy_alike():
    ones = np.ones(20)
    assert compare_masks(ones, ones, ones).against_center.p_value == 1
    assert compare_masks(2 * ones, ones, ones).against_center.verdict == "better"


def test_copies_tell_no_more_than_their_galaxies():
    hottest, center, anywhere = falls(10, 0.3, np.random.default_rng(5))
    codes = np.repeat(np.arange(10), 3)
    once = compare_masks(hottest, center, anywhere).against_center
    copied = (np.repeat(values, 3) for values in (hottest, center, anywhere))
    thrice = compare_masks(*copied, groups=codes).against_center
    assert (thrice.n, thrice.n_groups) == (30, 10)
    assert (thrice.low, thrice.high, thrice.p_value) == pytest.approx((once.low, once.high, once.p_value))


@pytest.mark.parametrize("skewed", [False, True])
def test_a_difference_is_hardly_ever_found_where_there_is_none(skewed):
    """Flips alone find one in 4% of skewed differences."""
    rng = np.random.default_rng(4)

    def none():
        return rng.exponential(1, 16) - 1 if skewed else rng.normal(0, 0.3, 16)

    found = [compare_masks(1 + none(), np.ones(16), np.zeros(16), seed=seed).against_center for seed in range(600)]
    assert np.mean([one.verdict in ("better", "worse") for one in found]) <= 0.025  # 0.01, and chance
    assert np.mean([one.low <= 0 <= one.high for one in found]) > 0.91
