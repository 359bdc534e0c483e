"""Bootstrap: how often each galaxy is drawn, and scores of very many draws at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

CELLS = 4_000_000
"""Draws times galaxies that are held in memory at once"""


def bootstrap_counts(
    n_draws: int, strata: ArrayLike, *, seed: int = 42, cells: int = CELLS
) -> Iterator[NDArray[np.float64]]:
    """Return how often each galaxy is in each bootstrap sample, as blocks (draw, galaxy) of ``n_draws`` draws together.

    Parameters
    ----------
    n_draws
        Samples.
    strata
        (galaxy,) whole numbers: as many are drawn of each as there are. All 0: a plain bootstrap.
    seed
        Of the draws.
    cells
        About how many numbers a block has.
    """
    groups = [np.flatnonzero(np.asarray(strata) == one) for one in np.unique(strata)]
    n = sum(len(rows) for rows in groups)
    rng = np.random.default_rng(seed)
    block = max(1, min(n_draws, cells // max(n, 1)))
    for start in range(0, n_draws, block):
        size = min(block, n_draws - start)
        counts = np.zeros((size, n))
        for rows in groups:
            m = len(rows)
            drawn = rng.integers(m, size=(size, m)) + m * np.arange(size)[:, None]
            counts[:, rows] = np.bincount(drawn.ravel(), minlength=size * m).reshape(size, m)
        yield counts


def auroc(scores: Values, positive: NDArray[np.bool_], counts: Values) -> Values:
    """Return the AUROC (draw,) of scores (galaxy,), each galaxy counted (draw, galaxy) times.

    Ties count half. It is NaN without both kinds.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) > 0))
    ranked = counts[:, order]
    true = positive[order]
    positives = np.add.reduceat(ranked * true, starts, axis=1)
    negatives = np.add.reduceat(ranked * ~true, starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(pairs > 0, (positives * below).sum(axis=1) / pairs, np.nan))


def balanced_accuracy(scores: Values, labels: NDArray[np.int64], counts: Values) -> Values:
    """Return the mean recall (draw,) over the classes among labels (galaxy,).

    The class is that of the highest of scores (galaxy, class).
    """
    right = scores.argmax(axis=1) == labels
    recalls = []
    for place in np.unique(labels):
        own = labels == place
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls.append((counts[:, own] * right[own]).sum(axis=1) / counts[:, own].sum(axis=1))
    return np.asarray(np.mean(recalls, axis=0))


def rmse(predicted: Values, truth: Values, counts: Values) -> Values:
    """Return the root mean square error (draw,) of predictions (galaxy,)."""
    return np.asarray(np.sqrt(counts @ (predicted - truth) ** 2 / counts.sum(axis=1)))


def r2(predicted: Values, truth: Values, counts: Values) -> Values:
    """Return the share (draw,) of the variance of the truth that is explained; NaN where it has none."""
    total = counts.sum(axis=1)
    mean = counts @ truth / total
    around = counts @ (truth - truth.mean()) ** 2 / total - (mean - truth.mean()) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            around > 1e-12 * max(truth.var(), 1e-300), 1 - counts @ (predicted - truth) ** 2 / total / around, np.nan
        )
