"""How far figures can be trusted: intervals of scores and of curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.reliability import Z95, wilson_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Interval = tuple[float, float]

UNKNOWN = (float("nan"), float("nan"))
MOST_DRAWS, FEWEST_DRAWS = 400, 60
DRAWN = 4_000_000
"""Galaxies drawn in all, over resamples; beyond it there are fewer resamples"""

POINTS = 101
"""Of the grids that bands are given on"""


def share(hits: float, count: float) -> Interval:
    """Give Wilson's 95% interval of a share, NaN where nothing was counted."""
    if not count:
        return UNKNOWN
    low, high = wilson_interval(hits, count)
    return float(low), float(high)


def half_width(hits: float, count: float) -> float:
    """Give half the width of Wilson's 95% interval."""
    low, high = share(hits, count)
    return (high - low) / 2


def balanced_accuracy_interval(confusion: ArrayLike) -> Interval:
    r"""Give the 95% interval of balanced accuracy, the mean recall :math:`\bar r` of the classes present, from counts (true, predicted).

    Recalls :math:`r_k` of different classes are independent shares with Wilson intervals :math:`(l_k, u_k)`; of :math:`K` classes

    .. math::

        \bar r - \tfrac1K \sqrt{\textstyle\sum_k (r_k - l_k)^2} \quad\text{to}\quad
        \bar r + \tfrac1K \sqrt{\textstyle\sum_k (u_k - r_k)^2}

    (Zou & Donner 2008, Statistics in Medicine 27, 1693). Unlike a bootstrap's, it doesn't shrink to nothing where all are right.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    n = counts.sum(axis=1)
    present = n > 0
    if not present.any():
        return UNKNOWN
    hits, n = counts.diagonal()[present], n[present]
    recall = hits / n
    low, high = wilson_interval(hits, n)
    mean = recall.mean()
    return (
        float(mean - np.sqrt(((recall - low) ** 2).sum()) / len(n)),
        float(mean + np.sqrt(((high - recall) ** 2).sum()) / len(n)),
    )


def auroc_interval(auroc: float, positives: int, negatives: int) -> Interval:
    r"""Give the 95% interval of the AUROC :math:`\theta` of two classes of :math:`m` and :math:`n` galaxies.

    The values that differ from the measured one by at most :math:`1.96 \sqrt{V(\theta)}`, where with :math:`N = (m + n) / 2`

    .. math::

        V(\theta) = \frac{\theta (1 - \theta)}{m n}
        \Big[1 + (N - 1) \Big(\frac{1 - \theta}{2 - \theta} + \frac{\theta}{1 + \theta}\Big)\Big]

    (Newcombe 2006, Statistics in Medicine 25, 559, method 5; the variance after Hanley & McNeil 1982). It keeps its width where all
    are ranked right.
    """
    from scipy.optimize import brentq

    if not (positives and negatives) or not np.isfinite(auroc):
        return UNKNOWN
    n = (positives + negatives) / 2

    def far(theta: float) -> float:
        spread = 1 + (n - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (auroc - theta) ** 2 - Z95**2 * theta * (1 - theta) * spread / (positives * negatives)

    low = 0.0 if auroc <= 0 else float(brentq(far, 0, min(auroc, 1 - 1e-9)))
    high = 1.0 if auroc >= 1 else float(brentq(far, max(auroc, 1e-9), 1))
    return low, high


@dataclass(frozen=True, eq=False)
class Resampled:
    """What galaxies drawn anew, with replacement, make of a ranking; arrays end in (event,).

    Attributes
    ----------
    auroc, average_precision : ndarray
        (draw, event); NaN where a draw has galaxies of one kind only.
    tpr_low, tpr_high : ndarray
        (point, event): 2.5th and 97.5th percentile of the true positive rate at false positive rates 0 to 1.
    purity_low, purity_high : ndarray
        (point, event): of the purity at completeness 0 to 1.
    """

    auroc: Values
    average_precision: Values
    tpr_low: Values
    tpr_high: Values
    purity_low: Values
    purity_high: Values


def grid() -> Values:
    """Give the points 0 to 1 that bands are given on."""
    return np.linspace(0, 1, POINTS)


def resample(scores: ArrayLike, positive: ArrayLike, *, seed: int = 0) -> Resampled:
    """Bootstrap the rankings of one or several events, of the same galaxies.

    Parameters
    ----------
    scores : array_like of shape (galaxy, event)
        Higher means more likely.
    positive : array_like of shape (galaxy, event)
        True where it is so.
    seed
        Of the draws: 400, fewer (60 at least) of very many galaxies.
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    n, events = score.shape
    draws = _draws(n * events)
    rng = np.random.default_rng(seed)
    orders = [np.argsort(-score[:, event], kind="stable") for event in range(events)]
    ends = [_ends_of_ties(score[order, event]) for event, order in enumerate(orders)]
    areas = np.full((2, draws, events), np.nan)
    tpr, purity = np.full((2, draws, POINTS, events), np.nan)
    for draw in range(draws):
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        for event, (order, end) in enumerate(zip(orders, ends, strict=True)):
            curve = _curve(weight[order], true[order, event], end)
            if curve is not None:
                areas[0, draw, event], areas[1, draw, event] = curve.areas()
                tpr[draw, :, event], purity[draw, :, event] = curve.on_grid()
    bands = [_percentiles(values) for values in (tpr, purity)]
    return Resampled(areas[0], areas[1], *bands[0], *bands[1])


