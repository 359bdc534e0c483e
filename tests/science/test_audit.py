"""Judging a random part of a selection by eye."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from zoobot.errors import CatalogError, OptionError
from zoobot.science import audit_rows, audited_purity


def test_rows_are_a_random_part_each_once():
    rows = audit_rows(1000, 100)
    assert len(set(rows)) == 100 and set(rows) <= set(range(1000)) and rows != sorted(rows)
    assert rows == audit_rows(1000, 100) != audit_rows(1000, 100, seed=1)
    assert sorted(audit_rows(30, 100)) == list(range(30))
    counts = np.bincount(np.concatenate([audit_rows(10, 3, seed=seed) for seed in range(2000)]))
    assert np.abs(counts - 600).max() < 100  # five standard deviations
    with pytest.raises(OptionError, match="n=-1 must be at least 0"):
        audit_rows(10, -1)


def test_purity_has_the_exact_interval():
    answers = pd.Series(["yes"] * 20 + [1] * 15 + ["Y"] * 5 + ["no", 0, "False", "n"] + [None, "", "?"], dtype=object)
    audit = audited_purity(answers)
    exact = binomtest(40, 44).proportion_ci(0.95, method="exact")
    assert (audit.right, audit.judged, audit.blank) == (40, 44, 3)
    assert (audit.low, audit.purity, audit.high) == pytest.approx((exact.low, 40 / 44, exact.high))
    assert (audit.worst, audit.best) == (40 / 47, 43 / 47)
    assert "3 of the list are not judged" in audit.sentence() and audit.to_dict()["sentence"] == audit.sentence()


def test_numbers_that_pandas_read_as_floats():
    audit = audited_purity(pd.Series([1.0, 0.0, np.nan, 1.0]))
    assert (audit.right, audit.judged, audit.blank) == (2, 3, 1)


def test_mistakes_are_named():
    with pytest.raises(CatalogError, match="neither yes nor no: maybe"):
        audited_purity(pd.Series(["yes", "maybe"]))
    with pytest.raises(CatalogError, match="none of the 2 galaxies"):
        audited_purity(pd.Series([np.nan, ""]))
