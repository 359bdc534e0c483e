"""Split conformal prediction.

Sets of classes, and intervals of numbers, hold the truth as often as was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoobot.errors import OptionError
from zoobot.ranges import bounded, check_ranges
from zoobot.science.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float64]
    Members = NDArray[np.bool_]
    Codes = NDArray[np.int64]

MOST_KEPT = 4000
"""Validation galaxies whose scores are kept: the coverage of so many is within a percent"""

SEPARATOR = "|"


@dataclass(frozen=True)
class ConformalClasses:
    r"""Sets of classes that hold the true one for a share ``level`` of galaxies.

    It holds for galaxies like the validation galaxies, whatever the model. The score of a galaxy is 1 less the
    probability of its own class. The set holds each class whose score would be at most :math:`\hat q`, the
    :math:`\lceil (n + 1)\,\mathrm{level} \rceil`-th smallest of the :math:`n` validation scores (least ambiguous sets:
    Sadinle, Lei & Wasserman 2019, JASA 114, 223; Angelopoulos & Bates 2023, Found. Trends Mach. Learn. 16, 494). By
    class, each class has a :math:`\hat q` of its own, so that the promise holds for the galaxies of each class (Vovk
    2012, arXiv:1209.2673).

    Attributes
    ----------
    scores : tuple of tuple of float
        The validation galaxies' scores by true class, each in rising order.
    """

    scores: tuple[tuple[float, ...], ...]

    def __len__(self) -> int:
        """Count the validation galaxies."""
        return sum(map(len, self.scores))

    def thresholds(self, level: float, *, by_class: bool = False) -> Values:
        """Return the largest score (class,) that is let in.

        It is infinite where there are too few validation galaxies for the level.
        """
        if by_class:
            return np.array([conformal_quantile(own, level) for own in self.scores])
        together = np.sort(np.concatenate([np.asarray(own, dtype=np.float64) for own in self.scores]))
        return np.full(len(self.scores), conformal_quantile(together, level))

    def members(self, probabilities: ArrayLike, level: float, *, by_class: bool = False) -> Members:
        """Return which classes are in each galaxy's set, bool (galaxy, class).

        No set is empty: where no class gets in, the most probable one stands in, which can only raise the coverage.
        Galaxies whose probabilities hold NaN have empty sets.
        """
        p = np.asarray(probabilities, dtype=np.float64)
        found: Members = 1 - p <= self.thresholds(level, by_class=by_class)
        known = np.isfinite(p).all(axis=1)
        empty = np.flatnonzero(known & ~found.any(axis=1))
        found[empty, p[empty].argmax(axis=1)] = True
        found[~known] = False
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "classes", "scores": [list(own) for own in self.scores]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ConformalClasses:
        """Take back what `to_dict` gave."""
        return cls(tuple(tuple(map(float, own)) for own in content["scores"]))


@dataclass(frozen=True)
class ConformalIntervals:
    r"""Intervals that hold the true value for a share ``level`` of galaxies.

    It holds for galaxies like the validation galaxies, whatever the model. They reach :math:`\hat q` to both sides of
    the prediction: the :math:`\lceil (n + 1)\,\mathrm{level} \rceil`-th smallest absolute error of the :math:`n`
    validation galaxies (Lei et al. 2018, JASA 113, 1094). All galaxies get the same width: easy ones are covered more
    often than the level, hard ones less.

    Attributes
    ----------
    scores : tuple of tuple of float
        For each target, the validation galaxies' absolute errors in rising order, in the target's unit.
    """

    scores: tuple[tuple[float, ...], ...]

    def half_widths(self, level: float) -> Values:
        """Return half the width (target,) of the intervals.

        It is infinite where there are too few validation galaxies for the level.
        """
        return np.array([conformal_quantile(own, level) for own in self.scores])

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "intervals", "scores": [list(own) for own in self.scores]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ConformalIntervals:
        """Take back what `to_dict` gave."""
        return cls(tuple(tuple(map(float, own)) for own in content["scores"]))


@bounded()
def fit_conformal_classes(
    probabilities: ArrayLike, labels: ArrayLike, *, groups: Codes | None = None, most: int = MOST_KEPT, seed: int = 0
) -> ConformalClasses:
    """Keep what `ConformalClasses` needs of validation galaxies that the model was not trained on.

    Of a group, one galaxy drawn at random is kept: galaxies of different groups can be exchanged for one another and
    for one of a new group, on which the promise rests; those of one group can't (Dunn, Wasserman & Ramdas 2023, JASA
    118, 2491, section 3.2).

    Parameters
    ----------
    probabilities : array_like of shape (galaxy, class)
        What was predicted for them.
    labels : array_like of shape (galaxy,)
        Their classes, whole numbers.
    groups : array of shape (galaxy,) or None
        The number of each galaxy's group; None where each stands alone.
    most : int
        Of more galaxies than this, so many are drawn, which keeps the promise as it is.
    seed : int
        Of these draws.

    Raises
    ------
    OptionError
        No galaxies, shapes that don't fit, or probabilities that are not finite.
    """
    p, classes = np.asarray(probabilities, dtype=np.float64), np.asarray(labels).reshape(-1).astype(int)
    if p.ndim != 2 or not len(p) or len(p) != len(classes) or not np.isfinite(p).all():
        msg = (
            f"probabilities {p.shape} must be finite and of shape (galaxy, class), with one label each "
            f"({len(classes)} given)."
        )
        raise OptionError(msg)
    kept = _drawn(Groups.of(groups, len(p)), most, seed)
    scores, classes = 1 - p[kept, classes[kept]], classes[kept]
    return ConformalClasses(tuple(tuple(np.sort(scores[classes == k]).tolist()) for k in range(p.shape[1])))


@bounded()
def fit_conformal_intervals(
    predicted: ArrayLike, target: ArrayLike, *, groups: Codes | None = None, most: int = MOST_KEPT, seed: int = 0
) -> ConformalIntervals:
    """Keep what `ConformalIntervals` needs of validation galaxies.

    ``predicted`` and ``target`` are (galaxy, target), in one unit. ``groups``, ``most`` and ``seed``: see
    `fit_conformal_classes`.

    Raises
    ------
    OptionError
        No galaxies, shapes that differ, or values that are not finite.
    """
    errors = np.asarray(predicted, dtype=np.float64) - np.asarray(target, dtype=np.float64)
    if errors.ndim != 2 or not len(errors) or not np.isfinite(errors).all():
        msg = (
            "predictions and targets must be finite and of one shape (galaxy, target); their difference has "
            f"{errors.shape}."
        )
        raise OptionError(msg)
    kept = np.abs(errors[_drawn(Groups.of(groups, len(errors)), most, seed)])
    return ConformalIntervals(tuple(tuple(np.sort(column).tolist()) for column in kept.T))


@bounded()
def conformal_quantile(scores: ArrayLike, level: float) -> float:
    """Return the ``ceil((n + 1) level)``-th smallest of n scores in rising order.

    It is infinite where n < level / (1 - level).
    """
    rising = np.asarray(scores, dtype=np.float64)
    place = _rank(len(rising), level)
    return float(rising[place - 1]) if place <= len(rising) else float("inf")


@bounded()
def fewest_for(level: float) -> int:
    """Count the validation galaxies that a level needs: the smallest n with ``ceil((n + 1) level) <= n``."""
    n_validation = int(level / (1 - level))
    while _rank(n_validation, level) > n_validation:
        n_validation += 1
    return n_validation


def expected_coverage(n_validation: int, level: float, n_galaxies: int) -> tuple[float, float]:
    r"""Return the central 95% interval of the coverage that a sound conformal prediction shows on so many new galaxies.

    With :math:`k = \lceil (n + 1)\,\mathrm{level} \rceil` of :math:`n` validation galaxies, the number covered of
    :math:`m` new ones is beta-binomial, :math:`\mathrm{BB}(m, k, n + 1 - k)`: the few validation galaxies count as well
    as the few new ones (Vovk 2012; Angelopoulos & Bates 2023, section 3.2). Scores without ties are assumed; ties, and
    stand-ins for empty sets, raise the coverage. 1 to 1 where n is too small for the level.
    """
    from scipy.stats import betabinom

    check_ranges(level=level)
    place = _rank(n_validation, level)
    if place > n_validation:
        return 1.0, 1.0
    low, high = betabinom(n_galaxies, place, n_validation + 1 - place).ppf([0.025, 0.975]) / n_galaxies
    return float(low), float(high)


def coverage_p_value(coverage: float, level: float, n_galaxies: int, n_validation: int | None = None) -> float:
    """Return the probability that a sound promise covers so few of ``n_galaxies``, or fewer (one-sided).

    Parameters
    ----------
    coverage : float
        The share of them that is covered, 0 to 1.
    level : float
        The share that is promised.
    n_galaxies : int
        Galaxies, or groups of galaxies that are independent of one another.
    n_validation : int or None
        Validation galaxies that a conformal promise was made with: the number covered is beta-binomial, see
        `expected_coverage`. None for an interval of the model itself: the number covered is binomial.

    Returns
    -------
    The probability; 1 where there are no galaxies, or too few validation galaxies for the level.

    Examples
    --------
    >>> round(coverage_p_value(0.7, 0.9, n_galaxies=50, n_validation=50), 4)
    0.0045
    """
    from scipy.stats import betabinom, binom

    check_ranges(level=level)
    covered = np.floor(coverage * n_galaxies + 1e-9)
    if n_validation is None:
        return float(binom(n_galaxies, level).cdf(covered)) if n_galaxies else 1.0
    place = _rank(n_validation, level)
    if not n_galaxies or place > n_validation:
        return 1.0
    return float(betabinom(n_galaxies, place, n_validation + 1 - place).cdf(covered))


@bounded()
def exact_binomial_interval(hits: float, count: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence interval of a share, ``hits`` of ``count``.

    See Clopper & Pearson (1934). It is 0 to 1 where count is 0.
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1 - tail)) if hits < count else 1.0
    return low, high


def set_names(members: Members, class_names: Sequence[str]) -> NDArray[np.object_]:
    """Return each set's classes in one string, such as ``ring|bar``, in the order of the classes.

    It is None for an empty set.
    """
    patterns, place = np.unique(members, axis=0, return_inverse=True)
    texts = np.empty(len(patterns), dtype=object)
    for number, pattern in enumerate(patterns):
        texts[number] = SEPARATOR.join(np.asarray(class_names, dtype=object)[pattern]) or None
    return np.asarray(texts[place.reshape(-1)], dtype=object)


@bounded()
def score_sets(
    conformal: ConformalClasses,
    probabilities: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    level: float,
    *,
    groups: Codes | None = None,
) -> dict[str, Any]:
    """Return how often sets hold the true class, and how large they are, on galaxies that were not used to make them.

    Parameters
    ----------
    conformal : ConformalClasses
        What makes the sets.
    probabilities, labels, class_names
        (galaxy, class), whole numbers (galaxy,), and one name for each class.
    level : float
        The coverage that is promised.
    groups : array of shape (galaxy,) or None
        The number of each galaxy's group; None where each stands alone. Groups count as their effective number (Kish
        1965) in ``coverage_interval`` and ``expected``.

    Returns
    -------
    ``level``; ``n_validation``, the galaxies that the sets were made with; ``coverage``, its ``coverage_interval``
    (exact binomial, 95%), ``expected`` (see `expected_coverage`), ``p_value`` (see `coverage_p_value`), ``mean_size``
    (classes in a set), ``informative`` (whether any set leaves a class out: else they cover whatever the model does)
    and ``by_class`` (``n``, ``coverage`` and ``coverage_interval`` by true class); and under ``class_conditional``
    ``coverage`` to ``by_class`` of the sets that keep the promise class by class. Coverage is NaN where there are no
    galaxies.
    """
    classes = np.asarray(labels).reshape(-1).astype(int)
    together = Groups.of(groups, len(classes))
    marginal, own = (
        _set_scores(conformal.members(probabilities, level, by_class=by_class), classes, class_names, together)
        for by_class in (False, True)
    )
    tested = _tested(marginal["coverage"], level, together, len(conformal))
    return {"level": level, "n_validation": len(conformal), **marginal, **tested, "class_conditional": own}


@bounded()
def score_intervals(
    conformal: ConformalIntervals,
    predicted: ArrayLike,
    target: ArrayLike,
    names: Sequence[str],
    level: float,
    *,
    groups: Codes | None = None,
) -> dict[str, Any]:
    """Return how often intervals hold the true value, on galaxies that were not used to make them.

    ``predicted`` and ``target`` are (galaxy, target); ``groups``: see `score_sets`. It returns ``level``;
    ``informative``, whether any interval is finite; ``coverage``, the mean over targets whose intervals are, NaN where
    none is; and for each of ``targets`` its ``coverage``, ``coverage_interval`` (exact binomial, 95%), ``expected``
    (see `expected_coverage`), ``p_value`` (see `coverage_p_value`), ``half_width`` in the target's unit,
    ``informative``, and ``n_validation``.
    """
    errors = np.abs(np.asarray(predicted, dtype=np.float64) - np.asarray(target, dtype=np.float64))
    together = Groups.of(groups, len(errors))
    widths = conformal.half_widths(level)
    each = {}
    for place, name in enumerate(names):
        n_validation = len(conformal.scores[place])
        covered = _covered(errors[:, place] <= widths[place], together)
        each[name] = {
            **covered,
            **_tested(covered["coverage"], level, together, n_validation),
            "half_width": float(widths[place]),
            "informative": bool(np.isfinite(widths[place])),
            "n_validation": n_validation,
        }
    finite = [one["coverage"] for one in each.values() if one["informative"]]
    return {
        "level": level,
        "informative": bool(finite),
        "coverage": float(np.mean(finite)) if finite else float("nan"),
        "targets": each,
    }


def _set_scores(
    members: Members, classes: NDArray[np.int64], class_names: Sequence[str], groups: Groups
) -> dict[str, Any]:
    covered = members[np.arange(len(classes)), classes]
    by_class = {}
    for place, name in enumerate(class_names):
        own = classes == place
        by_class[name] = {"n": int(own.sum()), **_covered(covered[own], groups.only(own))}
    return {
        **_covered(covered, groups),
        "mean_size": float(members.sum(axis=1).mean()),
        "informative": not members.all(),
        "by_class": by_class,
    }


def _covered(covered: Members, groups: Groups) -> dict[str, Any]:
    share = float(covered.mean()) if len(covered) else float("nan")
    count = groups.effective
    return {"coverage": share, "coverage_interval": list(exact_binomial_interval(count and share * count, count))}


def _tested(coverage: float, level: float, groups: Groups, n_validation: int) -> dict[str, Any]:
    independent = int(groups.effective + 1e-9)
    return {
        "expected": list(expected_coverage(n_validation, level, independent)),
        "p_value": coverage_p_value(coverage, level, independent, n_validation),
    }


def _rank(n_scores: int, level: float) -> int:
    """Return ``ceil((n + 1) level)``, with 0.9 * 10 counted as 9."""
    return max(1, int(np.ceil(round((n_scores + 1) * level, 9))))


def _drawn(groups: Groups, most: int, seed: int) -> NDArray[np.int64]:
    """Return the galaxies whose scores are kept: one of each group, of so many groups at most."""
    rng = np.random.default_rng(seed)
    firsts = np.arange(groups.count)
    if not groups.alone:
        order = rng.permutation(len(groups.codes))
        firsts = order[np.unique(groups.codes[order], return_index=True)[1]]
    return firsts if len(firsts) <= most else rng.choice(firsts, most, replace=False)
