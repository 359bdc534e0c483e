"""Scores in bins of a column: against pandas and scikit-learn, bin by bin."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from scipy.stats import binomtest

from zoobot.errors import OptionError
from zoobot.science import bin_column, breakdown


def test_numbers_go_into_bins_of_equal_mass():
    rng = np.random.default_rng(0)
    values = pd.Series(rng.lognormal(0, 1, 1000))
    place, bins = bin_column(values, 4)
    assert np.bincount(place).tolist() == [250] * 4
    for one, row in enumerate(bins.itertuples()):
        own = values[place == one]
        assert (row.low, row.high, row.middle) == (own.min(), own.max(), own.median())
    assert (bins["low"].to_numpy()[1:] > bins["high"].to_numpy()[:-1]).all()


def test_nan_ties_and_few_values():
    place, bins = bin_column(pd.Series([3.0, np.nan, 1.0, 2.0, np.inf, 3.0, 1.0]), 5)
    assert bins["bin"].tolist() == ["1", "2", "3", "(absent)"]
    assert place.tolist() == [2, 3, 0, 1, 3, 2, 0]
    place, bins = bin_column(pd.Series([0] * 90 + list(range(10))), 5)  # most are equal: they stay together
    assert np.bincount(place)[0] >= 91 and bins["low"].iloc[0] == 0
    assert bin_column(pd.Series([np.nan, np.nan]), 5)[1]["bin"].tolist() == ["(absent)"]


def test_names_are_bins_and_rare_ones_are_put_together():
    names = [f"survey_{number}" for number in range(14) for _ in range(20 - number)]
    _, bins = bin_column(pd.Series([*names, None, ""], dtype=object))
    assert bins["bin"].tolist() == [f"survey_{number}" for number in range(12)] + ["(other)", "(absent)"]
    assert bin_column(pd.Series([True, False, True]))[1]["bin"].tolist() == ["True", "False"]
    assert bin_column(pd.Series(["a"], dtype="category"))[1]["bin"].tolist() == ["a"]


def test_class_scores_of_each_bin():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 600)
    p = rng.dirichlet([1, 1, 1], 600) + 0.5 * np.eye(3)[labels]
    p /= p.sum(axis=1, keepdims=True)
    survey = pd.Series(rng.choice(["a", "b"], 600, p=[0.7, 0.3]))
    table = breakdown(survey, p, labels, class_names=["x", "y", "z"]).set_index("bin")
    assert table.index.tolist() == ["all", "a", "b"]
    for name, own in (("all", np.ones(600, bool)), ("a", survey == "a"), ("b", survey == "b")):
        row, truth, guess = table.loc[name], labels[own], p[own].argmax(axis=1)
        assert row["n"] == own.sum() and row["n_y"] == (truth == 1).sum()
        hits = int((guess == truth).sum())
        exact = binomtest(hits, len(truth)).proportion_ci(method="exact")
        assert (row["accuracy_low"], row["accuracy"], row["accuracy_high"]) == pytest.approx(
            (exact.low, hits / len(truth), exact.high)
        )
        assert row["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, guess))
        assert row["auroc"] == pytest.approx(np.mean([sk.roc_auc_score(truth == k, p[own][:, k]) for k in range(3)]))
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]


def test_number_scores_and_their_intervals():
    rng = np.random.default_rng(2)
    truth = rng.normal(10, 2, 300)
    error = rng.normal(0.3, 1, 300)
    magnitude = pd.Series(rng.uniform(14, 18, 300))
    table = breakdown(magnitude, truth + error, truth, n_bins=3)
    row = table.iloc[0]
    assert row["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, truth + error))
    assert row["r2"] == pytest.approx(sk.r2_score(truth, truth + error))
    half = 1.96 * error.std() / np.sqrt(300)
    assert (row["bias_low"], row["bias_high"]) == pytest.approx((error.mean() - half, error.mean() + half), abs=0.02)
    place, _ = bin_column(magnitude, 3)
    assert table["mae"].tolist()[1:] == pytest.approx([np.abs(error[place == one]).mean() for one in range(3)])


def test_bins_that_can_not_be_scored_keep_their_counts():
    labels = np.array([0] * 20 + [1] * 20 + [1] * 10)
    p = np.stack([1 - 0.1 - 0.8 * labels, 0.1 + 0.8 * labels], axis=1)
    table = breakdown(pd.Series(["near"] * 40 + ["far"] * 10), p, labels, class_names=["no", "yes"]).set_index("bin")
    assert table.loc["far", ["n", "n_no", "n_yes"]].tolist() == [10, 0, 10]
    assert table.loc["far", "accuracy"] == 1 and np.isnan(table.loc["far", "auroc"])
    rare = np.array([0] * 30 + [1] * 30 + [2] * 2)  # two of a class say nothing of its recall
    guess = np.eye(3)[np.r_[np.zeros(45), np.ones(17)].astype(int)]
    row = breakdown(pd.Series([1.0] * 62), guess, rare, class_names=["x", "y", "z"]).iloc[0]
    assert row["balanced_accuracy"] == pytest.approx((1 + 0.5) / 2) and row["accuracy"] == pytest.approx(45 / 62)
    few = breakdown(pd.Series([1.0] * 3), [1.0, 2.0, 3.0], [1.0, 2.0, 3.5])
    assert few["n"].tolist() == [3, 3] and few["rmse"].isna().all()
    same = breakdown(pd.Series([1.0] * 20), np.arange(20.0), np.full(20, 4.0))
    assert same["r2"].isna().all() and same["rmse_low"].notna().all()


def test_copies_are_counted_as_one():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), 3)
    truth, guess, near = (rng.normal(size=40)[groups] for _ in range(3))
    table = breakdown(pd.Series(near), guess, truth, n_bins=2, groups=groups)
    apart = breakdown(pd.Series(near), guess, truth, n_bins=2)
    for name in ("rmse", "mae", "bias", "r2"):
        assert table[name].tolist() == apart[name].tolist()
        wider = (table[f"{name}_high"] - table[f"{name}_low"]) / (apart[f"{name}_high"] - apart[f"{name}_low"])
        assert (wider > 1.2).all()


def test_mistakes_are_named():
    with pytest.raises(OptionError, match="n_bins=0"):
        bin_column(pd.Series([1.0]), 0)
    with pytest.raises(OptionError, match="must agree"):
        breakdown(pd.Series([1.0]), [1.0, 2.0], [1.0, 2.0])
