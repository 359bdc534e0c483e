"""Confident learning equals its definition and cleanlab's own answer, and finds planted errors.

Residuals are judged by their spread.
"""

import numpy as np
import pandas as pd
import pytest
from cleanlab.filter import find_label_issues
from scipy.special import expit

from zoobot.errors import LabelError
from zoobot.science import likely_label_errors, likely_multi_label_errors, unlikely_measurements
from zoobot.science.label_check import judging_figure


def named(count: int) -> pd.DataFrame:
    return pd.DataFrame({"id_str": [f"g{k}" for k in range(count)], "file_loc": [f"g{k}.jpg" for k in range(count)]})


def simulated(count: int, classes: int, wrong: float, seed: int):
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=count)
    logits = rng.normal(size=(count, classes)) + 3 * np.eye(classes)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = true.copy()
    flip = rng.choice(count, round(wrong * count), replace=False)
    given[flip] = (given[flip] + rng.integers(1, classes, size=len(flip))) % classes
    return probabilities, given, flip


def by_definition(probabilities, labels):
    """Confident learning, from the paper: class thresholds, then the most probable class above its own."""
    classes = probabilities.shape[1]
    thresholds = [probabilities[labels == k, k].mean() for k in range(classes)]
    wrong = []
    for row, p in enumerate(probabilities):
        confident = [k for k in range(classes) if p[k] >= thresholds[k]]
        if confident and max(confident, key=lambda k: p[k]) != labels[row] != p.argmax():
            wrong.append(row)
    return wrong


@pytest.mark.parametrize("classes", [2, 4])
def test_equals_the_paper_and_cleanlab(classes):
    probabilities, given, flip = simulated(600, classes, 0.1, 0)
    table = likely_label_errors(named(600), probabilities, given, list("abcd"[:classes]), label="shape")
    rows = sorted(int(name[1:]) for name in table["id_str"])
    assert rows == by_definition(probabilities, given)
    assert (
        rows
        == np.flatnonzero(find_label_issues(given, probabilities, filter_by="confident_learning", n_jobs=1)).tolist()
    )
    assert len(set(rows) & set(flip)) > 0.6 * len(flip)
    for one in table.itertuples():
        row = int(one.id_str[1:])
        assert one.given == "abcd"[given[row]]
        assert one.suggested == "abcd"[probabilities[row].argmax()]
        assert one.probability == pytest.approx(probabilities[row].max(), abs=1e-4)
        others = np.delete(probabilities[row], given[row]).max()
        assert one.score == pytest.approx((1 + probabilities[row, given[row]] - others) / 2, abs=1e-4)
    assert table["score"].is_monotonic_increasing
    assert set(table["label"]) == {"shape"}


def test_rows_without_probabilities_and_absent_classes_are_left_out():
    probabilities, given, _ = simulated(200, 3, 0.1, 1)
    shown = np.delete(np.arange(200), np.flatnonzero(given == 2))
    probabilities[shown[0]] = np.nan
    table = likely_label_errors(named(200).iloc[shown], probabilities[shown], given[shown], list("abc"))
    assert 0 < len(table) < 60
    assert f"g{shown[0]}" not in set(table["id_str"])
    assert set(table["given"]) <= {"a", "b"}
    assert len(likely_label_errors(named(5), np.full((5, 2), 0.5), np.zeros(5, int), ["a", "b"])) == 0


def test_each_of_several_labels_by_itself():
    first, given_first, _ = simulated(300, 2, 0.1, 2)
    second, given_second, _ = simulated(300, 2, 0.1, 3)
    both = np.stack([first[:, 1], second[:, 1]], axis=1)
    table = likely_multi_label_errors(named(300), both, np.stack([given_first, given_second], axis=1), ["ring", "bar"])
    alone = likely_label_errors(named(300), second, given_second, ["0", "1"], label="bar")
    pd.testing.assert_frame_equal(table[table["label"] == "bar"].reset_index(drop=True), alone)
    assert table["score"].is_monotonic_increasing


def test_measurements_far_from_predictions():
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(500, 2))
    predicted = measured + 0.1 * rng.normal(size=(500, 2)) + 0.5  # an offset is no error of a label
    measured[7, 1] += 2
    measured[8, 1] -= 1
    predicted[9] = np.nan
    table = unlikely_measurements(named(500), predicted, measured, ["size", "flux"])
    assert table["id_str"].tolist()[:2] == ["g7", "g8"]
    assert set(table["label"][:2]) == {"flux"}
    residual = measured[:, 1] - predicted[:, 1]
    known = np.isfinite(residual)
    middle = np.median(residual[known])
    spread = 1.4826 * np.median(np.abs(residual[known] - middle))
    assert -table["score"][0] == pytest.approx(abs(residual[7] - middle) / spread, abs=1e-3)
    assert len(table) < 5
    assert len(unlikely_measurements(named(9), np.zeros((9, 1)), np.zeros((9, 1)), ["size"])) == 0


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [(np.zeros((4, 3)), [0, 1, 0, 1]), (np.zeros((4, 2)), [0, 1, 2, 0]), (np.zeros((4, 2)), [0, 1])],
)
def test_what_does_not_fit(probabilities, labels):
    with pytest.raises(LabelError, match="classes"):
        likely_label_errors(named(4), probabilities, np.array(labels), ["a", "b"])


def test_predictions_that_know_nothing_are_found_out():
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 60)
    second = expit(rng.normal(2 * labels - 1, 2.4))
    known = np.stack([1 - second, second], axis=1)
    figure = judging_figure(known, labels)
    assert figure.verdict == "better" and judging_figure(known, rng.permutation(labels)).verdict == "unclear"
    assert figure.p_value < judging_figure(known, labels, folds=True).p_value < 2 * figure.p_value**0.5
    assert judging_figure(known[:, ::-1], labels).verdict == "worse"
    assert judging_figure(known, np.zeros(60, int)).verdict == "untested"
    assert judging_figure(known[:6], np.arange(6) % 2).verdict == "untellable"


def test_copies_are_one_galaxy():
    rng = np.random.default_rng(7)
    labels, score = np.arange(20) % 2, expit(rng.normal(size=20) + 0.6 * (np.arange(20) % 2))
    single = np.stack([1 - score, score], axis=1)
    five, of_five = np.repeat(single, 5, axis=0), np.repeat(labels, 5)
    alone = judging_figure(single, labels).p_value
    assert judging_figure(five, of_five, groups=np.repeat(np.arange(20), 5)).p_value == pytest.approx(alone, rel=0.2)
    assert judging_figure(five, of_five).p_value < alone / 2
