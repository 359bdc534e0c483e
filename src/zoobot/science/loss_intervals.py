"""95% intervals of losses and errors: log loss, Brier score, RMSE, MAE, R² and the skill of predicted votes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.groups import Groups
from zoobot.science.intervals import FEWEST_SQUARED, Measured, none, positive_mean, positive_ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

SMALLEST = 1e-15
"""Probability below which a log loss is not counted"""


def log_loss(probabilities: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the mean negative log probability of the true classes, in nats; see `positive_mean`.

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        Rows sum to 1.
    classes : array_like of shape (galaxy,)
        Whole numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    each = -np.log(np.clip(np.asarray(probabilities, dtype=np.float64), SMALLEST, None))
    return _against(each, np.asarray(classes), groups)


def brier(probabilities: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the Brier score, as `zoobot.science.brier_score` has it; parameters as for `log_loss`."""
    p = np.asarray(probabilities, dtype=np.float64)
    squares = (p**2).sum(axis=1, keepdims=True) - 2 * p + 1  # of each class, were it the true one
    two = p.shape[1] == 2
    found = _against(squares / (2 if two else 1), np.asarray(classes), groups)
    return replace(found, high=min(found.high, 1.0 if two else 2.0))  # no Brier score is larger


def _against(each: Values, classes: NDArray[np.int64], groups: ArrayLike | None) -> Measured:
    """Return the mean loss, from what it would be for each class (galaxy, class).

    The worst is the mean over the wrong ones.
    """
    own = each[np.arange(len(each)), classes.astype(int)]
    wrong = (each.sum(axis=1) - own) / max(each.shape[1] - 1, 1)
    return positive_mean(own, groups, worst=np.maximum(wrong, own))


def rmse(predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the root mean square error; see `positive_mean`. Fewer than 20 galaxies, or groups, have no interval."""
    squares = (np.asarray(predicted, dtype=np.float64) - np.asarray(truth)) ** 2
    return _root(positive_mean(squares, groups, fewest=FEWEST_SQUARED))


def mae(predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the mean absolute error; see `positive_mean`."""
    return positive_mean(np.abs(np.asarray(predicted, dtype=np.float64) - np.asarray(truth)), groups)


def _root(found: Measured) -> Measured:
    """Return the square root of a positive figure, such as the root mean square error."""
    value = float(np.sqrt(found.value))
    influence = found.influence / (2 * value) if value > 0 else found.influence
    return Measured(value, float(np.sqrt(found.low)), float(np.sqrt(found.high)), influence, found.method, found.reason)


def explained(predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    r"""Return :math:`R^2 = 1 - \sum (\hat y - y)^2 / \sum (y - \bar y)^2`.

    Its interval is that of the ratio of the two sums (`positive_ratio`); the lower end of the ratio allows for the
    variance around the mean of these galaxies being too small by :math:`(G - 1) / G`. NaN where the truth is the same
    for all.
    """
    y, error = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64) - np.asarray(truth)
    n, own = len(y), Groups.of(groups, len(y))
    if n < 2 or not np.ptp(y):
        return none(float("nan"), np.zeros(n), "the true values are all the same")
    squared, y = error**2, y - y.mean()
    ratio = float(squared.mean() / (y**2).mean())
    relative = squared / squared.sum() - y**2 / (y**2).sum() if squared.any() else np.zeros(n)
    left = n - own.sums(np.ones(n))
    around = (y**2).sum() - own.sums(y**2) - own.sums(y) ** 2 / np.maximum(left, 1)
    rest = (squared.sum() - own.sums(squared)) / np.maximum(around, 1e-300)
    found = positive_ratio(ratio, rest, relative, own)
    low = found.low * (own.count - 1) / own.count
    return Measured(1 - ratio, 1 - found.high, 1 - low, -found.influence, found.method, found.reason)


def skill(losses: ArrayLike, groups: ArrayLike | None = None, *, optimism: float = 0.0) -> Measured:
    r"""Return the skill :math:`1 - L / L_0` of a model's mean loss beside that of the best constant prediction.

    Its interval is that of the ratio (`positive_ratio`). The constant has seen the very votes that it is scored on, so
    that :math:`L_0` is too low and the skill understated; the upper end takes that off.

    Parameters
    ----------
    losses : array_like of shape (galaxy, 2)
        Of the model and of the constant.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    optimism
        By how much the constant's mean loss is too low for having seen the votes; see
        `zoobot.science.constant_optimism`.
    """
    both = np.asarray(losses, dtype=np.float64)
    n, own = len(both), Groups.of(groups, len(both))
    means = both.mean(axis=0) if n else np.full(2, np.nan)
    if not n or not (means > 0).all():
        return none(float("nan"), np.zeros(n), "there are no votes")
    ratio = float(means[0] / means[1])
    relative = (both[:, 0] / means[0] - both[:, 1] / means[1]) / n
    rest = both.sum(axis=0) - own.sums(both)
    found = positive_ratio(ratio, rest[:, 0] / np.maximum(rest[:, 1], 1e-300), relative, own)
    low = found.low * means[1] / (means[1] + optimism)
    return Measured(1 - ratio, 1 - found.high, 1 - low, -found.influence, found.method, found.reason)
