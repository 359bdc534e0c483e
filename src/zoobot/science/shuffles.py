"""Tests by shuffling labels among galaxies, or among whole groups of them: all orders of few, some of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, lgamma
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.groups import Groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

SHUFFLES = 1999
"""Shufflings of labels where their number is too large to try all"""

MOST_ORDERS = 5040
"""Orders of the labels up to which all are tried"""

MOST_FLIPPED = 12
"""Groups up to which all flips of their signs are tried"""

CELLS = 4_000_000
"""Galaxies times shufflings that are held in memory at once"""


@dataclass(frozen=True)
class Chance:
    """How a figure compares with chance.

    Attributes
    ----------
    p_value : float
        Two-sided: how likely predictions that know nothing are as far from chance; NaN where nothing can be tested.
    smallest_p : float
        The smallest p-value that as many galaxies or groups could give, however good the predictions were.
    """

    p_value: float
    smallest_p: float


Statistic = Callable[["Values", "NDArray[np.int64]"], "Values"]
"""From scores (galaxy, column) and labels (order, galaxy) to one number per order"""


def shuffled(
    scores: Values, labels: NDArray[np.int64], groups: Groups, statistic: Statistic, seed: int
) -> Chance | None:
    """Test a statistic by shuffling the labels (galaxy,) of whole groups; None where a group has several."""
    first = np.zeros(groups.count, np.int64)
    first[groups.codes] = labels
    if (first[groups.codes] != labels).any():
        return None
    counts = np.unique(first, return_counts=True)[1]
    ways = ways_of(counts.tolist())
    rng = np.random.default_rng(seed)
    orders = (
        np.array(list(_arrangements(first)))
        if ways <= MOST_ORDERS + 0.5
        else np.stack([first, *(rng.permutation(first) for _ in range(SHUFFLES))])
    )
    block = max(1, CELLS // len(labels))
    found = np.concatenate(
        [statistic(scores, orders[start : start + block][:, groups.codes]) for start in range(0, len(orders), block)]
    )
    edge = 1e-9 * max(1.0, float(np.abs(found).max()))
    tail = min((found >= found[0] - edge).mean(), (found <= found[0] + edge).mean())
    return Chance(float(min(1.0, 2 * tail)), min(1.0, 2 / len(orders)))


def ways_of(counts: list[int]) -> float:
    """Return how many orders there are of so many galaxies of each kind."""
    return exp(min(lgamma(sum(counts) + 1) - sum(lgamma(count + 1) for count in counts), 700))


def _arrangements(labels: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield every distinct order of the labels, the given one first."""
    yield labels.tolist()
    order = sorted(labels.tolist())
    while True:
        if order != labels.tolist():
            yield list(order)
        rise = next((place for place in range(len(order) - 2, -1, -1) if order[place] < order[place + 1]), None)
        if rise is None:
            return
        above = next(place for place in range(len(order) - 1, rise, -1) if order[place] > order[rise])
        order[rise], order[above] = order[above], order[rise]
        order[rise + 1 :] = order[:rise:-1]


def mean_area(scores: Values, labels: NDArray[np.int64]) -> Values:
    """Return the AUROC (order,).

    Of one column it is that of the kind with label 1, of more the mean of each class against the rest.
    """
    from scipy.stats import rankdata

    ranks = rankdata(scores, axis=0)
    classes = [1] if ranks.shape[1] == 1 else np.unique(labels[0]).tolist()
    areas = []
    for column, place in zip(ranks.T if ranks.shape[1] == 1 else ranks.T[classes], classes, strict=True):
        own = (labels == place).astype(np.float64)
        count = own.sum(axis=1)
        areas.append((own @ column - count * (count + 1) / 2) / (count * (len(column) - count)))
    return np.asarray(np.mean(areas, axis=0))


def rank_products(values: NDArray[np.int64], groups: Groups) -> Statistic:
    """Return the correlation of one column's ranks with labels that stand for numbers.

    The labels themselves count by their rank among groups. Of groups of one size, and of single galaxies, it is
    Spearman's rank correlation.

    Parameters
    ----------
    values
        (galaxy,): place of each galaxy's number among the distinct ones; one per group.
    groups
        The groups.
    """
    from scipy.stats import rankdata

    first = np.zeros(groups.count, np.int64)
    first[groups.codes] = values
    table = np.zeros(int(values.max()) + 1)
    table[first] = rankdata(first)

    def products(scores: Values, labels: NDArray[np.int64]) -> Values:
        x = rankdata(scores[:, 0]) - (len(scores) + 1) / 2
        y = table[labels]
        y = y - y.mean(axis=1, keepdims=True)
        return np.asarray(y @ x / np.sqrt((x @ x) * np.maximum((y**2).sum(axis=1), 1e-300)))

    return products


def flipped(contributions: Values, groups: Groups, seed: int) -> Chance:
    """Test whether contributions (galaxy,), summed over groups, differ from 0 together.

    It flips the signs of groups. All flips of up to 12 groups, 1999 of more: under chance a group is as likely to add
    as to take away.
    """
    sums = groups.sums(contributions)
    if groups.count <= MOST_FLIPPED:
        signs = 1.0 - 2 * ((np.arange(2**groups.count)[:, None] >> np.arange(groups.count)) & 1)
        found = np.abs(signs @ sums)
    else:
        rng = np.random.default_rng(seed)
        signs = 1.0 - 2 * rng.integers(0, 2, (SHUFFLES, groups.count), dtype=np.int8)
        found = np.abs(np.concatenate([[sums.sum()], signs @ sums]))
    p = float((found >= found[0] - 1e-9 * max(found.max(), 1e-300)).mean())
    return Chance(p, max(2.0 ** (1 - groups.count), 1 / len(found)))
