"""Curves of rankings with the bands of their bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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


@dataclass(frozen=True, eq=False)
class Resampled:
    """What galaxies drawn anew, with replacement, make of a ranking; arrays end in (event,).

    Attributes
    ----------
    tpr_low, tpr_high : ndarray
        (point, event): 2.5th and 97.5th percentile of the true positive rate at false positive rates 0 to 1.
    purity_low, purity_high : ndarray
        (point, event): of the purity at completeness 0 to 1.
    """

    tpr_low: Values
    tpr_high: Values
    purity_low: Values
    purity_high: Values


def grid() -> Values:
    """Return the points 0 to 1 that bands are given on."""
    return np.linspace(0, 1, POINTS)


def resample(scores: ArrayLike, positive: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0) -> Resampled:
    """Bootstrap the rankings of one or several events, of the same galaxies, whole groups of them at a time.

    Parameters
    ----------
    scores : array_like of shape (galaxy, event)
        Higher means more likely.
    positive : array_like of shape (galaxy, event)
        True where it is so.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one are drawn together.
    seed
        Of the draws: 400, fewer (60 at least) of very many galaxies.
    """
    score, true = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    n, events = score.shape
    draws = _draws(n * events)
    rng = np.random.default_rng(seed)
    orders = [np.argsort(-score[:, event], kind="stable") for event in range(events)]
    ends = [_ends_of_ties(score[order, event]) for event, order in enumerate(orders)]
    own = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    count = int(own.max(initial=-1)) + 1
    tpr, purity = np.full((2, draws, POINTS, events), np.nan)
    for draw in range(draws):
        weight = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)[own]
        for event, (order, end) in enumerate(zip(orders, ends, strict=True)):
            curve = _curve(weight[order], true[order, event], end)
            if curve is not None:
                tpr[draw, :, event], purity[draw, :, event] = curve.on_grid()
    bands = [_percentiles(values) for values in (tpr, purity)]
    return Resampled(*bands[0], *bands[1])


def _draws(n_each: int) -> int:
    """Return how many resamples to draw of so many galaxies."""
    return int(np.clip(DRAWN // max(n_each, 1), FEWEST_DRAWS, MOST_DRAWS))


@dataclass(frozen=True, eq=False)
class Ranking:
    """True and false positives as the threshold falls, one entry a distinct score, (threshold,)."""

    tpr: Values
    fpr: Values
    purity: Values
    places: NDArray[np.int64]
    """Where each threshold is in the order from the highest score down"""

    def areas(self) -> tuple[float, float]:
        """Return the AUROC (trapezoids) and the average precision (sum of purity times the step of completeness)."""
        fpr, tpr = np.concatenate([[0], self.fpr]), np.concatenate([[0], self.tpr])
        area = (np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum()
        return float(area), float((np.diff(tpr) * self.purity).sum())

    def on_grid(self) -> tuple[Values, Values]:
        """Return the true positive rate at false positive rates, and the purity at completenesses, 0 to 1."""
        points = grid()
        tpr = np.interp(points, np.concatenate([[0], self.fpr]), np.concatenate([[0], self.tpr]))
        reached = np.minimum(np.searchsorted(self.tpr, points - 1e-12), len(self.tpr) - 1)
        return tpr, self.purity[reached]


def ranking(score: ArrayLike, positive: ArrayLike) -> Ranking | None:
    """Return the curve of scores (galaxy,) against whether it is so (galaxy,); None where all or none are."""
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
    """Return the last place of each distinct score."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _percentiles(curves: Values) -> tuple[Values, Values]:
    """Return the 2.5th and 97.5th percentile over draws of (draw, point, event); NaN where an event has too few draws."""
    low, high = np.full((2, *curves.shape[1:]), np.nan)
    for event in range(curves.shape[2]):
        known = curves[np.isfinite(curves[:, 0, event]), :, event]
        if len(known) >= FEWEST_DRAWS / 2:
            low[:, event], high[:, event] = np.percentile(known, [2.5, 97.5], axis=0)
    return low, high
