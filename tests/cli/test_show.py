"""What commands show of a run says of its own numbers alone."""

import io
from contextlib import redirect_stdout

import pytest

from zoobot.cli.show import show_scores


def test_small_scores_and_their_intervals_keep_three_digits():
    out = io.StringIO()
    with redirect_stdout(out):
        figure = {"value": 0.00078164, "low": 0.00068432, "high": 0.0011043}
        show_scores({"test": {"n": 40, "rmse": 0.00078164, "figures": {"rmse": figure}}})
    assert "0.0007816 (0.000684 to 0.0011)" in out.getvalue()


@pytest.mark.parametrize("interval", [{"low": 0.6, "high": 0.9}, {"low": None, "high": None}])
def test_intervals_are_explained_where_there_are_some(interval):
    out = io.StringIO()
    with redirect_stdout(out):
        show_scores({"test": {"n": 8, "accuracy": 0.75, "figures": {"accuracy": {"value": 0.75} | interval}}})
    shown = out.getvalue()
    assert "0.7500" in shown
    assert ("In parentheses" in shown) == ("(0.600 to 0.900)" in shown) == (interval["low"] is not None)


def test_scores_of_a_task_of_ones_own_are_shown_after_those_that_have_a_place():
    out = io.StringIO()
    with redirect_stdout(out):
        show_scores({"test": {"own_score": 0.25, "n": 40, "auroc": 0.75, "classes": ["a"]}})
    places = [out.getvalue().index(text) for text in ("n ", "auroc", "own score")]
    assert places == sorted(places)
