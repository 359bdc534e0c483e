"""95% intervals that hold the truth as often as they say, of shares, means, and means over classes, labels or targets.

Each function takes the galaxies of one test set and returns a `Measured`. Galaxies may belong to groups, such as copies
of one object: then the groups are what is independent. docs/report.md has the coverage of all of them, simulated by
benchmarks/coverage.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.conformal import exact_binomial_interval
from zoobot.science.groups import Groups

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

Z95 = 1.959963984540054
"""97.5th percentile of the normal distribution"""

FEWEST = 10
"""Independent galaxies or groups below which numbers, errors and votes have no interval"""

FEWEST_SQUARED = 20
"""The same of squared errors, whose tail fewer hardly show: intervals of ten cover 0.89 where true values have a long
tail
"""

FEWEST_CLASSED = 6
"""The same of losses of which the worst is known, such as those of classes"""

UNSEEN = 2
"""Galaxies, as bad as could be, of which the worse end of an interval allows that these galaxies missed them by chance
"""

SKEWNESS = 5.0
"""Over the root of the number of galaxies, by what share their skewness is raised: few hardly ever show the tail that
they come from
"""

MOST_SKEWED = 2.0
"""By how much it is raised at most"""

NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Measured:
    """A figure with its 95% interval, and what each galaxy adds to its error.

    Attributes
    ----------
    value : float
        The figure; NaN where there is none.
    low, high : float
        The interval; NaN where ``reason`` says why there is none.
    influence : ndarray
        (galaxy,): by how much the figure is higher for this galaxy, to first order. The sum is 0.
    method : str
        How the interval was found.
    reason : str
        Why there is no interval.
    """

    value: float
    low: float
    high: float
    influence: Values
    method: str
    reason: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


def none(value: float, influence: Values, reason: str) -> Measured:
    """Return a figure without an interval."""
    return Measured(value, NAN, NAN, influence, "", reason)


def t_quantile(degrees: float, level: float = 0.95) -> float:
    """Return the quantile of Student's t distribution that an interval of a level reaches to.

    By default, it is the 97.5th percentile.
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))


def wilson_interval(hits: ArrayLike, count: ArrayLike) -> tuple[Values, Values]:
    """Return Wilson's 95% interval of a share, ``hits`` of ``count`` (1927, JASA 22, 209).

    Both are of one shape, and may be fractional.
    """
    n = np.asarray(count, dtype=np.float64)
    p = np.asarray(hits, dtype=np.float64) / n
    center = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    return np.clip(center - half, 0, 1), np.clip(center + half, 0, 1)