def _draws(n_each: int) -> int:
    """Give how many resamples to draw of so many galaxies."""
    return int(np.clip(DRAWN // max(n_each, 1), FEWEST_DRAWS, MOST_DRAWS))


def mean_interval(draws: Values) -> Interval:
    """Give the 2.5th and 97.5th percentile over draws of the mean over events of (draw, event).

    NaN where there are none, and where all draws agree: then they say nothing of what other galaxies would give.
    """
    means = draws.mean(axis=1)
    means = means[np.isfinite(means)]
    if len(means) < FEWEST_DRAWS / 2 or np.ptp(means) == 0:
        return UNKNOWN
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def resampled_means(values: Values, *, seed: int = 0) -> Values:
    """Give means over galaxies of values (galaxy, column) in bootstrap resamples, as (draw, column)."""
    n = len(values)
    rng = np.random.default_rng(seed)
    return np.stack([values[rng.integers(0, n, n)].mean(axis=0) for _ in range(_draws(n))])


def ratio_interval(losses: Values) -> Interval:
    """Give the bootstrapped 95% interval of the skill, 1 less the ratio of two mean losses (galaxy, 2): the model's and the constant's."""
    means = resampled_means(losses)
    return mean_interval(1 - means[:, :1] / means[:, 1:]) if (means[:, 1] > 0).all() else UNKNOWN


@dataclass(frozen=True, eq=False)
class Ranking:
    """True and false positives as the threshold falls, one entry a distinct score, (threshold,)."""

    tpr: Values
    fpr: Values
    purity: Values
    places: NDArray[np.int64]
    """Where each threshold is in the order from the highest score down"""

    def areas(self) -> tuple[float, float]:
        """Give the AUROC (trapezoids) and the average precision (sum of purity times the step of completeness)."""
        fpr, tpr = np.concatenate([[0], self.fpr]), np.concatenate([[0], self.tpr])
        area = (np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum()
        return float(area), float((np.diff(tpr) * self.purity).sum())

    def on_grid(self) -> tuple[Values, Values]:
        """Give the true positive rate at false positive rates, and the purity at completenesses, 0 to 1."""
        points = grid()
        tpr = np.interp(points, np.concatenate([[0], self.fpr]), np.concatenate([[0], self.tpr]))
        reached = np.minimum(np.searchsorted(self.tpr, points - 1e-12), len(self.tpr) - 1)
        return tpr, self.purity[reached]


def ranking(score: ArrayLike, positive: ArrayLike) -> Ranking | None:
    """Give the curve of scores (galaxy,) against whether it is so (galaxy,); None where all or none are."""
    values, true = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    order = np.argsort(-values, kind="stable")
    return _curve(np.ones(len(values)), true[order], _ends_of_ties(values[order]))


def _curve(weight: Values, true: NDArray[np.bool_], ends: NDArray[np.int64]) -> Ranking | None:
    hits = np.cumsum(weight * true)[ends]
    misses = np.cumsum(weight * ~true)[ends]
    if not hits[-1] or not misses[-1]:
        return None
    chosen = hits + misses
    purity = np.divide(hits, chosen, out=np.ones_like(hits), where=chosen > 0)
    return Ranking(hits / hits[-1], misses / misses[-1], purity, ends)


def _ends_of_ties(descending: Values) -> NDArray[np.int64]:
    """Give the last place of each distinct score."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _percentiles(curves: Values) -> tuple[Values, Values]:
    """Give the 2.5th and 97.5th percentile over draws of (draw, point, event); NaN where an event has too few draws."""
    low, high = np.full((2, *curves.shape[1:]), np.nan)
    for event in range(curves.shape[2]):
        known = curves[np.isfinite(curves[:, 0, event]), :, event]
        if len(known) >= FEWEST_DRAWS / 2:
            low[:, event], high[:, event] = np.percentile(known, [2.5, 97.5], axis=0)
    return low, high


def regression_intervals(predicted: ArrayLike, true: ArrayLike, *, seed: int = 0) -> dict[str, Interval]:
    """Give bootstrapped 95% intervals of ``rmse``, ``mae`` and ``r2`` of numbers (galaxy,)."""
    guess, truth = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    n = len(truth)
    if n < 3:
        return dict.fromkeys(("rmse", "mae", "r2"), UNKNOWN)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_draws(n)):
        rows = rng.integers(0, n, n)
        error = guess[rows] - truth[rows]
        around = truth[rows].var()
        squared = (error**2).mean()
        found.append((np.sqrt(squared), np.abs(error).mean(), 1 - squared / around if around > 0 else np.nan))
    low, high = np.nanpercentile(found, [2.5, 97.5], axis=0)
    return {name: (float(low[place]), float(high[place])) for place, name in enumerate(("rmse", "mae", "r2"))}
