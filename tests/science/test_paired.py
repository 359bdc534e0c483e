"""Differences of several curves: intervals that hold for all pairs together."""

import numpy as np
import pytest

from zoobot.science.paired import simultaneous_differences


def measured(rng, means, n=300, sizes=2):
    """Means measured with an error of 1, and draws about them with the same errors.

    Half of the variance is shared by all.
    """
    errors = np.sqrt(0.5) * (rng.normal(size=(1, 1 + n, sizes)) + rng.normal(size=(len(means), 1 + n, sizes)))
    found = np.asarray(means, float)[:, None] + errors[:, 0]
    return found, found[:, None] + errors[:, 1:]


def test_equal_curves_are_seldom_told_apart():
    rng = np.random.default_rng(0)
    found = [simultaneous_differences(*measured(rng, [0] * 5)) for _ in range(400)]
    wrong = np.mean([any(one.told_apart(i, j) for i in range(5) for j in range(i)) for one in found])
    assert 0.02 < wrong < 0.09  # 5% of 400, within three standard deviations, and not for want of trying
    assert np.mean([one.best() is not None for one in found]) < 0.05


def test_different_curves_are_told_apart():
    rng = np.random.default_rng(1)
    one = simultaneous_differences(*measured(rng, [0, 9, 20, 9]))
    assert one.best() == 2 and one.told_apart(0, 1) and not one.told_apart(1, 3)
    np.testing.assert_allclose(one.value, -one.value.transpose(1, 0, 2))
    np.testing.assert_allclose(one.low, -one.high.transpose(1, 0, 2))


def test_two_curves_have_the_interval_of_one_difference():
    rng = np.random.default_rng(2)
    means, draws = measured(rng, [0, 1], n=4000)
    one = simultaneous_differences(means, draws)
    spread = (draws[1] - draws[0]).std(axis=0)
    assert one.high[0, 1] - one.value[0, 1] == pytest.approx(1.96 * spread, rel=0.06)


def test_the_same_curve_twice_and_a_single_one():
    rng = np.random.default_rng(3)
    means, draws = measured(rng, [0])
    twice = simultaneous_differences(np.concatenate([means] * 2), np.concatenate([draws] * 2))
    assert (twice.low == 0).all() and (twice.high == 0).all() and twice.best() is None
    assert simultaneous_differences(means, draws).best() is None
