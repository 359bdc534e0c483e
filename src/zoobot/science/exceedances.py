"""How many galaxies of a class score above a threshold in a sample without labels.

Exact bounds follow from labelled galaxies of the class. The only assumption is that the labelled galaxies of the class
and those in the sample are exchangeable: they score alike. Whatever the distribution of the scores, the n labelled and
the m others then come in random order, and how many of the m exceed the j-th highest of the n is known (Wilks 1942,
Ann. Math. Stat. 13, 400; Gumbel & von Schelling 1950, Ann. Math. Stat. 21, 247).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Counts = NDArray[np.int64]


def bound_ranks(n: int) -> tuple[Counts, Values]:
    """Return ranks among n galaxies, and what share of a tail each bound gets.

    The ranks are 1, 2, 5, 10, 17, ..., behind 0, 1, 4, 9, ... of the galaxies. Bounds are looked for behind square
    numbers, which are as close as chance makes counts scatter. The shares 1/2, 1/6, 1/12, ... sum to less than 1, so
    that the bounds hold together; the first are the largest, for few galaxies that score high say most.
    """
    place = np.arange(int(np.sqrt(n - 1)) + 1)
    return np.asarray(1 + place**2, dtype=np.int64), 1 / ((place + 1.0) * (place + 2))


def exceedances(n: int, m: int, ranks: Counts, tail: float | Values, *, most: bool) -> Counts:
    r"""Return a bound on how many of m galaxies score above each of some of n galaxies.

    All of them are exchangeable. At least c of the m are above the j-th highest of the n where at most j - 1 of the n
    are among the c + j - 1 highest of all, which has the hypergeometric probability :math:`P(X \le j - 1)` of c + j - 1
    draws from n + m galaxies.

    Parameters
    ----------
    n, m
        How many galaxies have ranks, and how many are counted.
    ranks
        (rank,) from 1, the highest score, to n.
    tail
        Probability with which each bound fails, at most; one for all, or (rank,).
    most
        True: no more than this number is above; False: no fewer.

    Returns
    -------
    ndarray
        (rank,) 0 to m.
    """
    from scipy.stats import hypergeom

    def reached(c: Counts) -> Values:
        return np.asarray(hypergeom.cdf(ranks - 1, n + m, n, c + ranks - 1))

    low, high = np.zeros(len(ranks), dtype=np.int64), np.full(len(ranks), m + 1, dtype=np.int64)
    level = np.asarray(tail if most else 1 - np.asarray(tail))
    while (high - low > 1).any():
        middle = (low + high) // 2
        likely = reached(middle) > level if most else reached(middle) >= level
        low, high = np.where(likely, middle, low), np.where(likely, high, middle)
    return low


def bounds_above(n: int, m: int, ranks: Counts, tail: float | Values, *, most: bool) -> Counts:
    """Return `exceedances`, with 0 for rank 0 and m for rank n + 1.

    There is no galaxy of the n above the former and below the latter.
    """
    found = np.where(ranks < 1, 0, m)
    known = (ranks >= 1) & (ranks <= n)
    tails = np.broadcast_to(tail, ranks.shape)[known]
    found[known] = exceedances(n, m, ranks[known], tails, most=most)
    return found


def above_each(scores: Values, targets: Values) -> Counts:
    """Return how many of sorted targets score above each of some scores, (score,)."""
    return np.asarray(len(targets) - np.searchsorted(targets, scores, side="right"), dtype=np.int64)


def fewest_others(own: Values, targets: Values, tail: float) -> int:
    """Return the fewest targets that are not of a class.

    They follow from how many more of them score high than galaxies of the class do. Of m targets of the class at most
    `exceedances` are above the j-th highest labelled galaxy of the class; the rest of those above are others. That
    leaves fewer than m of the class, and so on until it leaves no fewer. The first bounds, for as many as there may be,
    hold with a probability of ``1 - tail`` together, and all that follow from them do too (the lower bound on a
    mixture's proportion of Blanchard, Lee & Scott 2010, JMLR 11, 2973, with exact bounds for its uniform ones).

    Parameters
    ----------
    own
        Sorted scores (galaxy,) of labelled galaxies of the class.
    targets
        Sorted scores (target,).
    tail
        Probability with which there are fewer others.
    """
    ranks, shares = bound_ranks(len(own))
    above = above_each(own[len(own) - ranks], targets)
    others = 0
    while True:
        own_above = exceedances(len(own), len(targets) - others, ranks, tail * shares, most=True)
        found = int((above - own_above).max())
        if found <= others + len(targets) // 1000:  # no further step is worth its time
            return max(found, others)
        others = found


def independent_rows(labels: NDArray[np.bool_], groups: NDArray[np.int64] | None, seed: int) -> NDArray[np.intp]:
    """Return the rows of one galaxy of each group and label, drawn at random.

    All rows are returned where each galaxy stands alone.
    """
    if groups is None:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    _, first = np.unique(np.stack([groups, labels])[:, order], axis=1, return_index=True)
    return np.sort(order[first])
