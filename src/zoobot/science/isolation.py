"""Which galaxies lie far from all that are known: judged by how far known galaxies lie from one another's nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.conformal import exact_binomial_interval
from zoobot.science.groups import Groups
from zoobot.science.reference import distances

if TYPE_CHECKING:
    import numpy.typing as npt

FAR_QUANTILE = 0.99
"""Known galaxies' quantile of the distance to the nearest other: farther ones are far"""


@dataclass(frozen=True)
class FarShare:
    """How many galaxies are far from those that are known."""

    value: float
    """Share of them"""
    low: float
    high: float
    """Its 95% interval"""
    expected: float
    """Share that is expected at most among galaxies of the same population"""
    rank: int
    """k: galaxies beyond the k-th largest distance are far"""
    p_value: float
    """Probability of at least as many among galaxies of the same population"""


def far_share(known: npt.NDArray[np.float32], target: npt.NDArray[np.float32], own: Groups, theirs: Groups) -> FarShare:
    r"""Return the share of target galaxies that are far.

    They are farther from the nearest known galaxy than most known ones from theirs. A known galaxy's distance is that
    to the nearest one of another group. With :math:`m` known galaxies that stand alone, and
    :math:`k = \max(1, \lfloor 0.01 (m + 1) \rfloor)`, galaxies beyond the :math:`k`-th largest distance are far. A
    galaxy of the same population is far with probability :math:`k / (m + 1)` at most: of all :math:`m + 1` it is as
    likely as any other to be one of the :math:`k` most isolated, and without it the others are only farther apart. The
    share beyond the :math:`k`-th largest of :math:`m` independent distances has the distribution
    Beta(:math:`k, m + 1 - k`), and the number of far ones among :math:`n` is beta-binomial (Vovk 2012). Two galaxies
    that are each other's nearest share one distance: where a share :math:`s` of the galaxies are such, the
    distribution's parameters are multiplied by :math:`1 - s/2`.

    Groups count as their effective number :math:`(\sum_g n_g)^2 / \sum_g n_g^2` (Kish 1965), in :math:`m`, :math:`n`
    and the interval, which is Clopper & Pearson's for as many galaxies (Korn & Graubard 1998, Survey Methodology 24,
    193).

    Parameters
    ----------
    known, target
        (galaxy, feature).
    own, theirs
        Their groups.
    """
    from scipy.stats import betabinom

    between = distances(known, known)
    between[own.codes[:, None] == own.codes] = np.inf
    nearest, isolation = between.argmin(axis=1), np.sort(between.min(axis=1))[::-1]
    m, n = own.effective, theirs.effective
    k = max(1, int((1 - FAR_QUANTILE) * (m + 1) + 1e-9))
    limit = isolation[int((k - 1) * len(known) / m)]
    share = float((distances(target, known).min(axis=1) > limit).mean())
    mutual = float((own.codes[nearest[nearest]] == own.codes).mean())
    weight, count = 1 - mutual / 2, int(share * n + 1e-9)
    p_value = float(betabinom(int(n + 1e-9), k * weight, (m + 1 - k) * weight).sf(count - 1))
    return FarShare(share, *exact_binomial_interval(share * n, n, 0.95), k / (m + 1), k, p_value)
