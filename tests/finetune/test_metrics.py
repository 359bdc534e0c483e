"""Scores agree with scikit-learn's, an independent implementation."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from zoobot.finetune.metrics import TableMetric, classification_scores, multi_label_scores, regression_scores


def made_up(n_galaxies: int, n_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_classes, n_galaxies, p=np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum())
    logits = rng.normal(size=(n_galaxies, n_classes)) + 1.2 * np.eye(n_classes)[labels]
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_classification(n_classes: int) -> None:
    probabilities, labels = made_up(300, n_classes)
    names = [f"c{k}" for k in range(n_classes)]
    scores = classification_scores(torch.tensor(probabilities), torch.tensor(labels), names)
    chosen = probabilities.argmax(axis=1)
    one_hot = np.eye(n_classes)[labels]
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(labels, chosen))
    assert scores["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, chosen))
    assert scores["log_loss"] == pytest.approx(sk.log_loss(labels, probabilities), rel=1e-5)
    assert list(scores["f1"].values()) == pytest.approx(sk.f1_score(labels, chosen, average=None))
    assert scores["confusion"] == sk.confusion_matrix(labels, chosen).tolist()
    if n_classes == 2:
        assert scores["auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities[:, 1]), rel=1e-5)
        assert scores["average_precision"] == pytest.approx(
            sk.average_precision_score(labels, probabilities[:, 1]), rel=1e-5
        )
    else:
        assert scores["auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities, multi_class="ovr"), rel=1e-5)
        assert scores["average_precision"] == pytest.approx(
            sk.average_precision_score(one_hot, probabilities), rel=1e-5
        )
    assert scores["n"] == 300


def test_classes_that_are_absent_do_not_count() -> None:
    probabilities, labels = made_up(200, 4)
    keep = labels != 2
    scores = classification_scores(torch.tensor(probabilities[keep]), torch.tensor(labels[keep]), list("abcd"))
    recall = [(probabilities[labels == k].argmax(axis=1) == k).mean() for k in (0, 1, 3)]
    assert scores["balanced_accuracy"] == pytest.approx(np.mean(recall))
    alone = classification_scores(
        torch.tensor(probabilities[labels == 1]), torch.tensor(labels[labels == 1]), list("abcd")
    )
    undefined = [alone[name] for name in ("balanced_accuracy", "auroc", "average_precision")] + list(
        alone["f1"].values()
    )
    assert np.isnan(undefined).all()
    assert np.isfinite([alone["accuracy"], alone["log_loss"]]).all()
    assert np.isfinite(list(scores["f1"].values())).tolist() == [True, True, False, True]


def test_a_label_that_no_galaxy_has_leaves_the_means_of_the_others() -> None:
    rng = np.random.default_rng(1)
    labels = np.stack([rng.integers(0, 2, 100), np.zeros(100, int)], axis=1)
    probabilities = torch.tensor(rng.random((100, 2)))
    scores = multi_label_scores(probabilities, torch.tensor(labels), ["ring", "bar"])
    for name in ("auroc", "average_precision", "balanced_accuracy"):
        assert scores[name] == scores["labels"]["ring"][name]
        assert np.isnan(scores["labels"]["bar"][name])
    assert np.isnan(scores["f1"]["bar"])


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    scores = classification_scores(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 0]), ["no", "yes"])
    assert scores["log_loss"] == pytest.approx(-np.log(1e-15), rel=1e-3)
    assert scores["auroc"] == 0


def test_multi_label() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (200, 3))
    probabilities = 1 / (1 + np.exp(-(rng.normal(size=(200, 3)) + labels)))
    scores = multi_label_scores(torch.tensor(probabilities), torch.tensor(labels), ["ring", "bar", "merger"])
    assert scores["auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities, average="macro"), rel=1e-5)
    assert scores["average_precision"] == pytest.approx(sk.average_precision_score(labels, probabilities), rel=1e-5)
    assert scores["f1"]["bar"] == pytest.approx(sk.f1_score(labels[:, 1], probabilities[:, 1] > 0.5))


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-9, 1e9])
def test_regression(unit: float) -> None:
    rng = np.random.default_rng(2)
    truth = unit * rng.normal(10, 1, (100, 2))
    guess = truth + unit * rng.normal(0, [0.3, 0.8], (100, 2))
    scores = regression_scores(torch.tensor(guess), torch.tensor(truth), ["mass", "age"])
    assert scores["targets"]["age"]["rmse"] == pytest.approx(
        sk.root_mean_squared_error(truth[:, 1], guess[:, 1]), rel=1e-5
    )
    assert scores["mae"] == pytest.approx(sk.mean_absolute_error(truth, guess), rel=1e-5)
    assert scores["r2"] == pytest.approx(sk.r2_score(truth, guess), rel=1e-5)


def test_a_table_collects_batches() -> None:
    probabilities, labels = (torch.tensor(array) for array in made_up(100, 3))
    table = TableMetric(lambda predicted, truth: classification_scores(predicted, truth, list("abc")))
    for first in range(0, 100, 32):
        table.update(probabilities[first : first + 32], labels[first : first + 32, None])
    whole = classification_scores(probabilities, labels, list("abc"))
    assert table.compute()["auroc"] == pytest.approx(whole["auroc"], rel=1e-5)
    table.reset()
    table.update(probabilities[:10], labels[:10, None])
    assert table.compute()["n"] == 10
