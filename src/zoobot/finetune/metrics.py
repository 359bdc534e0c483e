"""Scores of predictions against labels, from torchmetrics.

The same functions serve training, `evaluate` and ``metrics.json``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics import functional as tm
from torchmetrics.functional.classification import binary_auroc, binary_average_precision
from torchmetrics.utilities import dim_zero_cat

Scores = dict[str, Any]
"""JSON-able: floats by name, and tables (confusion, F1 by class) as lists and dicts."""


class TableMetric(Metric):
    """Keeps all predictions and labels of an epoch, on all devices, and scores them as one table."""

    full_state_update = False
    predictions: list[Tensor]
    labels: list[Tensor]

    def __init__(self, score: Callable[[Tensor, Tensor], Scores]) -> None:
        super().__init__()
        self.score = score
        self.add_state("predictions", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, predictions: Tensor, labels: Tensor) -> None:
        """Add a batch of predictions (batch, column) and labels (batch, label)."""
        self.predictions.append(predictions.detach().float())
        self.labels.append(labels.detach().float())

    def compute(self) -> Scores:
        """Return the scores of all that was added."""
        return self.score(dim_zero_cat(self.predictions), dim_zero_cat(self.labels))


def classification_scores(probabilities: Tensor, labels: Tensor, class_names: list[str]) -> Scores:
    """Return the scores of exclusive classes; NaN where the labels don't define one.

    Parameters
    ----------
    probabilities
        (galaxy, class), each row summing to 1.
    labels
        (galaxy,) whole numbers.
    class_names
        As long as there are classes.

    Returns
    -------
    accuracy; balanced_accuracy (mean recall of the classes present); auroc and average_precision (of the second class
    where there are two, else the mean of one class against the rest over the classes present); log_loss (natural
    logarithm); f1 by class (NaN of classes without galaxies); confusion (true class, predicted class); n. Where one
    class only is present, balanced_accuracy, auroc, average_precision and f1 are NaN: the class itself would decide
    them.
    """
    labels = labels.long().reshape(-1)
    n_classes = len(class_names)
    confusion = tm.confusion_matrix(probabilities, labels, task="multiclass", num_classes=n_classes)
    support = confusion.sum(dim=1)
    present = support > 0
    recall = confusion.diag() / support.clamp(min=1)
    f1 = tm.f1_score(probabilities, labels, task="multiclass", num_classes=n_classes, average="none")
    ranked = [_ranking_scores(probabilities[:, place], labels == place) for place in range(n_classes)]
    chosen = (
        ranked[1:] if n_classes == 2 else [pair for pair, there in zip(ranked, present.tolist(), strict=True) if there]
    )
    auroc, average_precision = (_mean([pair[place] for pair in chosen]) for place in (0, 1))
    several = int(present.sum()) > 1
    f1[~present if several else slice(None)] = float("nan")
    likelihood = probabilities.double().gather(1, labels[:, None]).clamp(min=1e-15)
    return {
        "accuracy": float(confusion.diag().sum() / confusion.sum()),
        "balanced_accuracy": float(recall[present].mean()) if several else float("nan"),
        "auroc": auroc,
        "average_precision": average_precision,
        "log_loss": float(-likelihood.log().mean()),
        "f1": dict(zip(class_names, f1.tolist(), strict=True)),
        "confusion": confusion.tolist(),
        "classes": class_names,
        "n": len(labels),
    }


def multi_label_scores(probabilities: Tensor, labels: Tensor, label_cols: list[str]) -> Scores:
    """Return the scores of independent labels.

    They are means over labels of each one's two-class scores, and each label's own under ``labels``. Labels that all or
    none of the galaxies have lack some scores, which are means over the other labels.
    """
    each = {}
    for place, column in enumerate(label_cols):
        positive = probabilities[:, place]
        each[column] = classification_scores(torch.stack([1 - positive, positive], dim=1), labels[:, place], ["0", "1"])
    names = ("accuracy", "balanced_accuracy", "auroc", "average_precision", "log_loss")
    means = {name: _mean([scores[name] for scores in each.values()]) for name in names}
    return {
        **means,
        "f1": {column: scores["f1"]["1"] for column, scores in each.items()},
        "labels": each,
        "n": len(labels),
    }


def regression_scores(predicted: Tensor, target: Tensor, label_cols: list[str]) -> Scores:
    """Return rmse and mae (in the targets' unit) and r2 of (galaxy, target), the mean over targets.

    Each target's own are under ``targets``.
    """
    each = {}
    for place, column in enumerate(label_cols):
        guess, truth = predicted[:, place].double(), target[:, place].double()
        each[column] = {
            "rmse": _root_mean_square(guess - truth),
            "mae": float((guess - truth).abs().mean()),
            "r2": _r2(guess, truth),
        }
    means = {name: _mean([scores[name] for scores in each.values()]) for name in ("rmse", "mae", "r2")}
    return {**means, "targets": each, "n": len(target)}


def _root_mean_square(values: Tensor) -> float:
    """Return the root of the mean square, whose squares overflow in no unit."""
    largest = values.abs().max()
    return float(largest * (values / largest).square().mean().sqrt()) if largest > 0 else 0.0


def _ranking_scores(score: Tensor, positive: Tensor) -> tuple[float, float]:
    """Return the AUROC and the average precision of one class: NaN where all galaxies are of it, or none is."""
    if bool(positive.all()) or not bool(positive.any()):
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = positive.long()
        return float(binary_auroc(score, target)), float(binary_average_precision(score, target))


def _r2(guess: Tensor, truth: Tensor) -> float:
    """Return 1 − squared errors / squared deviations from the mean, in any unit.

    It is NaN where all true values are the same.
    """
    if bool((truth == truth[0]).all()):
        return float("nan")
    return 1 - (_root_mean_square(guess - truth) / _root_mean_square(truth - truth.mean())) ** 2


def _mean(values: list[float]) -> float:
    """Return the mean of those that are defined, NaN where none is."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else float("nan")
