"""Two-sided tests of whether predictions rank galaxies otherwise than chance would.

They are exact for few galaxies, and count whole groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoobot.science.groups import Groups
from zoobot.science.shuffles import Chance, flipped, mean_area, rank_products, shuffled, ways_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]

MOST_SUMS = 100_000_000
"""Steps up to which the distribution of a rank sum is counted exactly"""

MOST_SHUFFLED = 4000
"""Galaxies that are shuffled: more would say the same"""

MANY = 30
"""Galaxies from which on Student's t stands for the distribution of a rank correlation"""


NOTHING = Chance(float("nan"), float("nan"))


def auroc_chance(score: ArrayLike, positive: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0) -> Chance:
    """Test whether scores rank one kind of galaxies above or below the others.

    Single galaxies: the Mann-Whitney test, its distribution counted exactly with all ties (Streitberg & Röhmel 1986,
    Statistical Software Newsletter 12, 10) where that takes few steps, else normal. Groups that are each of one kind:
    whole groups are shuffled, all ways or
    1999. Other groups: the signs of what each adds to the AUROC's distance from 0.5 are flipped.

    Parameters
    ----------
    score : array_like of shape (galaxy,)
        Higher means more likely of the kind.
    positive : array_like of shape (galaxy,)
        Whether it is.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    seed
        Of the shufflings.
    """
    from scipy.stats import mannwhitneyu, rankdata

    scores, own = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    if not own.any() or own.all():
        return NOTHING
    together = Groups.of(groups, len(scores))
    if not together.alone:
        found = shuffled(scores[:, None], own.astype(np.int64), together, mean_area, seed)
        return found or flipped(_areas(np.stack([-scores, scores], axis=1), own.astype(np.int64)), together, seed)
    m, n = int(own.sum()), int((~own).sum())
    smallest = min(1.0, 2 / ways_of([m, n]))
    ranks = np.rint(2 * rankdata(scores)).astype(np.int64)
    if len(np.unique(scores)) == 1:
        return Chance(1.0, smallest)
    exact = _rank_sum(ranks, own)
    if exact is None:
        exact = float(mannwhitneyu(scores[own], scores[~own], method="asymptotic").pvalue)
    return Chance(min(exact, 1.0), smallest)


