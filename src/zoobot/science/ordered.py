"""Ordered classes, such as T-types.

Scores count how far a wrong class is, with intervals, and sets have no gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.conformal import ConformalClasses
from zoobot.science.figures import Figures, class_figures, figure_of
from zoobot.science.groups import Groups
from zoobot.science.intervals import Measured, none, positive_ratio, share
from zoobot.science.loss_intervals import mae
from zoobot.science.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

CLASS_MAE = Metric("class_mae", "mean error in classes", "low", tile=True)
WITHIN_ONE = Metric("within_one", "at most one class off", tile=True)
QUADRATIC_KAPPA = Metric("quadratic_kappa", "kappa, quadratic weights", tile=True)
ORDERED_SCORES = (CLASS_MAE, WITHIN_ONE, QUADRATIC_KAPPA)
"""What ordered classes have beside the scores of all classes"""

FEWEST_OTHERS = 10
"""Independent galaxies outside the most common class below which kappa has no interval: of 8 they cover 0.92"""


def ordered_scores(predicted: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Return the scores of predicted classes (galaxy,) beside the true ones (galaxy,).

    Classes are given as places in their order.

    Returns
    -------
    ``class_mae``, the mean distance in classes; ``within_one``, the share of galaxies that are at most one class off;
    ``quadratic_kappa``, see `quadratic_kappa`.

    Examples
    --------
    >>> ordered_scores([0, 1, 2, 2], [0, 1, 1, 0])
    {'class_mae': 0.75, 'within_one': 0.75, 'quadratic_kappa': 0.2857142857142857}
    """
    guess, true = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    off = np.abs(guess - true)
    return {
        "class_mae": float(off.mean()),
        "within_one": float((off <= 1).mean()),
        "quadratic_kappa": quadratic_kappa(guess, true).value,
    }


def ordered_figures(
    probabilities: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, names: Sequence[str] = ()
) -> Figures:
    """Return the figures of ordered classes.

    They are those of `class_figures`, and those of `ordered_scores` for the most probable class.
    """
    p, of = np.asarray(probabilities, dtype=np.float64), np.asarray(truth).astype(np.int64)
    guess, own = p.argmax(axis=1), Groups.of(groups, len(p))
    measured = {
        CLASS_MAE: mae(guess, of, groups),
        WITHIN_ONE: share(np.abs(guess - of) <= 1, groups),
        QUADRATIC_KAPPA: quadratic_kappa(guess, of, groups),
    }
    return {
        **class_figures(p, of, groups, names=names),
        **{metric.key: figure_of(metric, found, own) for metric, found in measured.items()},
    }


def quadratic_kappa(predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    r"""Return Cohen's kappa with quadratic weights (Cohen 1968, Psychological Bulletin 70, 213).

    .. math:: \kappa = 1 - \frac{\sum_i (x_i - y_i)^2 / n}{\sum_{ij} (x_i - y_j)^2 / n^2}

    1 where all classes are right, 0 where predicted and true classes are independent. Its interval is that of the ratio
    (see `positive_ratio`); there is none where fewer than 10 galaxies, or groups, are outside the most common class.
    NaN where all galaxies are of one class and predicted so.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    n, own = len(x), Groups.of(groups, len(x))
    squared = (x - y) ** 2
    among_all = (x**2).mean() + (y**2).mean() - 2 * x.mean() * y.mean() if n else 0.0
    if not among_all > 0:
        return none(float("nan"), np.zeros(n), "all galaxies are of one class, and predicted so")
    ratio = float(squared.mean() / among_all)
    around = x**2 + y**2 - 2 * x * y.mean() - 2 * y * x.mean() + 2 * x.mean() * y.mean()
    relative = (squared / squared.mean() - around / among_all) / n if squared.any() else np.zeros(n)
    left = np.maximum(n - own.sums(np.ones(n)), 1)
    means = {name: (values.sum() - own.sums(values)) / left for name, values in {"x": x, "y": y, "s": squared}.items()}
    squares = (x**2 + y**2).sum() - own.sums(x**2 + y**2)
    rest = means["s"] / np.maximum(squares / left - 2 * means["x"] * means["y"], 1e-300)
    values, counts = np.unique(y, return_counts=True)
    others = Groups.of(own.codes[y != values[counts.argmax()]], int((y != values[counts.argmax()]).sum())).count
    if others < FEWEST_OTHERS:
        reason = (
            f"{others} {'galaxy is' if others == 1 else 'galaxies or groups are'} outside the most common class: too "
            "few"
        )
        return none(1 - ratio, -relative, reason)
    found = positive_ratio(ratio, rest, relative, own)
    return Measured(1 - ratio, 1 - found.high, 1 - found.low, -found.influence, found.method, found.reason)


def unimodal(probabilities: ArrayLike) -> Values:
    """Return for each class the smallest probability (galaxy, class) on the way to it from the most probable class.

    Classes above any bar lie side by side then; probabilities that have one peak stay as they are.

    Examples
    --------
    >>> unimodal([[0.1, 0.5, 0.1, 0.3]]).tolist()
    [[0.1, 0.5, 0.1, 0.1]]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    peak = p.argmax(axis=1)[:, None]
    above = np.arange(p.shape[1]) >= peak
    rising = np.minimum.accumulate(np.where(above, p, np.inf), axis=1)
    falling = np.minimum.accumulate(np.where(~above | (np.arange(p.shape[1]) == peak), p, np.inf)[:, ::-1], axis=1)
    return np.where(above, rising, falling[:, ::-1])


class ConformalOrdered(ConformalClasses):
    """Sets of ordered classes without gaps, which hold the true one as often as was asked for.

    They are those of `ConformalClasses` made of `unimodal` probabilities: any score keeps the promise, and this one
    makes sets of neighbors. By class, whose bars differ, gaps are filled, which can only raise the coverage.
    """

    def members(self, probabilities: ArrayLike, level: float, *, by_class: bool = False) -> NDArray[np.bool_]:
        """Return which classes are in each galaxy's set, bool (galaxy, class); see `ConformalClasses.members`."""
        found = super().members(probabilities, level, by_class=by_class)
        reached = np.logical_or.accumulate(found, axis=1)
        ahead = np.logical_or.accumulate(found[:, ::-1], axis=1)[:, ::-1]
        return reached & ahead
