"""One figure, its interval, and whether it can be told from chance."""

import json
import math

import pytest

from zoobot.science.figure import SIGNIFICANCE, Figure


def figure(**changes) -> Figure:
    return Figure(
        **{"value": 0.7, "n": 40, "n_groups": 40, "chance": 0.5, "p_value": 0.001, "smallest_p": 1e-6} | changes
    )


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "better"),
        ({"value": 0.3}, "worse"),
        ({"value": 0.3, "sign": -1}, "better"),
        ({"p_value": 0.2}, "unclear"),
        ({"value": 1.0, "p_value": 0.1, "smallest_p": 0.1}, "untellable"),
        ({"p_value": SIGNIFICANCE}, "better"),
        ({"chance": None}, "untested"),
        ({"p_value": math.nan}, "untested"),
    ],
)
def test_verdict_compares_with_chance_on_both_sides(changes, verdict) -> None:
    assert figure(**changes).verdict == verdict


def test_json_keeps_everything() -> None:
    for one in (figure(low=0.5, high=0.8, method="Wilson"), figure(p_value=math.nan, reason="one class only")):
        again = Figure.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False)))
        assert again.to_dict() == one.to_dict()
        assert again.has_interval == one.has_interval
