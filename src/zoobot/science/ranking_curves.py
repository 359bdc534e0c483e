"""Curves of rankings with the bands of their bootstrap, and what a threshold on a score chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from zoobot.science.groups import Groups
from zoobot.science.intervals import share
from zoobot.science.resampling import bootstrap_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

MOST_DRAWS, FEWEST_DRAWS = 400, 60
DRAWN = 4_000_000
"""Galaxies drawn in all, over resamples; beyond it there are fewer resamples"""

POINTS = 101
"""Of the grids that bands are given on, and of thresholds"""


@dataclass(frozen=True, eq=False)
class Bands:
    """What galaxies drawn anew, with replacement, make of rankings; arrays are (point, event).

    Attributes
    ----------
    tpr_low, tpr_high : ndarray
        2.5th and 97.5th percentile of the true positive rate at false positive rates 0 to 1.
    purity_low, purity_high : ndarray
        Of the purity at completeness 0 to 1.
    """

    tpr_low: Values
    tpr_high: Values
    purity_low: Values
    purity_high: Values


def grid() -> Values:
    """Return the points 0, 0.01, ... 1 that bands are given on."""
    return np.linspace(0, 1, POINTS)


def ranking_bands(scores: ArrayLike, positive: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0) -> Bands:
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
    orders = [np.argsort(-score[:, event], kind="stable") for event in range(events)]
    ends = [_ends_of_ties(score[order, event]) for event, order in enumerate(orders)]
    own = Groups.of(groups, n)
    draws = int(np.clip(DRAWN // max(n * events, 1), FEWEST_DRAWS, MOST_DRAWS))
    tpr, purity = np.full((2, draws, POINTS, events), np.nan)
    counts = (one for block in bootstrap_counts(draws, np.zeros(own.count, np.int64), seed=seed) for one in block)
    for draw, count in enumerate(counts):
        weight = count[own.codes]
        for event, (order, end) in enumerate(zip(orders, ends, strict=True)):
            curve = _curve(weight[order], true[order, event], end)
            if curve is not None:
                tpr[draw, :, event], purity[draw, :, event] = curve.on_grid()
    return Bands(*_percentiles(tpr), *_percentiles(purity))


@dataclass(frozen=True, eq=False)
class Ranking:
    """True and false positives as the threshold falls, one entry a distinct score, (threshold,)."""

    tpr: Values
    fpr: Values
    purity: Values
    places: NDArray[np.int64]
    """Where each threshold is in the order from the highest score down"""

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
    """Return the 2.5th and 97.5th percentile over draws of (draw, point, event).

    It is NaN where an event has too few draws.
    """
    low, high = np.full((2, *curves.shape[1:]), np.nan)
    for event in range(curves.shape[2]):
        known = curves[np.isfinite(curves[:, 0, event]), :, event]
        if len(known) >= FEWEST_DRAWS / 2:
            low[:, event], high[:, event] = np.percentile(known, [2.5, 97.5], axis=0)
    return low, high


def threshold_table(
    score: Values, positive: NDArray[np.bool_], groups: NDArray[np.int64] | None = None
) -> pd.DataFrame:
    """Return purity and completeness with their intervals at thresholds 0, 0.01, ... 1; NaN where nothing is chosen.

    Parameters
    ----------
    score : ndarray of shape (galaxy,)
        Those at or above a threshold are chosen.
    positive : ndarray of shape (galaxy,)
        True where it is so.
    groups : ndarray of shape (galaxy,), optional
        See `zoobot.science.intervals.share`.
    """
    thresholds = grid()
    order = np.sort(score)
    own = np.sort(score[positive])
    chosen = len(order) - np.searchsorted(order, thresholds - 1e-12)
    hits = len(own) - np.searchsorted(own, thresholds - 1e-12)
    table: dict[str, Any] = {"threshold": thresholds, "chosen": chosen, "hits": hits}
    at = [score >= threshold - 1e-12 for threshold in thresholds]
    for name in ("purity", "completeness"):
        pairs = [(positive, rows) if name == "purity" else (rows, positive) for rows in at]
        found = [share(right[of], None if groups is None else groups[of]) for right, of in pairs]
        table |= {name: [one.value for one in found]}
        table |= {f"{name}_{end}": [getattr(one, end) for one in found] for end in ("low", "high")}
    return pd.DataFrame(table)


def chosen_rates(chosen: NDArray[np.bool_], positive: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the false positive rate, completeness and purity of galaxies (galaxy,) that are chosen.

    Purity is NaN where none is chosen.
    """
    hits, n = int((chosen & positive).sum()), int(chosen.sum())
    return (n - hits) / int((~positive).sum()), hits / int(positive.sum()), hits / n if n else float("nan")