def share(right: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    r"""Return the share of galaxies of which something is true, such as accuracy, purity or completeness.

    Single galaxies: Clopper & Pearson (1934). Groups: the same at the effective number of galaxies
    :math:`n^* = \frac{p (1 - p)}{\hat V} \big(\frac{t_{n - 1}}{t_{G - 1}}\big)^2 \le n` (Korn & Graubard 1998, Survey
    Methodology 24, 193), where :math:`\hat V` is the variance between the :math:`G` groups; where all or none are
    right, the number of groups.

    Parameters
    ----------
    right : array_like of shape (galaxy,)
        Whether it is true.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    hit = np.asarray(right, dtype=np.float64)
    n = len(hit)
    own = Groups.of(groups, n)
    if not n:
        return none(NAN, hit, "there are no such galaxies")
    p = float(hit.mean())
    influence = (hit - p) / n
    if own.alone:
        return Measured(p, *exact_binomial_interval(hit.sum(), n), influence, "Clopper & Pearson (1934)")
    if own.count < 2:
        return none(p, influence, f"all {n} galaxies belong to one group")
    count = own.effective
    if 0 < p < 1:
        variance = max(own.variance(influence), 1e-12)
        count = min(n, p * (1 - p) / variance * (t_quantile(n - 1) / t_quantile(own.degrees)) ** 2)
    return Measured(
        p, *exact_binomial_interval(p * count, count), influence, "Korn & Graubard (1998), groups as clusters"
    )


def balanced_share(right: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the mean over the classes present of the share of which something is true.

    Such is balanced accuracy; see `mean_of`.

    Parameters
    ----------
    right : array_like of shape (galaxy,)
        Whether it is true.
    classes : array_like of shape (galaxy,)
        Whole numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    hit, of = np.asarray(right, dtype=np.float64), np.asarray(classes)
    together = None if groups is None else np.asarray(groups)
    members = of[:, None] == np.unique(of)
    parts = []
    for rows in members.T:
        part = share(hit[rows], None if together is None else together[rows])
        influence = np.zeros(len(hit))
        influence[rows] = part.influence
        parts.append(replace(part, influence=influence))
    counts = Groups.of(groups, len(hit)).sums(members.astype(np.float64))
    lengths = np.sqrt((counts**2).sum(axis=0))
    return mean_of(parts, groups, overlap=counts.T @ counts / np.outer(lengths, lengths))


def positive_mean(
    values: ArrayLike, groups: ArrayLike | None = None, *, worst: ArrayLike | None = None, fewest: int | None = None
) -> Measured:
    """Return the mean of positive values, such as losses; see `positive_ratio`.

    Parameters
    ----------
    values : array_like of shape (galaxy,)
        0 or more.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    worst : array_like of shape (galaxy,), optional
        What each galaxy would have had, were its prediction wrong. The upper end then is at least the mean with two
        more galaxies as wrong as that on average: a model that errs rarely and gravely may not have erred among these
        galaxies. Where one galaxy makes up nearly all of the mean, the interval is that of the share of such galaxies
        (Clopper & Pearson 1934).
    fewest : int, optional
        Groups below which there is no interval. Default: 10, and 6 where the worst is known.
    """
    x = np.asarray(values, dtype=np.float64)
    n, own = len(x), Groups.of(groups, len(x))
    if not n:
        return none(NAN, x, "there are no galaxies")
    mean = float(x.mean())
    sums, sizes = own.sums(x), own.sums(np.ones(n))
    rest = (sums.sum() - sums) / np.maximum(sizes.sum() - sizes, 1)
    if fewest is None:
        fewest = FEWEST if worst is None else FEWEST_CLASSED
    found = positive_ratio(mean, rest, (x - mean) / n / max(mean, 1e-300), own, fewest=fewest)
    if worst is None or own.count < fewest:
        return found
    more = UNSEEN * n / own.count
    bad = float(np.asarray(worst, dtype=np.float64).mean())
    floor = (mean * n + more * bad) / (n + more)
    if found.has_interval:
        return Measured(mean, found.low, max(found.high, floor), found.influence, found.method)
    share_wrong = exact_binomial_interval(1 if mean > 0 else 0, own.count)[1]
    return Measured(
        mean, float(rest.min()), max(share_wrong * bad, floor), found.influence, "exact share that is wrong"
    )


def mean(values: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the mean of numbers of either sign, such as errors.

    At each end, the interval is the wider of Student's t and Hall's (see `positive_ratio`).

    Parameters
    ----------
    values : array_like of shape (galaxy,)
        Numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    x = np.asarray(values, dtype=np.float64)
    n, own = len(x), Groups.of(groups, len(x))
    if not n:
        return none(NAN, x, "there are no galaxies")
    value = float(x.mean())
    influence = (x - value) / n
    if own.count < FEWEST:
        return none(value, influence, _too_few(own))
    sums = own.sums(influence)
    error, gamma, q = spread(sums), skewness(sums), t_quantile(own.degrees)
    low, high = (min(-q, -_unskewed(q, gamma)), max(q, -_unskewed(-q, gamma)))
    return Measured(value, value + low * error, value + high * error, influence, "t; Hall (1992) for skewness")


def positive_ratio(value: float, rest: Values, relative: Values, own: Groups, *, fewest: int = FEWEST) -> Measured:
    r"""Return a positive figure, such as a mean loss or a ratio of two, with an interval.

    The interval allows for a tail which few galaxies show. The wider at each end of two: Student's t on the logarithm,
    :math:`\hat\theta \exp(\pm t_{G - 1} s)`, where :math:`s` is the standard error from leaving out each group in turn
    (or that from the influences, if larger); and Hall's (1992, J. R. Statist. Soc. B 54, 221) transformation of the
    studentized figure, :math:`\hat\theta (1 - s\, g^{-1}(\pm t))` with

    .. math::

        g^{-1}(x) = \frac{3}{\gamma} \Big(\big(1 + \gamma (x - \gamma / 6)\big)^{1/3} - 1\Big)

    where :math:`\gamma` is the skewness of the influences over :math:`\sqrt G`, raised by a share of
    :math:`5 / \sqrt G`, at most doubled.

    Parameters
    ----------
    value
        The figure.
    rest
        (group,): the figure without each group.
    relative
        (galaxy,): influence on the logarithm of the figure.
    own
        The groups.
    fewest
        Groups below which there is no interval.
    """
    if own.count < fewest:
        return none(value, relative * value, _too_few(own))
    if not value > 0 or (rest <= 1e-3 * value).any():
        return none(value, relative * value, "one galaxy or none makes up nearly all of it")
    low, high = _skewed(np.log(rest), own.sums(relative), own.degrees)
    return Measured(
        value,
        value * low,
        value * high,
        relative * value,
        "leave-one-out, t on the logarithm; Hall (1992) for skewness",
    )


def _too_few(own: Groups) -> str:
    return f"{own.named()} {'is' if own.count == 1 else 'are'} too few for an interval"


def _skewed(rest: Values, relative: Values, degrees: float) -> tuple[float, float]:
    """Return the ends of the interval over the figure, from logarithms without each group and influences (group,)."""
    g, q = len(relative), t_quantile(degrees)
    error, gamma = spread(relative), skewness(relative)
    left_out = float(np.sqrt(((rest - rest.mean()) ** 2).sum() * (g - 1) / g))
    half = q * max(error, left_out)
    low, high = (1 - error * _unskewed(x, gamma) for x in (q, -q))
    return min(float(np.exp(-half)), max(low, 0.0)), max(float(np.exp(half)), high)


def spread(sums: Values) -> float:
    """Return the standard error of a figure from influences summed over groups (group,)."""
    g = len(sums)
    return float(np.sqrt((sums**2).sum() * g / (g - 1)))


def skewness(sums: Values) -> float:
    """Return the skewness of influences summed over groups (group,), raised, over the root of their number."""
    g, spread = len(sums), float(sums.std())
    if not spread > 0:
        return 0.0
    cubes = float((((sums - sums.mean()) / spread) ** 3).mean())
    raised = min(1 + SKEWNESS / float(np.sqrt(g)), MOST_SKEWED)
    return raised * cubes * float(np.sqrt(g - 1)) / (g - 2)


def _unskewed(x: float, gamma: float) -> float:
    if abs(gamma) < 1e-6:
        return x
    return float(np.cbrt(1 + gamma * (x - gamma / 6)) - 1) * 3 / gamma


def mean_of(
    parts: Sequence[Measured],
    groups: ArrayLike | None = None,
    *,
    names: Sequence[str] = (),
    overlap: Values | None = None,
) -> Measured:
    r"""Return the mean of several figures of the same galaxies: over classes, labels or targets.

    With intervals :math:`(l_k, u_k)` of figures :math:`\theta_k`, and correlations :math:`\rho_{jk}` of their
    influences summed over groups, the mean of :math:`K` of them lies between

    .. math::

        \bar\theta - \tfrac1K \sqrt{\textstyle\sum_{jk} \rho_{jk} (\theta_j - l_j) (\theta_k - l_k)}
        \quad\text{and}\quad \bar\theta + \tfrac1K \sqrt{\textstyle\sum_{jk} \rho_{jk} (u_j - \theta_j) (u_k -
        \theta_k)}

    (Zou & Donner 2008, Statistics in Medicine 27, 1693). Correlations below 0 are taken as 0. Figures without
    influences, because all their galaxies agree, are taken as fully correlated, or as ``overlap`` says.

    Parameters
    ----------
    parts
        The figures; influences of one length.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    names
        Of the parts, for the reason why there is no interval.
    overlap
        (part, part): correlation to assume of figures without influences.
    """
    if not parts:
        return none(NAN, np.zeros(0), "there is nothing to average")
    influence = np.stack([part.influence for part in parts], axis=1)
    value = float(np.mean([part.value for part in parts]))
    if len(parts) == 1:
        return parts[0]
    lacking = [place for place, part in enumerate(parts) if not part.has_interval]
    if lacking:
        first = f"{names[lacking[0]]}: " if names else ""
        return none(value, influence.mean(axis=1), f"{first}{parts[lacking[0]].reason}")
    own = Groups.of(groups, len(influence))
    sums = own.sums(influence)
    scale = np.sqrt((sums**2).sum(axis=0))
    still = scale < 1e-12
    correlation = np.clip((sums.T @ sums) / np.outer(np.where(still, 1, scale), np.where(still, 1, scale)), 0, 1)
    correlation[np.ix_(still, still)] = 1 if overlap is None else overlap[np.ix_(still, still)]
    np.fill_diagonal(correlation, 1)
    low, high = (
        float(np.sqrt(max(ends @ correlation @ ends, 0))) / len(parts)
        for ends in (
            np.array([part.value - part.low for part in parts]),
            np.array([part.high - part.value for part in parts]),
        )
    )
    combined = "combined by Zou & Donner (2008)"
    method = parts[0].method if combined in parts[0].method else f"{parts[0].method}; {combined}"
    return Measured(value, value - low, value + high, influence.mean(axis=1), method)
