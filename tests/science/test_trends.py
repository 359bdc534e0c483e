"""Trends in bins have every galaxy once, and spreads of normal values are their standard deviation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobot.science.trends import bins_of, coverage_trend, mean_trend, spread_of, trend


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_bins_have_every_galaxy_once_in_rising_order(values):
    bins = bins_of(np.array(values))
    assert sorted(np.concatenate(bins).tolist()) == list(range(len(values)))
    assert len(bins) <= 8 and max(map(len, bins)) - min(map(len, bins)) <= 1
    ends = [(np.array(values)[own].min(), np.array(values)[own].max()) for own in bins]
    assert all(one[1] <= after[0] for one, after in zip(ends, ends[1:], strict=False))


def test_trends_follow_a_line():
    x = np.random.default_rng(0).random(100)
    table = trend(x, 2 * x)
    assert (
        table["n"].sum() == 100 and (table["low"] < table["median"]).all() and (table["median"] < table["high"]).all()
    )
    np.testing.assert_allclose(table["median"], 2 * table["x"])
    means = mean_trend(x, 3 * x)
    assert len(means[0]) == 8
    np.testing.assert_allclose(means[1], 3 * np.array(means[0]))


def test_spread_of_normal_values_with_a_few_far_ones():
    values = np.random.default_rng(0).normal(1, 2, 20_000)
    values[:100] = 1e6
    median, sigma, beyond = spread_of(values)
    assert (median, sigma, beyond) == pytest.approx((1, 2, 0.0027 + 0.005), abs=0.05)
    assert np.isnan(spread_of(np.zeros(5)).beyond)


def test_coverage_by_prediction_has_the_share_of_all():
    predicted, within = np.arange(80.0), np.arange(80) % 4 > 0
    table = coverage_trend(predicted, within, None)
    assert np.average(table["coverage"], weights=table["n"]) == pytest.approx(0.75)
    assert ((table["low"] < table["coverage"]) & (table["coverage"] < table["high"])).all()
    twice = np.repeat(predicted, 2), np.repeat(within, 2)
    copied, alone = coverage_trend(*twice, np.repeat(np.arange(80), 2)), coverage_trend(*twice, None)
    assert (copied["low"] < alone["low"]).all() and (copied["high"] > alone["high"]).all()
