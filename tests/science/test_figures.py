"""Figures have the values of metrics.json and scikit-learn, and compare with chance fairly.

They have an interval or a reason.
"""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn import metrics

from zoobot.finetune.metrics import classification_scores, multi_label_scores, regression_scores
from zoobot.science import brier_score, calibration_scores, class_figures, label_figures, number_figures
from zoobot.science.figure import Figure
from zoobot.science.figures import calibration_figure, figures_from_dict, figures_to_dict


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def classes(rng, n=80, k=3):
    truth = rng.integers(0, k, n)
    p = rng.dirichlet(np.ones(k), n) + 0.6 * np.eye(k)[truth]
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    return p, truth


def everything(figures):
    for one in figures.values():
        yield from [one] if isinstance(one, Figure) else everything(one)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_classes(rng, k):
    p, truth = classes(rng, k=k)
    names = [f"c{place}" for place in range(k)]
    figures = class_figures(p, truth, names=names)
    scores = classification_scores(torch.from_numpy(p), torch.from_numpy(truth), names)
    for name in ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss"):
        assert figures[name].value == pytest.approx(scores[name], rel=1e-5), name
    assert figures["brier"].value == pytest.approx(brier_score(p, truth))
    recall = metrics.recall_score(truth, p.argmax(axis=1), average=None)
    purity = metrics.precision_score(truth, p.argmax(axis=1), average=None)
    for place, name in enumerate(names):
        own = figures["classes"][name]
        assert own["completeness"].value == pytest.approx(recall[place])
        assert own["completeness"].n == (truth == place).sum()
        assert own["purity"].value == pytest.approx(purity[place])
        assert own["auroc"].value == pytest.approx(metrics.roc_auc_score(truth == place, p[:, place].astype(float)))
    ece = figures.pop("ece")
    assert ece.value == pytest.approx(calibration_scores(p, truth, names)["ece"])
    assert not ece.has_interval
    for one in everything(figures):
        assert one.low <= one.value <= one.high
        assert one.method
    assert figures["auroc"].verdict == "better"
    assert (figures["log_loss"].sign, figures["accuracy"].sign) == (-1, 1)


def test_labels(rng):
    truth = (rng.random((90, 3)) < [0.5, 0.2, 0.4]).astype(np.float32)
    p = (0.4 * truth + 0.6 * rng.random((90, 3))).astype(np.float32)
    p[:, 2] = rng.random(90)
    names = ["ring", "bar", "noise"]
    figures = label_figures(p, truth, names=names)
    scores = multi_label_scores(torch.from_numpy(p), torch.from_numpy(truth), names)
    for name in ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss"):
        assert figures[name].value == pytest.approx(scores[name], rel=1e-5), name
        for label in names:
            assert figures["labels"][label][name].value == pytest.approx(scores["labels"][label][name], rel=1e-5)
    assert figures["brier"].value == pytest.approx(((p - truth) ** 2).mean(), rel=1e-5)
    assert [figures["labels"][name]["auroc"].verdict for name in names] == ["better", "better", "unclear"]
    assert figures["auroc"].verdict == "better"
    mean = figures["auroc"]
    assert mean.low < mean.value < mean.high
    widths = [one["auroc"].high - one["auroc"].low for one in figures["labels"].values()]
    assert mean.high - mean.low < max(widths)


def test_means_are_over_the_labels_that_have_the_score(rng):
    truth = (rng.random((40, 3)) < 0.5).astype(float)
    truth[:, 1] = 0
    figures = label_figures(rng.random((40, 3)), truth, names=["ring", "bar", "halo"])
    each = figures["labels"]
    assert np.isnan(each["bar"]["auroc"].value)
    assert each["bar"]["auroc"].reason == "all galaxies are of one kind"
    assert figures["auroc"].value == pytest.approx((each["ring"]["auroc"].value + each["halo"]["auroc"].value) / 2)
    assert figures["auroc"].has_interval
    truth[1:, 1] = 1
    few = label_figures(rng.random((40, 3)), truth, names=["ring", "bar", "halo"])["auroc"]
    assert not few.has_interval
    assert few.reason == "bar: 1 galaxy of the rarer kind is too few"
    none = label_figures(rng.random((40, 1)), np.zeros((40, 1)), names=["bar"])["auroc"]
    assert (none.reason, none.verdict) == ("all galaxies are of one kind", "untested")


