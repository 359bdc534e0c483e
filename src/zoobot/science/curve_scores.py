"""Out-of-fold scores of heads that were fitted to more and more of the labels, and their bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.progress import track
from zoobot.science import resampling
from zoobot.science.nested import Units
from zoobot.science.ridge import class_scores, fit_ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Rows = NDArray[np.int64]

from zoobot.settings import CurveTask

SCORES: dict[CurveTask, tuple[str, ...]] = {"classify": ("balanced_accuracy", "auroc"), "regress": ("r2", "rmse")}


@dataclass(frozen=True, eq=False)
class Fitted:
    """What heads predicted for galaxies of folds that they have not seen.

    Attributes
    ----------
    predictions : ndarray
        (repeat, size, galaxy, class), or of a regression (repeat, size, galaxy, 1).
    folds : ndarray
        (repeat, galaxy) the fold of each.
    labels : ndarray
        (repeat, fold, size) galaxies that a head was fitted to.
    """

    predictions: Values
    folds: Rows
    labels: Rows


def fit_heads(
    x: Values,
    truth: Values,
    task: CurveTask,
    units: Units,
    counts: Rows,
    *,
    n_folds: int,
    n_repeats: int,
    seed: int,
    description: str,
) -> Fitted:
    """Fit heads to nested random subsets of ``counts`` (size,) units outside each fold, and predict the fold.

    Parameters
    ----------
    x, truth
        (galaxy, feature) and (galaxy,): a class from 0, or a number.
    task
        'classify' or 'regress'.
    units
        What is dealt into folds, and drawn, as a whole.
    counts
        (size,) units of a subset, rising.
    n_folds, n_repeats, seed
        Folds, times that units are dealt into them anew, and the seed of that.
    description
        Shown left of the progress bar.
    """
    dealt = np.stack([units.deal(n_folds, (seed + repeat) % 2**32) for repeat in range(n_repeats)])
    columns = max(2, int(truth.max()) + 1) if task == "classify" else 1
    predictions = np.empty((n_repeats, len(counts), len(truth), columns))
    labels = np.empty((n_repeats, n_folds, len(counts)), np.int64)
    jobs = [(repeat, fold) for repeat in range(n_repeats) for fold in range(n_folds)]
    for repeat, fold in track(jobs, description, len(jobs), "fits"):
        test = units.rows(np.flatnonzero(dealt[repeat] == fold))
        order = units.order(np.flatnonzero(dealt[repeat] != fold), (seed, repeat, fold))
        for place, count in enumerate(counts):
            rows = units.rows(order[:count])
            labels[repeat, fold, place] = len(rows)
            own = x[rows], truth[rows], x[test]
            predictions[repeat, place, test] = _predicted(*own, task, columns, units.codes[rows])
    return Fitted(predictions, dealt[:, units.codes], labels)


def score_heads(
    fitted: Fitted, truth: Values, task: CurveTask, units: Units, *, n_draws: int, seed: int
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Return each score of all galaxies, and of bootstrapped ones, averaged over repeats and widened.

    Shapes are (repeat, size) and (draw, size). See `zoobot.science.learning_curve` for the widening. Of more than two
    classes the AUROC is the mean of each against the rest.
    """
    blocks = [np.ones((1, len(truth))), *units.bootstrap(n_draws, seed)]
    n_repeats, n_sizes = fitted.predictions.shape[:2]
    widened = np.sqrt(2 - 1 / (fitted.folds.max() + 1))
    scores: dict[str, Values] = {}
    draws: dict[str, Values] = {}
    for name in SCORES[task]:
        each = np.empty((1 + n_draws, n_repeats, n_sizes))
        for repeat, size in np.ndindex(n_repeats, n_sizes):
            predicted = fitted.predictions[repeat, size]
            each[:, repeat, size] = np.concatenate(
                list(_measured(name, predicted, truth, fitted.folds[repeat], blocks))
            )
        scores[name] = each[0]
        mean = each.mean(axis=1)
        draws[name] = mean[0] + widened * (mean[1:] - mean[0])
    return scores, draws


def _predicted(x: Values, truth: Values, new: Values, task: CurveTask, columns: int, groups: Rows) -> Values:
    """Fit a head and return its scores (galaxy, class), or numbers (galaxy, 1), for new galaxies."""
    if task == "classify":
        return class_scores(x, truth.astype(np.int64), new, columns, groups)
    slopes, intercept = fit_ridge(x, truth[:, None], groups=groups)
    return np.asarray(new @ slopes + intercept)


def _measured(name: str, predicted: Values, truth: Values, folds: Rows, blocks: list[Values]) -> Iterator[Values]:
    """Return a score (draw,) of each block (draw, galaxy) of how often galaxies count."""
    functions: dict[str, Any] = {"r2": resampling.r2, "rmse": resampling.rmse}
    for counts in blocks:
        if name in functions:
            yield functions[name](predicted[:, 0], truth, counts)
        elif name == "auroc":
            yield _auroc(predicted, truth.astype(np.int64), counts, folds)
        else:
            yield resampling.balanced_accuracy(predicted, truth.astype(np.int64), counts)


def _auroc(scores: Values, classes: Rows, counts: Values, folds: Rows) -> Values:
    """Return the AUROC (draw,) of pairs of galaxies within the same fold.

    Of two classes it is the second's, of more the mean over classes.
    """
    found = []
    for place in [1] if scores.shape[1] == 2 else np.unique(classes):
        score = scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores[:, place]
        right, pairs = np.zeros(len(counts)), np.zeros(len(counts))
        for fold in range(folds.max() + 1):
            own = folds == fold
            positive, drawn = classes[own] == place, counts[:, own]
            room = drawn[:, positive].sum(axis=1) * drawn[:, ~positive].sum(axis=1)
            right += room * np.nan_to_num(resampling.auroc(score[own], positive, drawn))
            pairs += room
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(right / pairs)
    return np.asarray(np.mean(found, axis=0))
