"""Scores that are better low are errors; of others the error is what is lacking to 1."""

import pytest

from zoobot.science.metric import METRICS, metric_of


@pytest.mark.parametrize("key", METRICS)
def test_error_and_score_undo_each_other(key):
    metric = metric_of(key)
    better = metric.score(0.1) - metric.score(0.2)
    assert metric.score(metric.error(0.3)) == pytest.approx(0.3)
    assert better * metric.sign > 0


def test_a_score_of_a_task_of_ones_own_goes_by_its_key():
    assert metric_of("own_score").name == "own_score"
