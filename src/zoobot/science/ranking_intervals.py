"""95% intervals of how well scores rank galaxies: AUROC, average precision and Spearman's rank correlation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from zoobot.ranges import bounded
from zoobot.science.conformal import exact_binomial_interval
from zoobot.science.groups import Groups
from zoobot.science.intervals import (
    FEWEST,
    UNSEEN,
    Z95,
    Measured,
    mean_of,
    none,
    t_quantile,
    wilson_interval,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Rows = NDArray[np.bool_]


def auroc(
    score: ArrayLike,
    positive: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    level: float = 0.95,
    inflation: float = 1.0,
) -> Measured:
    r"""Return the AUROC :math:`A` of two kinds of galaxies.

    It is how often one of the kind has the higher score, ties counting half. The wider at each end of two intervals.
    DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44, 837), clustered as Obuchowski (1997, Biometrics 53, 567) has
    it, on the logit scale with Student's t at Satterthwaite's degrees of freedom; where the kinds are apart without
    exception, this is the exact interval of a share of the rarer kind. It keeps to what these galaxies show, which
    falls short where few of them show no tail. And Newcombe's (2006, Statistics in Medicine 25, 559, method 5): the
    :math:`\theta` within :math:`1.96 \sqrt{V(\theta)}` of :math:`A`, where of :math:`m` and :math:`n` galaxies and
    :math:`N = (m + n) / 2`

    .. math::

        V(\theta) = \frac{\theta (1 - \theta)}{m n}
        \Big[1 + (N - 1) \Big(\frac{1 - \theta}{2 - \theta} + \frac{\theta}{1 + \theta}\Big)\Big]

    (Hanley & McNeil 1982). With groups, :math:`m` and :math:`n` are divided by the ratio of the variance between groups
    to that of single galaxies. The interval always reaches to what two more galaxies of the rarer kind, ranked by
    chance, would leave.

    Parameters
    ----------
    score : array_like of shape (galaxy,)
        Higher means more likely of the kind.
    positive : array_like of shape (galaxy,)
        Whether it is.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    level
        Of the interval.
    inflation
        What the variance is multiplied by, such as for scores that depend on one another through cross-validation.
    """
    from scipy.special import expit, logit

    scores, own = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    m, n = int(own.sum()), int((~own).sum())
    influence = np.zeros(len(scores))
    if not m or not n:
        return none(float("nan"), influence, "all galaxies are of one kind")
    ranks = _midranks(scores)
    above = (ranks[own] - _midranks(scores[own])) / n
    below = 1 - (ranks[~own] - _midranks(scores[~own])) / m
    area = float(above.mean())
    influence[own], influence[~own] = (above - area) / m, (below - area) / n
    together = Groups.of(groups, len(scores))
    kinds = [together.only(own), together.only(~own)]
    few = min(kinds, key=lambda kind: kind.count)
    if few.count < 2:
        return none(area, influence, f"{few.named()} of the rarer kind {'is' if few.count == 1 else 'are'} too few")
    variance, degrees = _clustered(influence, own, together, kinds)
    variance *= inflation
    m_eff, n_eff = (kind.effective for kind in kinds)
    low, high = 0.0, 1.0
    if variance > 1e-15:
        alone = _clustered(influence, own, Groups.of(None, len(scores)), None)[0]
        design = max(1.0, variance / alone)
        m_eff, n_eff = (max(min(kind.effective, size), size / design) for kind, size in zip(kinds, (m, n), strict=True))
    if variance > 1e-15 and 0 < area < 1:
        half = t_quantile(degrees, level) * np.sqrt(variance) / (area * (1 - area))
        low, high = float(expit(logit(area) - half)), float(expit(logit(area) + half))
    else:
        low, high = exact_binomial_interval(area * min(m_eff, n_eff), min(m_eff, n_eff), level)
    other, laplace = _newcombe(area, m_eff, n_eff, level), (area * few.effective + 1) / (few.effective + 2)
    low, high = min(low, other[0], laplace), max(high, other[1], laplace)
    return Measured(
        area, low, high, influence, "DeLong et al. (1988), t on the logit scale, and Newcombe (2006), the wider"
    )


@bounded()
def auroc_interval(
    scores: ArrayLike,
    positive: ArrayLike,
    level: float = 0.95,
    *,
    groups: ArrayLike | None = None,
    inflation: float = 1.0,
) -> tuple[float, float, float]:
    """Return the AUROC of scores and the ends of its interval, NaN where there is none; see `auroc`."""
    found = auroc(scores, positive, groups, level=level, inflation=inflation)
    return found.value, found.low, found.high


def mean_auroc(scores: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the AUROC of classes.

    Of two it is the second's, of more the mean over the classes present of each against the rest.

    Parameters
    ----------
    scores : array_like of shape (galaxy, class)
        Higher means more likely.
    classes : array_like of shape (galaxy,)
        Whole numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    return _over_classes(auroc, scores, classes, groups)


def mean_average_precision(scores: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    """Return the average precision of classes, as `mean_auroc` does the AUROC."""
    return _over_classes(average_precision, scores, classes, groups)


def _over_classes(
    measure: Callable[[Values, Rows, ArrayLike | None], Measured],
    scores: ArrayLike,
    classes: ArrayLike,
    groups: ArrayLike | None,
) -> Measured:
    score, of = np.asarray(scores, dtype=np.float64), np.asarray(classes).astype(int)
    if score.shape[1] == 2:
        return measure(score[:, 1], of == 1, groups)
    return mean_of([measure(score[:, place], of == place, groups) for place in np.unique(of)], groups)


def _midranks(values: Values) -> Values:
    """Return ranks (galaxy,) from 1, the mean rank where values are equal."""
    level, count = np.unique(values, return_inverse=True, return_counts=True)[1:]
    ends = np.cumsum(count)
    ranks: Values = (ends - (count - 1) / 2)[level]
    return ranks


def _clustered(influence: Values, own: Rows, groups: Groups, kinds: list[Groups] | None) -> tuple[float, float]:
    """Return the variance of influences summed over groups, and Satterthwaite's degrees of freedom.

    They are of two kinds of galaxies.
    """
    counts = [kind.count for kind in kinds] if kinds else [int(own.sum()), int((~own).sum())]
    degrees = [kind.degrees for kind in kinds] if kinds else [count - 1 for count in counts]
    parts = [
        groups.sums(np.where(rows, influence, 0.0)) * np.sqrt(count / (count - 1))
        for rows, count in zip((own, ~own), counts, strict=True)
    ]
    each = [float((part**2).sum()) for part in parts]
    variance = float(((parts[0] + parts[1]) ** 2).sum())
    spread = sum(one**2 / df for one, df in zip(each, degrees, strict=True))
    total = sum(each)
    return variance, max(total**2 / spread, min(degrees)) if spread > 0 else min(degrees)


def _newcombe(area: float, m: float, n: float, level: float) -> tuple[float, float]:
    from scipy.optimize import brentq
    from scipy.special import ndtri

    half, quantile = (m + n) / 2, float(ndtri(0.5 + level / 2))

    def far(theta: float) -> float:
        spread = 1 + (half - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return (area - theta) ** 2 - quantile**2 * theta * (1 - theta) * spread / (m * n)

    low = 0.0 if area <= 0 else float(brentq(far, 0, min(area, 1 - 1e-9)))
    return low, 1.0 if area >= 1 else float(brentq(far, max(area, 1e-9), 1))


def average_precision(score: ArrayLike, positive: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    r"""Return the average precision :math:`A`: the mean purity of what ranks at or above each galaxy of the kind.

    Of few galaxies it is too high, by up to 0.1: each galaxy of the kind counts itself among those above it. The
    interval is one of what very many such galaxies would give, with the same share of the kind. It is Wilson's at the
    effective number
    :math:`n^* = \min(m, A (1 - A) / \hat V \cdot (1.96 / t)^2)` of the :math:`m` galaxies of the kind (:math:`\hat V`
    from leaving each galaxy out in turn, summed over groups), where the lower end starts from the average precision in
    which each galaxy counts itself (or its own group) half. The lower end is also at most what two more galaxies of
    other kinds, ranked above all, would leave: few galaxies hardly ever show the rare one that is ranked far too high.

    Parameters
    ----------
    score : array_like of shape (galaxy,)
        Higher means more likely of the kind.
    positive : array_like of shape (galaxy,)
        Whether it is.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    scores, own = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    m, n = int(own.sum()), int((~own).sum())
    if not m or not n:
        return none(float("nan"), np.zeros(len(scores)), "all galaxies are of one kind")
    together = Groups.of(groups, len(scores))
    kinds = [together.only(own), together.only(~own)]
    level = np.unique(-scores, return_inverse=True)[1]  # 0 is the highest score
    hits = np.bincount(level, weights=own).astype(np.float64)
    above, chosen = np.cumsum(hits), np.cumsum(np.bincount(level)).astype(np.float64)
    value = float((hits * above / chosen).sum() / m)
    influence = _left_out(level, own, hits, above, chosen)
    if kinds[0].count < 2 or kinds[1].count < 2:
        few = kinds[0] if kinds[0].count < 2 else kinds[1]
        return none(value, influence, f"{few.named()} of the rarer kind {'is' if few.count == 1 else 'are'} too few")
    variance, degrees = _clustered(influence, own, together, kinds)
    count = kinds[0].effective
    if variance > 1e-15 and 0 < value < 1:
        count = min(count, value * (1 - value) / variance * (Z95 / t_quantile(degrees)) ** 2)
    count = max(count, 0.5)
    self_counted = _own_above(level, own, together) / 2
    at = level[own]
    halved = float(((above[at] - self_counted) / (chosen[at] - self_counted)).mean())
    more = UNSEEN * n / kinds[1].count
    low = min(float(wilson_interval(halved * count, count)[0]), float((hits * above / (chosen + more)).sum() / m))
    method = "Wilson (1927) at the effective number of galaxies, less the bias of few"
    return Measured(value, low, float(wilson_interval(value * count, count)[1]), influence, method)