def test_numbers(rng):
    truth = rng.normal(size=(50, 2)).astype(np.float32)
    predicted = (0.6 * truth + 0.5 * rng.normal(size=(50, 2))).astype(np.float32)
    figures = number_figures(predicted, truth, names=["size", "redshift"])
    scores = regression_scores(torch.from_numpy(predicted), torch.from_numpy(truth), ["size", "redshift"])
    for name in ("rmse", "mae", "r2"):
        assert figures[name].value == pytest.approx(scores[name], rel=1e-5)
        for target in ("size", "redshift"):
            assert figures["targets"][target][name].value == pytest.approx(scores["targets"][target][name], rel=1e-5)
    own = figures["targets"]["size"]["spearman"]
    assert own.value == pytest.approx(stats.spearmanr(predicted[:, 0], truth[:, 0]).statistic)
    assert own.verdict == figures["spearman"].verdict == "better"
    worse = number_figures(-predicted, truth)["spearman"]
    assert worse.verdict == "worse"


def test_probabilities_that_are_right_are_told_from_chance_rarely(rng):
    """Also where each galaxy has copies, which taken as independent give more error than chance would."""
    groups = np.repeat(np.arange(60), 3)
    told, apart, found = 0, 0, 0
    for _ in range(100):
        base = rng.random(60)
        p = np.clip(base[groups] + 0.02 * rng.normal(size=180), 0.01, 0.99)
        happened = rng.random(60)[groups] < p
        told += calibration_figure(p, happened, groups).verdict == "worse"
        apart += calibration_figure(p, happened).verdict == "worse"
        sure = 1 / (1 + ((1 - p) / p) ** 4)
        found += calibration_figure(sure, happened, groups).verdict == "worse"
    assert told <= 5  # 1 expected
    assert apart > 15
    assert found >= 90


def test_json_keeps_figures(rng):
    p, truth = classes(rng)
    figures = class_figures(p, truth, names=["a", "value", "n"])
    again = figures_from_dict(json.loads(json.dumps(figures_to_dict(figures), allow_nan=False)))
    assert again == figures
    assert figures_from_dict({"old": None, "auroc": figures["auroc"].to_dict()}) == {"auroc": figures["auroc"]}


def test_one_class_only(rng):
    p, _ = classes(rng)
    figures = class_figures(p, np.zeros(80, int), names=["a", "b", "c"])
    assert np.isnan(figures["auroc"].value)
    assert np.isnan(figures["balanced_accuracy"].value)
    assert figures["balanced_accuracy"].reason == "all galaxies are of one class"
    assert figures["accuracy"].has_interval
    assert figures["classes"]["b"]["completeness"].reason == "there are no such galaxies"
    json.dumps(figures_to_dict(figures), allow_nan=False)


def test_three_and_three_cannot_tell():
    p = np.linspace(0.1, 0.9, 6)
    figures = class_figures(np.stack([1 - p, p], axis=1), np.arange(6) >= 3)
    assert figures["auroc"].value == 1
    assert figures["auroc"].verdict == "untellable"
    five = np.linspace(0.1, 0.9, 10)
    assert class_figures(np.stack([1 - five, five], axis=1), np.arange(10) >= 5)["auroc"].verdict == "better"


def test_copies_are_counted_as_one(rng):
    groups = np.repeat(np.arange(30), 4)
    p, truth = (array[groups] for array in classes(rng, n=30, k=2))
    together, apart = class_figures(p, truth, groups), class_figures(p, truth)
    assert together.pop("ece").p_value > apart.pop("ece").p_value
    for name, one in together.items():
        assert one.value == apart[name].value
        assert (one.n, one.n_groups) == (120, 30)
        assert one.high - one.low > 1.3 * (apart[name].high - apart[name].low), name
    assert together["auroc"].p_value > apart["auroc"].p_value