def _rank_sum(ranks: NDArray[np.int64], own: NDArray[np.bool_]) -> float | None:
    """Return the two-sided p-value of the rarer kind's sum of ranks, counted exactly.

    It is None where that takes too many steps.
    """
    few = own if own.sum() <= len(own) / 2 else ~own
    m = int(few.sum())
    least = ranks - ranks.min()
    step = int(np.gcd.reduce(least))
    least = least // max(step, 1)
    most = int(np.sort(least)[-m:].sum())
    if len(ranks) * m * (most + 1) > MOST_SUMS:
        return None
    ways = np.zeros((m + 1, most + 1))  # share of the subsets of so many galaxies with such a sum, up to a constant
    ways[0, 0] = 1.0
    for rank in least:
        ways[1:, rank:] = ways[1:, rank:] + ways[:-1, : most + 1 - rank]
        if ways[m // 2].max() > 1e200:
            ways /= 1e200
    shares = ways[m] / ways[m].sum()
    reached = int(least[few].sum())
    return float(min(1.0, 2 * min(shares[: reached + 1].sum(), shares[reached:].sum())))


def mean_auroc_chance(
    scores: ArrayLike, classes: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0
) -> Chance:
    """Test whether scores rank the classes.

    Of two classes it is `auroc_chance`; of more it is the mean AUROC of each against the rest, by shuffling.

    Parameters
    ----------
    scores : array_like of shape (galaxy, class)
        Higher means more likely.
    classes : array_like of shape (galaxy,)
        Whole numbers.
    groups, seed
        As for `auroc_chance`.
    """
    score, of = np.asarray(scores, dtype=np.float64), np.asarray(classes).astype(int)
    if score.shape[1] == 2:
        return auroc_chance(score[:, 1], of == 1, groups, seed=seed)
    if len(np.unique(of)) < 2:
        return NOTHING
    together = Groups.of(groups, len(score))
    if together.alone and len(of) > MOST_SHUFFLED:
        some = np.random.default_rng(seed).choice(len(of), MOST_SHUFFLED, replace=False)
        score, of, together = score[some], of[some], Groups.of(None, MOST_SHUFFLED)
    found = shuffled(score, of.astype(np.int64), together, mean_area, seed)
    return found or flipped(_areas(score, of.astype(np.int64)), together, seed)


def rank_correlation_chance(
    predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0
) -> Chance:
    """Test whether predicted and true numbers rise or fall together, by Spearman's rank correlation.

    All orders of up to 7 galaxies are tried, 1999 of up to 30; of more, Student's t. Groups that have one true value
    each are shuffled whole; of others the signs of what each adds to the correlation are flipped.

    Parameters
    ----------
    predicted, truth : array_like of shape (galaxy,)
        Numbers.
    groups, seed
        As for `auroc_chance`.
    """
    from scipy.stats import spearmanr

    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if len(x) < 2 or not np.ptp(x) or not np.ptp(y):
        return NOTHING
    together = Groups.of(groups, len(x))
    if together.alone and len(x) >= MANY:
        return Chance(float(spearmanr(x, y).pvalue), min(1.0, 2 / ways_of([1] * MANY)))
    values = np.unique(y, return_inverse=True)[1].astype(np.int64)
    found = shuffled(x[:, None], values, together, rank_products(values, together), seed)
    return found or flipped(_products(x, y), together, seed)


def mean_label_auroc_chance(
    scores: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0
) -> Chance:
    """Test whether scores of independent labels rank the galaxies that have them, by the mean AUROC over labels.

    The rows of labels are shuffled, whole groups where each has one; else the signs of what each group adds are
    flipped.

    Parameters
    ----------
    scores, truth : array_like of shape (galaxy, label)
        Higher means more likely; whether it is so. Labels that all or no galaxies have are left out.
    groups, seed
        As for `auroc_chance`.
    """
    score, own = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    kept = own.any(axis=0) & ~own.all(axis=0)
    if not kept.any():
        return NOTHING
    return _rows(score[:, kept], own[:, kept].astype(np.float64), groups, seed, areas=True)


def mean_rank_correlation_chance(
    predicted: ArrayLike, truth: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0
) -> Chance:
    """Test whether predicted and true numbers (galaxy, target) rise or fall together.

    The statistic is the mean rank correlation over targets. The rows of true values are shuffled, whole groups where
    each has one; else the signs of what each group adds are flipped. Targets of which predictions or true values are
    all the same are left out.
    """
    x, y = np.asarray(predicted, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    kept = [place for place in range(x.shape[1]) if len(x) > 1 and np.ptp(x[:, place]) and np.ptp(y[:, place])]
    if not kept:
        return NOTHING
    if len(kept) == 1:
        return rank_correlation_chance(x[:, kept[0]], y[:, kept[0]], groups, seed=seed)
    return _rows(x[:, kept], y[:, kept], groups, seed, areas=False)


def _rows(
    scores: Values,
    truth: Values,
    groups: ArrayLike | None,
    seed: int,
    *,
    areas: bool,
) -> Chance:
    """Test a mean over columns (galaxy, column) by shuffling the rows of the truth."""
    together = Groups.of(groups, len(scores))
    if together.alone and len(scores) > MOST_SHUFFLED:
        some = np.random.default_rng(seed).choice(len(scores), MOST_SHUFFLED, replace=False)
        scores, truth, together = scores[some], truth[some], Groups.of(None, MOST_SHUFFLED)
    table, codes = np.unique(truth, axis=0, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    values = [np.unique(column, return_inverse=True)[1].astype(np.int64) for column in table.T]  # of each distinct row
    statistics = [mean_area if areas else rank_products(own[codes], together) for own in values]

    def mean(columns: Values, labels: NDArray[np.int64]) -> Values:
        each = [
            statistic(columns[:, [place]], own[labels])
            for place, (statistic, own) in enumerate(zip(statistics, values, strict=True))
        ]
        return np.asarray(np.mean(each, axis=0))

    found = shuffled(scores, codes, together, mean, seed)
    if found is not None:
        return found
    parts = [
        _areas(np.stack([-x, x], axis=1), y.astype(np.int64)) if areas else _products(x, y)
        for x, y in zip(scores.T, truth.T, strict=True)
    ]
    return flipped(np.sum(parts, axis=0), together, seed)


def skill_chance(losses: ArrayLike, groups: ArrayLike | None = None, *, optimism: float = 0.0) -> Chance:
    """Test whether a model's mean loss differs from the best constant prediction's.

    It is Student's t test of the difference between groups. That the constant has seen the votes which it is scored on
    counts against a model that is called better, and is taken off before one is called worse.

    Parameters
    ----------
    losses : array_like of shape (galaxy, 2)
        Of the model and of the constant.
    groups : array_like of shape (galaxy,), optional
        Whole numbers: galaxies with the same one belong together.
    optimism
        By how much the constant's mean loss is too low for having seen the votes.
    """
    from scipy.stats import t

    both = np.asarray(losses, dtype=np.float64)
    together = Groups.of(groups, len(both))
    if together.count < 2:
        return NOTHING
    gain = both[:, 1] - both[:, 0]
    error = max(float(np.sqrt(together.variance((gain - gain.mean()) / len(gain)))), 1e-12)
    better = t.sf(gain.mean() / error, together.degrees)
    worse = t.cdf((gain.mean() + optimism) / error, together.degrees)
    smallest = min(1.0, 2.0 ** (1 - together.count))
    return Chance(max(min(1.0, 2 * float(min(better, worse))), smallest), smallest)


def shares_chance(shares: Sequence[float], counts: Sequence[int]) -> Chance:
    """Test whether two shares of so many independent galaxies each differ.

    It is Fisher's exact test, two-sided (Fisher 1935). The smallest p-value is that of all of the one and none of the
    other.
    """
    from scipy.stats import fisher_exact

    hits = [round(share * count) for share, count in zip(shares, counts, strict=True)]
    p = fisher_exact([[hit, count - hit] for hit, count in zip(hits, counts, strict=True)]).pvalue
    smallest = fisher_exact([[counts[0], 0], [0, counts[1]]]).pvalue
    return Chance(float(p), float(smallest))


def holm(p_values: ArrayLike) -> Values:
    """Return p-values of several tests, adjusted for their number (Holm 1979, Scand. J. Statist. 6, 65).

    Chance makes any of them as small as some level only that often.
    NaN, of tests that could not be made, stay and don't count.
    """
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    found = np.full(len(p), np.nan)
    found[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return found


def _areas(scores: Values, classes: NDArray[np.int64]) -> Values:
    """Return what each galaxy (galaxy,) would add, by chance, to the mean AUROC above 0.5.

    The AUROC is that of each class against the rest.
    """
    from scipy.stats import rankdata

    places = np.unique(classes)
    ranks = rankdata(scores, axis=0)[:, places] - (len(scores) + 1) / 2
    own = (classes[:, None] == places).astype(np.float64)
    counts = own.sum(axis=0)
    return np.asarray((ranks * (own - own.mean(axis=0)) / (counts * (len(scores) - counts))).sum(axis=1) / len(places))


def _products(x: Values, y: Values) -> Values:
    """Return what each galaxy (galaxy,) adds to Spearman's rank correlation, were chance at work."""
    from scipy.stats import rankdata

    ranks = [rankdata(one) - (len(one) + 1) / 2 for one in (x, y)]
    return np.asarray(ranks[0] * ranks[1] / np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