def _left_out(level: NDArray[np.int64], own: Rows, hits: Values, above: Values, chosen: Values) -> Values:
    """Return by how much each galaxy (galaxy,) raises the average precision, from leaving it out."""
    m, n = own.sum(), (~own).sum()
    fewer = np.maximum(chosen - 1, 1)
    before = np.concatenate([[0.0], np.cumsum(hits * above / chosen)])
    gone = hits * (above - 1) / fewer
    after = np.concatenate([np.cumsum(gone[::-1])[::-1], [0.0]])
    at = level[own]
    of_kind = (before[at] + (hits[at] - 1) * (above[at] - 1) / fewer[at] + after[at + 1]) / max(m - 1, 1)
    later = np.concatenate([np.cumsum((hits * above / fewer)[::-1])[::-1], [0.0]])
    at = level[~own]
    of_others = (before[at] + later[at]) / m
    influence = np.zeros(len(level))
    influence[own] = (of_kind.mean() - of_kind) * (m - 1) / m
    influence[~own] = (of_others.mean() - of_others) * (n - 1) / n
    return influence


def _own_above(level: NDArray[np.int64], own: Rows, groups: Groups) -> Values:
    """Return how many of its own group's galaxies of the kind rank at or above each of them.

    The result is (galaxy of the kind,), and counts itself.
    """
    if groups.alone:
        return np.ones(int(own.sum()))
    codes, at = groups.codes[own], level[own]
    order = np.lexsort((at, codes))
    sorted_codes, sorted_at = codes[order], at[order]
    place = np.arange(len(order))
    starts = np.concatenate([[True], np.diff(sorted_codes) > 0])
    first = np.maximum.accumulate(np.where(starts, place, 0))
    # the last place with the same group and level: ties all count as above
    ends = np.concatenate([(np.diff(sorted_codes) != 0) | (np.diff(sorted_at) != 0), [True]])
    last = np.minimum.accumulate(np.where(ends, place, len(order))[::-1])[::-1]
    found = np.empty(len(order))
    found[order] = last - first + 1
    return found


