"""What commands show of a run says of its own numbers alone."""

import io
from contextlib import redirect_stdout

import pytest

from zoobot.cli.show import show_scores


@pytest.mark.parametrize("interval", [{"low": 0.6, "high": 0.9}, {"low": None, "high": None}])
def test_intervals_are_explained_where_there_are_some(interval):
    out = io.StringIO()
    with redirect_stdout(out):
        show_scores({"test": {"n": 8, "accuracy": 0.75, "figures": {"accuracy": {"value": 0.75} | interval}}})
    shown = out.getvalue()
    assert "0.7500" in shown
    assert ("In parentheses" in shown) == ("(0.600 to 0.900)" in shown) == (interval["low"] is not None)