def rank_correlation(predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None) -> Measured:
    r"""Return Spearman's rank correlation :math:`r`.

    Its interval is Student's t on Fisher's scale, :math:`\tanh(\operatorname{artanh} r \pm t s)`, with the larger
    :math:`s` of two: Bonett & Wright's (2000, Psychometrika 65, 23) :math:`s^2 = (1 + r^2 / 2) / (n - 3)`, and that of
    each galaxy's influence, summed over groups. With groups, :math:`n` is divided by the ratio of the variance between
    groups to that of single galaxies.

    Parameters
    ----------
    predicted, truth : array_like of shape (galaxy,)
        Numbers.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    n, own = len(x), Groups.of(groups, len(x))
    if n < 2 or not np.ptp(x) or not np.ptp(y):
        return none(float("nan"), np.zeros(n), "predictions or true values are all the same")
    ranks = [(_midranks(one) - 0.5) / n - 0.5 for one in (x, y)]  # centered
    spread = [float((one**2).mean()) for one in ranks]
    scale = float(np.sqrt(spread[0] * spread[1]))
    value = float(np.clip((ranks[0] * ranks[1]).mean() / scale, -1, 1))
    pair = ranks[0] * ranks[1] + _shifted(x, ranks[1]) + _shifted(y, ranks[0])
    influence = (pair - pair.mean()) / scale / n
    if own.count < FEWEST:
        return none(value, influence, f"{own.named()} are too few for an interval")
    variance, alone = own.variance(influence), Groups.of(None, n).variance(influence)
    design = 1.0 if own.alone or not alone > 0 else max(variance / alone, 1.0)
    count = max(n / design, own.effective)
    r = float(np.clip(value, -1 + 1e-9, 1 - 1e-9))
    error = max(
        np.sqrt((1 + r**2 / 2) / max(count - 3, 1)), np.sqrt(variance) / (1 - r**2) if abs(value) < 1 - 1e-9 else 0
    )
    half = t_quantile(own.degrees) * float(error)
    low, high = float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))
    return Measured(value, min(low, value), max(high, value), influence, "t on Fisher's scale, Bonett & Wright (2000)")


def _shifted(values: Values, others: Values) -> Values:
    """Return, for each galaxy, a mean over all galaxies of the other variable's centered rank.

    A galaxy's rank counts where its value of this variable is above that of the galaxy in question.
    """
    level = np.unique(values, return_inverse=True)[1]
    sums = np.bincount(level, weights=others)
    above = np.concatenate([np.cumsum(sums[::-1])[::-1], [0.0]])
    found: Values = (above[level + 1] + sums[level] / 2) / len(values)
    return found
